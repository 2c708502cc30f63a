// How much a peer may ask for. Each limit is enforced where the thing it bounds comes into being.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ngd::wire {

inline constexpr size_t kControlBytes = size_t{4} << 20;      // of one message's control part
inline constexpr uint64_t kPayloadBytes = uint64_t{1} << 36;  // of one message's payload
inline constexpr size_t kFrameBytes = size_t{8} << 20;   // of one frame: more, and ZeroMQ ends the connection
inline constexpr size_t kChunkBytes = size_t{1} << 20;   // tensors travel in frames of at most so many
inline constexpr size_t kInlineBytes = size_t{8} << 10;  // a payload up to this size travels in the first frame
inline constexpr size_t kJoinBytes = size_t{16} << 10;   // neighbours smaller than this share a frame
inline constexpr unsigned kDepth = 16;                   // nesting of FlatBuffers tables
inline constexpr unsigned kTables = 1024;                // FlatBuffers tables in a message
inline constexpr unsigned kTablesOfLists = 65536;        // in one that lists tensors or decisions
inline constexpr size_t kTextBytes = 255;                // a name
inline constexpr size_t kLongTextBytes = 4096;           // a rule with its options, a message for people
inline constexpr size_t kRank = 8;
inline constexpr uint64_t kElements = uint64_t{1} << 40;  // of one tensor
inline constexpr size_t kTensors = 4096;                  // of one model
inline constexpr size_t kShards = 1024;                   // of one model
inline constexpr size_t kNodes = 4096;
inline constexpr size_t kReplicas = 16;      // of one shard
inline constexpr size_t kLogEntries = 1024;  // of a shard's log in one message
inline constexpr size_t kModels = 256;
inline constexpr size_t kWindow = 64;  // updates of one session under way; also answers that a root remembers
inline constexpr size_t kWantedRows = size_t{1} << 18;          // that an update asks for with its answer
inline constexpr size_t kTokens = 16;                           // lock tokens in one request
inline constexpr size_t kValueBytes = size_t{1} << 20;          // of one versioned value or partition's blob
inline constexpr uint64_t kCommonsBytes = uint64_t{256} << 20;  // of all values of a model, and of all blobs
inline constexpr size_t kValues = 4096;                         // versioned values of a model
inline constexpr size_t kLocks = 4096;
inline constexpr size_t kWaiters = 16384;  // for one lock or barrier
inline constexpr size_t kPartitions = 65536;
inline constexpr size_t kPins = 4;  // versions kept for readers
inline constexpr uint64_t kPinUs = 5'000'000;
inline constexpr uint64_t kInheritedPinUs = 300'000;  // by a root that takes over
inline constexpr uint64_t kUndecidedUs = 5'000'000;   // a part without a decision: ask the root
inline constexpr size_t kDecisions = 1024;            // not yet applied everywhere
inline constexpr size_t kStagedParts = 1024;          // that one message tells the root of
inline constexpr uint64_t kLeaseUsMin = 100'000, kLeaseUsMax = 600'000'000;
inline constexpr uint64_t kSessionUs = 600'000'000;    // a silent session is forgotten
inline constexpr uint64_t kWaitUsMax = 3'600'000'000;  // how long a request may be held

}  // namespace ngd::wire
