// The journal of a search: a file of JSON lines that is only ever added to.
//
//   {"format":1,"library":"0.1.0","search":"<spec>","space":[{"name":"rate","spec":"log_uniform:low=0.0001,high=0.1"}]}
//   {"event":"resume","search":"<spec>"}
//   {"event":"ask","trial":0,"seconds":0.0,"values":{"rate":0.0123}}
//   {"event":"report","trial":0,"step":1,"value":2.5}
//   {"event":"tell","trial":0,"state":"finished","value":1.2,"gradients":5000,"took":2.1,"seconds":2.1}
//
// state: finished, pruned, failed (then also "message") or abandoned. A number that is not finite is null. "seconds" are those
// of the search. docs/search.md says the same at length.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ngd {

struct JournalHead {
  std::string search;
  std::vector<std::pair<std::string, std::string>> space;  // names and specs
};

// One line after the head. Numbers that a kind does not have are 0.
struct JournalRecord {
  enum class Kind { resume, ask, report, tell } kind = Kind::ask;
  uint64_t trial = 0, step = 0, gradients = 0;
  double value = 0, took = 0, seconds = 0;
  int32_t state = 0;
  std::string text;  // the spec of a resume, the message of a tell
  size_t line = 0;   // in the file, from 1; for messages
};

struct JournalContent {
  bool empty = true;  // not even a head
  JournalHead head;
  std::vector<JournalRecord> records;
  uint64_t bytes = 0;  // of whole lines
};

// Throws NGD_E_CHECKPOINT when it is no journal or damaged before its last line.
JournalContent read_journal(const std::string &path);

class Journal {
 public:
  // Opens for adding and takes the lock; throws NGD_E_STATE when another has it.
  explicit Journal(std::string path);
  ~Journal();
  Journal(const Journal &) = delete;
  Journal &operator=(const Journal &) = delete;

  const std::string &path() const { return path_; }
  void cut(uint64_t bytes);  // takes a broken last line away

  // Values are a number or, in quotes, a text: as JSON has them.
  using Values = std::vector<std::pair<std::string, std::string>>;
  void head(const JournalHead &head);
  void resume(const std::string &search);
  void ask(uint64_t trial, double seconds, const Values &values);
  void report(uint64_t trial, uint64_t step, double value);
  void tell(const JournalRecord &record);

 private:
  void line(std::string text, bool sync);
  [[noreturn]] void take_back(const char *verb, int64_t size);

  std::string path_;
  int descriptor_ = -1;
};

// A string of JSON, in quotes; bytes that are no UTF-8 become U+FFFD, since the reader would refuse them.
std::string journal_text(std::string_view text);

}  // namespace ngd
