// The only place that starts threads.
#include "base/thread.h"

#include <signal.h>

#include <utility>

#include "base/error.h"

namespace ngd {
namespace {

// All but those of faults, which belong to the thread that caused them and to the host's handler of crashes.
sigset_t host_signals() {
  sigset_t set;
  sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&set, fault);
  return set;
}

}  // namespace

int start_thread(pthread_t *thread, void *(*function)(void *), void *context) {
  const sigset_t blocked = host_signals();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const int result = pthread_create(thread, nullptr, function, context);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

struct Thread::State {
  std::function<void()> body;
  pthread_t thread;

  static void *run(void *state) {
    static_cast<State *>(state)->body();
    return nullptr;
  }
};

Thread::Thread() = default;

Thread::Thread(const std::string &name, std::function<void()> body) {
  auto state = std::make_unique<State>();
  state->body = std::move(body);
  if (start_thread(&state->thread, State::run, state.get()) != 0)
    fail(NGD_E_MEMORY, "the thread \"", name, "\" could not be started: the system has no room for another");
  pthread_setname_np(state->thread, name.substr(0, 15).c_str());
  state_ = std::move(state);
}

Thread::~Thread() {
  join();
}

Thread::Thread(Thread &&other) noexcept = default;

Thread &Thread::operator=(Thread &&other) noexcept {
  join();
  state_ = std::move(other.state_);
  return *this;
}

void Thread::join() {
  if (state_ == nullptr) return;
  pthread_join(state_->thread, nullptr);
  state_.reset();
}

}  // namespace ngd
