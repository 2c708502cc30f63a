// Who works on a model, and what was done for whom: the table that makes every update happen exactly once.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "cluster/commons.h"
#include "cluster/environment.h"
#include "wire/limits.h"

namespace ngd::cluster {

// What a seq came to. Kept for the last kWindow seqs of a session; the client has no more than so many under way.
struct Answer {
  uint64_t seq = 0;
  bool update = false;
  bool applied = true;
  uint64_t version = 0;
  uint64_t number = 0;  // of the decision, in this lineage
  int32_t status = 0;
  std::string text;
  wire::Done done;
  std::string payload;
};

// An update that the root gave up may come again, but only as a later attempt.
struct Floor {
  uint64_t seq = 0;
  uint32_t attempt = 0;
};

struct Session {
  wire::ClientId client;
  uint64_t user = 0;    // who alone may speak for it
  uint64_t number = 0;  // unlike that of any other session, also of the same client
  wire::Open open;
  uint64_t highest = 0;  // seq
  uint64_t clock = 0;    // updates of a worker that happened
  std::vector<Answer> answers;
  std::vector<Floor> floors;

  // A new lineage waits one lease for everybody.
  bool present = false;           // counts in the group; a dead worker does not
  std::vector<uint64_t> waiting;  // commands without an answer yet
  Time heard = 0;                 // not saved

  bool waits(uint64_t seq) const { return std::ranges::find(waiting, seq) != waiting.end(); }

  const Answer *answer(uint64_t seq) const {
    if (seq > highest) return nullptr;
    const auto found = std::ranges::find(answers, seq, &Answer::seq);
    return found == answers.end() ? nullptr : &*found;
  }
  bool too_old(uint64_t seq) const { return seq + wire::kWindow <= highest; }
  uint32_t floor(uint64_t seq) const {
    const auto found = std::ranges::find(floors, seq, &Floor::seq);
    return found == floors.end() ? 0 : found->attempt;
  }
  void raise_floor(uint64_t seq, uint32_t attempt) {
    const auto found = std::ranges::find(floors, seq, &Floor::seq);
    if (found == floors.end())
      floors.push_back({seq, attempt});
    else
      found->attempt = std::max(found->attempt, attempt);
  }
  void add(Answer answer) {
    highest = std::max(highest, answer.seq);
    std::erase(waiting, answer.seq);
    // In the place of one that is too old: to move all the others would cost more than all else about a small update.
    const auto old = std::ranges::find_if(answers, [&](const Answer &one) { return too_old(one.seq); });
    if (old == answers.end())
      answers.push_back(std::move(answer));
    else
      *old = std::move(answer);
    std::erase_if(answers, [&](const Answer &one) { return too_old(one.seq); });
    std::erase_if(floors, [&](const Floor &one) { return too_old(one.seq); });
  }
};

template <class F>
void fields(F &f, Answer &x) {
  f.number(x.seq);
  f.flag(x.update);
  f.flag(x.applied);
  f.number(x.version);
  f.number(x.status);
  f.text(x.text, wire::kLongTextBytes);
  f.table(x.done);
  f.blob(x.payload, wire::kValueBytes);
  f.number(x.number);
}
template <class F>
void fields(F &f, Floor &x) {
  f.number(x.seq);
  f.number(x.attempt);
}
template <class F>
void fields(F &f, Session &x) {
  f.table(x.client);
  f.number(x.user);
  f.number(x.number);
  f.table(x.open);
  f.number(x.highest);
  f.number(x.clock);
  f.tables(x.answers, wire::kWindow + 1);
  f.tables(x.floors, wire::kWindow + 1);
  f.flag(x.present);
  f.numbers(x.waiting, wire::kWaiters);
}

}  // namespace ngd::cluster
