// coordinator/local: records by compare-and-swap, in memory and in a directory, among threads and processes, damaged files.
#include "coordinator/local.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>

#include "check.h"
#include "transport/system.h"

namespace {

using namespace ngd::coordinator;
using ngd::cluster::CoordinatorAnswer;

// Collects answers by ticket.
class Answers {
 public:
  Answer taker() {
    return [this](const CoordinatorAnswer &answer) {
      const std::lock_guard lock(mutex_);
      answers_[answer.ticket] = answer;
      wake_.notify_all();
    };
  }
  CoordinatorAnswer wait(uint64_t ticket) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, std::chrono::seconds(10), [&] { return answers_.contains(ticket); }))
      fail_msg("no answer");
    return answers_[ticket];
  }
  bool has(uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    return answers_.contains(ticket);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<uint64_t, CoordinatorAnswer> answers_;
};

// The same contract for every coordinator.
void obeys(ngd::cluster::Coordinator &coordinator, Answers &answers) {
  coordinator.get(1, "/");
  assert_int_equal(answers.wait(1).records.size(), 0);
  coordinator.cas(2, "/a", 0, "one");
  const CoordinatorAnswer made = answers.wait(2);
  assert_true(made.done);
  assert_int_equal(made.records.size(), 1);
  const uint64_t revision = made.records[0].revision;
  assert_true(revision > 0);
  coordinator.cas(3, "/a", 0, "two");  // it exists
  assert_false(answers.wait(3).done);
  assert_string_equal(answers.wait(3).records[0].value.c_str(), "one");
  coordinator.cas(4, "/a", revision, "two");
  assert_true(answers.wait(4).done);
  assert_true(answers.wait(4).records[0].revision > revision);
  coordinator.cas(5, "/a", revision, "three");  // too late
  assert_false(answers.wait(5).done);
  coordinator.cas(6, "/ab", 0, std::string("x\0y", 3));
  coordinator.cas(7, "/b", 0, "");
  answers.wait(7);
  coordinator.get(8, "/a");
  const CoordinatorAnswer found = answers.wait(8);
  assert_int_equal(found.records.size(), 2);
  assert_string_equal(found.records[0].value.c_str(), "two");
  assert_int_equal(found.records[1].value.size(), 3);
}

void memory_obeys_the_contract(void **) {
  Answers answers;
  MemoryCoordinator coordinator(answers.taker());
  obeys(coordinator, answers);
}

void a_directory_obeys_the_contract_and_keeps_its_records(void **) {
  const Scratch scratch;
  {
    Answers answers;
    FileCoordinator coordinator(scratch / "records", answers.taker());
    obeys(coordinator, answers);
  }
  Answers answers;
  FileCoordinator again(scratch / "records", answers.taker());
  again.get(1, "/");
  assert_int_equal(answers.wait(1).records.size(), 3);
}

// Counts up a record 100 times, whatever others do; 0 when all went well.
int count_up(const std::string &directory) {
  Answers answers;
  FileCoordinator coordinator(directory, answers.taker());
  uint64_t ticket = 0, revision = 0;
  int64_t value = 0;
  for (int done = 0; done < 100;) {
    coordinator.cas(++ticket, "/count", revision, std::to_string(value + 1));
    const CoordinatorAnswer answer = answers.wait(ticket);
    done += answer.done ? 1 : 0;
    revision = answer.records[0].revision;
    ngd::parse_integer(answer.records[0].value, value);
  }
  return 0;
}

void processes_share_a_directory_and_lose_no_change(void **) {
  const Scratch scratch;
  pid_t children[3];
  for (pid_t &child : children) {
    child = fork();
    if (child == 0) _exit(count_up(scratch / "records"));
  }
  for (const pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
  }
  Answers answers;
  FileCoordinator coordinator(scratch / "records", answers.taker());
  coordinator.get(1, "/count");
  assert_string_equal(answers.wait(1).records[0].value.c_str(), "300");
}

void a_process_killed_in_the_middle_holds_nobody_up(void **) {
  const Scratch scratch;
  for (int round = 0; round < 20; round++) {
    const pid_t child = fork();
    if (child == 0) _exit(count_up(scratch / "records"));
    usleep(static_cast<useconds_t>(2000 + 700 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Answers answers;
    FileCoordinator coordinator(scratch / "records", answers.taker());
    coordinator.get(1, "/");
    answers.wait(1);
  }
}

void every_damage_is_seen(void **) {
  Records records;
  changed(records, 1, "/a", 0, "value");
  changed(records, 2, "/b", 0, std::string(100, 'x'));
  const std::string good = written(records);
  assert_int_equal(read_records(good, "f").by_key.size(), 2);
  assert_int_equal(read_records(good, "f").revision, 2);
  for (size_t size = 0; size < good.size(); size++)
    message_of(NGD_E_CHECKPOINT, [&] { read_records(good.substr(0, size), "f"); });
  for (size_t bit = 0; bit < 8 * good.size(); bit++) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    message_of(NGD_E_CHECKPOINT, [&] { read_records(bad, "f"); });
  }
}

void damaged_records_are_told_and_left_alone(void **) {
  const Scratch scratch;
  ngd::transport::SystemDisk(scratch.path()).make_directory("records");
  write_text(scratch / "records/records", "damaged");
  Answers answers;
  FileCoordinator coordinator(scratch / "records", answers.taker());
  coordinator.cas(1, "/a", 0, "x");
  for (int i = 0; i < 1000 && coordinator.problem().empty(); i++) usleep(1000);
  assert_true(coordinator.problem().find("are damaged: it is no file of records") != std::string::npos);
  assert_false(answers.has(1));
  assert_string_equal(file_text(scratch / "records/records").c_str(), "damaged");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(memory_obeys_the_contract),
      cmocka_unit_test(a_directory_obeys_the_contract_and_keeps_its_records),
      cmocka_unit_test(processes_share_a_directory_and_lose_no_change),
      cmocka_unit_test(a_process_killed_in_the_middle_holds_nobody_up),
      cmocka_unit_test(every_damage_is_seen),
      cmocka_unit_test(damaged_records_are_told_and_left_alone),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
