// ngd eval: how good a model is on labelled data.
#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "handle.h"
#include "model_source.h"
#include "verbs.h"

namespace cli {
namespace {

int evaluate(const std::string &path, Source source, Style style) {
  const Model model = load_model(path);
  complete_for_model(source, path, true);
  const Dataset dataset = load(source);
  auto metrics = sized<ngd_metrics>();
  call(ngd_model_evaluate, model.get(), dataset.get(), &metrics);
  const std::vector<std::pair<std::string, Cell>> fields = {
      {"rows", integer_cell(metrics.rows)},           {"unknown", integer_cell(metrics.unknown)},
      {"loss", number_cell(metrics.loss, 4)},         {"accuracy", number_cell(metrics.accuracy, 4)},
      {"majority", number_cell(metrics.majority, 4)}, {"r_squared", number_cell(metrics.r_squared, 4)}};
  if (style == Style::json) {
    Json document = Json::object();
    for (const auto &[key, cell] : fields) document[key] = cell.value;
    print_json(document);
  } else if (style == Style::plain) {
    print_fields(style, fields);
  } else {
    // For people: only what has a meaning here, and in words.
    std::vector<std::pair<std::string, Cell>> shown = {{"rows", fields[0].second}};
    if (metrics.unknown > 0) shown.push_back({"rows of unknown classes", fields[1].second});
    shown.push_back({"loss", fields[2].second});
    if (std::isfinite(metrics.accuracy)) shown.push_back({"accuracy", fields[3].second});
    if (std::isfinite(metrics.majority)) shown.push_back({"largest class", fields[4].second});
    if (std::isfinite(metrics.r_squared)) shown.push_back({"r squared", fields[5].second});
    print_fields(style, shown);
  }
  return 0;
}

}  // namespace

Verb eval_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("eval", "Measure a model on labelled data");
  struct Arguments {
    std::string model, data, format, labels;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("--model", arguments->model, "A run directory, a checkpoint or a saved model")
      ->required()
      ->type_name("RUN|FILE");
  app->add_option("--data", arguments->data, "Samples with labels; plain or gzip")
      ->required()
      ->type_name("FILE[,FILE...]");
  app->add_option("--format", arguments->format, "How to read them; when left out, as the run did, or guessed")
      ->type_name("SPEC");
  app->add_option("--labels", arguments->labels, "The file of labels, for idx")->type_name("FILE");
  add_output_option(*app, arguments->style);
  app->footer(
      "\"largest class\" is the accuracy of always answering the commonest class of the data.\n\n"
      "Example:\n  ngd eval --model letters --data test.csv");
  return {app, "ngd eval --model RUN|FILE --data FILE [--format SPEC] [-o table|json|plain]", [arguments] {
            return evaluate(arguments->model,
                            {split_files(arguments->data), arguments->format, arguments->labels},
                            arguments->style);
          }};
}

}  // namespace cli
