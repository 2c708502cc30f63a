// Reading, locking and adding to a journal.
#include "search/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "ngd/search.h"
#include "ngd/version.h"
#include "store/posix.h"

namespace ngd {
namespace {

using nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::string_view kBeginning = "{\"format\":1,\"library\":";  // of every journal
constexpr uint64_t kLargestFile = uint64_t{1} << 32;

[[noreturn]] void fail_io(const char *verb, const std::string &path, int code) {
  fail(NGD_E_IO, "cannot ", verb, " the journal ", quoted(path, 200), ": ", system_text(code));
}

std::string text_of(const ordered_json &record) {
  return record.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

struct State {
  const char *name;
  int32_t state;
};
constexpr State kStates[] = {{"finished", NGD_TRIAL_FINISHED},
                             {"pruned", NGD_TRIAL_PRUNED},
                             {"failed", NGD_TRIAL_FAILED},
                             {"abandoned", NGD_TRIAL_ABANDONED}};

double number_of(const ordered_json &record, const char *key) {
  const ordered_json &value = record.at(key);
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

// Whole numbers alone: nlohmann would turn -1 or 1.5 into one.
uint64_t count_of(const ordered_json &record, const char *key) {
  const ordered_json &value = record.at(key);
  if (!value.is_number_unsigned()) throw std::domain_error(concat("\"", key, "\" is no whole number"));
  return value.get<uint64_t>();
}

JournalHead head_of(const ordered_json &line) {
  if (!line.contains("format") || line["format"] != kFormat)
    throw std::domain_error("it does not begin with the head of a journal of format 1");
  JournalHead head;
  line.at("search").get_to(head.search);
  for (const ordered_json &parameter : line.at("space"))
    head.space.emplace_back(parameter.at("name").get<std::string>(), parameter.at("spec").get<std::string>());
  return head;
}

JournalRecord record_of(const ordered_json &line) {
  JournalRecord record;
  const std::string event = line.at("event").get<std::string>();
  if (event == "resume") {
    record.kind = JournalRecord::Kind::resume;
    line.at("search").get_to(record.text);
    return record;
  }
  record.trial = count_of(line, "trial");
  if (event == "ask") {
    record.kind = JournalRecord::Kind::ask;
    record.seconds = number_of(line, "seconds");
  } else if (event == "report") {
    record.kind = JournalRecord::Kind::report;
    record.step = count_of(line, "step");
    record.value = number_of(line, "value");
  } else if (event == "tell") {
    record.kind = JournalRecord::Kind::tell;
    const std::string name = line.at("state").get<std::string>();
    const auto state = std::ranges::find(kStates, name, &State::name);
    if (state == std::end(kStates)) throw std::domain_error("its state is none");
    record.state = state->state;
    record.value = number_of(line, "value");
    record.gradients = count_of(line, "gradients");
    record.took = number_of(line, "took");
    record.seconds = number_of(line, "seconds");
    record.text = line.value("message", "");
  } else {
    throw std::domain_error("its event is none");
  }
  return record;
}

std::string read_file(const std::string &path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_io("read", path, errno);
  struct Closer {
    int descriptor;
    ~Closer() { close(descriptor); }
  } const closer{descriptor};
  struct stat status = {};
  if (fstat(descriptor, &status) != 0) fail_io("read", path, errno);
  if (!S_ISREG(status.st_mode))
    fail(NGD_E_IO, "cannot read the journal ", quoted(path, 200), ": it is no file");
  if (static_cast<uint64_t>(status.st_size) > kLargestFile)
    fail(NGD_E_CHECKPOINT, quoted(path, 200), " is no journal of a search: it has ", status.st_size, " bytes");
  std::string text(static_cast<size_t>(status.st_size), '\0');
  size_t length = 0;
  while (length < text.size()) {
    const ssize_t count = read(descriptor, text.data() + length, text.size() - length);
    if (count < 0 && errno != EINTR) fail_io("read", path, errno);
    if (count == 0) break;
    if (count > 0) length += static_cast<size_t>(count);
  }
  text.resize(length);
  return text;
}

}  // namespace

std::string json_text(std::string_view text) {
  return text_of(ordered_json(text));
}

JournalContent read_journal(const std::string &path) {
  const std::string text = read_file(path);
  JournalContent content;
  std::string broken;  // what is wrong with a line: forgiven when no other follows
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\n', start);
    number++;
    if (!broken.empty()) fail(NGD_E_CHECKPOINT, "the journal ", quoted(path, 200), " is damaged: ", broken);
    if (end == std::string::npos) {  // cut short by a crash
      const std::string_view rest = std::string_view(text).substr(0, kBeginning.size());
      if (content.empty && !kBeginning.starts_with(rest))
        fail(NGD_E_CHECKPOINT, quoted(path, 200), " is no journal of a search");
      break;
    }
    try {
      const ordered_json line = ordered_json::parse(text.begin() + static_cast<ptrdiff_t>(start),
                                                    text.begin() + static_cast<ptrdiff_t>(end));
      if (content.empty) {
        content.head = head_of(line);
        content.empty = false;
      } else {
        content.records.push_back(record_of(line));
        content.records.back().line = number;
      }
      content.bytes = end + 1;
    } catch (const Error &) {
      throw;
    } catch (const std::bad_alloc &) {
      throw;
    } catch (const std::exception &error) {
      // A file that does not begin as a journal is somebody's, and is not to be written over.
      if (content.empty)
        fail(NGD_E_CHECKPOINT, quoted(path, 200),
             " is no journal of a search: ", std::string_view(error.what()));
      broken = concat("line ", number, ": ", std::string_view(error.what()));
    }
    start = end + 1;
  }
  return content;
}

Journal::Journal(std::string path) : path_(std::move(path)) {
  descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail_io("write", path_, errno);
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int code = errno;
    close(descriptor_);
    if (code == EWOULDBLOCK)
      fail(NGD_E_STATE, "the journal ", quoted(path_, 200),
           " is in use by another search; wait for its end, or take another file");
    fail_io("lock", path_, code);
  }
}

Journal::~Journal() {
  close(descriptor_);
}

void Journal::cut(uint64_t bytes) {
  if (ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) fail_io("write", path_, errno);
}

void Journal::head(const JournalHead &head) {
  ordered_json space = ordered_json::array();
  for (const auto &[name, spec] : head.space) space.push_back({{"name", name}, {"spec", spec}});
  line(text_of({{"format", kFormat}, {"library", ngd_version()}, {"search", head.search}, {"space", space}}),
       true);
}

void Journal::resume(const std::string &search) {
  line(text_of({{"event", "resume"}, {"search", search}}), false);
}

void Journal::ask(uint64_t trial, double seconds, const Values &values) {
  ordered_json object = ordered_json::object();
  for (const auto &[name, value] : values) object[name] = ordered_json::parse(value);
  line(text_of({{"event", "ask"}, {"trial", trial}, {"seconds", seconds}, {"values", object}}), false);
}

void Journal::report(uint64_t trial, uint64_t step, double value) {
  line(text_of({{"event", "report"}, {"trial", trial}, {"step", step}, {"value", value}}), false);
}

void Journal::tell(const JournalRecord &record) {
  const auto state = std::ranges::find(kStates, record.state, &State::state);
  ordered_json object = {{"event", "tell"},          {"trial", record.trial},         {"state", state->name},
                         {"value", record.value},    {"gradients", record.gradients}, {"took", record.took},
                         {"seconds", record.seconds}};
  if (!record.text.empty()) object["message"] = record.text;
  line(text_of(object), true);
}

void Journal::take_back(const char *verb, int64_t size) {
  const int code = errno;
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail_io("mend", path_, errno);
  fail_io(verb, path_, code);
}

// A line that could not be written whole is taken away again, so that the caller may try once more.
void Journal::line(std::string text, bool sync) {
  text += '\n';
  const off_t before = lseek(descriptor_, 0, SEEK_END);
  for (std::string_view left = text; !left.empty();) {
    const ssize_t written = write(descriptor_, left.data(), left.size());
    if (written < 0 && errno != EINTR) take_back("write", before);
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
  if (sync && fdatasync(descriptor_) != 0) take_back("sync", before);
}

}  // namespace ngd
