// Numbers of an update in fewer bytes: how gradients and deltas are written, and read again.
//
// A coded part of an update is, in its payload:
//
//   bf16, fp16   two bytes a number                                   then the gaps
//   block8       scales (float32, one for each 256 numbers), then a byte a number: Block8::first of math/block8.h
//   sparse       bf16 of some numbers alone; all others are 0
//
// Gaps tell of places that rise: how many lie between one and the one before it (of the first: its number), 7 bits a byte,
// the lowest first, the highest bit set where another byte follows. For rows of a table they are rows of the tensor; sparse:
// elements of the piece. Dense numbers that are not sparse have none.
//
// Rounding is to the nearest; what it takes away is the sender's to keep (compressor.h). Whoever reads such a part trusts
// nothing of it: lengths, places, scales and numbers are checked before any is used.
#pragma once

#include <optional>
#include <vector>

#include "cluster/payload.h"
#include "cluster/snapshot.h"
#include "wire/message.h"

namespace ngd::cluster {

// What a client does with the numbers of its updates.
struct Compression {
  wire::Coding coding = wire::Coding::float32;  // float32: nothing
  double share = 0.01;                          // sparse: of the numbers of each tensor, at least one
  uint64_t whole_below = 256;                   // sparse: smaller dense pieces go whole, as bf16
};

inline constexpr size_t kAtOnce = 4096;  // numbers that stay in the first cache; a multiple of 256

// The bytes of so many numbers, without gaps.
uint64_t coded_bytes(wire::Coding coding, uint64_t numbers);

// Writes numbers in pieces, and tells what the reader will have in their place.
class NumberWriter {
 public:
  NumberWriter(wire::Coding coding, uint64_t numbers);
  // The next ones; a multiple of 256, but for the last. They are finite.
  void put(const float *from, size_t count, float *as_read);
  wire::Bytes bytes() const { return buffer_.bytes(); }

 private:
  const wire::Coding coding_;
  const wire::Buffer buffer_;
  std::byte *scales_, *numbers_;
};

// Parameters that are read, as bf16 or fp16 and back. Buffers of float32 become buffers of the same numbers.
std::vector<wire::Bytes> narrowed(const std::vector<wire::Bytes> &floats, wire::Coding coding);
// The next numbers of an answer. Nothing: there are fewer.
std::optional<wire::Bytes> widened(PayloadReader &payload, wire::Coding coding, uint64_t count);

class GapWriter {
 public:
  void put(uint64_t place);  // above the last
  wire::Bytes bytes() const { return wire::copied(std::as_bytes(std::span(bytes_))); }
  size_t size() const { return bytes_.size(); }

 private:
  std::vector<uint8_t> bytes_;
  uint64_t next_ = 0;
};

// A coded part of an update as float32.
struct DecodedPart {
  std::vector<uint32_t> rows;  // of the piece, from 0; of tables
  Run<float> values;           // of those rows, or of the whole piece
};
// Takes the part from `payload`. Throws what is wrong with it; `numbers`: whether numbers are looked at too.
DecodedPart decode(const wire::TensorPart &part, const PieceShape &shape, PayloadReader &payload, bool numbers);

// The most bytes of float32 that a part of an update becomes, by what it says of itself.
uint64_t decoded_bytes(const wire::TensorPart &part, const PieceShape &shape);

}  // namespace ngd::cluster
