// ngd vectors train: texts in, vectors out; a line an epoch, and the progress line in between.
#include <fmt/core.h>
#include <signal.h>

#include <cmath>

#include "progress.h"
#include "source.h"
#include "vectors.h"

namespace cli {
namespace {

constexpr uint64_t kShowEvery = 20;  // steps

volatile sig_atomic_t interrupted = 0;

// Ctrl-C stops after the steps in hand; a second one ends the program at once.
class Interruption {
 public:
  Interruption() {
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~Interruption() { sigaction(SIGINT, &before_, nullptr); }
  Interruption(const Interruption &) = delete;
  Interruption &operator=(const Interruption &) = delete;

 private:
  struct sigaction before_ = {};
};

StatusLine::Mode mode_of(const std::string &text) {
  if (text == "auto") return StatusLine::Mode::automatic;
  if (text == "on") return StatusLine::Mode::on;
  if (text == "off") return StatusLine::Mode::off;
  throw Failure{"--progress cannot be \"" + text + "\"; it takes auto, on or off", kExitUsage};
}

ngd_vectors_progress progress_of(const ngd_vectors *vectors) {
  auto progress = sized<ngd_vectors_progress>();
  call(ngd_vectors_get_progress, vectors, &progress);
  return progress;
}

std::string status_text(const ngd_vectors_progress &at) {
  const double share = static_cast<double>(at.words) / static_cast<double>(at.words_all);
  return fmt::format("epoch {} of {}  {:.0f}%  loss {:.4f}  {} words/s  {}", at.epoch + 1, at.epochs,
                     100 * share, at.loss, rounded(at.words_per_second, 3),
                     time_left_text(at.seconds * (1 - share) / share));
}

Table epoch_table() {
  return Table({{"epoch", "epoch"},
                {"loss", "loss"},
                {"words", "words"},
                {"words_per_second", "words/s"},
                {"seconds", "seconds"}});
}

std::vector<Cell> epoch_cells(const ngd_vectors_progress &at) {
  return {integer_cell(at.epoch), number_cell(at.loss, 4), integer_cell(at.words),
          short_cell(at.words_per_second, 3), number_cell(at.seconds, 1)};
}

}  // namespace

int train_vectors(const VectorsTrainArguments &arguments) {
  StatusLine line(mode_of(arguments.progress));
  const std::string format = written_format(arguments.out, arguments.to);
  const Vectors vectors =
      create<ngd_vectors>(ngd_vectors_create, arguments.spec.empty() ? "vectors" : arguments.spec);
  Optimizer optimizer;
  if (!arguments.optimizer.empty())
    optimizer = create<ngd_optimizer>(ngd_optimizer_create, arguments.optimizer);
  const Dataset texts =
      load({split_files(arguments.data), arguments.format.empty() ? "text:label=none" : arguments.format, ""});
  call(ngd_vectors_start, vectors.get(), static_cast<const ngd_dataset *>(texts.get()), optimizer.get());
  const ngd_vectors_info info = info_of(vectors.get());
  if (arguments.style == Style::table) {
    fmt::print("{} words of dimension {}\n\n", info.words, info.dimension);
    std::fflush(stdout);
  }
  const Interruption interruption;
  Table table = epoch_table();
  table.widen(2, 12);
  uint64_t told = 0;
  for (int32_t running = 1; running != 0 && interrupted == 0;) {
    call(ngd_vectors_advance, vectors.get(), uint64_t{1}, &running);
    const ngd_vectors_progress at = progress_of(vectors.get());
    if (at.epoch == told) {
      if (at.steps % kShowEvery == 0) line.show(at.seconds, status_text(at));
      continue;
    }
    line.clear();
    told = at.epoch;
    table.add(epoch_cells(at));
    if (arguments.style != Style::json) table.print(arguments.style);
    std::fflush(stdout);
  }
  line.clear();
  call(ngd_vectors_save, vectors.get(), arguments.out.c_str(), format.c_str());
  if (arguments.style == Style::json)
    print_json({{"words", info.words}, {"dimension", info.dimension}, {"epochs", table.json()}});
  if (interrupted != 0)
    throw Failure{
        fmt::format("stopped by Ctrl-C; {} holds the vectors as far as they had come", arguments.out)};
  if (arguments.style == Style::table)
    fmt::print("\nThe vectors are in {}. Next: ngd vectors neighbours {} {}\n", arguments.out, arguments.out,
               word_of(vectors.get(), info.words / 100));
  return 0;
}

}  // namespace cli
