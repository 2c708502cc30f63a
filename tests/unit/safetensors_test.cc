// The store: what is written is read back bit for bit, and nothing damaged or malformed is taken.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"
#include "store/atomic_file.h"
#include "store/safetensors.h"

using ngd::SafetensorsFile;
using ngd::SafetensorsIndex;
using ngd::StateWriter;

namespace {

const std::vector<float> kFloats = {1.5f, -0.0f, std::numeric_limits<float>::quiet_NaN(), 1e-45f, 3e38f};
const std::vector<double> kDoubles = {0.1, -1e308};
const std::vector<uint8_t> kBytes = {1, 2, 255};

StateWriter small_state() {
  StateWriter writer;
  writer.prefix = "model.";
  writer.tensor<uint8_t>("words", {3}, kBytes);
  writer.tensor<float>("weight", {5, 1}, kFloats);
  writer.text("kind", "te\"xt\n\xC3\xA9");
  writer.prefix = "trainer.";
  writer.tensor<double>("loss", {2}, kDoubles);
  return writer;
}

std::string with_header(const std::string &header, const std::string &data = "") {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + header + data;
}

std::string refusal(const Scratch &scratch, const std::string &bytes) {
  const std::string path = scratch / "x";
  write_text(path, bytes);
  const std::string message = message_of(NGD_E_CHECKPOINT, [&] { SafetensorsFile file(path); });
  const std::string start = "checkpoint \"" + path + "\": ";
  assert_string_equal(message.substr(0, start.size()).c_str(), start.c_str());
  return message.substr(start.size());
}

void check_refusal(const Scratch &scratch, const std::string &header, const std::string &data,
                   const char *expected) {
  assert_string_equal(refusal(scratch, with_header(header, data)).c_str(), expected);
}

void what_is_written_is_read_back_bit_for_bit(void **) {
  const Scratch scratch;
  write_safetensors(scratch / "a", small_state());
  const SafetensorsFile file(scratch / "a");
  ngd::StateReader reader = file.reader();
  assert_int_equal(reader.tensors.size(), 3);
  reader.prefix = "model.";
  const int64_t shape[] = {5, 1};
  assert_memory_equal(reader.values<float>("weight", shape).data(), kFloats.data(), 20);
  assert_memory_equal(reader.values<uint8_t>("words").data(), kBytes.data(), 3);
  assert_string_equal(reader.text("kind").c_str(), "te\"xt\n\xC3\xA9");
  assert_int_equal(reader.texts.size(), 1);
  reader.prefix = "trainer.";
  assert_memory_equal(reader.values<double>("loss").data(), kDoubles.data(), 16);
  assert_int_equal(scratch.file_count(), 1);
}

void data_begin_at_a_multiple_of_64_and_tensors_are_aligned(void **) {
  const Scratch scratch;
  write_safetensors(scratch / "a", small_state());
  const std::string bytes = file_text(scratch / "a");
  uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  assert_int_equal((8 + length) % 64, 0);
  assert_int_equal(bytes.size(), 8 + length + 16 + 20 + 3);
  const SafetensorsIndex index(scratch / "a");
  assert_string_equal(index.tensors()[0].name.c_str(), "trainer.loss");
  assert_string_equal(index.tensors()[1].name.c_str(), "model.weight");
  assert_string_equal(index.tensors()[2].name.c_str(), "model.words");
}

void a_file_cut_at_any_length_is_refused(void **) {
  const Scratch scratch;
  write_safetensors(scratch / "a", small_state());
  const std::string bytes = file_text(scratch / "a");
  for (size_t length = 0; length < bytes.size(); length++) refusal(scratch, bytes.substr(0, length));
  assert_string_equal(refusal(scratch, bytes.substr(0, 7)).c_str(),
                      "it has 7 bytes, too few for a safetensors file");
  assert_string_equal(refusal(scratch, bytes.substr(0, bytes.size() - 1)).c_str(),
                      "its tensors need 39 bytes of data, but it has 38; it was cut short");
  refusal(scratch, bytes + "x");
}

bool same(const ngd::StateReader &a, const ngd::StateReader &b) {
  if (a.texts != b.texts || a.tensors.size() != b.tensors.size()) return false;
  for (size_t i = 0; i < a.tensors.size(); i++) {
    const ngd::TensorView &x = a.tensors[i], &y = b.tensors[i];
    if (x.name != y.name || x.dtype != y.dtype || x.shape != y.shape || x.bytes != y.bytes ||
        std::memcmp(x.data, y.data, x.bytes) != 0)
      return false;
  }
  return true;
}

// One exception: in the name of the checksum's own entry a flipped bit makes it an entry like any other.
void every_flipped_bit_is_noticed_or_changes_nothing(void **) {
  const Scratch scratch;
  write_safetensors(scratch / "a", small_state());
  const SafetensorsFile original(scratch / "a");
  const std::string bytes = file_text(scratch / "a");
  size_t taken = 0;
  for (size_t at = 0; at < bytes.size(); at++) {
    for (int bit = 0; bit < 8; bit++) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      write_text(scratch / "x", damaged);
      try {
        const SafetensorsFile file(scratch / "x");
        ngd::StateReader reader = file.reader();
        std::erase_if(reader.texts, [](const auto &entry) {
          return entry.first.size() == std::strlen(ngd::kChecksumKey) && entry.second.size() == 16;
        });
        if (!same(original.reader(), reader)) fail_msg("bit %d of byte %zu was not noticed", bit, at);
        taken++;
      } catch (const ngd::Error &error) {
        if (error.status() != NGD_E_CHECKPOINT) fail_msg("%s", error.what());
      }
    }
  }
  assert_true(taken > 0 && taken < 8 * 40);
}

void damaged_data_are_told_from_damaged_headers(void **) {
  const Scratch scratch;
  write_safetensors(scratch / "a", small_state());
  std::string bytes = file_text(scratch / "a");
  bytes.back() ^= 1;
  assert_string_equal(
      refusal(scratch, bytes).c_str(),
      "its contents do not match its checksum; it is damaged, or was changed by another program "
      "that kept the metadata \"ngd.checksum\"");
}

void malformed_headers_are_refused_with_the_reason(void **) {
  const Scratch s;
  const std::string two = "{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[";
  check_refusal(s, "[]", "", "its header does not begin with \"{\"");
  check_refusal(s, "", "", "its header does not begin with \"{\"");
  check_refusal(s, "{} {}", "", "its header is not JSON at byte 12");
  check_refusal(s, std::string("{}\0{", 4), "", "its header holds a NUL character");
  check_refusal(s, "{\"a\":1}", "", "the entry \"a\" of its header is not an object");
  check_refusal(s, "{\"a\":[]}", "", "the entry \"a\" of its header is not an object");
  check_refusal(s, "{\"__metadata__\":{\"k\":1}}", "", "its metadata \"k\" is not a text");
  check_refusal(s, "{\"__metadata__\":{\"k\":{}}}", "", "its metadata \"k\" is not a text");
  check_refusal(s, "{\"__metadata__\":{\"k\":\"a\",\"k\":\"a\"}}", "", "its metadata names \"k\" twice");
  check_refusal(s, "{\"__metadata__\":{\"k\":\"\\u0000\"}}", "", "a text holds a NUL character");
  check_refusal(s, "{\"a\\u0000\":{}}", "", "a name holds a NUL character");
  check_refusal(s, "{\"a\":{}}", "", "tensor \"a\" has no field \"dtype\"");
  check_refusal(s, "{\"a\":{\"x\":1}}", "", "tensor \"a\" has an unknown field \"x\"");
  check_refusal(s, "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", "",
                "tensor \"a\" has the field \"dtype\" twice");
  check_refusal(s, "{\"a\":{\"dtype\":8}}", "", "tensor \"a\" has a number in its field \"dtype\"");
  check_refusal(s, "{\"a\":{\"dtype\":[\"U8\"]}}", "", "tensor \"a\" has an array in its field \"dtype\"");
  check_refusal(s, "{\"a\":{\"shape\":\"2\"}}", "", "tensor \"a\" has a text in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[-2]}}", "", "tensor \"a\" has a negative number in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[2.0]}}", "", "tensor \"a\" has a fraction in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[9223372036854775808]}}", "",
                "tensor \"a\" has a huge number in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[null]}}", "", "tensor \"a\" has null in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[true]}}", "", "tensor \"a\" has true or false in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[[2]]}}", "", "tensor \"a\" has an array in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[{}]}}", "", "tensor \"a\" has an object in its field \"shape\"");
  check_refusal(s, "{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", "", "the shape of \"a\" has more than 8 numbers");
  check_refusal(s, "{\"a\":{\"data_offsets\":[1]}}", "", "the data_offsets of \"a\" are not two numbers");
  check_refusal(s, "{\"a\":{\"data_offsets\":[0,1,2]}}", "",
                "the data_offsets of \"a\" has more than 2 numbers");
  check_refusal(s, "{\"a\":" + two + "2,0]}}", "", "tensor \"a\" ends at 0, before it begins at 2");
  check_refusal(s, "{\"a\":" + two + "0,3]}}", "xyz",
                "tensor \"a\" is U8[2], 2 bytes, but its data_offsets span 3");
  check_refusal(s, "{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,0]}}", "",
                "tensor \"a\" has the impossible shape [4294967296, 4294967296, 2]");
  check_refusal(s, "{\"a\":" + two + "0,2]},\"a\":" + two + "2,4]}}", "wxyz", "it names \"a\" twice");
  check_refusal(s, "{\"a\":" + two + "0,2]},\"b\":" + two + "1,3]}}", "xyz",
                "tensor \"b\" begins at 1, inside the tensor that ends at 2");
  check_refusal(s, "{\"a\":" + two + "0,2]},\"b\":" + two + "3,5]}}", "vwxyz",
                "tensor \"b\" begins at 3, after a gap behind the tensor that ends at 2");
  check_refusal(s, "{\"a\":" + two + "0,2]}}", "xyz", "its tensors need 2 bytes of data, but it has 3");
  check_refusal(s, "{\"\xFF\":1}", "", "its header is not JSON at byte 11");
}

void a_huge_header_length_is_refused_before_memory_is_asked_for(void **) {
  const Scratch scratch;
  assert_string_equal(
      refusal(scratch, std::string(8, '\xFF')).c_str(),
      "it claims a header of 18446744073709551615 bytes, but the format allows 100000000; it is "
      "cut short or no safetensors file");
  assert_string_equal(
      refusal(scratch, std::string("\x10\0\0\0\0\0\0\0{}", 10)).c_str(),
      "it claims a header of 16 bytes, but it has only 2; it is cut short or no safetensors file");
}

void deep_nesting_is_refused_without_recursion(void **) {
  const Scratch scratch;
  refusal(scratch, with_header("{\"a\":" + std::string(5'000'000, '[')));
  refusal(scratch, with_header("{\"a\":{\"shape\":" + std::string(5'000'000, '[')));
  std::string objects;
  for (int i = 0; i < 1'000'000; i++) objects += "{\"a\":";
  refusal(scratch, with_header(objects));
}

void foreign_files_are_read(void **) {
  const Scratch scratch;
  // Unaligned, out of order, an empty tensor, a scalar, element types that nothing here computes with.
  const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00};
  const uint16_t brains[] = {0x3F80};
  const float number = 2.5f;
  std::string data = "\x01";
  data += std::string(reinterpret_cast<const char *>(&number), 4);
  data += std::string(reinterpret_cast<const char *>(halves), 8);
  data += std::string(reinterpret_cast<const char *>(brains), 2);
  data += "\xFF???";
  write_text(scratch / "f", with_header("{\"half\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[5,13]},"
                                        "\"flag\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                        "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[5,5]},"
                                        "\"brain\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[13,15]},"
                                        "\"single\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]},"
                                        "\"byte\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[15,16]},"
                                        "\"odd\":{\"dtype\":\"Q3\",\"shape\":[8],\"data_offsets\":[16,19]}}   ",
                                        data));
  const SafetensorsFile file(scratch / "f");
  const auto single = file.reader().values<float>("single");
  assert_int_equal(reinterpret_cast<uintptr_t>(single.data()) % alignof(float), 0);
  assert_true(single[0] == 2.5f);

  const SafetensorsIndex index(scratch / "f");
  const char *names[] = {"flag", "single", "none", "half", "brain", "byte", "odd"};
  for (size_t i = 0; i < 7; i++) assert_string_equal(index.tensors()[i].name.c_str(), names[i]);
  double values[4];
  index.read_f64(0, {values, 1});
  assert_true(values[0] == 1);
  index.read_f64(2, {});
  index.read_f64(3, values);
  assert_true(values[0] == 1 && values[1] == -2 && values[2] == std::ldexp(1, -24) && std::isinf(values[3]));
  index.read_f64(4, {values, 1});
  assert_true(values[0] == 1);
  index.read_f64(5, {values, 1});
  assert_true(values[0] == -1);
  assert_string_equal(message_of(NGD_E_UNSUPPORTED, [&] { index.read_f64(6, values); }).c_str(),
                      "tensor \"odd\" has elements of type \"Q3\", which cannot be read as float64");
}

void tensors_longer_than_the_buffer_are_converted_whole(void **) {
  const Scratch scratch;
  std::vector<float> many(100'000);
  for (size_t i = 0; i < many.size(); i++) many[i] = static_cast<float>(i);
  StateWriter writer;
  writer.tensor<float>("many", {100'000}, many);
  write_safetensors(scratch / "a", writer);
  std::vector<double> values(many.size());
  SafetensorsIndex(scratch / "a").read_f64(0, values);
  for (size_t i = 0; i < many.size(); i++) assert_true(values[i] == static_cast<double>(i));
}

void what_is_no_file_is_an_io_error(void **) {
  const Scratch scratch;
  const auto message = [](const std::string &path) {
    return message_of(NGD_E_IO, [&] { SafetensorsFile file(path); });
  };
  assert_string_equal(message(scratch / "no").c_str(),
                      ("cannot read \"" + (scratch / "no") + "\": No such file or directory").c_str());
  assert_string_equal(message(scratch.path()).c_str(),
                      ("cannot read \"" + scratch.path() + "\": Is a directory").c_str());
  assert_int_equal(mkfifo((scratch / "pipe").c_str(), 0600), 0);
  assert_string_equal(message(scratch / "pipe").c_str(),
                      ("cannot read \"" + (scratch / "pipe") + "\": it is not a regular file").c_str());
}

void a_state_that_the_format_cannot_hold_is_refused(void **) {
  const Scratch scratch;
  StateWriter twice;
  twice.tensor<uint8_t>("a", {3}, kBytes);
  twice.tensor<uint8_t>("a", {3}, kBytes);
  assert_string_equal(message_of(NGD_E_ARGUMENT, [&] { write_safetensors(scratch / "a", twice); }).c_str(),
                      ("cannot write \"" + (scratch / "a") + "\": two tensors are named \"a\"").c_str());
  StateWriter latin;
  latin.text("class", "caf\xE9");
  assert_string_equal(message_of(NGD_E_DATA, [&] { write_safetensors(scratch / "a", latin); }).c_str(),
                      ("cannot write \"" + (scratch / "a") +
                       "\": \"caf\xE9\" is not valid UTF-8, and a safetensors header holds nothing else")
                          .c_str());
  assert_int_equal(scratch.file_count(), 0);
}

void a_write_that_fails_leaves_the_old_file_and_no_other(void **) {
  const Scratch scratch;
  write_text(scratch / "a", "old");
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 16;
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = message_of(NGD_E_IO, [&] { write_safetensors(scratch / "a", small_state()); });
  setrlimit(RLIMIT_FSIZE, &before);
  assert_string_equal(message.c_str(), ("cannot write \"" + (scratch / "a") + "\": File too large").c_str());
  assert_string_equal(file_text(scratch / "a").c_str(), "old");
  assert_int_equal(scratch.file_count(), 1);
}

void a_target_that_cannot_be_replaced_is_an_io_error(void **) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "d");
  assert_string_equal(message_of(NGD_E_IO, [&] { write_safetensors(scratch / "d", small_state()); }).c_str(),
                      ("cannot write \"" + (scratch / "d") + "\": Is a directory").c_str());
  assert_int_equal(scratch.file_count(), 1);
  assert_string_equal(message_of(NGD_E_IO, [&] { write_safetensors(scratch / "no/a", small_state()); }).c_str(),
                      ("cannot write \"" + (scratch / "no/a") + "\": No such file or directory").c_str());
}

void a_file_that_is_not_committed_vanishes(void **) {
  const Scratch scratch;
  {
    ngd::AtomicFile file(scratch / "a");
    file.write(std::as_bytes(std::span("half")));
    assert_int_equal(scratch.file_count(), 1);
  }
  assert_int_equal(scratch.file_count(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read_back_bit_for_bit),
      cmocka_unit_test(data_begin_at_a_multiple_of_64_and_tensors_are_aligned),
      cmocka_unit_test(a_file_cut_at_any_length_is_refused),
      cmocka_unit_test(every_flipped_bit_is_noticed_or_changes_nothing),
      cmocka_unit_test(damaged_data_are_told_from_damaged_headers),
      cmocka_unit_test(malformed_headers_are_refused_with_the_reason),
      cmocka_unit_test(a_huge_header_length_is_refused_before_memory_is_asked_for),
      cmocka_unit_test(deep_nesting_is_refused_without_recursion),
      cmocka_unit_test(foreign_files_are_read),
      cmocka_unit_test(tensors_longer_than_the_buffer_are_converted_whole),
      cmocka_unit_test(what_is_no_file_is_an_io_error),
      cmocka_unit_test(a_state_that_the_format_cannot_hold_is_refused),
      cmocka_unit_test(a_write_that_fails_leaves_the_old_file_and_no_other),
      cmocka_unit_test(a_target_that_cannot_be_replaced_is_an_io_error),
      cmocka_unit_test(a_file_that_is_not_committed_vanishes),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
