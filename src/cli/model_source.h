// Models from files or run directories, and the data to use them on.
#pragma once

#include <string>

#include "handle.h"
#include "source.h"

namespace cli {

Model load_model(const std::string &path);
bool is_text_model(const ngd_model *model);

// The format of lines of words for a text model: the run's, "text" when there is no run.
std::string text_format_of(const std::string &model_path);

// Fills in a missing format: of a run directory, the format that the run was trained with; guessed otherwise.
void complete_for_model(Source &source, const std::string &model_path, bool needs_labels);

}  // namespace cli
