// Events of a run on their way to the user: handed to a callback, or kept until they are polled.
#pragma once

#include <deque>
#include <string>

#include "ngd/trainer.h"

namespace ngd {

class EventQueue {
 public:
  EventQueue() = default;
  ~EventQueue();  // runs the finalizer
  EventQueue(const EventQueue &) = delete;
  EventQueue &operator=(const EventQueue &) = delete;

  void on_event(ngd_event_callback callback, void *user_data, ngd_finalizer finalizer);

  // Calls the callback, or keeps a copy. Throws NGD_E_CALLBACK when the callback returns nonzero.
  void send(const ngd_event &event);

  // Takes the oldest waiting event; false when there is none. event->path is valid until the next call.
  bool poll(ngd_event *event);

  // Throws NGD_E_STATE while the callback is running: `function` cannot be called from it.
  void refuse_within_callback(const char *function) const;

 private:
  struct Waiting {
    ngd_event event;
    std::string path, message;
  };
  void keep(const ngd_event &event);

  ngd_event_callback callback_ = nullptr;
  void *user_data_ = nullptr;
  ngd_finalizer finalizer_ = nullptr;
  bool within_callback_ = false;
  std::deque<Waiting> waiting_;
  std::string polled_path_, polled_message_;
};

}  // namespace ngd
