// A cluster's records in etcd: three threads, one for calls, one that keeps the lease of this process, one that watches.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread.h"
#include "coordinator/etcd/gateway.h"

namespace ngd::etcd {

struct Record {
  std::string key, value;
  uint64_t revision = 0;
};
// See cluster::CoordinatorAnswer. Ticket 0: some record has changed. Throws nothing.
using Answer = std::function<void(uint64_t ticket, bool done, const std::vector<Record> &records)>;

class Coordinator {
 public:
  Coordinator(Settings settings, Answer answer);
  ~Coordinator();
  Coordinator(const Coordinator &) = delete;
  Coordinator &operator=(const Coordinator &) = delete;

  // Any thread. A call whose outcome is not known, or that waited for too long, is not answered.
  void get(uint64_t ticket, std::string prefix);
  void cas(uint64_t ticket, std::string key, uint64_t revision, std::string value);
  void announce(std::string key, std::string value);
  std::string problem() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Kind : uint8_t { get, cas, announce };
  struct Call {
    Kind kind;
    uint64_t ticket;
    std::string key;  // or prefix
    uint64_t revision;
    std::string value;
    Clock::time_point asked;
  };

  void put(Call call);
  void work();
  std::string carry_out(const Call &call);  // empty, or why there was no answer
  std::string check_members();
  std::string carry_out_get(const Call &call);
  std::string carry_out_cas(const Call &call);

  void keep();
  std::string make_present(Gateway &gateway);
  void watch();
  bool pause(Milliseconds time);  // false: it is to end
  bool stopping() const;

  const Settings settings_;
  const Answer answer_;
  Token token_;
  Gateway calls_gateway_, lease_gateway_, watch_gateway_;
  bool members_checked_ = false;  // of the thread of calls

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Call> calls_;
  bool stop_ = false;
  std::string problem_;

  std::mutex present_mutex_;  // held while a lease is made and used
  uint64_t lease_ = 0;
  std::map<std::string, std::string> announced_;

  Thread calls_thread_, lease_thread_, watch_thread_;
};

}  // namespace ngd::etcd
