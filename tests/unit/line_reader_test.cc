// Lines of plain and gzip files.
#include "data/line_reader.h"

#include <sys/stat.h>

#include "base/random.h"
#include "data_files.h"

static std::vector<std::string> lines_of(const std::string &path, uint64_t limit = 1 << 30) {
  ngd::LineReader reader(path, limit);
  std::vector<std::string> lines;
  std::string_view line;
  while (reader.next(line)) {
    lines.push_back(reader.too_long() ? "(too long)" : std::string(line));
    assert_int_equal(reader.line_number(), lines.size());
  }
  assert_false(reader.next(line));
  return lines;
}

static void lines_are(const std::string &path, const std::vector<std::string> &expected,
                      uint64_t limit = 1 << 30) {
  const std::vector<std::string> lines = lines_of(path, limit);
  assert_int_equal(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); i++) assert_string_equal(lines[i].c_str(), expected[i].c_str());
}

static void line_breaks_and_byte_order_mark_are_left_out(void **) {
  lines_are(write_file("f", ""), {});
  lines_are(write_file("f", "\xEF\xBB\xBF"), {});
  lines_are(write_file("f",
                       "\xEF\xBB\xBF"
                       "a\r\n\nb\rc\n\r\nd"),
            {"a", "", "b\rc", "", "d"});
  lines_are(write_file("f", "a\n"), {"a"});
  lines_are(write_file("f", "\xEF\xBB"), {"\xEF\xBB"});
  lines_are(write_gzip("f",
                       "\xEF\xBB\xBF"
                       "a\r\nb"),
            {"a", "b"});
}

static void a_line_may_have_as_many_bytes_as_the_limit(void **) {
  const std::vector<std::string> expected = {"12345", "12345", "(too long)", "1", "(too long)"};
  lines_are(write_file("f", "12345\n12345\r\n123456\n1\n123456"), expected, 5);
  // Longer than the buffer, too.
  const std::string huge(3 << 20, 'x');
  lines_are(write_file("f", "1\n" + huge + "\n2\n" + huge), {"1", "(too long)", "2", "(too long)"}, 100);
  lines_are(write_file("f", "1\n" + huge + "\n2\n" + huge), {"1", huge, "2", huge});
}

static void lines_of_any_length_pass_the_edges_of_the_buffer(void **) {
  ngd::Random random(7, 1);
  std::vector<std::string> expected;
  std::string all;
  for (int i = 0; i < 300; i++) {
    expected.push_back(std::string(random.below(30000), static_cast<char>('a' + i % 26)));
    all += expected.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  lines_are(write_file("f", all), expected);
  lines_are(write_gzip("f", all), expected);
}

static void several_gzip_members_are_one_file(void **) {
  const std::string a = read_file(write_gzip("f", "a\nb")), b = read_file(write_gzip("f", "c\nd\n"));
  lines_are(write_file("f", a + b), {"a", "bc", "d"});
}

static void damaged_gzip_is_an_error_that_says_how_far_it_was_good(void **) {
  std::string text;
  ngd::Random random(1, 1);
  for (int i = 0; i < 1000; i++) text += ngd::concat(random.next(), "\n");
  const std::string whole = read_file(write_gzip("f", text));
  fails([&] { lines_of(write_file("f", whole.substr(0, whole.size() - 8))); }, NGD_E_DATA,
        ngd::concat(
            "f:1001:1: found damaged gzip data after ", text.size(),
            " unpacked bytes (the data ends too early), expected the rest of the file (copy or download the "
            "file again)"));
  fails([&] { lines_of(write_file("f", whole.substr(0, 12))); }, NGD_E_DATA,
        "f:1:1: found damaged gzip data after 0 unpacked bytes (the data ends too early), expected the rest of "
        "the "
        "file (copy or download the file again)");
  std::string bad = whole;
  bad[bad.size() - 6] = static_cast<char>(bad[bad.size() - 6] ^ 1);
  fails([&] { lines_of(write_file("f", bad)); }, NGD_E_DATA,
        ngd::concat(
            "f:1:1: found damaged gzip data after 0 unpacked bytes (incorrect data check), expected the rest "
            "of the file (copy or download the file again)"));
}

static void files_that_cannot_be_read_are_errors_of_the_system(void **) {
  fails([] { lines_of("absent"); }, NGD_E_IO, "absent: cannot open the file: No such file or directory");
  fails([] { lines_of("."); }, NGD_E_IO, ".: cannot read the file: Is a directory");
  write_file("plain", "x");
  fails([] { lines_of("plain/f"); }, NGD_E_IO, "plain/f: cannot open the file: Not a directory");
  fails([] { lines_of(""); }, NGD_E_IO, ": cannot open the file: No such file or directory");
}

static void a_file_without_permission_is_an_error_of_the_system(void **) {
  write_file("secret", "x");
  chmod("secret", 0);
  // The superuser may read everything: give that up for the moment.
  const bool super = geteuid() == 0;
  if (super) assert_int_equal(seteuid(65534), 0);
  fails([] { lines_of("secret"); }, NGD_E_IO, "secret: cannot open the file: Permission denied");
  if (super) assert_int_equal(seteuid(0), 0);
}

static void long_paths_are_shortened_in_messages(void **) {
  const std::string path = std::string(100, 'a') + "/" + std::string(100, 'b');
  fails([&] { lines_of(path); }, NGD_E_IO,
        "..." + path.substr(path.size() - 160) + ": cannot open the file: No such file or directory");
}

int main() {
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(line_breaks_and_byte_order_mark_are_left_out),
      cmocka_unit_test(a_line_may_have_as_many_bytes_as_the_limit),
      cmocka_unit_test(lines_of_any_length_pass_the_edges_of_the_buffer),
      cmocka_unit_test(several_gzip_members_are_one_file),
      cmocka_unit_test(damaged_gzip_is_an_error_that_says_how_far_it_was_good),
      cmocka_unit_test(files_that_cannot_be_read_are_errors_of_the_system),
      cmocka_unit_test(a_file_without_permission_is_an_error_of_the_system),
      cmocka_unit_test(long_paths_are_shortened_in_messages),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
