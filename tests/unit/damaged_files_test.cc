// Files damaged at random: each is either read or refused as malformed, and a refusal changes nothing.
#include "base/random.h"
#include "data_files.h"

namespace {

constexpr int kTrials = 3000;

// Flips bits, cuts, repeats and inserts, a few times each.
std::string damaged(std::string bytes, ngd::Random &random) {
  const uint64_t times = 1 + random.below(4);
  for (uint64_t i = 0; i < times && !bytes.empty(); i++) {
    const size_t at = random.below(bytes.size());
    const size_t length = std::min<size_t>(1 + random.below(12), bytes.size() - at);
    switch (random.below(6)) {
      case 0:
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(random.below(bytes.size()), bytes.substr(at, length));
        break;
      case 4:
        bytes.erase(at, length);
        break;
      default: {
        const char *const pieces[] = {"\"", "\n",  "\r\n",  ",",         "\t", ":",
                                      "-1", "nan", "1e999", "__label__", "#",  "99999999999999999999",
                                      ""};
        const std::string_view piece = pieces[random.below(13)];
        bytes.insert(at, piece.empty() ? std::string_view("\0", 1) : piece);
      }
    }
  }
  return bytes;
}

struct Outcome {
  int good = 0, refused = 0;
};

Outcome try_all(const std::vector<std::string> &specs, const std::string &valid, uint64_t stream,
                bool gzip = false) {
  Outcome outcome;
  ngd::Random random(2024, stream);
  const std::string whole = gzip ? read_file(write_gzip("whole", valid)) : valid;
  write_file("valid", valid);
  for (int trial = 0; trial < kTrials; trial++) {
    ngd::Dataset dataset(specs[static_cast<size_t>(trial) % specs.size()]);
    dataset.load("valid");
    const std::string before = contents(dataset);
    write_file("f", damaged(whole, random));
    try {
      dataset.load("f");
      outcome.good++;
      assert_true(contents(dataset).size() > before.size());
    } catch (const ngd::Error &error) {
      outcome.refused++;
      if (error.status() != NGD_E_DATA) fail_msg("trial %d: %s", trial, error.what());
      assert_true(std::string_view(error.what()).find("found ") != std::string_view::npos);
      holds(dataset, before);
    }
  }
  return outcome;
}

// Both ends of the test must be reached, or it shows nothing.
void both_happen(const Outcome &outcome) {
  assert_true(outcome.good > kTrials / 100);
  assert_true(outcome.refused > kTrials / 100);
}

}  // namespace

static void damaged_csv_is_read_or_refused(void **) {
  both_happen(try_all({"csv:label=kind", "csv:label=kind,malformed=skip",
                       "csv:label=kind,missing=zero,nonfinite=zero,max_line_bytes=20"},
                      "kind,a,b\n\"x, y\",1,2.5\ny,-3,4e2\n\"q \"\"z\",+5,.5\n", 1));
}

static void damaged_libsvm_is_read_or_refused(void **) {
  both_happen(try_all({"libsvm", "libsvm:malformed=skip", "libsvm:index_base=1,nonfinite=zero"},
                      "+1 1:0.5 3:2e1 # more\n-1 qid:7 2:-4 5:1\n\n+1\n-1 4:0\n", 2));
}

static void damaged_text_is_read_or_refused(void **) {
  both_happen(try_all({"text", "text:malformed=skip,lowercase=1", "text:punctuation=split"},
                      "__label__b the cat, \xC3\xA4\n__label__a A dog\n__label__b cat\n", 3));
  both_happen(try_all({"text:punctuation=drop", "text:malformed=skip"}, "1\tone two\n2\tthree\n1\ttwo\n", 4));
}

static void damaged_idx_is_read_or_refused(void **) {
  const std::string bytes(
      "\0\0\x08\x02\0\0\0\x03\0\0\0\x04"
      "abcdefghijkl",
      24);
  both_happen(try_all({"idx", "idx:malformed=skip"}, bytes, 5));
  const std::string floats(
      "\0\0\x0D\x02\0\0\0\x02\0\0\0\x01"
      "\x3F\x80\0\0\x40\0\0\0",
      20);
  both_happen(try_all({"idx", "idx:malformed=skip", "idx:nonfinite=zero"}, floats, 6));
}

static void damaged_gzip_is_read_or_refused(void **) {
  const Outcome outcome =
      try_all({"csv:label=0", "csv:label=0,malformed=skip"}, "x,1,2\ny,3,4\nz,5,6\n", 7, true);
  assert_true(outcome.refused > kTrials / 2);
}

int main() {
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(damaged_csv_is_read_or_refused),  cmocka_unit_test(damaged_libsvm_is_read_or_refused),
      cmocka_unit_test(damaged_text_is_read_or_refused), cmocka_unit_test(damaged_idx_is_read_or_refused),
      cmocka_unit_test(damaged_gzip_is_read_or_refused),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
