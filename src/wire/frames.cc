// Joining small pieces, cutting large ones, and checking what came.
#include "wire/frames.h"

#include <algorithm>

#include "base/error.h"
#include "math/crc32c.h"
#include "wire/codec.h"
#include "wire/limits.h"

namespace ngd::wire {
namespace {

size_t padded(size_t size) {
  return (size + 7) / 8 * 8;
}

// Where the payload begins in the first frame.
size_t payload_offset(size_t control) {
  return kHeaderBytes + padded(control);
}

// Pieces that lie one behind the other in the same memory are one.
std::vector<Bytes> coalesced(const std::vector<Bytes> &payload) {
  std::vector<Bytes> pieces;
  for (const Bytes &piece : payload) {
    const bool goes_on = !pieces.empty() && piece.owner != nullptr && pieces.back().owner == piece.owner &&
                         pieces.back().data + pieces.back().size == piece.data;
    if (goes_on)
      pieces.back().size += piece.size;
    else
      pieces.push_back(piece);
  }
  return pieces;
}

// Cuts what is long into chunks, copies what is short together.
void append_chunks(const std::vector<Bytes> &payload, std::vector<Bytes> &frames) {
  for (size_t i = 0; i < payload.size();) {
    if (payload[i].size >= kJoinBytes) {
      const Bytes &piece = payload[i++];
      for (size_t done = 0; done < piece.size; done += kChunkBytes)
        frames.push_back(piece.slice(done, std::min(kChunkBytes, piece.size - done)));
      continue;
    }
    size_t end = i, size = 0;
    for (; end < payload.size() && payload[end].size < kJoinBytes && size + payload[end].size <= kChunkBytes;
         end++)
      size += payload[end].size;
    if (size == 0) {
      i = end;
      continue;
    }
    const Buffer joined(size);
    for (std::byte *to = joined.data(); i < end; to += payload[i++].size) {
      if (payload[i].size != 0) std::memcpy(to, payload[i].data, payload[i].size);
    }
    frames.push_back(joined.bytes());
  }
}

}  // namespace

Frames pack(const Message &message, uint16_t node, bool checked) {
  const Bytes control = encode(message.body);
  if (control.size > kControlBytes)
    fail(NGD_E_LIMIT, "a message has ", control.size, " bytes of control; the limit is ", kControlBytes);
  Header header;
  header.type = type_of(message.body);
  header.flags = checked ? kPayloadChecked : 0;
  header.node = node;
  header.envelope = message.envelope;
  header.control_bytes = static_cast<uint32_t>(control.size);
  header.payload_bytes = total_bytes(message.payload);
  if (header.payload_bytes > kPayloadBytes)
    fail(NGD_E_LIMIT, "a message has ", header.payload_bytes, " bytes of payload; the limit is ",
         kPayloadBytes);
  header.body_checksum = crc32c(control.span());
  if (checked) {
    for (const Bytes &piece : message.payload)
      header.body_checksum = crc32c(piece.span(), header.body_checksum);
  }

  // The pieces at the beginning that are short go into the first frame.
  std::vector<Bytes> pieces = coalesced(message.payload);
  size_t inside = 0, count = 0;
  for (; count < pieces.size() && inside + pieces[count].size <= kInlineBytes; count++)
    inside += pieces[count].size;
  const size_t offset = payload_offset(control.size);
  const Buffer first(inside != 0 ? offset + inside : kHeaderBytes + control.size);
  write_header(header, std::span<std::byte, kHeaderBytes>(first.data(), kHeaderBytes));
  if (control.size != 0) std::memcpy(first.data() + kHeaderBytes, control.data, control.size);
  if (inside != 0) std::fill(first.data() + kHeaderBytes + control.size, first.data() + offset, std::byte{0});
  std::byte *to = first.data() + offset;
  for (size_t i = 0; i < count; i++) {
    if (pieces[i].size != 0) std::memcpy(to, pieces[i].data, pieces[i].size);
    to += pieces[i].size;
  }
  Frames frames{{first.bytes()}};
  pieces.erase(pieces.begin(), pieces.begin() + static_cast<ptrdiff_t>(count));
  append_chunks(pieces, frames.list);
  return frames;
}

Unpacked unpack(const std::vector<Bytes> &frames) {
  if (frames.empty()) fail(NGD_E_PROTOCOL, "a message has no frames");
  const Bytes &first = frames.front();
  Unpacked out;
  out.header = read_header(first.span());
  const Header &header = out.header;
  if (first.size < kHeaderBytes + header.control_bytes)
    fail(NGD_E_PROTOCOL, "a message promises ", header.control_bytes,
         " bytes of control, of which its first frame of ", first.size, " bytes has no room");
  const size_t offset = payload_offset(header.control_bytes);
  const size_t inside = first.size > offset ? first.size - offset : 0;
  uint64_t payload = inside;
  for (size_t i = 1; i < frames.size(); i++) {
    if (frames[i].size > kFrameBytes)
      fail(NGD_E_PROTOCOL, "a frame has ", frames[i].size, " bytes; the limit is ", kFrameBytes);
    payload += frames[i].size;
  }
  if (payload != header.payload_bytes)
    fail(NGD_E_PROTOCOL, "a message promises ", header.payload_bytes, " bytes of payload, but has ", payload);

  const Bytes control = first.slice(kHeaderBytes, header.control_bytes);
  if (inside != 0) out.message.payload.push_back(first.slice(offset, inside));
  for (size_t i = 1; i < frames.size(); i++) {
    if (frames[i].size != 0) out.message.payload.push_back(frames[i]);
  }
  uint32_t checksum = crc32c(control.span());
  if ((header.flags & kPayloadChecked) != 0) {
    for (const Bytes &piece : out.message.payload) checksum = crc32c(piece.span(), checksum);
  }
  if (checksum != header.body_checksum)
    fail(NGD_E_PROTOCOL, "a message is damaged: its checksum does not match");
  out.message.envelope = header.envelope;
  out.message.body = decode(header.type, control.span());
  return out;
}

}  // namespace ngd::wire
