// All of a root's state, for a replica that comes in, and how such a replica goes on as the root.
#include "base/text.h"
#include "cluster/root.h"
#include "wire/fields.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

struct WholeRoot {
  std::string saved;  // as a checkpoint has it
  uint64_t lineage = 0;
};
constexpr size_t kSavedBytes = size_t{1} << 31;

template <class F>
void fields(F &f, WholeRoot &x) {
  f.blob(x.saved, kSavedBytes);
  f.number(x.lineage);
}

}  // namespace

wire::Bytes Root::save_whole(bool with_stream) const {
  WholeRoot whole;
  whole.saved = std::string(save(with_stream).text());
  whole.lineage = lineage_;
  return wire::write_bytes(whole);
}

void Root::load_whole(std::span<const std::byte> bytes, Time now) {
  WholeRoot whole;
  wire::read_bytes(bytes, "state of a root", wire::kDepth, unsigned{1} << 24, whole);
  load(std::as_bytes(std::span(whole.saved)));
  proceed(whole.lineage, number_, now);
  if (options_.mutant == Mutant::decisions_lost) decisions_.clear();
  if (options_.mutant == Mutant::half_snapshot) forget_answers();
  if (options_.mutant == Mutant::volatile_locks) {
    for (LockTable::Lock &lock : locks_.locks()) lock.holders.clear();
  }
}

uint64_t Root::weight() const {
  constexpr uint64_t kEach = 1536, kByte = 8;  // a session or answer; a byte that is copied
  uint64_t weight = kByte * (values_.bytes + partitions_.bytes);
  for (const auto &[id, session] : sessions_) weight += kEach * (1 + session.answers.size());
  return weight;
}

std::string Root::doing() const {
  std::string text = concat("decided ", number_, ", kept ", decisions_.size());
  if (!decisions_.empty()) text += concat(" from ", decisions_.front().number);
  for (const Follower &one : followers_) text += concat(", applied ", one.applied, " sent ", one.sent);
  return text;
}

// What stands under "volatile" comes again: clients and shards repeat what they have no answer to.
void Root::take_over(Time now) {
  forget_volatile();
  proceed(lineage_, number_, now);
  // Who reads there is not known: they stay for a moment, in which whoever has begun to read ends; others wait for room.
  for (auto &[version, pin] : pins_) {
    pin.readers = {{wire::ClientId(), 0}};
    pin.until = now + wire::kInheritedPinUs;
  }
  wakeup_ = now;
}

}  // namespace ngd::cluster
