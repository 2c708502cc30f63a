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

using Json = nlohmann::json;

constexpr std::string_view kBeginning = "{\"format\":1,\"library\":";  // of every journal
constexpr uint64_t kLargestFile = uint64_t{1} << 32;

[[noreturn]] void fail_io(const char *verb, const std::string &path, int code) {
  fail(NGD_E_IO, "cannot ", verb, " the journal ", quoted(path, 200), ": ", system_text(code));
}

struct State {
  const char *name;
  int32_t state;
};
constexpr State kStates[] = {{"finished", NGD_TRIAL_FINISHED},
                             {"pruned", NGD_TRIAL_PRUNED},
                             {"failed", NGD_TRIAL_FAILED},
                             {"abandoned", NGD_TRIAL_ABANDONED}};

const Json &field(const Json &line, const char *key) {
  const auto found = line.find(key);
  if (found == line.end()) fail(NGD_E_CHECKPOINT, "it has no \"", key, "\"");
  return *found;
}

double number_of(const Json &line, const char *key) {
  const Json &value = field(line, key);
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_number()) fail(NGD_E_CHECKPOINT, "\"", key, "\" is no number");
  return value.get<double>();
}

uint64_t count_of(const Json &line, const char *key) {
  const Json &value = field(line, key);
  if (!value.is_number_unsigned()) fail(NGD_E_CHECKPOINT, "\"", key, "\" is no whole number");
  return value.get<uint64_t>();
}

const std::string &text_of(const Json &line, const char *key) {
  const Json &value = field(line, key);
  if (!value.is_string()) fail(NGD_E_CHECKPOINT, "\"", key, "\" is no text");
  return value.get_ref<const std::string &>();
}

JournalHead head_of(const Json &line) {
  if (count_of(line, "format") != 1) fail(NGD_E_CHECKPOINT, "its format is another than 1");
  JournalHead head = {text_of(line, "search"), {}};
  for (const Json &parameter : field(line, "space"))
    head.space.emplace_back(text_of(parameter, "name"), text_of(parameter, "spec"));
  return head;
}

JournalRecord record_of(const Json &line) {
  JournalRecord record;
  const std::string &event = text_of(line, "event");
  if (event == "resume") {
    record.kind = JournalRecord::Kind::resume;
    record.text = text_of(line, "search");
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
    const auto state = std::ranges::find(kStates, text_of(line, "state"), &State::name);
    if (state == std::end(kStates)) fail(NGD_E_CHECKPOINT, "its state is none");
    record.state = state->state;
    record.value = number_of(line, "value");
    record.gradients = count_of(line, "gradients");
    record.took = number_of(line, "took");
    record.seconds = number_of(line, "seconds");
    if (line.contains("message")) record.text = text_of(line, "message");
  } else {
    fail(NGD_E_CHECKPOINT, "its event is none");
  }
  return record;
}

Json parsed(std::string_view text) {
  Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) fail(NGD_E_CHECKPOINT, "it is no JSON object");
  return line;
}

std::string number_json(double value) {
  return std::isfinite(value) ? number_text(value) : "null";
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

std::string journal_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
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
      const Json line = parsed(std::string_view(text).substr(start, end - start));
      if (content.empty) {
        content.head = head_of(line);
        content.empty = false;
      } else {
        content.records.push_back(record_of(line));
        content.records.back().line = number;
      }
      content.bytes = end + 1;
    } catch (const Error &error) {
      // A file that does not begin as a journal is somebody's, and is not to be written over.
      if (content.empty)
        fail(NGD_E_CHECKPOINT, quoted(path, 200), " is no journal of a search: line 1: ", error.what());
      broken = concat("line ", number, ": ", error.what());
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
  std::string space;
  for (const auto &[name, spec] : head.space)
    space += concat(space.empty() ? "" : ",", "{\"name\":", journal_text(name),
                    ",\"spec\":", journal_text(spec), "}");
  line(concat(kBeginning, journal_text(ngd_version()), ",\"search\":", journal_text(head.search),
              ",\"space\":[", space, "]}"),
       true);
}

void Journal::resume(const std::string &search) {
  line(concat("{\"event\":\"resume\",\"search\":", journal_text(search), "}"), false);
}

void Journal::ask(uint64_t trial, double seconds, const Values &values) {
  std::string object;
  for (const auto &[name, value] : values)
    object += concat(object.empty() ? "" : ",", journal_text(name), ":", value);
  line(concat("{\"event\":\"ask\",\"trial\":", trial, ",\"seconds\":", number_json(seconds), ",\"values\":{",
              object, "}}"),
       false);
}

void Journal::report(uint64_t trial, uint64_t step, double value) {
  line(concat("{\"event\":\"report\",\"trial\":", trial, ",\"step\":", step, ",\"value\":", number_json(value),
              "}"),
       false);
}

void Journal::tell(const JournalRecord &record) {
  const auto state = std::ranges::find(kStates, record.state, &State::state);
  line(concat("{\"event\":\"tell\",\"trial\":", record.trial, ",\"state\":\"", state->name,
              "\",\"value\":", number_json(record.value), ",\"gradients\":", record.gradients,
              ",\"took\":", number_json(record.took), ",\"seconds\":", number_json(record.seconds),
              record.text.empty() ? std::string() : concat(",\"message\":", journal_text(record.text)), "}"),
       true);
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
