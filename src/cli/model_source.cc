// Loading models, and finding the format their data has.
#include "model_source.h"

#include <filesystem>

#include "run_record.h"

namespace cli {

Model load_model(const std::string &path) {
  ngd_model *model = nullptr;
  call(ngd_model_load, path.c_str(), &model);
  return Model(model);
}

bool is_text_model(const ngd_model *model) {
  const std::string spec = text_of(ngd_model_get_text, model, "spec");
  return spec.substr(0, spec.find(':')) == "text";
}

namespace {

std::string format_of_run(const std::string &model_path) {
  const std::filesystem::path command = std::filesystem::path(model_path) / "command.json";
  return std::filesystem::exists(command) ? read_command(model_path).data.format : "";
}

}  // namespace

std::string text_format_of(const std::string &model_path) {
  const std::string format = format_of_run(model_path);
  return format.empty() ? "text" : format;
}

void complete_for_model(Source &source, const std::string &model_path, bool needs_labels) {
  if (source.files.empty()) throw Failure{"--data names no file", kExitUsage};
  if (source.format.empty()) source.format = format_of_run(model_path);
  complete(source, needs_labels);
}

}  // namespace cli
