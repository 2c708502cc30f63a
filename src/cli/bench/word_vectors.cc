// ngd bench vectors: reading beside a null reader, memory beside the table, training beside fastText.
#include "bench/word_vectors.h"

#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "bench/bench.h"
#include "source.h"
#include "vectors.h"

namespace cli {
namespace {

struct Arguments {
  size_t words = 100000, dimension = 100, rounds = 5, threads = 2;
  std::string file, texts, peer = "fasttext";
  bool subwords = false;
  Style style = Style::table;
};

// A folder that goes with its contents.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ngd-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Failure{pattern + ": cannot be made"};
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

Table read_table() {
  return Table({{"file", "file", false},
                {"seconds", "read s"},
                {"null_seconds", "null s"},
                {"ratio", "null / read"},
                {"table_bytes", "table MB"},
                {"peak_bytes", "peak MB"},
                {"peak_ratio", "peak / table"}});
}

// `text`: with a null reader beside.
void measure_reading(const Arguments &arguments, const std::string &path, bool text, uint64_t base,
                     Table &table) {
  std::vector<Burst> bursts = {[&] {
    const auto start = std::chrono::steady_clock::now();
    load_vectors(path, "");
    return seconds_since(start);
  }};
  volatile float sink = 0;
  if (text)
    bursts.push_back([&] {
      const auto start = std::chrono::steady_clock::now();
      sink = read_and_forget(path);
      return seconds_since(start);
    });
  const std::vector<Times> times = take_turns(bursts, arguments.rounds);
  const ngd_vectors_info info = info_of(load_vectors(path, "").get());
  const uint64_t bytes = info.words * info.dimension * sizeof(float);
  // Beyond what the program takes for a file of one word.
  const uint64_t peak = peak_of({own_path(), "vectors", "inspect", path}) - base;
  const auto megabytes = [](uint64_t count) {
    return Cell{count, fmt::format("{:.1f}", static_cast<double>(count) / 1e6)};
  };
  const double none = std::nan("");
  table.add({text_cell(std::filesystem::path(path).filename().string()), number_cell(times[0].median(), 3),
             number_cell(text ? times[1].median() : none, 3),
             number_cell(text ? ratio_of(times[1], times[0]) : none, 2), megabytes(bytes), megabytes(peak),
             number_cell(static_cast<double>(peak) / static_cast<double>(bytes), 2)});
}

Table train_table() {
  return Table({{"program", "program", false},
                {"threads", "threads"},
                {"wall", "wall s"},
                {"processor", "processor s"},
                {"words_per_second", "words/s"},
                {"ratio", "against ngd"}});
}

uint64_t tokens_of(const std::string &texts) {
  const Dataset dataset = load({{texts}, "text:label=none", ""});
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, dataset.get(), &info);
  return info.values;
}

struct Subject {
  std::string name;
  std::vector<std::string> command;
  Times wall, processor;
};

// Whole programs in turns: reading, training, writing. Equal settings; "with subwords" is fastText's own default.
void measure_training(const Arguments &arguments, const Folder &folder, Table &table) {
  const double words = static_cast<double>(tokens_of(arguments.texts)) * 5;
  for (size_t threads = 1; threads <= arguments.threads; threads++) {
    const std::string count = std::to_string(threads);
    const std::vector<std::string> peer = {arguments.peer, "skipgram",
                                           "-input",       arguments.texts,
                                           "-output",      folder / "peer",
                                           "-dim",         "100",
                                           "-ws",          "5",
                                           "-neg",         "5",
                                           "-epoch",       "5",
                                           "-minCount",    "5",
                                           "-thread",      count};
    std::vector<std::string> words_only = peer;
    words_only.insert(words_only.end(), {"-minn", "0", "-maxn", "0"});
    const std::vector<std::string> ours = {
        own_path(),
        "vectors",
        "train",
        "--data",
        arguments.texts,
        "--out",
        folder / "ours.vec",
        "--progress",
        "off",
        "--spec",
        "vectors:dimension=100,window=5,negatives=5,epochs=5,min_count=5,threads=" + count};
    std::vector<Subject> subjects = {{"ngd vectors train", ours, {}, {}},
                                     {"fasttext skipgram, words", words_only, {}, {}}};
    if (arguments.subwords) subjects.push_back({"fasttext skipgram, with subwords", peer, {}, {}});
    for (size_t round = 0; round < arguments.rounds; round++) {
      for (Subject &subject : subjects) {
        const Whole whole = run_whole(subject.command);
        subject.wall.seconds.push_back(whole.wall);
        subject.processor.seconds.push_back(whole.processor);
      }
    }
    for (const Subject &subject : subjects)
      table.add({text_cell(subject.name), integer_cell(threads), number_cell(subject.wall.median(), 2),
                 number_cell(subject.processor.median(), 2), short_cell(words / subject.wall.median(), 3),
                 number_cell(ratio_of(subject.wall, subjects[0].wall), 2)});
  }
}

int bench(const Arguments &arguments) {
  const Folder folder;
  std::string text = arguments.file;
  if (text.empty()) {
    text = folder / "made-up.txt";
    write_made_up_vectors(text, arguments.words, arguments.dimension);
  }
  const std::string binary = folder / "word2vec.bin";
  call(ngd_vectors_save, load_vectors(text, "").get(), binary.c_str(), "word2vec_binary");
  const std::string one_word = folder / "one-word.txt";
  write_made_up_vectors(one_word, 1, 1);
  uint64_t base = 0;  // it is over soon: the largest of some looks
  for (int look = 0; look < 5; look++)
    base = std::max(base, peak_of({own_path(), "vectors", "inspect", one_word}));
  Table reading = read_table(), training = train_table();
  measure_reading(arguments, text, true, base, reading);
  measure_reading(arguments, binary, false, base, reading);
  if (arguments.style != Style::json) reading.print(arguments.style);
  if (!arguments.texts.empty()) {
    if (arguments.style == Style::table) fmt::print("\n");
    std::fflush(stdout);
    measure_training(arguments, folder, training);
    if (arguments.style != Style::json) training.print(arguments.style);
  }
  if (arguments.style == Style::json)
    print_json({{"processor", processor_name()},
                {"version", ngd_version()},
                {"rounds", arguments.rounds},
                {"reading", reading.json()},
                {"training", training.json()}});
  return 0;
}

}  // namespace

Verb vectors_bench(CLI::App &bench_app) {
  CLI::App *app = bench_app.add_subcommand(
      "vectors", "Reading word vectors beside a null reader, training them beside fastText");
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  app->add_option("--file", a.file, "Vectors as plain text to read; made up when left out")->type_name("FILE");
  app->add_option("--words", a.words, "Words to make up (default 100000)")->type_name("N");
  app->add_option("--dimension", a.dimension, "Their dimension (default 100)")->type_name("N");
  app->add_option("--texts", a.texts, "Texts to train on, one a line; without, nothing is trained")
      ->type_name("FILE");
  app->add_option("--peer", a.peer, "fastText's program (default fasttext)")->type_name("PROGRAM");
  app->add_flag("--subwords", a.subwords, "Train fastText with subwords too, as its default is");
  app->add_option("--threads", a.threads, "Train on 1 to so many threads (default 2)")->type_name("N");
  app->add_option("--rounds", a.rounds, "Turns of each side (default 5)")->type_name("N");
  add_output_option(*app, a.style);
  app->footer("Example:\n  ngd bench vectors --words 400000 --texts texts.txt --rounds 9");
  return {app, "ngd bench vectors [--texts FILE] [options]; see ngd bench vectors --help",
          [arguments] { return bench(*arguments); }};
}

}  // namespace cli
