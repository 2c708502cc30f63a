// The workers of a model that are there, counted: how many, who is slowest, for how many of them the first round waits.
//
// A root asks that after every update; to look at all sessions each time would cost more than the update with a thousand.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

#include "cluster/sessions.h"

namespace ngd::cluster {

class Group {
 public:
  static constexpr uint64_t kNobody = ~uint64_t{0};

  // A session whose presence, clock or options are about to change goes out, and comes in again after that. Sessions
  // that are no worker, or not there, do not count.
  void add(const Session &session) { change(session, 1); }
  void remove(const Session &session) { change(session, -1); }

  size_t count() const { return counts_[0] + counts_[1] + counts_[2]; }
  size_t count(wire::Consistency consistency) const { return counts_[index(consistency)]; }
  // The least clock; kNobody: there is none of that consistency.
  uint64_t slowest(wire::Consistency consistency) const {
    const auto &clocks = clocks_[index(consistency)];
    return clocks.empty() ? kNobody : clocks.begin()->first;
  }
  // The most that any of them wants to be there.
  uint64_t required() const { return required_.empty() ? 1 : std::max<uint64_t>(1, required_.rbegin()->first); }

 private:
  static size_t index(wire::Consistency consistency) { return static_cast<size_t>(consistency); }
  template <class Key>
  static void count_in(std::map<Key, size_t> &counts, Key key, int by) {
    if (by > 0) {
      counts[key]++;
    } else if (const auto found = counts.find(key); --found->second == 0) {
      counts.erase(found);
    }
  }
  void change(const Session &session, int by) {
    if (!session.present || !session.open.worker) return;
    const size_t which = index(session.open.consistency);
    counts_[which] += static_cast<size_t>(by);
    count_in(clocks_[which], session.clock, by);
    count_in(required_, session.open.workers, by);
  }

  std::array<size_t, 3> counts_{};
  std::array<std::map<uint64_t, size_t>, 3> clocks_;
  std::map<uint32_t, size_t> required_;
};

}  // namespace ngd::cluster
