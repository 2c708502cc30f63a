// Reading samples; guessing formats.
#include "source.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string_view>

namespace cli {
namespace {

constexpr size_t kLook = 65536;  // bytes of a file that a guess looks at

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string lower_name(const std::string &path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (char &c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (ends_with(name, ".gz")) name.resize(name.size() - 3);
  return name;
}

std::vector<std::string> lines_of(const std::string &bytes, size_t count) {
  std::vector<std::string> lines;
  size_t at = bytes.rfind("\xEF\xBB\xBF", 0) == 0 ? 3 : 0;
  while (at < bytes.size() && lines.size() < count) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    lines.push_back(bytes.substr(at, end - at));
    if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
    at = end + 1;
  }
  return lines;
}

bool only(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

// A number, then at least one index:value, up to a comment.
bool looks_like_libsvm(const std::string &line) {
  constexpr const char *kDigits = "0123456789", *kNumber = "+-.0123456789eE";
  std::istringstream words(line.substr(0, line.find('#')));
  std::string word;
  size_t pairs = 0;
  if (!(words >> word) || !only(word, kNumber)) return false;
  while (words >> word) {
    const size_t colon = word.find(':');
    if (colon == std::string::npos || !only(word.substr(colon + 1), kNumber)) return false;
    const std::string name = word.substr(0, colon);
    if (name == "qid" && pairs == 0) continue;
    if (!only(name, kDigits)) return false;
    pairs++;
  }
  return pairs > 0;
}

struct Guess {
  std::string format;
  const char *reason;
};

Guess guess(const std::string &path) {
  const std::string bytes = first_bytes(path, kLook);
  const std::string name = lower_name(path);
  constexpr const char *kByName = "by the file's name";
  constexpr const char *kByContent = "by the first line";
  if (bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] >= 8 && bytes[2] <= 14 && bytes[3] > 0)
    return {"idx", "by the first bytes"};
  if (bytes.empty() || std::memchr(bytes.data(), 0, bytes.size()) != nullptr) return {};
  if (ends_with(name, ".svm") || ends_with(name, ".libsvm")) return {"libsvm", kByName};
  if (ends_with(name, ".csv")) return {"csv", kByName};
  const std::vector<std::string> lines = lines_of(bytes, 1);
  const std::string line = lines.empty() ? "" : lines.front().substr(0, 4096);
  if (line.rfind("__label__", 0) == 0) return {"text", kByContent};
  if (looks_like_libsvm(line)) return {"libsvm", kByContent};
  // A label, one tab, words: the table of two columns that text is.
  if (std::count(line.begin(), line.end(), '\t') == 1 && line.front() != '\t' &&
      std::count(line.begin() + static_cast<long>(line.find('\t')), line.end(), ' ') > 0)
    return {"text", kByContent};
  if (ends_with(name, ".tsv")) return {"csv", kByName};
  if (line.find_first_of(",;\t") != std::string::npos) return {"csv", kByContent};
  return {};
}

std::string column_hint(const std::string &path) {
  const std::vector<std::string> lines = first_lines(path, 1);
  const std::string &line = lines.front();
  return "Its first line: " + (line.size() > 200 ? line.substr(0, 200) + "..." : line);
}

// MNIST's habit: train-images-idx3-ubyte goes with train-labels-idx1-ubyte.
std::string label_file_of(const std::string &images) {
  const std::filesystem::path path(images);
  std::string name = path.filename().string();
  const size_t at = name.find("images-idx3");
  if (at == std::string::npos) return "";
  const std::filesystem::path labels = path.parent_path() / name.replace(at, 11, "labels-idx1");
  return std::filesystem::exists(labels) ? labels.string() : "";
}

}  // namespace

std::vector<std::string> split_files(const std::string &text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text};
  std::vector<std::string> files;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    if (end > at) files.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return files;
}

std::string first_bytes(const std::string &path, size_t count) {
  if (std::filesystem::is_directory(path)) throw Failure{fmt::format("{}: is a directory, not a file", path)};
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  std::string bytes(count, '\0');
  const int got = file == nullptr ? -1 : gzread(file.get(), bytes.data(), static_cast<unsigned>(count));
  if (got < 0) throw Failure{fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

std::vector<std::string> first_lines(const std::string &path, size_t count) {
  return lines_of(first_bytes(path, kLook), count);
}

void complete(Source &source, bool needs_labels) {
  if (source.format.empty()) {
    const Guess found = guess(source.files.front());
    if (found.format.empty())
      throw Failure{
          fmt::format("{}: its format cannot be guessed; say it with --format, such as csv:label=NAME, "
                      "libsvm, text or idx (ngd options format lists them)",
                      source.files.front()),
          kExitUsage};
    if (needs_labels && found.format == "csv")
      throw Failure{fmt::format("{}: looks like csv; name the column to predict: --format csv:label=NAME. {}",
                                source.files.front(), column_hint(source.files.front())),
                    kExitUsage};
    source.format = found.format;
    fmt::print(stderr, "ngd: format {}, guessed {}; --format says otherwise\n", source.format, found.reason);
  }
  if (source.labels.empty() && source.format == "idx") {
    source.labels = label_file_of(source.files.front());
    if (!source.labels.empty())
      fmt::print(stderr, "ngd: labels {}, guessed by the file's name; --labels says otherwise\n",
                 source.labels);
  }
}

Dataset load(const Source &source) {
  Dataset dataset = create<ngd_dataset>(ngd_dataset_create, source.format);
  if (!source.labels.empty()) call(ngd_dataset_set_text, dataset.get(), "labels", source.labels.c_str());
  for (const std::string &file : source.files) call(ngd_dataset_load, dataset.get(), file.c_str());
  return dataset;
}

}  // namespace cli
