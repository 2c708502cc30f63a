// Calls in their order: reads of one revision, changes by compare-and-swap.
#include "coordinator/etcd/coordinator.h"

#include "base/error.h"

namespace ngd::etcd {
namespace {

constexpr size_t kCalls = 10'000;        // that wait; callers ask again
constexpr std::chrono::seconds kAge{3};  // of a call that is not begun any more
constexpr size_t kValueBytes = 700'000;  // base64 and all, an answer of kAnswerBytes holds it
constexpr size_t kRecordsBytes = size_t{64} << 20;
constexpr uint64_t kPage = 256;  // records that are asked for at a time
constexpr size_t kSafeMembers = 3;

}  // namespace

Coordinator::Coordinator(Settings settings, Answer answer)
    : settings_(std::move(settings)),
      answer_(std::move(answer)),
      calls_gateway_(settings_, token_),
      lease_gateway_(settings_, token_),
      watch_gateway_(settings_, token_) {
  calls_thread_ = Thread("ngd-etcd-calls", [this] { work(); });
  lease_thread_ = Thread("ngd-etcd-lease", [this] { keep(); });
  watch_thread_ = Thread("ngd-etcd-watch", [this] { watch(); });
}

Coordinator::~Coordinator() {
  for (Gateway *gateway : {&calls_gateway_, &lease_gateway_, &watch_gateway_}) gateway->stop();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  calls_thread_.join();
  lease_thread_.join();
  watch_thread_.join();
}

bool Coordinator::stopping() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

bool Coordinator::pause(Milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stop_; });
}

void Coordinator::put(Call call) {
  const std::lock_guard lock(mutex_);
  if (calls_.size() >= kCalls) calls_.pop_front();
  calls_.push_back(std::move(call));
  wake_.notify_all();
}

void Coordinator::get(uint64_t ticket, std::string prefix) {
  put({Kind::get, ticket, std::move(prefix), 0, {}, Clock::now()});
}

void Coordinator::cas(uint64_t ticket, std::string key, uint64_t revision, std::string value) {
  put({Kind::cas, ticket, std::move(key), revision, std::move(value), Clock::now()});
}

void Coordinator::announce(std::string key, std::string value) {
  put({Kind::announce, 0, std::move(key), 0, std::move(value), Clock::now()});
}

std::string Coordinator::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Coordinator::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !calls_.empty(); });
    if (stop_) return;
    const Call call = std::move(calls_.front());
    calls_.pop_front();
    if (Clock::now() - call.asked > kAge) continue;
    lock.unlock();
    std::string problem;
    try {
      problem = carry_out(call);
    } catch (const std::exception &error) {
      problem = error.what();
    }
    lock.lock();
    problem_ = std::move(problem);
  }
}

std::string Coordinator::carry_out(const Call &call) {
  if (!members_checked_) {
    if (std::string problem = check_members(); !problem.empty()) return problem;
  }
  if (call.kind == Kind::get) return carry_out_get(call);
  if (call.kind == Kind::cas) return carry_out_cas(call);
  const std::lock_guard lock(present_mutex_);
  const auto known = announced_.find(call.key);
  if (lease_ != 0 && known != announced_.end() && known->second == call.value) return {};
  announced_[call.key] = call.value;
  return make_present(calls_gateway_);
}

// The addresses may be those of fewer members than it seems.
std::string Coordinator::check_members() {
  const Result result = calls_gateway_.call("/v3/cluster/member/list", Json::object());
  if (!result.answer && !result.refused) return result.problem;
  if (result.answer && !settings_.single_member) {
    size_t voters = 0;
    if (const Json *members = field(&*result.answer, "members"); members != nullptr && members->is_array()) {
      for (const Json &member : *members) voters += flag(&member, "isLearner") ? 0 : 1;
    }
    if (voters < kSafeMembers)
      return concat("this etcd has ", voters, " member", voters == 1 ? "" : "s",
                    " that vote: one crash stops or loses what the servers agreed on; make it three, or add "
                    "?single_member=1 to the address where that may be");
  }
  members_checked_ = true;
  return {};
}

// Page by page, all of the first page's revision.
std::string Coordinator::carry_out_get(const Call &call) {
  const std::string prefix = settings_.root + call.key;
  const std::string end = to_base64(end_of(prefix));
  std::vector<Record> records;
  std::string from = prefix;
  uint64_t revision = 0, page = kPage;
  size_t bytes = 0;
  for (;;) {
    Json ask = {{"key", to_base64(from)}, {"range_end", end}, {"limit", page}};
    if (revision != 0) ask["revision"] = revision;
    const Result result = calls_gateway_.call("/v3/kv/range", ask);
    if (result.too_long && page > 1) {
      page = std::max<uint64_t>(1, page / 8);
      continue;
    }
    if (!result.answer) return result.problem;
    if (revision == 0) revision = number(field(&*result.answer, "header"), "revision");
    if (const Json *found = field(&*result.answer, "kvs"); found != nullptr && found->is_array()) {
      for (const Json &one : *found) {
        std::optional<std::string> key = from_base64(text(&one, "key")),
                                   value = from_base64(text(&one, "value"));
        if (!key || !value || !key->starts_with(settings_.root))
          return "etcd's answer is not as its documentation says";
        bytes += key->size() + value->size();
        from = *key + '\0';
        records.push_back(
            {key->substr(settings_.root.size()), std::move(*value), number(&one, "mod_revision")});
      }
    }
    if (bytes > kRecordsBytes)
      return concat("there are more than ", kRecordsBytes, " bytes of records below ", prefix);
    if (!flag(&*result.answer, "more") || stopping()) break;
  }
  answer_(call.ticket, true, records);
  return {};
}

std::string Coordinator::carry_out_cas(const Call &call) {
  if (call.value.size() > kValueBytes)
    return concat("the record ", call.key, " has ", call.value.size(), " bytes, more than the ", kValueBytes,
                  " that one in etcd may have: make a model of fewer tensors or shards");
  const std::string key = to_base64(settings_.root + call.key);
  const Json body = {
      {"compare", {{{"key", key}, {"target", "MOD"}, {"result", "EQUAL"}, {"mod_revision", call.revision}}}},
      {"success", {{{"request_put", {{"key", key}, {"value", to_base64(call.value)}}}}}},
      {"failure", {{{"request_range", {{"key", key}}}}}}};
  const Result result = calls_gateway_.call("/v3/kv/txn", body);
  if (!result.answer) return result.problem;
  const Json *answer = &*result.answer;
  if (flag(answer, "succeeded")) {
    answer_(call.ticket, true, {{call.key, call.value, number(field(answer, "header"), "revision")}});
    return {};
  }
  // An earlier member may have made the change that is now in the way of itself: only asking anew can tell.
  if (result.maybe) return concat("it is not known whether ", call.key, " was changed");
  std::vector<Record> records;
  const Json *responses = field(answer, "responses");
  if (responses != nullptr && responses->is_array() && !responses->empty()) {
    const Json *found = field(field(&(*responses)[0], "response_range"), "kvs");
    if (found != nullptr && found->is_array() && !found->empty()) {
      const Json *one = &(*found)[0];
      std::optional<std::string> value = from_base64(text(one, "value"));
      if (!value) return "etcd's answer is not as its documentation says";
      records.push_back({call.key, std::move(*value), number(one, "mod_revision")});
    }
  }
  answer_(call.ticket, false, records);
  return {};
}

}  // namespace ngd::etcd
