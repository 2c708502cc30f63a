// Every coordinator behind one face, so that one contract can be held against all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "check.h"
#include "cluster/environment.h"

using ngd::cluster::Coordinator;
using ngd::cluster::CoordinatorAnswer;

// Collects answers by ticket.
class Answers {
 public:
  void take(const CoordinatorAnswer &answer) {
    const std::lock_guard lock(mutex_);
    if (answer.ticket == 0) hints_++;
    answers_[answer.ticket] = answer;
    wake_.notify_all();
  }
  std::optional<CoordinatorAnswer> wait(uint64_t ticket, std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, time, [&] { return answers_.contains(ticket); })) return std::nullopt;
    return answers_[ticket];
  }
  int hints() {
    const std::lock_guard lock(mutex_);
    return hints_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<uint64_t, CoordinatorAnswer> answers_;
  int hints_ = 0;
};

// One process's way to the records.
class Port {
 public:
  virtual ~Port() = default;
  virtual Coordinator &coordinator() = 0;
  virtual std::optional<CoordinatorAnswer> wait(uint64_t ticket, std::chrono::milliseconds time) {
    return answers.wait(ticket, time);
  }
  uint64_t next() { return ++ticket_; }

  // Calls that must be answered.
  CoordinatorAnswer get(const std::string &prefix) {
    const uint64_t ticket = next();
    coordinator().get(ticket, prefix);
    return sure(ticket);
  }
  CoordinatorAnswer cas(const std::string &key, uint64_t revision, const std::string &value) {
    const uint64_t ticket = next();
    coordinator().cas(ticket, key, revision, value);
    return sure(ticket);
  }
  CoordinatorAnswer sure(uint64_t ticket) {
    const auto answer = wait(ticket, std::chrono::seconds(10));
    if (!answer) fail_msg("no answer");
    return *answer;
  }

  Answers answers;

 private:
  uint64_t ticket_ = 0;
};

using Ports = std::vector<std::unique_ptr<Port>>;
