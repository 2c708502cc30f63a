// The progress of a training run on stderr: one line that rewrites itself on a terminal, a plain line now and
// then elsewhere.
#pragma once

#include <string>

#include "ngd.h"

namespace cli {

class Progress {
 public:
  enum class Mode { automatic, on, off };  // on: the rewriting line wherever stderr goes

  explicit Progress(Mode mode);
  ~Progress() { clear(); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  bool rewrites() const { return rewrites_; }
  void update(const ngd_event &event);
  void clear();  // takes the line away, so that other output can follow

 private:
  bool off_;
  bool rewrites_;
  bool drawn_ = false;
  double started_ = -1;  // seconds of the run at the first event, so that a resumed run starts anew
  double last_plain_ = 0;
};

// "about 2 min left"; rounded, because an estimate is no clock.
std::string time_left_text(double seconds);

}  // namespace cli
