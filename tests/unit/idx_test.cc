// The reader of IDX arrays.
#include "data_files.h"

static std::string idx(unsigned char type, const std::vector<uint32_t> &sizes, std::string_view values) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  }
  return bytes + std::string(values);
}

static std::string_view bytes_of(const char *literal, size_t size) {
  return {literal, size};
}
#define BYTES(literal) bytes_of(literal, sizeof(literal) - 1)

static void every_type_is_read_big_endian(void **) {
  holds(loaded("idx", idx(0x08, {2, 2}, BYTES("\x00\x01\xFF\x80"))), "2x2 skipped 0\n 0 1\n 255 128\n");
  holds(loaded("idx", idx(0x09, {2}, BYTES("\x01\xFF"))), "2x1 skipped 0\n 1\n -1\n");
  holds(loaded("idx", idx(0x0B, {1, 2}, BYTES("\x01\x02\xFF\xFE"))), "1x2 skipped 0\n 258 -2\n");
  holds(loaded("idx", idx(0x0C, {1, 2}, BYTES("\x00\x01\x00\x00\xFF\xFF\xFF\xFF"))),
        "1x2 skipped 0\n 65536 -1\n");
  holds(loaded("idx", idx(0x0D, {1, 2}, BYTES("\x3F\xC0\x00\x00\xC0\x00\x00\x00"))),
        "1x2 skipped 0\n 1.5 -2\n");
  holds(loaded("idx", idx(0x0E, {1, 1}, BYTES("\x3F\xF8\x00\x00\x00\x00\x00\x00"))), "1x1 skipped 0\n 1.5\n");
}

static void any_rank_is_read_as_rows_of_values(void **) {
  holds(loaded("idx", idx(8, {1, 2, 1, 2}, "abcd")), "1x4 skipped 0\n 97 98 99 100\n");
}

static void gzip_and_labels_are_read(void **) {
  write_gzip("labels", idx(8, {3}, BYTES("\x07\x03\x07")));
  ngd::Dataset dataset("idx:labels=labels");
  dataset.load(write_gzip("samples", idx(8, {3, 1}, "abc")));
  holds(dataset, "3x1 skipped 0\n7=1 | 97\n3=0 | 98\n7=1 | 99\n");
}

static void labels_must_fit(void **) {
  const std::string samples = idx(8, {2, 1}, "ab");
  write_file("l", idx(8, {3}, "abc"));
  load_fails("idx:labels=l", samples, "l: byte 4: found 3 labels, expected 2, as many as f has samples");
  write_file("l", idx(8, {2, 1}, "ab"));
  load_fails("idx:labels=l", samples,
             "l: byte 3: found the shape 2 x 1, expected one dimension: a label a sample");
  write_file("l", idx(8, {2}, "abc"));
  load_fails("idx:labels=l", samples,
             "l: byte 10: found more bytes, expected the end of the file after 2 values");
  write_file("l", idx(0x0D, {2}, BYTES("\x7F\xC0\x00\x00\x00\x00\x00\x00")));
  load_fails("idx:labels=l", samples, "l: byte 16: found the label nan, expected finite numbers");
  fails([] { loaded("idx:labels=none", idx(8, {1}, "a")); }, NGD_E_IO,
        "none: cannot open the file: No such file or directory");
}

static void broken_files_are_errors_that_say_where_and_why(void **) {
  load_fails("idx", "",
             "f: byte 0: found the end of the file, expected the four bytes that an IDX file begins with (copy "
             "or download the file again)");
  load_fails("idx", "P5 12",
             "f: byte 0: found the bytes 50 35 20 31, expected 00 00, a type (08 09 0b 0c 0d or 0e) and the "
             "number of dimensions (is it an IDX file?)");
  load_fails("idx", BYTES("\x00\x00\x08\x00"),
             "f: byte 0: found the bytes 00 00 08 00, expected 00 00, a type (08 09 0b 0c 0d or 0e) and the "
             "number of dimensions (is it an IDX file?)");
  load_fails("idx", BYTES("\x00\x00\x08\x02\x00\x00"),
             "f: byte 6: found the end of the file, expected the size of a dimension (copy or download the "
             "file again)");
  load_fails("idx", idx(8, {2, 3}, "abcde"),
             "f: byte 17: found the end of the file, expected 2 x 3 values (copy or download the file again)");
  load_fails("idx", idx(8, {2, 2}, "abcde"),
             "f: byte 16: found more bytes, expected the end of the file after 2 x 2 values");
  load_fails("idx", idx(8, {0, 2}, ""), "f: found no samples, expected at least one");
  load_fails("idx", idx(8, {2, 0}, ""),
             "f: byte 8: found the shape 2 x 0, expected samples of 1 to 2147483647 values");
  load_fails("idx", idx(8, {1, 65536, 65536}, ""),
             "f: byte 12: found the shape 1 x 65536 x 65536, expected samples of 1 to 2147483647 values");
  // Sizes that only claim to be large take no memory.
  load_fails("idx", idx(0x0E, {4294967295u, 2147483647u}, "abc"),
             "f: byte 15: found the end of the file, expected 4294967295 x 2147483647 values (copy or download "
             "the file again)");
}

static void values_that_are_not_finite_are_refused_skipped_or_zero(void **) {
  const std::string file =
      idx(0x0D, {2, 2}, BYTES("\x3F\x80\x00\x00\x7F\x80\x00\x00\x40\x00\x00\x00\x3F\x80\x00\x00"));
  load_fails("idx", file,
             "f: sample 0: found inf as value 1, expected a finite number (set nonfinite=zero to read 0, or "
             "malformed=skip to leave such samples out)");
  holds(loaded("idx:nonfinite=zero", file), "2x2 skipped 0\n 1 0\n 2 1\n");
  holds(loaded("idx:malformed=skip", file), "1x2 skipped 1\n 2 1\n");
  load_fails("idx", idx(0x0E, {1}, BYTES("\x7F\xE0\x00\x00\x00\x00\x00\x00")),
             "f: sample 0: found 8.98846567431158e+307 as value 0, expected a finite number (set "
             "nonfinite=zero to read 0, or malformed=skip to leave such samples out)");
}

static void a_later_file_must_have_samples_of_the_same_size(void **) {
  ngd::Dataset dataset = loaded("idx", idx(8, {1, 2}, "ab"));
  fails(
      [&] {
        dataset.load(write_file("g", idx(8, {1, 3}, "abc")));
      },
      NGD_E_DATA, "g: byte 4: found the shape 1 x 3, expected samples of 2 values as in the rows before");
  dataset.load(write_file("g", idx(8, {1, 2, 1}, "cd")));
  holds(dataset, "2x2 skipped 0\n 97 98\n 99 100\n");
}

static void truncated_gzip_is_an_error(void **) {
  std::string values;
  for (int i = 0; i < 1000; i++) values += static_cast<char>(i * i % 251);
  const std::string file = read_file(write_gzip("whole", idx(8, {1000}, values)));
  ngd::Dataset dataset("idx");
  fails([&] { dataset.load(write_file("half", file.substr(0, file.size() - 8))); }, NGD_E_DATA,
        "half: byte 1008: found damaged gzip data (the data ends too early), expected the rest of the file "
        "(copy or download the file again)");
  assert_int_equal(dataset.rows(), 0);
}

int main() {
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_type_is_read_big_endian),
      cmocka_unit_test(any_rank_is_read_as_rows_of_values),
      cmocka_unit_test(gzip_and_labels_are_read),
      cmocka_unit_test(labels_must_fit),
      cmocka_unit_test(broken_files_are_errors_that_say_where_and_why),
      cmocka_unit_test(values_that_are_not_finite_are_refused_skipped_or_zero),
      cmocka_unit_test(a_later_file_must_have_samples_of_the_same_size),
      cmocka_unit_test(truncated_gzip_is_an_error),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
