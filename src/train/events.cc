// The queue of events and the one place that calls the user's callback.
#include "train/events.h"

#include <algorithm>

#include "base/error.h"
#include "base/struct.h"

namespace ngd {
namespace {

constexpr size_t kWaitingLimit = 1024;

// Sets a flag for as long as the user's code runs, also when that leaves by an exception.
class Flagged {
 public:
  explicit Flagged(bool &flag) : flag_(flag) { flag_ = true; }
  ~Flagged() { flag_ = false; }
  Flagged(const Flagged &) = delete;
  Flagged &operator=(const Flagged &) = delete;

 private:
  bool &flag_;
};

}  // namespace

EventQueue::~EventQueue() {
  if (finalizer_ != nullptr) finalizer_(user_data_);
}

void EventQueue::on_event(ngd_event_callback callback, void *user_data, ngd_finalizer finalizer) {
  refuse_within_callback("ngd_trainer_on_event");
  const ngd_finalizer old_finalizer = finalizer_;
  void *const old_data = user_data_;
  callback_ = callback;
  user_data_ = user_data;
  finalizer_ = finalizer;
  if (old_finalizer != nullptr) old_finalizer(old_data);
}

void EventQueue::send(const ngd_event &event) {
  if (callback_ == nullptr) return keep(event);
  int32_t answer;
  {
    const Flagged running(within_callback_);
    answer = callback_(&event, user_data_);
  }
  if (answer != 0)
    fail(NGD_E_CALLBACK, "the event callback returned ", answer, " at step ", event.step,
         "; training stopped there");
}

void EventQueue::keep(const ngd_event &event) {
  if (waiting_.size() == kWaitingLimit) {
    const auto progress = std::ranges::find_if(
        waiting_, [](const Waiting &waiting) { return waiting.event.kind == NGD_EVENT_PROGRESS; });
    waiting_.erase(progress == waiting_.end() ? waiting_.begin() : progress);
  }
  waiting_.push_back({event, event.path, event.message});
}

bool EventQueue::poll(ngd_event *event) {
  if (waiting_.empty()) {
    ngd_event none = {};
    none.path = none.message = "";
    fill_struct(event, none, "ngd_event");
    return false;
  }
  polled_path_ = waiting_.front().path;
  polled_message_ = waiting_.front().message;
  ngd_event full = waiting_.front().event;
  full.path = polled_path_.c_str();
  full.message = polled_message_.c_str();
  fill_struct(event, full, "ngd_event");
  waiting_.pop_front();
  return true;
}

void EventQueue::refuse_within_callback(const char *function) const {
  if (within_callback_)
    fail(NGD_E_STATE, function, " cannot be called from within the event callback; return from it first");
}

}  // namespace ngd
