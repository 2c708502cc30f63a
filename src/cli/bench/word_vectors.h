// The parts of ngd bench vectors: a file to read, the reader it is measured against, and programs run as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

// Writes a file of GloVe's format with made-up words and numbers, as those of GloVe look.
void write_made_up_vectors(const std::string &path, size_t words, size_t dimension);

// Splits the lines of a file and parses their numbers with fast_float, and keeps nothing: what no reader of text can do less of.
// Returns the sum of the numbers.
float read_and_forget(const std::string &path);

// A program from its start to its end.
struct Whole {
  double wall = 0, processor = 0;  // seconds
};
// Quietly; throws a Failure when the program cannot be run or fails.
Whole run_whole(const std::vector<std::string> &command);

// The most memory that a program takes at once, in bytes, as looked at every millisecond.
uint64_t peak_of(const std::vector<std::string> &command);

// This program itself.
std::string own_path();

}  // namespace cli
