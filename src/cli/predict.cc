// ngd predict: the class and its probability, or the number, of every row.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <numeric>

#include "handle.h"
#include "model_source.h"
#include "verbs.h"

namespace cli {
namespace {

constexpr uint64_t kChunk = 1000;  // rows predicted and printed at a time

// Turns a model's outputs into rows of output.
class Printer {
 public:
  Printer(const ngd_model *model, size_t top, Style style)
      : style_(style), outputs_(ngd_model_output_count(model)) {
    for (size_t i = 0; i < ngd_model_class_count(model); i++)
      classes_.push_back(text_of(ngd_model_get_class, model, i));
    regression_ = classes_.empty() && is_regression(model);
    // A model without names still has classes: they go by number. One output is the probability of class 1.
    for (size_t i = classes_.size(); !regression_ && i < std::max<size_t>(outputs_, 2); i++)
      classes_.push_back(std::to_string(i));
    top_ = regression_ ? outputs_ : std::min(top, classes_.size());
    table_ = Table(columns());
    if (style_ == Style::json) fmt::print("{{\"predictions\":[");
  }

  size_t output_count() const { return outputs_; }

  void add(uint64_t row, const float *outputs) {
    if (regression_) {
      std::vector<Cell> cells = {integer_cell(row)};
      for (size_t i = 0; i < outputs_; i++) cells.push_back(number(outputs[i]));
      emit(std::move(cells), {});
      return;
    }
    const std::vector<float> shares = outputs_ == 1 ? std::vector<float>{1 - outputs[0], outputs[0]}
                                                    : std::vector<float>(outputs, outputs + outputs_);
    std::vector<size_t> order(shares.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::partial_sort(
        order.begin(), order.begin() + static_cast<long>(top_), order.end(),
        [&shares](size_t a, size_t b) { return shares[a] != shares[b] ? shares[a] > shares[b] : a < b; });
    Json ranking = Json::array();
    for (size_t rank = 0; rank < top_; rank++) {
      const size_t best = order[rank];
      if (style_ == Style::json)
        ranking.push_back({{"class", classes_[best]}, {"probability", number(shares[best]).value}});
      else
        table_.add({integer_cell(row), text_cell(classes_[best]), number(shares[best])});
    }
    if (style_ == Style::json)
      emit({integer_cell(row), text_cell(classes_[order[0]]), number(shares[order[0]])}, std::move(ranking));
  }

  void flush() {
    if (style_ != Style::json) table_.print(style_);
    std::fflush(stdout);
  }

  void finish() {
    flush();
    if (style_ == Style::json) fmt::print("{}]}}\n", count_ == 0 ? "" : "\n");
  }

 private:
  // Without named classes, auto is mean_square.
  static bool is_regression(const ngd_model *model) {
    const std::string loss = text_of(ngd_model_get_text, model, "loss");
    return loss == "auto" || loss == "mean_square";
  }

  // As many digits as a float has: 0.1, not 0.10000000149.
  static Cell number(float value) {
    return {Json::parse(fmt::format("{}", value), nullptr, false), fmt::format("{:.4g}", value)};
  }

  std::vector<Column> columns() const {
    std::vector<Column> result = {{"row", "row"}};
    if (!regression_) {
      result.push_back({"class", "class", false});
      result.push_back({"probability", "probability"});
      return result;
    }
    for (size_t i = 0; i < outputs_; i++) {
      const std::string name = outputs_ == 1 ? "value" : fmt::format("value_{}", i);
      result.push_back({name, name});
    }
    return result;
  }

  void emit(std::vector<Cell> cells, Json ranking) {
    if (style_ != Style::json) {
      table_.add(std::move(cells));
      return;
    }
    Json object = table_.object(cells);
    if (top_ > 1 && !regression_) object["top"] = std::move(ranking);
    fmt::print("{}\n{}", count_++ == 0 ? "" : ",", object.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  Style style_;
  size_t outputs_;
  size_t top_ = 1;
  bool regression_ = false;
  std::vector<std::string> classes_;
  Table table_{{}};
  uint64_t count_ = 0;
};

void predict_rows(const ngd_model *model, const ngd_dataset *dataset, uint64_t first_row, Printer &printer) {
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, dataset, &info);
  std::vector<float> outputs;
  for (uint64_t first = 0; first < info.rows; first += kChunk) {
    const uint64_t rows = std::min(kChunk, info.rows - first);
    outputs.resize(rows * printer.output_count());
    call(ngd_model_predict_f32, model, dataset, first, rows, outputs.data(), outputs.size());
    for (uint64_t i = 0; i < rows; i++)
      printer.add(first_row + first + i, &outputs[i * printer.output_count()]);
    printer.flush();
  }
}

// Lines of words from stdin: one at a time when a person types them, in chunks otherwise.
void predict_lines(const ngd_model *model, const std::string &format, Printer &printer) {
  const uint64_t chunk = isatty(STDIN_FILENO) == 1 ? 1 : kChunk;
  uint64_t row = 0;
  for (bool more = true; more;) {
    const Dataset dataset = create<ngd_dataset>(ngd_dataset_create, format);
    uint64_t rows = 0;
    std::string line;
    while (rows < chunk && (more = static_cast<bool>(std::getline(std::cin, line)))) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      call(ngd_dataset_append_text, dataset.get(), line.c_str(), nullptr);
      rows++;
    }
    if (rows > 0) predict_rows(model, dataset.get(), row, printer);
    row += rows;
  }
}

int predict(const std::string &path, Source source, size_t top, Style style) {
  if (top == 0) throw Failure{"--top is 0, but takes at least 1", kExitUsage};
  const Model model = load_model(path);
  const bool from_stdin = source.files == std::vector<std::string>{"-"};
  if (from_stdin && is_text_model(model.get())) {
    if (source.format.empty()) source.format = text_format_of(path);
    Printer printer(model.get(), top, style);
    predict_lines(model.get(), source.format, printer);
    printer.finish();
    return 0;
  }
  if (from_stdin)
    throw Failure{"--data - reads lines of text, but this model takes rows of numbers; name a file",
                  kExitUsage};
  complete_for_model(source, path, false);
  const Dataset dataset = load(source);
  Printer printer(model.get(), top, style);
  predict_rows(model.get(), dataset.get(), 0, printer);
  printer.finish();
  return 0;
}

}  // namespace

Verb predict_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("predict", "Predict the class or number of every row");
  struct Arguments {
    std::string model, data, format;
    size_t top = 1;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("--model", arguments->model, "A run directory, a checkpoint or a saved model")
      ->required()
      ->type_name("RUN|FILE");
  app->add_option("--data", arguments->data,
                  "Samples, or - for lines of words from standard input (text models)")
      ->required()
      ->type_name("FILE[,FILE...]|-");
  app->add_option("--format", arguments->format, "How to read them; when left out, as the run did, or guessed")
      ->type_name("SPEC");
  app->add_option("--top", arguments->top, "So many of the likeliest classes, best first (default: 1)")
      ->type_name("K");
  add_output_option(*app, arguments->style);
  app->footer(
      "Rows count from 0.\n\n"
      "Examples:\n"
      "  ngd predict --model letters --data new.csv --top 3\n"
      "  echo 'library for reading images' | ngd predict --model sections --data - -o json");
  return {app, "ngd predict --model RUN|FILE --data FILE|- [--format SPEC] [--top K] [-o table|json|plain]",
          [arguments] {
            return predict(arguments->model, {split_files(arguments->data), arguments->format, ""},
                           arguments->top, arguments->style);
          }};
}

}  // namespace cli
