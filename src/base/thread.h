// One thread of the library's own: named, with the host's signals blocked, joined by its destructor.
#pragma once

#include <pthread.h>

#include <functional>
#include <memory>
#include <string>

namespace ngd {

// Starts a thread that blocks all signals but those of faults. 0, or the error number of pthread_create.
int start_thread(pthread_t *thread, void *(*function)(void *), void *context);

class Thread {
 public:
  Thread();
  // `body` throws nothing. Throws NGD_E_MEMORY when the system refuses a thread. The name is cut at 15 bytes.
  Thread(const std::string &name, std::function<void()> body);
  ~Thread();
  Thread(Thread &&other) noexcept;
  Thread &operator=(Thread &&other) noexcept;

  bool running() const { return state_ != nullptr; }
  void join();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ngd
