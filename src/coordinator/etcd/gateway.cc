// Which answers are answers, which errors mean another member, and which mean logging in again.
#include "coordinator/etcd/gateway.h"

#include "base/error.h"

namespace ngd::etcd {
namespace {

// A member that stands still costs one call this long.
constexpr Milliseconds kDeadline{600};
constexpr long kOk = 200, kUnauthorized = 401;

// gRPC's codes for what stays wrong however often it is asked.
constexpr uint64_t kInvalid = 3, kNotFound = 5, kDenied = 7, kFailedPrecondition = 9, kOutOfRange = 11,
                   kUnauthenticated = 16;

bool is_final(uint64_t code) {
  return code == kInvalid || code == kNotFound || code == kDenied || code == kFailedPrecondition ||
         code == kOutOfRange;
}

// Where streams answer in lines, one call has one answer: the last.
std::string_view last_line(std::string_view body) {
  body = trim(body);
  return body.substr(body.rfind('\n') + 1);
}

}  // namespace

Gateway::Gateway(const Settings &settings, Token &token) : settings_(settings), token_(token) {}

Post Gateway::prepared(const char *path, const Json &body) const {
  Post post;
  post.url = settings_.members[member_] + path;
  post.body = body.dump(-1, ' ', true, Json::error_handler_t::replace);
  post.authorities = settings_.authorities;
  // Without hasleader, a member that lost the others keeps a watch silent for ever.
  post.headers = {"Content-Type: application/json", "Expect:", "Grpc-Metadata-hasleader: true"};
  const std::string token = token_.get();
  if (!token.empty()) post.headers.push_back("Authorization: " + token);
  return post;
}

Gateway::Said Gateway::ask(const char *path, const Json &body) {
  Post post = prepared(path, body);
  post.deadline = kDeadline;
  const Reply reply = http_.post(post);
  Said said;
  Result &result = said.result;
  result.maybe = reply.sent;
  result.too_long = reply.too_long;
  const std::string &member = settings_.members[member_];
  if (!reply.complete) {
    result.problem = concat(member, ": ", reply.problem);
    return said;
  }
  std::optional<Json> json = parsed(last_line(reply.body));
  const Json *whole = json ? &*json : nullptr;
  if (reply.status == kOk && json && field(whole, "error") == nullptr) {
    const Json *inner = field(whole, "result");
    result.answer = inner != nullptr ? Json(*inner) : std::move(*json);
    return said;
  }
  const std::string what = text(whole, "error");
  const uint64_t code = number(whole, "code");
  result.problem = concat(member, ": ", what.empty() ? concat("HTTP status ", reply.status) : what);
  said.wants_login = reply.status == kUnauthorized || code == kUnauthenticated ||
                     what.find("user name is empty") != std::string::npos ||
                     what.find("auth store is old") != std::string::npos;
  result.refused = is_final(code);
  // "no leader" is said before anything is proposed.
  if (result.refused || said.wants_login || what.find("no leader") != std::string::npos) result.maybe = false;
  return said;
}

bool Gateway::log_in(std::string &problem) {
  token_.set({});
  const Said said = ask("/v3/auth/authenticate", {{"name", settings_.user}, {"password", settings_.password}});
  std::string token = said.result.answer ? text(&*said.result.answer, "token") : std::string();
  problem = said.result.problem;
  const bool good = !token.empty();
  token_.set(std::move(token));
  return good;
}

Result Gateway::once(const char *path, const Json &body) {
  Said said = ask(path, body);
  if (!said.wants_login) return said.result;
  said.result.refused = true;
  if (settings_.user.empty()) {
    said.result.problem += "; give the address ?login=/file, with user:password in it";
    return said.result;
  }
  std::string problem;
  if (log_in(problem)) return ask(path, body).result;
  said.result.problem = problem;
  return said.result;
}

Result Gateway::call(const char *path, const Json &body) {
  Result result;
  bool maybe = false;
  for (size_t tries = 0; tries < settings_.members.size(); tries++) {
    result = once(path, body);
    if (result.answer || result.refused || result.too_long) break;
    maybe |= result.maybe;
    member_ = (member_ + 1) % settings_.members.size();
  }
  result.maybe = maybe || (result.maybe && !result.answer);
  return result;
}

void Gateway::watch(const Json &body, Milliseconds idle, const std::function<bool(const Json &)> &changed) {
  Post post = prepared("/v3/watch", body);
  post.idle = idle;
  post.line = [&](std::string_view line) {
    const std::optional<Json> json = parsed(line);
    const Json *result = json ? field(&*json, "result") : nullptr;
    return result != nullptr && !flag(result, "canceled") && changed(*result);
  };
  http_.post(post);
  member_ = (member_ + 1) % settings_.members.size();
}

}  // namespace ngd::etcd
