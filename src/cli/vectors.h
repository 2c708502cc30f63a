// What the verbs of word vectors share: reading a file of them, and the formats they are written in.
#pragma once

#include <string>

#include "handle.h"
#include "output.h"

namespace cli {

// A spec of vectors with the file read.
Vectors load_vectors(const std::string &path, const std::string &spec);
ngd_vectors_info info_of(const ngd_vectors *vectors);
std::string word_of(const ngd_vectors *vectors, uint64_t row);

// The format that --to names or, when it is empty, the file's name tells: .bin, .safetensors, otherwise text.
std::string written_format(const std::string &path, const std::string &to);

struct VectorsTrainArguments {
  std::string data, format, spec, optimizer, out, to;
  std::string progress = "auto";
  Style style = Style::table;
};
int train_vectors(const VectorsTrainArguments &arguments);

}  // namespace cli
