// Writing and reading coded numbers.
#include "cluster/coding.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "cluster/compress_loops.h"
#include "math/block8.h"
#include "math/half.h"
#include "math/reduce.h"

namespace ngd::cluster {
namespace {

using wire::Coding;

size_t scale_count(uint64_t numbers) {
  return static_cast<size_t>((numbers + kBlock8 - 1) / kBlock8);
}

[[noreturn]] void damaged(const PieceShape &shape, std::string_view what) {
  fail(NGD_E_PROTOCOL, "the coded update of tensor ", quoted(shape.name), " is malformed: ", what);
}

// Whether it is one that Block8 gives: a power of two from 2^-93 to 2^126.
bool is_scale(float scale) {
  const uint32_t bits = std::bit_cast<uint32_t>(scale);
  return (bits & 0x807FFFFF) == 0 && bits >= (127u - 93) << 23 && bits <= (127u + 126) << 23;
}

// The next numbers of two bytes; false when there are fewer.
bool read_halves(Coding coding, uint64_t count, PayloadReader &payload, float *to) {
  const auto read = [&](auto halves) {
    if (halves) widen(best_target(), halves->data(), to, count);
    return halves.has_value();
  };
  return coding == Coding::fp16 ? read(payload.take<F16>(count)) : read(payload.take<Bf16>(count));
}

void read_numbers(Coding coding, uint64_t count, const PieceShape &shape, PayloadReader &payload, bool numbers,
                  float *to) {
  const auto short_of = [&] {
    fail(NGD_E_SHAPE, "the payload of an update has ", payload.left(), " bytes for ", count,
         " coded numbers of tensor ", quoted(shape.name), ", which need ", coded_bytes(coding, count));
  };
  const Target target = best_target();
  if (coding == Coding::block8) {
    const auto scales = payload.take<float>(scale_count(count));
    if (!scales) short_of();
    for (size_t i = 0; i < scales->size(); i++) {
      if (!is_scale(scales->data()[i]))
        damaged(shape, concat("scale ", i, " of its 8-bit numbers is ", scales->data()[i],
                              ", no power of two from 2^-93 to 2^126"));
    }
    const auto codes = payload.take<uint8_t>(count);
    if (!codes) short_of();
    return ngd::decode(target, Block8::first, codes->data(), scales->data(), to, count);
  }
  if (!read_halves(coding, count, payload, to)) short_of();
  if (numbers && !all_finite(to, count))
    fail(NGD_E_NOT_FINITE, "the update of tensor ", quoted(shape.name), " holds a NaN or an infinity");
}

// Places below `limit`, and the bytes of their gaps used up.
class GapReader {
 public:
  GapReader(const PieceShape &shape, PayloadReader &payload, uint64_t bytes, uint64_t first, uint64_t limit)
      : shape_(shape), next_(0), first_(first), limit_(limit) {
    const auto run = payload.take<uint8_t>(bytes);
    if (!run) damaged(shape, concat("its payload ends before its ", bytes, " bytes of gaps"));
    run_ = *run;
  }
  uint64_t next() {
    uint64_t gap = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at_ == run_.size() || shift > 56) damaged(shape_, "a gap has no end");
      const uint8_t byte = run_.data()[at_++];
      gap |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) break;
    }
    if (gap > limit_) damaged(shape_, concat("a gap of ", gap, " leads out of it"));
    const uint64_t place = next_ + gap;
    if (place < first_ || place >= limit_)
      fail(NGD_E_RANGE, "the coded update of tensor ", quoted(shape_.name), " has place ", place,
           "; this shard has those from ", first_, " to ", limit_ - 1);
    next_ = place + 1;
    return place - first_;
  }
  void end() const {
    if (at_ != run_.size()) damaged(shape_, concat(run_.size() - at_, " bytes of its gaps are left over"));
  }

 private:
  const PieceShape &shape_;
  Run<uint8_t> run_;
  size_t at_ = 0;
  uint64_t next_, first_, limit_;
};

// Numbers at places that rise, all others 0; of tables in the rows that have one.
DecodedPart scattered(const wire::TensorPart &part, const PieceShape &shape, PayloadReader &payload,
                      bool numbers) {
  if (part.entries > shape.piece.count)
    damaged(shape, concat(part.entries, " numbers, where the shard has ", shape.piece.count, " places"));
  std::vector<float> entries;
  if (part.entries <= payload.left() / sizeof(Bf16)) entries.resize(part.entries);
  read_numbers(Coding::sparse, part.entries, shape, payload, numbers, entries.data());
  GapReader gaps(shape, payload, part.gap_bytes, 0, shape.piece.count);
  std::vector<uint64_t> places(entries.size());
  DecodedPart decoded;
  for (uint64_t &place : places) {
    place = gaps.next();
    const uint64_t row = place / shape.width;
    if (shape.table && (decoded.rows.empty() || decoded.rows.back() != row))
      decoded.rows.push_back(static_cast<uint32_t>(row));
  }
  gaps.end();
  const uint64_t count = shape.table ? decoded.rows.size() * shape.width : shape.piece.count;
  const wire::Buffer buffer(count * sizeof(float));
  auto *to = reinterpret_cast<float *>(buffer.data());
  std::memset(to, 0, count * sizeof(float));
  size_t row = 0;
  for (size_t i = 0; i < places.size(); i++) {
    if (!shape.table) {
      to[places[i]] = entries[i];
      continue;
    }
    while (decoded.rows[row] != places[i] / shape.width) row++;
    to[row * shape.width + places[i] % shape.width] = entries[i];
  }
  decoded.values = Run<float>(buffer.bytes(), count, true);
  return decoded;
}

}  // namespace

uint64_t coded_bytes(Coding coding, uint64_t numbers) {
  switch (coding) {
    case Coding::float32:
      return numbers * sizeof(float);
    case Coding::block8:
      return scale_count(numbers) * sizeof(float) + numbers;
    default:
      return numbers * sizeof(Bf16);
  }
}

NumberWriter::NumberWriter(Coding coding, uint64_t numbers)
    : coding_(coding),
      buffer_(coded_bytes(coding, numbers)),
      scales_(buffer_.data()),
      numbers_(buffer_.data() + (coding == Coding::block8 ? scale_count(numbers) * sizeof(float) : 0)) {}

void NumberWriter::put(const float *from, size_t count, float *as_read) {
  const Target target = best_target();
  if (coding_ == Coding::block8) {
    auto *codes = reinterpret_cast<uint8_t *>(numbers_);
    auto *scales = reinterpret_cast<float *>(scales_);
    encode_nearest(target, Block8::first, from, codes, scales, count);
    ngd::decode(target, Block8::first, codes, scales, as_read, count);
    scales_ += scale_count(count) * sizeof(float);
    numbers_ += count;
    return;
  }
  const auto put_halves = [&](auto *halves, uint16_t infinity) {
    narrow(target, from, halves, count);
    // What is past the largest stays with the sender.
    saturate(reinterpret_cast<uint16_t *>(halves), count, infinity);
    widen(target, halves, as_read, count);
  };
  coding_ == Coding::fp16 ? put_halves(reinterpret_cast<F16 *>(numbers_), 0x7C00)
                          : put_halves(reinterpret_cast<Bf16 *>(numbers_), 0x7F80);
  numbers_ += count * sizeof(Bf16);
}

std::vector<wire::Bytes> narrowed(const std::vector<wire::Bytes> &floats, Coding coding) {
  std::vector<wire::Bytes> halves;
  std::vector<float> as_read(kAtOnce);
  for (const wire::Bytes &one : floats) {
    const size_t count = one.size / sizeof(float);
    const auto *from = reinterpret_cast<const float *>(one.data);
    NumberWriter numbers(coding, count);
    for (size_t at = 0; at < count; at += kAtOnce)
      numbers.put(from + at, std::min(kAtOnce, count - at), as_read.data());
    halves.push_back(numbers.bytes());
  }
  return halves;
}

std::optional<wire::Bytes> widened(PayloadReader &payload, Coding coding, uint64_t count) {
  if (count > payload.left() / sizeof(Bf16)) return std::nullopt;
  const wire::Buffer buffer(count * sizeof(float));
  if (!read_halves(coding, count, payload, reinterpret_cast<float *>(buffer.data()))) return std::nullopt;
  return buffer.bytes();
}

void GapWriter::put(uint64_t place) {
  uint64_t gap = place - next_;
  next_ = place + 1;
  for (; gap >= 0x80; gap >>= 7) bytes_.push_back(static_cast<uint8_t>(gap | 0x80));
  bytes_.push_back(static_cast<uint8_t>(gap));
}

DecodedPart decode(const wire::TensorPart &part, const PieceShape &shape, PayloadReader &payload,
                   bool numbers) {
  if (part.coding == Coding::sparse) {
    if (part.rows != 0) damaged(shape, "sparse numbers have places, not rows");
    return scattered(part, shape, payload, numbers);
  }
  if (part.entries != 0) damaged(shape, "only sparse numbers are counted");
  if (!shape.table && (part.rows != 0 || part.gap_bytes != 0)) damaged(shape, "it is no table and has no rows");
  const uint64_t count = shape.table ? part.rows * shape.width : shape.piece.count;
  if (part.rows > shape.rows() || coded_bytes(part.coding, count) > payload.left())
    fail(NGD_E_SHAPE, "the payload of an update has ", payload.left(), " bytes for ", count,
         " coded numbers of tensor ", quoted(shape.name), ", which need ", coded_bytes(part.coding, count));
  DecodedPart decoded;
  const wire::Buffer buffer(count * sizeof(float));
  read_numbers(part.coding, count, shape, payload, numbers, reinterpret_cast<float *>(buffer.data()));
  decoded.values = Run<float>(buffer.bytes(), count, true);
  if (!shape.table) return decoded;
  GapReader gaps(shape, payload, part.gap_bytes, shape.first_row(), shape.first_row() + shape.rows());
  decoded.rows.resize(part.rows);
  for (uint32_t &row : decoded.rows) row = static_cast<uint32_t>(gaps.next());
  gaps.end();
  return decoded;
}

uint64_t decoded_bytes(const wire::TensorPart &part, const PieceShape &shape) {
  if (!shape.table) return shape.piece.count * sizeof(float);
  const uint64_t rows = part.coding == Coding::sparse ? std::min(part.entries, shape.rows()) : part.rows;
  return std::min<uint64_t>(rows, shape.rows()) * shape.width * sizeof(float);
}

}  // namespace ngd::cluster
