// The signals that end a program which runs until it is told to: SIGTERM and Ctrl-C.
#pragma once

namespace cli {

// Noted from now on, whenever and in whichever thread they arrive. (To block them and wait for them would not do: a thread that
// BLAS started before main() does not block them, and one that arrives before the wait would end the program.)
class EndSignal {
 public:
  EndSignal();
  // Whether one has come by then; below 0: waits for one. A second one then ends the program at once.
  bool wait(int milliseconds = -1);

 private:
  static void note(int);
  static int ends_[2];  // of a pipe
};

}  // namespace cli
