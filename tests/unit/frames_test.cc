// wire/header and wire/frames: messages there and back, and everything that a hostile peer may put in their place.
#include "wire/frames.h"

#include <vector>

#include "base/random.h"
#include "math/crc32c.h"
#include "raises.h"
#include "wire/codec.h"
#include "wire/limits.h"

namespace {

using namespace ngd::wire;

Bytes pattern(size_t size, size_t seed = 0) {
  const Buffer buffer(size);
  for (size_t i = 0; i < size; i++) buffer.data()[i] = static_cast<std::byte>((i + seed) * 131 >> 3);
  return buffer.bytes();
}

Message push(std::vector<Bytes> payload) {
  Message message;
  message.envelope = {{0x1122334455667788, 0x99AABBCCDDEEFF00}, 42, 7, 3};
  Push body;
  body.kind = UpdateKind::delta;
  body.lineage = 5;
  body.tensors = {{2, 0, false}};
  message.body = body;
  message.payload = std::move(payload);
  return message;
}

Bytes changed(const Bytes &frame, size_t at, uint8_t flip) {
  const Bytes copy = copied(frame.span());
  const_cast<std::byte *>(copy.data)[at] ^= static_cast<std::byte>(flip);
  return copy;
}

// A first frame whose header says something else, with checksums that are right.
Bytes forged(const Bytes &frame, void (*change)(Header &)) {
  const Bytes copy = copied(frame.span());
  Header header = read_header(copy.span());
  change(header);
  write_header(header, std::span<std::byte, kHeaderBytes>(const_cast<std::byte *>(copy.data), kHeaderBytes));
  return copy;
}

// The text of the NGD_E_PROTOCOL that `body` must throw.
template <class Body>
std::string message_of_protocol_error(Body &&body) {
  try {
    body();
  } catch (const ngd::Error &error) {
    assert_int_equal(error.status(), NGD_E_PROTOCOL);
    return error.what();
  }
  fail_msg("no error");
  return {};
}

void a_message_comes_back_as_it_was(void **) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{4096}, kInlineBytes, kInlineBytes + 1, kChunkBytes, 3 * kChunkBytes + 5}) {
    for (const bool checked : {false, true}) {
      const Message sent = push({pattern(size)});
      const Frames frames = pack(sent, 9, checked);
      assert_true(frames.list.size() == 1 || size > kInlineBytes);
      for (const Bytes &frame : frames.list) assert_true(frame.size <= kChunkBytes);
      const Unpacked got = unpack(frames.list);
      assert_int_equal(got.header.node, 9);
      assert_int_equal(got.header.type, type_of(sent.body));
      assert_true(got.message.envelope.client == sent.envelope.client);
      assert_true(got.message.envelope.seq == 42 && got.message.envelope.epoch == 7 &&
                  got.message.envelope.shard == 3);
      const Push &body = std::get<Push>(got.message.body);
      assert_true(body.kind == UpdateKind::delta && body.lineage == 5 && body.tensors.size() == 1);
      assert_true(text_of(got.message.payload) == text_of(sent.payload));
    }
  }
}

void a_long_payload_is_not_copied_and_small_pieces_share_a_frame(void **) {
  std::vector<Bytes> pieces{pattern(kChunkBytes * 2)};
  for (size_t i = 0; i < 1000; i++) pieces.push_back(pattern(256, i));
  const Frames frames = pack(push(pieces));
  assert_int_equal(frames.list.size(), 1 + 2 + 1);
  assert_ptr_equal(frames.list[1].data, pieces[0].data);
  assert_true(text_of(unpack(frames.list).message.payload) == text_of(pieces));
}

void every_flipped_bit_of_header_and_control_is_refused(void **) {
  const Frames frames = pack(push({pattern(16)}), 0, true);
  const Bytes &first = frames.list[0];
  const size_t padding_first = kHeaderBytes + read_header(first.span()).control_bytes;
  for (size_t at = 0; at < first.size; at++) {
    if (at >= padding_first && at < first.size - 16) continue;  // padding means nothing
    for (int bit = 0; bit < 8; bit++) {
      std::string message =
          message_of_protocol_error([&] { unpack({changed(first, at, static_cast<uint8_t>(1 << bit))}); });
      assert_true(message.find("checksum") != std::string::npos || message.find("begin") != std::string::npos);
    }
  }
}

void every_truncation_is_refused(void **) {
  const Frames frames = pack(push({pattern(100)}));
  for (size_t size = 0; size < frames.list[0].size; size++)
    assert_true(!message_of_protocol_error([&] { unpack({frames.list[0].slice(0, size)}); }).empty());
  const Frames longer = pack(push({pattern(3 * kChunkBytes)}));
  for (size_t count = 0; count < longer.list.size(); count++) {
    const std::vector<Bytes> some(longer.list.begin(), longer.list.begin() + static_cast<ptrdiff_t>(count));
    assert_true(!message_of_protocol_error([&] { unpack(some); }).empty());
  }
}

void promised_lengths_are_held_against_what_came(void **) {
  const Bytes first = pack(push({pattern(100)})).list[0];
  const auto text = [&](void (*change)(Header &)) {
    return message_of_protocol_error([&] { unpack({forged(first, change)}); });
  };
  check_text(text([](Header &header) { header.payload_bytes = uint64_t{1} << 60; }),
             "a message promises 1152921504606846976 bytes of payload; the limit is 68719476736");
  check_text(text([](Header &header) { header.payload_bytes = ~uint64_t{0}; }),
             "a message promises 18446744073709551615 bytes of payload; the limit is 68719476736");
  check_text(text([](Header &header) { header.payload_bytes = kPayloadBytes; }),
             "a message promises 68719476736 bytes of payload, but has 100");
  check_text(text([](Header &header) { header.control_bytes = ~uint32_t{0}; }),
             "a message promises 4294967295 bytes of control; the limit is 4194304");
  assert_true(text([](Header &header) {
                header.control_bytes = kControlBytes;
              }).starts_with("a message promises 4194304 bytes of control, of which its first frame of "));
  check_text(text([](Header &header) { header.node = 4097; }),
             "a message comes from server 4097 of at most 4096");
  check_text(text([](Header &header) { header.flags = 6; }),
             "a message has flags 6, of which some are unknown here");
}

void adjacent_versions_are_read_and_others_refused(void **) {
  const Bytes first = pack(push({})).list[0];
  unpack({forged(first, [](Header &header) { header.version = kVersion + 1; })});
  for (const auto change :
       {+[](Header &header) { header.version = 0; }, +[](Header &header) { header.version = 3; },
        +[](Header &header) { header.version = 255; }}) {
    const Bytes other = copied(first.span());
    Header header = read_header(first.span());
    change(header);
    write_header(header, std::span<std::byte, kHeaderBytes>(const_cast<std::byte *>(other.data), kHeaderBytes));
    check_raises(NGD_E_PROTOCOL,
                 ngd::concat("a peer speaks version ", header.version,
                             " of the wire, this library version 1: upgrade one release at a time"),
                 [&] { read_header(other.span()); });
  }
}

void a_damaged_payload_is_seen_when_it_is_checked(void **) {
  Frames frames = pack(push({pattern(2 * kChunkBytes)}), 0, true);
  frames.list[2] = changed(frames.list[2], 77, 1);
  check_raises(NGD_E_PROTOCOL, "a message is damaged: its checksum does not match",
               [&] { unpack(frames.list); });
}

void an_oversized_frame_is_refused(void **) {
  Frames frames = pack(push({pattern(kFrameBytes + 1)}));
  const std::vector<Bytes> one{frames.list[0], pattern(kFrameBytes + 1)};
  check_raises(NGD_E_PROTOCOL, "a frame has 8388609 bytes; the limit is 8388608", [&] { unpack(one); });
}

void random_bytes_are_refused(void **) {
  ngd::Random random(5, 0);
  for (int round = 0; round < 20000; round++) {
    const Buffer noise(random.next() % 300);
    for (size_t i = 0; i < noise.size(); i++) noise.data()[i] = static_cast<std::byte>(random.next());
    assert_true(!message_of_protocol_error([&] { unpack({noise.bytes()}); }).empty());
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_message_comes_back_as_it_was),
      cmocka_unit_test(a_long_payload_is_not_copied_and_small_pieces_share_a_frame),
      cmocka_unit_test(every_flipped_bit_of_header_and_control_is_refused),
      cmocka_unit_test(every_truncation_is_refused),
      cmocka_unit_test(promised_lengths_are_held_against_what_came),
      cmocka_unit_test(adjacent_versions_are_read_and_others_refused),
      cmocka_unit_test(a_damaged_payload_is_seen_when_it_is_checked),
      cmocka_unit_test(an_oversized_frame_is_refused),
      cmocka_unit_test(random_bytes_are_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
