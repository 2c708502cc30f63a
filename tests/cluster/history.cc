// The checks of histories. Versions give the order, so that all of them take near linear time.
#include "history.h"

#include <algorithm>

#include "base/text.h"

namespace simulation {
namespace {

using ngd::concat;

// The cells that are set at a version of a lineage, by the log.
class Truth {
 public:
  explicit Truth(const History &history, std::vector<std::string> &findings) : history_(history) {
    std::map<std::pair<ClientId, uint64_t>, uint32_t> cells;
    std::set<std::pair<ClientId, uint64_t>> refused;
    for (const UpdateSeen &one : history.updates) {
      if (one.refused && one.seq != 0) refused.insert({one.client, one.seq});
      if (one.refused) continue;
      if (one.seq != 0) cells[{one.client, one.seq}] = one.worker * history.numbers + one.number;
    }
    for (const Lineage &one : history.lineages) lineages_[one.lineage] = one;
    for (const Decided &one : history.decided) {
      auto &at = versions_[one.lineage];
      for (const auto &entry : one.entries) {
        if (refused.contains(entry))
          findings.push_back(concat("I6: an update that was refused is in the log at version ", one.version));
        const auto cell = cells.find(entry);
        if (cell != cells.end()) at.emplace_back(one.version, cell->second);
      }
    }
    for (auto &[lineage, list] : versions_) {
      if (!std::ranges::is_sorted(list, {}, [](const auto &one) { return one.first; }))
        findings.push_back(concat("I5: the versions of lineage ", lineage, " do not grow"));
      // I4: no update twice, counting what the lineage began with.
      std::vector<uint8_t> seen = state(lineage, lineages_[lineage].base);
      for (const auto &[version, cell] : list) {
        if (seen[cell]++ != 0)
          findings.push_back(concat("I4: update ", cell % history.numbers, " of worker ",
                                    cell / history.numbers, " is in the log twice, again at version ",
                                    version));
      }
    }
    uint64_t last = 0, shown = 0;
    for (const Lineage &one : history.lineages) {
      if (one.lineage <= last) findings.push_back(concat("I5: lineage ", one.lineage, " after ", last));
      last = one.lineage;
      if (one.base < shown)
        findings.push_back(
            concat("I5: lineage ", one.lineage, " begins at version ", one.base, ", below ", shown));
      const auto list = versions_.find(one.lineage);
      if (list != versions_.end() && !list->second.empty()) shown = std::max(shown, list->second.back().first);
      shown = std::max(shown, one.base);
    }
  }

  std::vector<uint8_t> state(uint64_t lineage, uint64_t version) const {
    std::vector<uint8_t> cells(size_t{history_.workers} * history_.numbers);
    add(lineage, version, cells, 0);
    return cells;
  }
  // Whether the log has the update in that lineage at that version.
  bool has(uint64_t lineage, uint64_t version, uint32_t cell) const {
    const auto list = versions_.find(lineage);
    return list != versions_.end() &&
           std::ranges::find(list->second, std::pair(version, cell)) != list->second.end();
  }

 private:
  void add(uint64_t lineage, uint64_t version, std::vector<uint8_t> &cells, int depth) const {
    const auto begin = lineages_.find(lineage);
    if (begin == lineages_.end() || depth > 1000) return;
    if (begin->second.from_lineage != 0)
      add(begin->second.from_lineage, begin->second.from_version, cells, depth + 1);
    const auto list = versions_.find(lineage);
    if (list == versions_.end()) return;
    for (const auto &[at, cell] : list->second) {
      if (at <= version) cells[cell]++;
    }
  }
  const History &history_;
  std::map<uint64_t, Lineage> lineages_;
  std::map<uint64_t, std::vector<std::pair<uint64_t, uint32_t>>> versions_;
};

void check_updates(const History &history, const Truth &truth, std::vector<std::string> &findings) {
  std::map<std::pair<uint64_t, uint64_t>, std::set<ClientId>> versions;
  for (const UpdateSeen &one : history.updates) {
    if (!one.acknowledged) continue;
    const uint32_t cell = one.worker * history.numbers + one.number;
    if (!truth.has(one.lineage, one.version, cell))
      findings.push_back(concat("I6: update ", one.number, " of worker ", one.worker,
                                " was acknowledged at version ", one.version,
                                ", but the log has it not there"));
    auto &there = versions[{one.lineage, one.version}];
    if (!one.bulk && !there.empty())
      findings.push_back(concat("I2: two updates were acknowledged at version ", one.version));
    there.insert(one.client);
  }
}

// What was acknowledged is in what the model is at the end.
void check_durability(const History &history, const Truth &truth, std::vector<std::string> &findings) {
  if (!history.durable || history.lineages.empty()) return;
  const std::vector<uint8_t> end = truth.state(history.lineages.back().lineage, ~uint64_t{0});
  for (const UpdateSeen &one : history.updates) {
    if (one.acknowledged && end[one.worker * history.numbers + one.number] != 1)
      findings.push_back(concat("I1: update ", one.number, " of worker ", one.worker,
                                " was acknowledged at version ", one.version, " and is there ",
                                end[one.worker * history.numbers + one.number], " times at the end"));
  }
}

// Real time respects the order of versions: I3.
void check_order(const History &history, std::vector<std::string> &findings) {
  struct Event {
    uint64_t time;
    bool begins;
    uint64_t lineage, version;
    bool bulk, update;
  };
  std::vector<Event> events;
  for (const UpdateSeen &one : history.updates) {
    if (!one.acknowledged) continue;
    events.push_back({one.returned, false, one.lineage, one.version, one.bulk, true});
    events.push_back({one.invoked, true, one.lineage, one.version, one.bulk, true});
  }
  for (const ReadSeen &one : history.reads) {
    if (!one.consistent) continue;
    events.push_back({one.returned, false, one.lineage, one.version, false, false});
    events.push_back({one.invoked, true, one.lineage, one.version, false, false});
  }
  std::ranges::stable_sort(events, [](const Event &a, const Event &b) {
    return std::tie(a.time, a.begins) < std::tie(b.time, b.begins);
  });
  // Whatever begins after `newest` was known must be at least as new.
  std::map<uint64_t, uint64_t> newest;
  for (const Event &event : events) {
    uint64_t &known = newest[event.lineage];
    if (!event.begins)
      known = std::max(known, event.version);
    else if (event.version < known || (event.update && !event.bulk && event.version == known))
      findings.push_back(concat("I3: ", event.update ? "an update" : "a read", " that began when version ",
                                known, " was known came to version ", event.version));
  }
}

void check_reads(const History &history, const Truth &truth, std::vector<std::string> &findings) {
  for (const ReadSeen &read : history.reads) {
    if (read.version == 0) continue;
    const std::vector<uint8_t> expected = truth.state(read.lineage, read.version);
    for (size_t t = 0; t < read.tensors.size(); t++) {
      const std::vector<float> &cells = read.tensors[t];
      for (size_t i = 0; i < cells.size(); i++) {
        if (cells[i] != 0 && cells[i] != 1)
          findings.push_back(concat("I4: cell ", i, " of tensor ", t, " is ", static_cast<double>(cells[i]),
                                    " at version ", read.version));
        if (!read.consistent || cells[i] == expected[i]) continue;
        findings.push_back(
            concat(t > 0 && read.tensors[0][i] != cells[i] ? "I7: " : "I3: ", "a read of version ",
                   read.version, " of lineage ", read.lineage, " has ", static_cast<double>(cells[i]),
                   " in cell ", i, " of tensor ", t, ", but the log says ", expected[i]));
        return;
      }
    }
  }
}

}  // namespace

std::vector<std::string> check(const History &history) {
  std::vector<std::string> findings;
  const Truth truth(history, findings);
  check_updates(history, truth, findings);
  check_durability(history, truth, findings);
  check_order(history, findings);
  check_reads(history, truth, findings);
  return findings;
}

// In the order of the log: one who stood still may tell late of what others carried out long ago.
std::vector<std::string> check_tokens(std::vector<TokenUse> uses) {
  std::vector<std::string> findings;
  std::ranges::stable_sort(uses, {}, [](const TokenUse &use) { return std::pair(use.lineage, use.index); });
  std::map<std::string, uint64_t> highest;
  for (const TokenUse &use : uses) {
    uint64_t &known = highest[use.lock];
    if (use.token < known)
      findings.push_back(concat("I8: token ", use.token, " of lock ", use.lock, " was accepted after ", known));
    known = std::max(known, use.token);
  }
  return findings;
}

}  // namespace simulation
