// Lines of a plain or gzip file, without their line breaks, from one buffer that slides over the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/file_reader.h"

namespace ngd {

class LineReader {
 public:
  // A line may have up to `max_line_bytes` bytes, its line break not counted.
  LineReader(const std::string &path, uint64_t max_line_bytes);

  // Gives the next line, valid until the next call; false at the end of the file. A byte-order mark at the
  // start, and LF or CR LF at the end of lines, are left out. Throws NGD_E_DATA where gzip data is damaged.
  bool next(std::string_view &line);
  uint64_t line_number() const { return line_number_; }  // of the line given last, from 1
  bool too_long() const { return too_long_; }  // that line exceeded the limit; it was given as an empty one
  const std::string &path() const { return path_; }

 private:
  bool fill();
  bool skip_long_line();

  std::string path_;
  uint64_t limit_;
  FileReader file_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // what is in the buffer and not given out yet
  uint64_t line_number_ = 0;
  bool ended_ = false;
  bool too_long_ = false;
};

}  // namespace ngd
