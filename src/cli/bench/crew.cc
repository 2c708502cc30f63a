// The crew: a helper looks for the next job a while before it sleeps, because waking it costs more than a short job.
#include "bench/crew.h"

#include <chrono>

namespace cli {
namespace {

constexpr auto kLook = std::chrono::microseconds(50);

// Waits until value is no longer `old`.
uint32_t changed(const std::atomic<uint32_t> &value, uint32_t old) {
  const auto end = std::chrono::steady_clock::now() + kLook;
  for (;;) {
    for (int i = 0; i < 64; i++) {
      const uint32_t now = value.load(std::memory_order_acquire);
      if (now != old) return now;
    }
    if (std::chrono::steady_clock::now() > end) value.wait(old, std::memory_order_acquire);
  }
}

}  // namespace

Crew::Crew(size_t threads) {
  for (size_t part = 1; part < threads; part++) helpers_.emplace_back([this, part] { help(part); });
}

Crew::~Crew() {
  stop_ = true;
  turn_++;
  turn_.notify_all();
  for (std::thread &helper : helpers_) helper.join();
}

void Crew::run(const std::function<void(size_t)> &job) {
  job_ = &job;
  working_.store(static_cast<uint32_t>(helpers_.size()), std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  job(0);
  for (uint32_t left = working_.load(std::memory_order_acquire); left != 0;) left = changed(working_, left);
}

void Crew::help(size_t part) {
  for (uint32_t turn = 0;;) {
    turn = changed(turn_, turn);
    if (stop_) return;
    (*job_)(part);
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
  }
}

}  // namespace cli
