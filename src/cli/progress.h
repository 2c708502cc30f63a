// How far long work is, on stderr: one line that rewrites itself on a terminal, a plain line now and then
// elsewhere.
#pragma once

#include <string>

#include "ngd.h"

namespace cli {

// The line, whatever it says.
class StatusLine {
 public:
  enum class Mode { automatic, on, off };  // on: the rewriting line wherever stderr goes

  explicit StatusLine(Mode mode);
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine &) = delete;
  StatusLine &operator=(const StatusLine &) = delete;

  bool rewrites() const { return rewrites_; }
  void show(double elapsed, const std::string &text);  // elapsed: seconds since the work began
  void clear();                                        // takes the line away, so that other output can follow

 private:
  bool off_;
  bool rewrites_;
  bool drawn_ = false;
  double last_plain_ = 0;
};

// The progress of a training run.
class Progress {
 public:
  using Mode = StatusLine::Mode;

  explicit Progress(Mode mode) : line_(mode) {}
  bool rewrites() const { return line_.rewrites(); }
  void update(const ngd_event &event);
  void clear() { line_.clear(); }

 private:
  StatusLine line_;
  double started_ = -1;  // seconds of the run at the first event, so that a resumed run starts anew
};

// "about 2 min left"; rounded, because an estimate is no clock.
std::string time_left_text(double seconds);

}  // namespace cli
