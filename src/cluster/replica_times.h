// The times of replication, in microseconds.
#pragma once

#include "cluster/environment.h"

namespace ngd::cluster {

inline constexpr Time kBeaconUs = 100'000;
// A primary's leave to answer, from the sending of a beacon; and how long a member waits for one before it takes over.
// Sound while one clock is less than 800/600 = 1.33 times as fast as another.
inline constexpr Time kReplicaLeaseUs = 600'000;
inline constexpr Time kGraceUs = 800'000;
inline constexpr Time kSlowUs = 1'000'000;  // a member that gets no further leaves the set
inline constexpr Time kTickUs = 20'000;
inline constexpr Time kResendUs = 150'000;
inline constexpr Time kResendMostUs = 3'000'000;
inline constexpr Time kAskAgainUs = 300'000;  // the coordinator
inline constexpr Time kLookUs = 1'000'000;    // at the record, without need
inline constexpr Time kLookPrimaryUs = 3'000'000;
inline constexpr Time kFirstUs = 3'000'000;  // then another than the first begins a shard
inline constexpr Time kJoinUs = 200'000;
inline constexpr unsigned kDifferences =
    8;  // who is found different again waits up to 2^8 times as long to join
inline constexpr Time kAddingUs = 1'000'000;  // a learner that is being added must have come so far
inline constexpr Time kSnapshotKeptUs = 10'000'000;
inline constexpr size_t kSendBytes = size_t{4} << 20;  // of entries in one message, if they are more than one
inline constexpr uint64_t kFlightBytes = uint64_t{64} << 20;  // on their way to one replica
inline constexpr size_t kTransferBytes = size_t{1} << 20;     // of a snapshot in one message
// Without another question in between, such a piece is sent again; each time later, since on a slow wire what is asked for
// again only stands in the way of what is under way.
inline constexpr Time kTransferAgainUs = 500'000;
inline constexpr Time kTransferMostUs = 16'000'000;
inline constexpr size_t kKeptAlways = size_t{1} << 20;  // of a log, however small the state is
inline constexpr uint64_t kNearEntries = 256;           // so far behind a learner may be to be added
// Below the revision of the node's record: lives of a shard's memory within one of its server.
inline constexpr unsigned kIncarnationBits = 16;

}  // namespace ngd::cluster
