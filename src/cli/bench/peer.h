// Another library under the same measurement: a program that answers questions line by line.
//
// At its start the program prints its name, such as "libtorch 1.13.1". To each line "RULE TENSORS ELEMENTS THREADS" it
// answers, after one step that is not timed, with the seconds of one step over TENSORS tensors of ELEMENTS float32
// numbers, timed over a burst of steps; or with "error WHY". It ends when its input does.
#pragma once

#include <sys/types.h>

#include <string>

namespace cli {

class Peer {
 public:
  explicit Peer(const std::string &program);
  ~Peer();
  Peer(const Peer &) = delete;
  Peer &operator=(const Peer &) = delete;

  const std::string &name() const { return name_; }
  double seconds_a_step(const std::string &rule, size_t tensors, size_t elements, size_t threads);

 private:
  std::string answer();
  void end();

  std::string program_, name_;
  pid_t process_ = -1;
  int questions_ = -1, answers_ = -1;  // pipes
  std::string received_;               // what is there of the next answers
};

}  // namespace cli
