// ngd inspect: what a checkpoint, a run directory or a data file holds.
#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>

#include "handle.h"
#include "run_record.h"
#include "verbs.h"

namespace cli {
namespace {

std::string shape_text(const ngd_tensor_info &info) {
  std::string text = "[";
  for (size_t i = 0; i < info.rank; i++) text += fmt::format("{}{}", i == 0 ? "" : ", ", info.shape[i]);
  return text + "]";
}

Table tensor_table(const ngd_checkpoint *checkpoint) {
  Table table({{"name", "tensor", false},
               {"dtype", "type", false},
               {"shape", "shape", false},
               {"minimum", "min"},
               {"maximum", "max"},
               {"mean", "mean"},
               {"norm", "norm"}});
  std::vector<double> values;
  for (size_t index = 0; index < ngd_checkpoint_tensor_count(checkpoint); index++) {
    auto info = sized<ngd_tensor_info>();
    call(ngd_checkpoint_tensor, checkpoint, index, &info);
    values.resize(info.elements);
    double low = NAN, high = NAN, sum = 0, squares = 0;
    if (!values.empty()) call(ngd_checkpoint_read_f64, checkpoint, index, values.data(), values.size());
    for (const double value : values) {
      low = std::fmin(low, value);
      high = std::fmax(high, value);
      sum += value;
      squares += value * value;
    }
    table.add({text_cell(info.name),
               text_cell(info.dtype),
               {std::vector<int64_t>(info.shape, info.shape + info.rank), shape_text(info)},
               short_cell(low, 4),
               short_cell(high, 4),
               short_cell(sum / static_cast<double>(values.size()), 4),
               short_cell(std::sqrt(squares), 4)});
  }
  return table;
}

void inspect_checkpoint(const std::string &path, Style style) {
  ngd_checkpoint *opened = nullptr;
  call(ngd_checkpoint_open, path.c_str(), &opened);
  const Checkpoint checkpoint(opened);
  Table tensors = tensor_table(checkpoint.get());
  std::vector<std::pair<std::string, Cell>> texts;
  for (size_t index = 0; index < ngd_checkpoint_text_count(checkpoint.get()); index++) {
    const char *key = nullptr, *text = nullptr;
    call(ngd_checkpoint_text, checkpoint.get(), index, &key, &text);
    texts.emplace_back(key, text_cell(text));
  }
  if (style == Style::json) {
    Json metadata = Json::object();
    for (const auto &[key, cell] : texts) metadata[key] = cell.value;
    print_json({{"kind", "checkpoint"}, {"tensors", tensors.json()}, {"metadata", metadata}});
    return;
  }
  tensors.print(style);
  if (style == Style::plain) return;
  // Class names and vocabularies may be long; a person sees where they begin.
  constexpr size_t kShown = 100;
  for (auto &[key, cell] : texts) {
    if (cell.text.size() <= kShown) continue;
    size_t cut = kShown;
    while ((cell.text[cut] & 0xC0) == 0x80) cut--;
    cell.text = fmt::format("{}... ({} bytes)", cell.text.substr(0, cut), cell.text.size());
  }
  fmt::print("\n");
  print_fields(style, texts);
}

std::string value_text(const Json &value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void inspect_run(const std::string &run, Style style) {
  const std::vector<Json> log = read_log(run);
  const std::vector<Json> epochs = epochs_of(log);
  std::ifstream file(std::filesystem::path(run) / "config.json");
  const Json config = Json::parse(file, nullptr, false);
  if (config.is_discarded()) throw Failure{run + ": config.json cannot be read or is damaged"};
  const bool ended = !log.empty() && log.back().value("event", "") == "end";
  const Json last = epochs.empty() ? Json(nullptr) : epochs.back();
  if (style == Style::json) {
    print_json({{"kind", "run"}, {"ended", ended}, {"last_epoch", last}, {"config", config}});
    return;
  }
  std::vector<std::pair<std::string, Cell>> fields;
  for (const auto &[key, value] : config.items()) fields.emplace_back(key, text_cell(value_text(value)));
  fields.emplace_back("ended", text_cell(ended ? "yes" : "no"));
  for (const char *key :
       {"epoch", "step", "loss", "held_out_loss", "held_out_accuracy", "majority", "seconds"}) {
    if (last.is_object() && last.contains(key))
      fields.emplace_back(fmt::format("last {}", key), Cell{last[key], last[key].dump()});
  }
  print_fields(style, fields);
}

// Class names with how many rows each has.
Table class_table(const ngd_dataset *dataset, const ngd_dataset_info &info) {
  Table table({{"class", "class", false}, {"rows", "rows"}, {"share", "share"}});
  if (info.labels != NGD_LABELS_CATEGORY) return table;
  std::vector<float> labels(info.rows);
  call(ngd_dataset_get_labels_f32, dataset, size_t{0}, static_cast<size_t>(info.rows), labels.data(),
       labels.size());
  std::vector<uint64_t> counts(info.classes);
  for (const float label : labels) counts[static_cast<size_t>(label)]++;
  for (size_t i = 0; i < counts.size(); i++)
    table.add({text_cell(text_of(ngd_dataset_get_class, dataset, i)), integer_cell(counts[i]),
               number_cell(static_cast<double>(counts[i]) / static_cast<double>(info.rows), 4)});
  return table;
}

const char *features_text(int32_t features) {
  return features == NGD_FEATURES_DENSE ? "dense" : features == NGD_FEATURES_SPARSE ? "sparse" : "text";
}

const char *labels_text(int32_t labels) {
  return labels == NGD_LABELS_NONE ? "none" : labels == NGD_LABELS_NUMBER ? "number" : "category";
}

void inspect_data(Source source, Style style) {
  complete(source, false);
  const Dataset dataset = load(source);
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, dataset.get(), &info);
  Table classes = class_table(dataset.get(), info);
  std::vector<std::string> lines;
  if (source.format.substr(0, 3) != "idx") lines = first_lines(source.files.front(), 3);
  const std::vector<std::pair<std::string, Cell>> fields = {
      {"format", text_cell(source.format)},
      {"features", text_cell(features_text(info.features))},
      {"labels", text_cell(labels_text(info.labels))},
      {"rows", integer_cell(info.rows)},
      {"columns", integer_cell(info.columns)},
      {"values", integer_cell(info.values)},
      {"classes", integer_cell(info.classes)},
      {"skipped", integer_cell(info.skipped)}};
  if (style == Style::json) {
    Json document = {{"kind", "data"}};
    for (const auto &[key, cell] : fields) document[key] = cell.value;
    document["class_counts"] = classes.json();
    document["first_lines"] = lines;
    print_json(document);
    return;
  }
  print_fields(style, fields);
  if (style == Style::table && info.classes > 0) fmt::print("\n");
  if (info.classes > 0) classes.print(style);
  if (style == Style::plain || lines.empty()) return;
  fmt::print("\n");
  for (const std::string &line : lines) fmt::print("{}\n", one_line(line.substr(0, 200)));
}

// A safetensors file begins with the length of its header, eight bytes, and the header with a brace.
bool is_checkpoint(const std::string &path) {
  if (std::filesystem::path(path).extension() == ".safetensors") return true;
  const std::string bytes = first_bytes(path, 9);
  return bytes.size() == 9 && bytes[8] == '{' && bytes[7] == 0;
}

}  // namespace

Verb inspect_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("inspect", "Tell what a checkpoint, a run directory or a data file holds");
  struct Arguments {
    std::string path, format, labels;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("path", arguments->path, "A .safetensors file, a run directory, or data")
      ->required()
      ->type_name("FILE|RUN");
  app->add_option("--format", arguments->format, "How to read data; guessed when left out")->type_name("SPEC");
  app->add_option("--labels", arguments->labels, "The file of labels, for idx")->type_name("FILE");
  add_output_option(*app, arguments->style);
  app->footer(
      "Examples:\n  ngd inspect letters.csv --format csv:label=lettr\n  ngd inspect "
      "run/checkpoint-100.safetensors");
  const auto run = [arguments] {
    if (std::filesystem::is_directory(arguments->path))
      inspect_run(arguments->path, arguments->style);
    else if (arguments->format.empty() && is_checkpoint(arguments->path))
      inspect_checkpoint(arguments->path, arguments->style);
    else
      inspect_data({split_files(arguments->path), arguments->format, arguments->labels}, arguments->style);
    return 0;
  };
  return {app, "ngd inspect FILE|RUN [--format SPEC] [-o table|json|plain]", run};
}

}  // namespace cli
