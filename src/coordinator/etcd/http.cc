// libcurl's easy handle, driven by a multi handle of its own: so that a wait can be ended from outside.
#include "coordinator/etcd/http.h"

#include <curl/curl.h>

#include <algorithm>

#include "base/error.h"

namespace ngd::etcd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr long kConnectMs = 200;

struct HeaderList {
  curl_slist *list = nullptr;
  explicit HeaderList(const std::vector<std::string> &lines) {
    for (const std::string &line : lines) {
      curl_slist *longer = curl_slist_append(list, line.c_str());
      if (longer == nullptr) {
        curl_slist_free_all(list);
        throw std::bad_alloc();
      }
      list = longer;
    }
  }
  ~HeaderList() { curl_slist_free_all(list); }
  HeaderList(const HeaderList &) = delete;
  HeaderList &operator=(const HeaderList &) = delete;
};

}  // namespace

struct Http::Sink {
  const Post &post;
  Reply &reply;
  Clock::time_point heard = Clock::now();

  bool take(std::string_view bytes) {
    heard = Clock::now();
    if (reply.body.size() + bytes.size() > kAnswerBytes) {
      reply.too_long = true;
      return false;
    }
    reply.body += bytes;
    if (!post.line) return true;
    for (size_t end; (end = reply.body.find('\n')) != std::string::npos;) {
      const std::string line = reply.body.substr(0, end);
      reply.body.erase(0, end + 1);
      if (!post.line(line)) return false;
    }
    return true;
  }

  static size_t write(char *bytes, size_t, size_t count, void *sink) {
    try {
      return static_cast<Sink *>(sink)->take({bytes, count}) ? count : CURL_WRITEFUNC_ERROR;
    } catch (const std::exception &) {
      return CURL_WRITEFUNC_ERROR;
    }
  }
};

Http::Http() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
  if (multi_ != nullptr && easy_ != nullptr) return;
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
  fail(NGD_E_MEMORY, "libcurl gives no handle");
}

Http::~Http() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

void Http::stop() {
  stopped_ = true;
  curl_multi_wakeup(multi_);
}

Reply Http::post(const Post &post) {
  Reply reply;
  Sink sink{post, reply};
  const HeaderList headers(post.headers);
  curl_easy_reset(easy_);  // connections stay
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_URL, post.url.c_str());
  set(CURLOPT_HTTPHEADER, headers.list);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  set(CURLOPT_POSTFIELDS, post.body.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(post.deadline.count()));
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_NOPROXY, "*");  // the environment's proxies are for the web
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  set(CURLOPT_QUICK_EXIT, 1L);  // a name that is being looked up holds nobody up
#endif
  if (!post.authorities.empty() && post.authorities != "system") set(CURLOPT_CAINFO, post.authorities.c_str());
  set(CURLOPT_WRITEFUNCTION, &Sink::write);
  set(CURLOPT_WRITEDATA, &sink);

  if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) {
    reply.problem = "libcurl takes no more calls";
    return reply;
  }
  CURLcode result = CURLE_ABORTED_BY_CALLBACK;
  for (int running = 1; running > 0;) {
    if (stopped_ || (post.idle.count() > 0 && Clock::now() - sink.heard > post.idle)) break;
    if (curl_multi_perform(multi_, &running) != CURLM_OK) break;
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    if (running > 0) curl_multi_poll(multi_, nullptr, 0, 100, nullptr);
  }
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &reply.status);
  long request_bytes = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request_bytes);
  reply.sent = request_bytes > 0;
  curl_multi_remove_handle(multi_, easy_);
  reply.complete = result == CURLE_OK;
  if (!reply.complete) reply.problem = reply.too_long ? "its answer is too long" : curl_easy_strerror(result);
  return reply;
}

}  // namespace ngd::etcd
