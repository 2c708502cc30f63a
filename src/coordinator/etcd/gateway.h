// Calls to the JSON gateways of etcd's members: one after another until one answers, logged in where that is wanted.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "coordinator/etcd/http.h"
#include "coordinator/etcd/json.h"
#include "coordinator/etcd/settings.h"

namespace ngd::etcd {

// Shared by all threads: whoever finds the token refused gets a new one.
class Token {
 public:
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  void set(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

struct Result {
  std::optional<Json> answer;  // of a member that did what was asked for
  bool maybe = false;          // some other member may have done it too, or may yet do it
  bool refused = false;        // asking others or again is no use
  bool too_long = false;
  std::string problem;  // where there is no answer
};

// For one thread, but for stop().
class Gateway {
 public:
  Gateway(const Settings &settings, Token &token);

  // Each member is asked at most once, for kDeadline.
  Result call(const char *path, const Json &body);
  // Asks one member and does not wait for another.
  void tell(const char *path, const Json &body) { ask(path, body); }
  // Watches one member until it has been silent for `idle`, it ends, or `changed` is false; `changed` gets every
  // message. The next watch is of another member.
  void watch(const Json &body, Milliseconds idle, const std::function<bool(const Json &)> &changed);

  void stop() { http_.stop(); }
  void resume() { http_.resume(); }

 private:
  struct Said {
    Result result;
    bool wants_login = false;
  };
  Post prepared(const char *path, const Json &body) const;
  Said ask(const char *path, const Json &body);
  Result once(const char *path, const Json &body);
  bool log_in(std::string &problem);

  const Settings &settings_;
  Token &token_;
  Http http_;
  size_t member_ = 0;
};

}  // namespace ngd::etcd
