// How often the shards of one model and its root speak to each other.
#pragma once

#include <cstddef>

#include "cluster/environment.h"

namespace ngd::cluster {

// Of an update every shard tells the root that it has its part, and the root tells every shard what was decided. A
// message of its own for each of these would be thousands for one update of a thousand shards. So with many shards each
// direction of each shard has a pause after a message, and what comes up meanwhile goes together in the next: a root
// then handles 25,000 such messages a second of each kind, however many shards it has. Few shards need no pause.
inline constexpr size_t kFewShards = 16;
inline constexpr Time kWordUs = 40;
constexpr Time pause_between_words(size_t shards) {
  return shards <= kFewShards ? 0 : shards * kWordUs;
}
// How long the root has for its answer to a part before it is told again; twice as long each time.
inline constexpr Time kTellAgainUs = 250'000, kTellAgainMostUs = 4'000'000;
inline constexpr size_t kPartsAtOnce = 256;  // that one message tells of

}  // namespace ngd::cluster
