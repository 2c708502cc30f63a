// Digests: every so many versions the one that leads logs what its state is, and those that follow compare theirs.
//
// One digest is of a part of the state at one index of the log: a run of the bytes of parameters and optimizer, as far as
// the credit goes, and at the end of a round the rest, which is written out for it. Nothing is copied of the former. A
// state that is small for its updates is compared whole each time.
#include <algorithm>

#include "cluster/log_entries.h"
#include "cluster/shard_state.h"
#include "math/crc32c.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

constexpr uint64_t kLongest = uint64_t{64} << 20;    // at a time: 10 ms
constexpr uint64_t kAlways = uint64_t{64} << 10;     // what a digest costs besides
constexpr uint64_t kEachTensor = uint64_t{8} << 10;  // and for each tensor

}  // namespace

// Of the part that it describes; writes its total.
uint32_t Shard::State::digest_of(DigestEntry &part) const {
  uint32_t sum = 0;
  uint64_t at = 0;
  parameters->visit([&](std::span<const std::byte> run) {
    const uint64_t begin = std::clamp(part.first, at, at + run.size()) - at;
    const uint64_t end = std::clamp(part.first + part.bytes, at, at + run.size()) - at;
    if (end > begin) sum = crc32c(run.subspan(begin, end - begin), sum);
    at += run.size();
  });
  part.total = at;
  if (!part.rest) return sum;
  sum = crc32c(small_state(false).span(), sum);
  return root == nullptr ? sum : crc32c(root->save_whole(false).span(), sum);
}

// At rest: all that was logged has been carried out.
void Shard::State::log_digest(Time) {
  if (!leading || !ready || !replicated() || replica->alone() || version < digest_at) return;
  digest_at = version + options.digest_every;
  const uint64_t always = kAlways + kEachTensor * place.model.shards[place.index].pieces.size();
  if (digest_credit <= always) return;
  DigestEntry part;
  part.version = version;
  part.first = digest_place;
  const uint64_t credit = digest_credit - always, rest = root == nullptr ? 0 : root->weight();
  part.bytes = std::min(credit, kLongest);
  // With what is left over when the run is the last.
  part.rest = part.first + part.bytes >= digest_total && part.first + credit >= digest_total + rest;
  if (!part.rest && digest_total != 0 && part.first >= digest_total) return;
  part.sum = digest_of(part);
  part.bytes = std::min(part.bytes, part.total - std::min(part.total, part.first));
  digest_total = part.total;
  digest_place = part.rest ? 0 : std::min(part.first + part.bytes, part.total);
  digest_credit -= std::min(digest_credit, always + part.bytes + (part.rest ? rest : 0));
  replica->append(replica_control(LogKind::digest, wire::write_bytes(part).span()), {}, clock);
}

void Shard::State::compare(const DigestEntry &theirs) {
  DigestEntry mine = theirs;
  digests++;
  const uint32_t sum = digest_of(mine);
  if (sum == theirs.sum && mine.total == theirs.total) return;
  differs = true;
  differences++;
  difference = concat("at version ", theirs.version, " this replica was not what the primary was (",
                      differences, differences == 1 ? " time" : " times",
                      " since the start), and was given its state anew; look at this server's memory");
}

}  // namespace ngd::cluster
