// Naming, rotating and finding checkpoints; appending to the log.
#include "train/run_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "store/atomic_file.h"
#include "store/posix.h"
#include "store/safetensors.h"

namespace ngd {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStart = "checkpoint-";
constexpr std::string_view kEnd = ".safetensors";

[[noreturn]] void fail_io(const char *verb, const std::string &path, int code) {
  fail(NGD_E_IO, "cannot ", verb, " ", quoted(path, 200), ": ", system_text(code));
}

// The step in "checkpoint-<step>.safetensors"; nothing for any other name.
std::optional<uint64_t> step_of(std::string_view name) {
  if (!name.starts_with(kStart) || !name.ends_with(kEnd) || name.size() <= kStart.size() + kEnd.size())
    return std::nullopt;
  name.remove_prefix(kStart.size());
  name.remove_suffix(kEnd.size());
  uint64_t step = 0;
  const auto result = std::from_chars(name.data(), name.data() + name.size(), step);
  if (result.ec != std::errc() || result.ptr != name.data() + name.size()) return std::nullopt;
  return step;
}

std::vector<std::string> names_in(const std::string &directory) {
  std::vector<std::string> names;
  std::error_code code;
  fs::directory_iterator entry(directory, code);
  while (!code && entry != fs::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(code);
  }
  if (code) fail_io("read", directory, code.value());
  return names;
}

struct Checkpoint {
  uint64_t step;
  std::string path;
};

std::vector<Checkpoint> checkpoints_in(const std::string &directory) {  // newest first
  std::vector<Checkpoint> found;
  for (const std::string &name : names_in(directory)) {
    if (const auto step = step_of(name)) found.push_back({*step, directory + "/" + name});
  }
  std::ranges::sort(found, std::greater<>(), &Checkpoint::step);
  return found;
}

bool exists(const std::string &path) {
  std::error_code code;
  return fs::exists(path, code);
}

bool holds_run(const std::string &directory) {
  return exists(directory) && (exists(directory + "/config.json") || !checkpoints_in(directory).empty());
}

// Cuts a last line that a crash left without its end: it is no record.
void cut_broken_line(int log, const std::string &path) {
  off_t size = lseek(log, 0, SEEK_END);
  const off_t before = size;
  for (char last = 0; size > 0; size--) {
    if (pread(log, &last, 1, size - 1) != 1) fail_io("read", path, errno);
    if (last == '\n') break;
  }
  if (size != before && ftruncate(log, size) != 0) fail_io("write", path, errno);
}

}  // namespace

RunDirectory::RunDirectory(const std::string &path, bool resume, uint64_t keep_checkpoints)
    : path_(path), keep_(keep_checkpoints) {
  if (path.empty()) {
    if (resume)
      fail(NGD_E_STATE, "option \"resume\" is set, but \"run_directory\" is empty; name the run to go on with");
    return;
  }
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  const bool held = holds_run(path_);
  if (held && !resume)
    fail(NGD_E_STATE, "the run directory ", quoted(path_, 200),
         " already holds a run; set resume=1 to go on with it, or choose another directory");
  if (!held && resume)
    fail(NGD_E_CHECKPOINT, "the run directory ", quoted(path_, 200),
         " holds no run to resume; set resume=0 to begin one, or correct the path");
  std::error_code code;
  fs::create_directories(path_, code);
  if (code) fail_io("make the directory", path_, code.value());
  const std::string log = path_ + "/log.jsonl";
  log_ = open(log.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (log_ < 0) fail_io("write", log, errno);
  try {
    cut_broken_line(log_, log);
  } catch (const Error &) {
    close(log_);
    throw;
  }
}

RunDirectory::~RunDirectory() {
  if (log_ >= 0) close(log_);
}

void RunDirectory::resume_from(const std::string &checkpoint) {
  std::error_code ignored;
  for (const Checkpoint &newer : checkpoints_in(path_)) {
    if (newer.path == checkpoint) break;
    fs::rename(newer.path, newer.path + ".damaged", ignored);
  }
  for (const std::string &name : names_in(path_)) {
    if (name.ends_with(".tmp")) fs::remove(path_ + "/" + name, ignored);
  }
}

void RunDirectory::write_config(const std::string &text) {
  if (!given()) return;
  AtomicFile file(path_ + "/config.json");
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

void RunDirectory::log(std::string line) {
  if (!given()) return;
  line += '\n';
  for (std::string_view left = line; !left.empty();) {
    const ssize_t written = write(log_, left.data(), left.size());
    if (written < 0 && errno != EINTR) fail_io("write", path_ + "/log.jsonl", errno);
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
}

std::string RunDirectory::save(uint64_t step, const StateWriter &writer) {
  const std::string path = concat(path_, "/", kStart, step, kEnd);
  write_safetensors(path, writer);
  const std::vector<Checkpoint> all = checkpoints_in(path_);
  std::error_code ignored;  // one that cannot be removed is only one too many
  for (size_t i = keep_; i < all.size(); i++) fs::remove(all[i].path, ignored);
  return path;
}

std::string RunDirectory::save_best(const StateWriter &writer) {
  const std::string path = path_ + "/best.safetensors";
  write_safetensors(path, writer);
  return path;
}

std::string latest_good(const std::string &directory) {
  std::string reason;
  for (const Checkpoint &checkpoint : checkpoints_in(directory)) {
    try {
      const SafetensorsFile file(checkpoint.path);
      return checkpoint.path;
    } catch (const Error &error) {
      if (error.status() != NGD_E_CHECKPOINT && error.status() != NGD_E_IO) throw;
      if (reason.empty()) reason = error.what();
    }
  }
  if (reason.empty())
    fail(NGD_E_CHECKPOINT, "the directory ", quoted(directory, 200),
         " holds no checkpoint-<step>.safetensors; the run ended before its first one, or this is no run "
         "directory");
  fail(NGD_E_CHECKPOINT, "no checkpoint of ", quoted(directory, 120), " is good; the newest: ", reason);
}

std::string checkpoint_path(const std::string &path) {
  std::error_code code;
  return fs::is_directory(path, code) ? latest_good(path) : path;
}

}  // namespace ngd
