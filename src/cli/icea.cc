// ngd icea: tells what the buffer of a run holds: totals, a histogram of scores, the quarantine, the hard set.
#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "handle.h"
#include "run_record.h"
#include "score_bins.h"
#include "verbs.h"

namespace cli {
namespace {

constexpr size_t kTextBins = 12, kPictureBins = 30;

struct Arguments {
  std::string run, svg, list;
  Style style = Style::table;
};

std::vector<std::pair<std::string, Cell>> totals(const ngd_icea *icea) {
  auto info = sized<ngd_icea_info>();
  call(ngd_icea_get_info, icea, &info);
  const double share =
      info.draws == 0 ? 0 : static_cast<double>(info.hard_draws) / static_cast<double>(info.draws);
  return {{"options", text_cell(text_of(ngd_icea_get_text, icea, "spec"))},
          {"samples", integer_cell(info.samples)},
          {"seen", integer_cell(info.seen)},
          {"hard_set", integer_cell(info.hard)},
          {"hard_set_most", integer_cell(info.capacity)},
          {"quarantined", integer_cell(info.quarantined)},
          {"visits", integer_cell(info.records)},
          {"draws", integer_cell(info.draws)},
          {"hard_share", number_cell(share, 3)}};
}

Table histogram(const Scores &scores) {
  Table table({{"from", "score from"},
               {"to", "to"},
               {"samples", "samples"},
               {"hard", "hard set"},
               {"quarantined", "quarantine"}});
  for (const ScoreBin &bin : bins_of(scores, kTextBins))
    table.add({number_cell(bin.from, 3), number_cell(bin.to, 3), integer_cell(bin.samples),
               integer_cell(bin.hard), integer_cell(bin.quarantined)});
  return table;
}

// The rows of the data, as ngd predict counts them, that the samples of a run are. Where a share was held out they are
// the others; the split of a row depends on its number alone, so splitting the numbers tells which.
class Rows {
 public:
  Rows(const std::string &run, uint64_t samples) {
    if (!std::filesystem::is_directory(run)) return;
    const Command command = read_command(run);
    const std::optional<double> share = fraction(command.held_out);
    for (uint64_t count = samples; share && rows_.size() < samples; count += count / 4 + 1000)
      rows_ = training_rows(count, *share, command.split_seed);
  }
  uint64_t operator[](uint64_t sample) const { return rows_.empty() ? sample : rows_[sample]; }

 private:
  static std::vector<uint64_t> training_rows(uint64_t count, double share, uint64_t seed) {
    // A float holds 24 bits: a number is two of them.
    constexpr uint64_t kHalf = uint64_t{1} << 24;
    std::vector<float> numbers;
    for (uint64_t row = 0; row < count; row++) {
      numbers.push_back(static_cast<float>(row / kHalf));
      numbers.push_back(static_cast<float>(row % kHalf));
    }
    const Dataset all = create<ngd_dataset>(ngd_dataset_create, "dense");
    call(ngd_dataset_append_f32, all.get(), numbers.data(), static_cast<const float *>(nullptr), size_t{count},
         size_t{2});
    ngd_dataset *rest = nullptr, *held_out = nullptr;
    call(ngd_dataset_split, all.get(), share, seed, &rest, &held_out);
    const Dataset training(rest), other(held_out);
    auto info = sized<ngd_dataset_info>();
    call(ngd_dataset_get_info, rest, &info);
    call(ngd_dataset_get_rows_f32, rest, size_t{0}, size_t{info.rows}, numbers.data(), numbers.size());
    std::vector<uint64_t> rows(info.rows);
    for (size_t i = 0; i < rows.size(); i++)
      rows[i] = static_cast<uint64_t>(numbers[2 * i]) * kHalf + static_cast<uint64_t>(numbers[2 * i + 1]);
    return rows;
  }

  std::vector<uint64_t> rows_;
};

Table samples(const Scores &scores, const std::vector<uint64_t> &ids, const Rows &rows) {
  Table table({{"row", "row"},
               {"score", "score"},
               {"seen", "visits"},
               {"errors", "wrong"},
               {"miss_run", "wrong in a row"}});
  for (const uint64_t id : ids)
    table.add({integer_cell(rows[id]), number_cell(static_cast<double>(scores.scores[id]), 4),
               integer_cell(scores.seen[id]), integer_cell(scores.errors[id]),
               integer_cell(scores.miss_runs[id])});
  return table;
}

void write_picture(const std::string &path, const std::string &svg) {
  std::ofstream file(path, std::ios::binary);
  file << svg;
  file.close();
  if (!file) throw Failure{path + ": cannot be written"};
  fmt::print("{}\n", path);
}

int tell(const Arguments &arguments) {
  const Icea icea =
      create<ngd_icea>([](const char *spec, ngd_icea **out,
                          ngd_error *error) noexcept { return ngd_icea_create(spec, 0, out, error); },
                       "icea");
  call(ngd_icea_load, icea.get(), arguments.run.c_str());
  const Scores scores(icea.get());
  if (!arguments.svg.empty()) {
    std::filesystem::path path = std::filesystem::absolute(arguments.run).lexically_normal();
    if (path.filename().empty()) path = path.parent_path();  // "run/"
    write_picture(arguments.svg,
                  draw_bins_svg(bins_of(scores, kPictureBins), "scores of " + path.filename().string()));
    return 0;
  }
  if (!arguments.list.empty()) {
    const bool quarantine = arguments.list == "quarantine";
    Table table = samples(scores, quarantine ? scores.quarantined : scores.hard,
                          Rows(arguments.run, scores.scores.size()));
    if (arguments.style == Style::json)
      print_json({{arguments.list, table.json()}});
    else
      table.print(arguments.style);
    return 0;
  }
  const auto fields = totals(icea.get());
  Table table = histogram(scores);
  if (arguments.style == Style::json) {
    Json document;
    for (const auto &[key, cell] : fields) document[key] = cell.value;
    document["histogram"] = table.json();
    print_json(document);
    return 0;
  }
  print_fields(arguments.style, fields);
  if (arguments.style == Style::table) {
    fmt::print("\n");
    table.print(arguments.style);
  }
  return 0;
}

}  // namespace

Verb icea_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("icea", "Tell which samples of a run are still hard, or in quarantine");
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("run", arguments->run, "A run directory of ngd train --icea, or a file of a buffer")
      ->required()
      ->type_name("RUN");
  app->add_option_function<std::string>(
         "--list",
         [arguments](const std::string &list) {
           if (list != "quarantine" && list != "hard")
             throw CLI::ValidationError("--list", "cannot be \"" + list + "\"; it takes quarantine or hard");
           arguments->list = list;
         },
         "List samples instead: those in quarantine, or the hard set, the hardest first")
      ->type_name("quarantine|hard");
  app->add_option("--svg", arguments->svg, "Write the histogram of scores as an SVG picture instead")
      ->type_name("FILE");
  add_output_option(*app, arguments->style);
  app->footer(
      "Examples:\n  ngd icea letters\n  ngd icea letters --list quarantine\n  ngd icea letters --svg "
      "scores.svg\n\n"
      "Rows are numbered from 0, in the order of the data file, as ngd predict numbers them.");
  return {app, "ngd icea RUN [--list quarantine|hard] [--svg FILE] [-o table|json|plain]",
          [arguments] { return tell(*arguments); }};
}

}  // namespace cli
