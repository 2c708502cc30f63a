// Where samples come from: files and a format, which is guessed when nobody says it.
#pragma once

#include <string>
#include <vector>

#include "handle.h"

namespace cli {

struct Source {
  std::vector<std::string> files;
  std::string format;  // a spec; "" to guess
  std::string labels;  // idx: the file of labels; "" when there is none
};

// "a.csv,b.csv" taken apart, unless a file of that very name exists.
std::vector<std::string> split_files(const std::string &text);

// The first bytes of a file, unpacked when it is gzip; throws a Failure when it cannot be read.
std::string first_bytes(const std::string &path, size_t count);
// The first lines, at most so many.
std::vector<std::string> first_lines(const std::string &path, size_t count);

// Fills in a missing format from the first file's name and bytes, and idx's missing label file from its name;
// says on stderr what was guessed. Throws a Failure of usage when nothing fits, or when labels are needed and
// nobody says in which column they are.
void complete(Source &source, bool needs_labels);

Dataset load(const Source &source);

}  // namespace cli
