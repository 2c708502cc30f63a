// Run directories: rotation, finding the newest good checkpoint, the log; and the schedule and order of a run.
#include "train/run_directory.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "check.h"
#include "store/safetensors.h"
#include "train/position.h"
#include "train/run.h"
#include "train/schedule.h"

using ngd::RunDirectory;

namespace {

ngd::StateWriter numbered_state(const double &number) {
  ngd::StateWriter writer;
  writer.tensor<double>("number", {1}, std::span(&number, 1));
  return writer;
}

void the_newest_checkpoints_are_kept_in_order_of_steps(void **) {
  const Scratch scratch;
  RunDirectory directory(scratch / "run", false, 2);
  const double number = 1;
  for (const uint64_t step : {9, 10, 100}) directory.save(step, numbered_state(number));
  directory.save_best(numbered_state(number));
  write_text(scratch / "run/checkpoint-x.safetensors", "mine");
  write_text(scratch / "run/checkpoint-1.safetensors.bak", "mine");
  const std::string path = directory.save(101, numbered_state(number));
  assert_string_equal(path.c_str(), (scratch / "run/checkpoint-101.safetensors").c_str());
  std::set<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(scratch / "run"))
    names.insert(entry.path().filename().string());
  const std::set<std::string> expected = {
      "best.safetensors",         "checkpoint-100.safetensors",   "checkpoint-101.safetensors",
      "checkpoint-x.safetensors", "checkpoint-1.safetensors.bak", "log.jsonl"};
  assert_true(names == expected);
}

void a_path_means_a_file_or_the_newest_good_checkpoint(void **) {
  const Scratch scratch;
  RunDirectory directory(scratch / "run", false, 9);
  const double number = 1;
  const std::string old = directory.save(5, numbered_state(number));
  const std::string damaged = directory.save(40, numbered_state(number));
  write_text(damaged, file_text(damaged) + "x");
  assert_string_equal(ngd::checkpoint_path(scratch / "run").c_str(), old.c_str());
  assert_string_equal(ngd::checkpoint_path(damaged).c_str(), damaged.c_str());
  assert_string_equal(ngd::checkpoint_path("no").c_str(), "no");
}

void without_a_good_checkpoint_the_newest_ones_fault_is_told(void **) {
  const Scratch scratch;
  const std::string run = scratch / "run";
  RunDirectory directory(run, false, 9);
  assert_string_equal(
      message_of(NGD_E_CHECKPOINT, [&] { ngd::latest_good(run); }).c_str(),
      ("the directory \"" + run +
       "\" holds no checkpoint-<step>.safetensors; the run ended before its first one, or this is "
       "no run directory")
          .c_str());
  write_text(run + "/checkpoint-7.safetensors", "");
  write_text(run + "/checkpoint-10.safetensors", "short");
  assert_string_equal(message_of(NGD_E_CHECKPOINT, [&] { ngd::latest_good(run); }).c_str(),
                      ("no checkpoint of \"" + run + "\" is good; the newest: checkpoint \"" + run +
                       "/checkpoint-10.safetensors\": it has 5 bytes, too few for a safetensors file")
                          .c_str());
  assert_string_equal(message_of(NGD_E_IO, [&] { ngd::latest_good(run + "x"); }).c_str(),
                      ("cannot read \"" + run + "x\": No such file or directory").c_str());
}

void a_log_goes_on_after_its_last_whole_line(void **) {
  const Scratch scratch;
  {
    RunDirectory directory(scratch / "run", false, 1);
    directory.log("{\"a\":1}");
    directory.write_config("{}");
  }
  write_text(scratch / "run/log.jsonl", "{\"a\":1}\n{\"half");
  write_text(scratch / "run/checkpoint-3.safetensors.12-0.tmp", "left by a crash");
  {
    RunDirectory directory(scratch / "run/", true, 1);
    directory.resume_from("");
    directory.log("{\"b\":2}");
  }
  assert_string_equal(file_text(scratch / "run/log.jsonl").c_str(), "{\"a\":1}\n{\"b\":2}\n");
  assert_false(std::filesystem::exists(scratch / "run/checkpoint-3.safetensors.12-0.tmp"));
}

void no_directory_means_that_nothing_is_written(void **) {
  RunDirectory directory("", false, 1);
  assert_false(directory.given());
  directory.log("x");
  directory.write_config("x");
}

bool near(double a, double b) {
  return std::fabs(a - b) < 1e-15;
}

void schedules_follow_their_formulas(void **) {
  using ngd::schedule_factor;
  assert_true(schedule_factor("constant", 0, 10, 0) == 1 && schedule_factor("constant", 9, 10, 0) == 1);
  assert_true(schedule_factor("linear", 0, 10, 0) == 1 && near(schedule_factor("linear", 9, 10, 0), 0.1));
  assert_true(schedule_factor("cosine", 0, 10, 0) == 1 && near(schedule_factor("cosine", 5, 10, 0), 0.5));
  assert_true(near(schedule_factor("cosine", 9, 10, 0), (1 - std::cos(std::acos(-1.0) / 10)) / 2));
  for (const char *name : {"constant", "linear", "cosine"}) {
    assert_true(schedule_factor(name, 0, 10, 4) == 0.25 && schedule_factor(name, 3, 10, 4) == 1);
    assert_true(schedule_factor(name, 4, 10, 4) == 1);
    assert_true(schedule_factor(name, 9, 10, 20) == 0.5 && schedule_factor(name, 10, 10, 10) == 1);
    assert_true(schedule_factor(name, 4'000'000'000 - 1, 4'000'000'000, 0) > 0);
  }
}

void an_order_is_a_permutation_decided_by_seed_and_epoch(void **) {
  const auto order = ngd::shuffled_rows(1000, 7, 3);
  std::vector<uint64_t> sorted = order;
  std::ranges::sort(sorted);
  for (uint64_t row = 0; row < 1000; row++) assert_int_equal(sorted[row], row);
  assert_true(order != sorted);
  assert_true(order == ngd::shuffled_rows(1000, 7, 3));
  assert_true(order != ngd::shuffled_rows(1000, 7, 4));
  assert_true(order != ngd::shuffled_rows(1000, 8, 3));
  // Every row is first about as often as any other: 6 rows, 6000 epochs, expected 1000, deviation 29.
  int first[6] = {};
  for (uint64_t epoch = 0; epoch < 6000; epoch++) first[ngd::shuffled_rows(6, 1, epoch)[0]]++;
  for (const int times : first) assert_true(times > 880 && times < 1120);
}

void a_position_is_saved_bit_for_bit(void **) {
  ngd::Position position;
  position.epoch = 1;
  position.batch = 2;
  position.step = uint64_t{1} << 63;
  position.rows = 4;
  position.skipped_in_a_row = 9;
  position.loss_sum = 0.1 + 0.2;
  position.seconds = 1e-300;
  ngd::StateWriter writer;
  writer.prefix = "trainer.";
  position.save(writer);
  ngd::StateReader reader;
  reader.prefix = writer.prefix;
  reader.tensors = writer.tensors;
  reader.texts = writer.texts;
  const ngd::Position read = ngd::Position::load(reader);
  assert_memory_equal(&read, &position, sizeof read);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_newest_checkpoints_are_kept_in_order_of_steps),
      cmocka_unit_test(a_path_means_a_file_or_the_newest_good_checkpoint),
      cmocka_unit_test(without_a_good_checkpoint_the_newest_ones_fault_is_told),
      cmocka_unit_test(a_log_goes_on_after_its_last_whole_line),
      cmocka_unit_test(no_directory_means_that_nothing_is_written),
      cmocka_unit_test(schedules_follow_their_formulas),
      cmocka_unit_test(an_order_is_a_permutation_decided_by_seed_and_epoch),
      cmocka_unit_test(a_position_is_saved_bit_for_bit),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
