// HTTP posts by libcurl that end in time, one at a time, for one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ngd::etcd {

using Milliseconds = std::chrono::milliseconds;

// No answer that is longer is read.
inline constexpr size_t kAnswerBytes = size_t{1} << 20;

struct Post {
  std::string url, body, authorities;
  std::vector<std::string> headers;
  Milliseconds deadline{0};  // 0: none
  Milliseconds idle{0};      // it ends when nothing came for so long; 0: never
  // Takes the answer line by line; false ends it. Without it the answer is kept whole.
  std::function<bool(std::string_view)> line;
};

struct Reply {
  bool complete = false;
  bool sent = false;      // it may have arrived
  bool too_long = false;  // more than kAnswerBytes
  long status = 0;        // of HTTP; 0: none came
  std::string body, problem;
};

class Http {
 public:
  Http();
  ~Http();
  Http(const Http &) = delete;
  Http &operator=(const Http &) = delete;

  Reply post(const Post &post);

  // Any thread. What is under way ends at once, and all that follows until resume().
  void stop();
  void resume() { stopped_ = false; }

 private:
  struct Sink;
  void *multi_ = nullptr;
  void *easy_ = nullptr;
  std::atomic<bool> stopped_{false};
};

}  // namespace ngd::etcd
