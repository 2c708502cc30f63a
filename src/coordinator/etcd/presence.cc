// What tells others that this process lives: one lease, kept while it runs, with the announced records; and the watch
// that hears of others.
#include "base/error.h"
#include "coordinator/etcd/coordinator.h"

namespace ngd::etcd {
namespace {

constexpr uint64_t kLeaseSeconds = 10;
constexpr Milliseconds kKeepEvery{kLeaseSeconds * 1000 / 3};
constexpr Milliseconds kLookEvery{500};
// A watch is a hint: it may be silent because nothing happens or because its member is cut off.
constexpr Milliseconds kWatchIdle{1500};
constexpr Milliseconds kWatchPause{50}, kWatchPauseAfterFailure{500};

}  // namespace

// Grants a lease where there is none and writes all announced records with it. The caller holds present_mutex_.
std::string Coordinator::make_present(Gateway &gateway) {
  if (lease_ == 0) {
    const Result granted = gateway.call("/v3/lease/grant", {{"TTL", kLeaseSeconds}});
    if (!granted.answer) return granted.problem;
    lease_ = number(&*granted.answer, "ID");
    if (lease_ == 0) return "etcd's answer is not as its documentation says";
  }
  for (const auto &[key, value] : announced_) {
    const Result put = gateway.call(
        "/v3/kv/put",
        {{"key", to_base64(settings_.root + key)}, {"value", to_base64(value)}, {"lease", lease_}});
    if (put.answer) continue;
    lease_ = 0;  // what became of it is not known: the next has a lease of its own
    return put.problem;
  }
  return {};
}

void Coordinator::keep() {
  Clock::time_point due = Clock::now();
  while (pause(kLookEvery)) {
    try {
      const std::lock_guard lock(present_mutex_);
      if (announced_.empty()) continue;
      if (lease_ != 0) {
        if (Clock::now() < due) continue;
        const Result kept = lease_gateway_.call("/v3/lease/keepalive", {{"ID", lease_}});
        if (!kept.answer) continue;
        due = Clock::now() + kKeepEvery;
        if (number(&*kept.answer, "TTL") > 0) continue;
        lease_ = 0;  // it ended, and our records with it
      }
      make_present(lease_gateway_);
    } catch (const std::exception &) {  // no memory: the next time
    }
  }
  // Others need not wait for its end.
  lease_gateway_.resume();
  try {
    const std::lock_guard lock(present_mutex_);
    if (lease_ != 0) lease_gateway_.tell("/v3/lease/revoke", {{"ID", lease_}});
  } catch (const std::exception &) {
  }
}

void Coordinator::watch() {
  uint64_t next = 0;  // the revision to go on from; 0: from now on
  bool healthy = true;
  while (pause(healthy ? kWatchPause : kWatchPauseAfterFailure)) {
    healthy = false;
    try {
      const std::string prefix = settings_.root + "/";
      Json create = {{"key", to_base64(prefix)}, {"range_end", to_base64(end_of(prefix))}};
      if (next != 0) create["start_revision"] = next;
      watch_gateway_.watch({{"create_request", create}}, kWatchIdle, [&](const Json &message) {
        healthy = true;
        const uint64_t revision = number(field(&message, "header"), "revision");
        const Json *events = field(&message, "events");
        if (events != nullptr && events->is_array() && !events->empty()) answer_(0, true, {});
        if (revision != 0 && (events != nullptr || next == 0)) next = revision + 1;
        return !stopping();
      });
      if (!healthy) next = 0;           // perhaps it asks for what is no longer kept
    } catch (const std::exception &) {  // no memory
    }
  }
}

}  // namespace ngd::etcd
