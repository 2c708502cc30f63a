/* ICEA buffers: the same calls draw the same, saving and loading, handing over, threads. */
#include <pthread.h>

#include "icea_helpers.h"

/* --- the same again */

static void the_same_calls_draw_the_same(void **state) {
  (void)state;
  ngd_error error;
  const char *const specs[] = {"icea:warmup=0.5,beta=0.7", "icea:mode=phase", "icea:sampler=rank,cap=0.5",
                               "icea:sampler=prioritized,exponent=0.6,cap=1,boost=0,beta=0.4,gamma=0.5"};
  for (size_t k = 0; k < 4; k++) {
    ngd_icea *first = make(specs[k], 777), *second = make(specs[k], 777);
    const uint64_t trace = trace_of(first, 60);
    assert_int_equal(trace_of(second, 60), trace);
    check_ok(ngd_icea_reset(second, &error));
    assert_int_equal(info_of(second).seen, 0);
    assert_int_equal(trace_of(second, 60), trace);
    check_ok(ngd_icea_reset(second, &error));
    check_ok(ngd_icea_set(second, "seed", 2, &error));
    assert_int_not_equal(trace_of(second, 60), trace);
    ngd_icea_destroy(first);
    ngd_icea_destroy(second);
  }
}

#define FILE_NAME "/tmp/ngd-icea-test.safetensors"

static void a_loaded_buffer_goes_on_bit_for_bit(void **state) {
  (void)state;
  ngd_error error;
  const char *const specs[] = {"icea:beta=0.7,gamma=0.9,quarantine=2", "icea:mode=phase,warmup=0.3",
                               "icea:sampler=selective_backprop,remover=most", "icea:exponent=1.7,cap=0.4"};
  for (size_t k = 0; k < 4; k++) {
    ngd_icea *icea = make(specs[k], 321), *loaded = make("icea:rho=0.1", 5);
    train(icea, 40, 37, NULL);
    check_ok(ngd_icea_save(icea, FILE_NAME, &error));
    check_ok(ngd_icea_load(loaded, FILE_NAME, &error));
    ngd_icea_info a = info_of(icea), b = info_of(loaded);
    a.bytes = b.bytes = 0; /* a tree that was built is fuller than one that grew */
    assert_memory_equal(&a, &b, sizeof a);
    char spec[2][200];
    check_ok(ngd_icea_get_text(icea, "spec", spec[0], 200, NULL, &error));
    check_ok(ngd_icea_get_text(loaded, "spec", spec[1], 200, NULL, &error));
    assert_string_equal(spec[0], spec[1]);
    const uint64_t trace = trace_of(icea, 60);
    assert_int_equal(trace_of(loaded, 60), trace);
    ngd_icea_destroy(icea);
    ngd_icea_destroy(loaded);
  }
  ngd_icea *empty = make("icea", 0);
  check_ok(ngd_icea_save(empty, FILE_NAME, &error));
  check_ok(ngd_icea_load(empty, FILE_NAME, &error));
  ngd_icea_destroy(empty);
  remove(FILE_NAME);
}

static void write_file(const char *bytes, size_t size) {
  FILE *file = fopen(FILE_NAME, "wb");
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

/* Changes one text of the header; the checksum goes with it, as in a file of another program. */
static void write_changed(char *bytes, size_t size, const char *from, const char *to) {
  char *copy = malloc(size);
  memcpy(copy, bytes, size);
  assert_int_equal(strlen(from), strlen(to));
  uint64_t header;
  memcpy(&header, copy, 8);
  int changes = 0;
  for (size_t i = 8; i + strlen(from) < 8 + header; i++) {
    if (memcmp(copy + i, "ngd.checksum", 12) == 0) memcpy(copy + i, "xgd.checksum", 12);
    if (memcmp(copy + i, from, strlen(from)) == 0) memcpy(copy + i, to, strlen(to)), changes++;
  }
  assert_int_equal(changes, 1);
  write_file(copy, size);
  free(copy);
}

static void a_file_that_is_wrong_anywhere_is_refused_whole(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:beta=0.5", 50);
  train(icea, 20, 37, NULL);
  check_ok(ngd_icea_save(icea, FILE_NAME, &error));
  static char bytes[20000];
  FILE *file = fopen(FILE_NAME, "rb");
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  assert_in_range(size, 1000, sizeof bytes - 1);
  train(icea, 5, 37, NULL);
  const ngd_icea_info before = info_of(icea);

  /* Cut off anywhere, or one bit wrong anywhere. */
  for (size_t length = 0; length < size; length += 1 + length / 20) {
    write_file(bytes, length);
    assert_int_equal(ngd_icea_load(icea, FILE_NAME, &error), NGD_E_CHECKPOINT);
  }
  size_t checksum = 0;
  while (memcmp(bytes + checksum, "ngd.checksum", 12) != 0) checksum++;
  for (size_t at = 0; at < size; at += 3) {
    if (at >= checksum && at < checksum + 12)
      continue; /* without its checksum it is the file of another program */
    bytes[at] ^= 4;
    write_file(bytes, size);
    assert_int_equal(ngd_icea_load(icea, FILE_NAME, &error), NGD_E_CHECKPOINT);
    bytes[at] ^= 4;
  }
#define REFUSED(from, to, message)                                                  \
  do {                                                                              \
    write_changed(bytes, size, from, to);                                           \
    check_error(ngd_icea_load(icea, FILE_NAME, &error), NGD_E_CHECKPOINT, message); \
  } while (0)
  REFUSED("\"icea.format\":\"1\"", "\"icea.format\":\"2\"",
          "the checkpoint's buffer is of format \"2\", but this version of libngd reads format \"1\"");
  REFUSED(
      "mode=mix", "mode=mad",
      "the checkpoint's buffer cannot be made: option \"mode\" of the buffer cannot be \"mad\"; did you mean "
      "\"mix\"? It takes: mix, phase (column 6)");
  REFUSED("\"icea.samples\":\"50\"", "\"icea.samples\":\"49\"",
          "the checkpoint's tensor \"icea.scores\" is F32[50], but F32[49] is needed");
  REFUSED("\"icea.samples\":\"50\"", "\"icea.sampler\":\"50\"",
          "the checkpoint has no metadata \"icea.samples\"");
  REFUSED("\"icea.place\":\"24\"", "\"icea.place\":\"2x\"",
          "the checkpoint's metadata \"icea.place\" is \"2x\", not a whole number");
  REFUSED("\"icea.seen\":{", "\"icea.been\":{", "the checkpoint has no tensor \"icea.seen\"");
  REFUSED(
      "error_cap=3", "error_cap=1",
      "the checkpoint's buffer gives sample 1 the score 1.024999976158142; with its options none is above 1");
#undef REFUSED
  /* An optimizer's file is a good file of something else. */
  ngd_optimizer *optimizer;
  check_ok(ngd_optimizer_create("adam", &optimizer, &error));
  check_ok(ngd_optimizer_save(optimizer, FILE_NAME, &error));
  ngd_optimizer_destroy(optimizer);
  check_error(ngd_icea_load(icea, FILE_NAME, &error), NGD_E_CHECKPOINT,
              "the checkpoint has no metadata \"icea.format\"");
  remove(FILE_NAME);
  assert_int_equal(ngd_icea_load(icea, FILE_NAME, &error), NGD_E_IO);
  const ngd_icea_info after = info_of(icea);
  assert_memory_equal(&before, &after, sizeof before);
  ngd_icea_destroy(icea);
}

/* --- handing over */

static void scores_of_a_range_travel_to_another_buffer(void **state) {
  (void)state;
  ngd_error error;
  enum { kMoved = 90 };
  ngd_icea *from = make("icea:warmup=0,gamma=0.5,quarantine=2,cap=1", 200),
           *to = make("icea:warmup=0,gamma=0.5,quarantine=2,cap=1", 120);
  train(from, 40, 50, NULL);
  train(to, 40, 50, NULL);
  float scores[kMoved];
  uint32_t seen[kMoved], errors[kMoved], miss_runs[kMoved];
  check_ok(ngd_icea_export(from, 110, kMoved, scores, seen, errors, miss_runs, &error));
  check_ok(ngd_icea_import(to, 30, kMoved, scores, seen, errors, miss_runs, &error));
  ngd_icea *rebuilt = make("icea:warmup=0,gamma=0.5,quarantine=2,cap=1", 120);
  check_ok(ngd_icea_save(to, FILE_NAME, &error));
  check_ok(ngd_icea_load(rebuilt, FILE_NAME, &error));
  for (uint64_t i = 0; i < kMoved; i++) {
    const ngd_icea_sample a = sample_of(from, 110 + i), b = sample_of(to, 30 + i);
    assert_true(a.score == b.score && a.seen == b.seen && a.errors == b.errors && a.miss_run == b.miss_run &&
                a.quarantined == b.quarantined);
  }
  ngd_icea_info a = info_of(to), b = info_of(rebuilt);
  a.bytes = b.bytes = 0;
  assert_memory_equal(&a, &b, sizeof a);
  const uint64_t trace = trace_of(to, 40);
  assert_int_equal(trace_of(rebuilt, 40), trace);

  /* Parts of the arrays can be left out; wrong ones are refused whole. */
  check_ok(ngd_icea_export(from, 0, kMoved, scores, NULL, NULL, miss_runs, &error));
  check_ok(ngd_icea_export(from, 0, kMoved, scores, seen, errors, miss_runs, &error));
  check_error(ngd_icea_export(from, 111, kMoved, scores, seen, errors, miss_runs, &error), NGD_E_RANGE,
              "samples 111 to 111 + 90 do not all exist; the buffer has 200 samples");
  check_error(
      ngd_icea_import(to, UINT64_MAX, 2, scores, seen, errors, miss_runs, &error), NGD_E_RANGE,
      "samples 18446744073709551615 to 18446744073709551615 + 2 do not all exist; the buffer has 120 samples");
  check_error(ngd_icea_import(to, 0, 2, scores, NULL, errors, miss_runs, &error), NGD_E_ARGUMENT,
              "argument \"seen\" is NULL, but may not be");
  const ngd_icea_sample first = sample_of(to, 0);
#define REFUSED(array, value, status, message)                                                             \
  do {                                                                                                     \
    check_ok(ngd_icea_export(from, 0, kMoved, scores, seen, errors, miss_runs, &error));                   \
    array[7] = value;                                                                                      \
    check_error(ngd_icea_import(to, 0, kMoved, scores, seen, errors, miss_runs, &error), status, message); \
  } while (0)
  REFUSED(scores, (float)NAN, NGD_E_NOT_FINITE, "the score of sample 7 is nan; nothing was taken");
  REFUSED(scores, -1.0f, NGD_E_RANGE, "sample 7 would have a score below 0; nothing was taken");
  REFUSED(errors, 1000000, NGD_E_RANGE,
          "sample 7 would have more wrong answers than visits; nothing was taken");
  REFUSED(miss_runs, 1000000, NGD_E_RANGE,
          "sample 7 would have more wrong answers in a row than wrong answers; nothing was taken");
#undef REFUSED
  const ngd_icea_sample again = sample_of(to, 0);
  assert_memory_equal(&first, &again, sizeof first);
  remove(FILE_NAME);
  ngd_icea_destroy(from);
  ngd_icea_destroy(to);
  ngd_icea_destroy(rebuilt);
}

/* --- threads */

enum { kThreadSamples = 5000, kRounds = 400 };

struct worker {
  ngd_icea *icea;
  uint64_t seed;
  int records, draws;
};

static void *work(void *argument) {
  struct worker *worker = argument;
  ngd_error error;
  uint64_t ids[64], random = worker->seed;
  float losses[64], weights[64];
  int32_t correct[64];
  for (int round = 0; round < kRounds; round++) {
    if (worker->draws && ngd_icea_draw_f32(worker->icea, 64, ids, weights, &error) != NGD_OK)
      return "draw failed";
    if (!worker->draws) {
      for (int i = 0; i < 64; i++) ids[i] = next_random(&random) % kThreadSamples;
    }
    for (int i = 0; i < 64; i++) {
      if (ids[i] >= kThreadSamples || (worker->draws && !(weights[i] > 0))) return "a draw that cannot be";
      losses[i] = (float)next_uniform(&random) * 3;
      correct[i] = losses[i] < 2;
    }
    if (worker->records && ngd_icea_record_f32(worker->icea, ids, losses, correct, 64, &error) != NGD_OK)
      return "record failed";
  }
  return NULL;
}

static void *look(void *argument) {
  struct worker *worker = argument;
  ngd_error error;
  for (int round = 0; round < 40; round++) {
    ngd_icea_info info = {.struct_size = sizeof info};
    ngd_icea_sample sample = {.struct_size = sizeof sample};
    size_t needed;
    if (ngd_icea_get_info(worker->icea, &info, &error) != NGD_OK || info.hard > info.capacity) return "info";
    if (ngd_icea_get_sample(worker->icea, (uint64_t)round, &sample, &error) != NGD_OK) return "sample";
    if (ngd_icea_get_quarantine(worker->icea, NULL, 0, &needed, &error) != NGD_OK) return "quarantine";
    if (ngd_icea_set(worker->icea, round % 2 ? "rho" : "admit", round % 4 / 4.0 * (round % 2), &error) !=
        NGD_OK)
      return "set";
    if (ngd_icea_save(worker->icea, FILE_NAME, &error) != NGD_OK) return "save";
  }
  return NULL;
}

static void many_threads_record_and_draw_at_once(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:warmup=0.5,beta=1,gamma=0.5", kThreadSamples);
  struct worker workers[] = {{icea, 1, 1, 0}, {icea, 2, 1, 0}, {icea, 3, 0, 1},
                             {icea, 4, 0, 1}, {icea, 5, 1, 1}, {icea, 6, 0, 0}};
  pthread_t threads[6];
  for (int i = 0; i < 6; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, i < 5 ? work : look, &workers[i]), 0);
  for (int i = 0; i < 6; i++) {
    void *problem;
    pthread_join(threads[i], &problem);
    if (problem != NULL) fail_msg("thread %d: %s", i, (const char *)problem);
  }
  /* Nothing was lost, and the order is what the scores say: a buffer made of the scores alone is the same. */
  ngd_icea_info info = info_of(icea);
  assert_int_equal(info.records, 3 * kRounds * 64);
  assert_int_equal(info.draws, 3 * kRounds * 64);
  assert_int_equal(info.batches, 3 * kRounds);
  uint64_t seen = 0;
  for (uint64_t id = 0; id < kThreadSamples; id++) seen += sample_of(icea, id).seen;
  assert_int_equal(seen, info.records);
  ngd_icea *rebuilt = make("icea", 1);
  check_ok(ngd_icea_save(icea, FILE_NAME, &error));
  check_ok(ngd_icea_load(rebuilt, FILE_NAME, &error));
  remove(FILE_NAME);
  ngd_icea_info same = info_of(rebuilt);
  info.bytes = same.bytes = 0;
  assert_memory_equal(&info, &same, sizeof info);
  const uint64_t trace = trace_of(icea, 20);
  assert_int_equal(trace_of(rebuilt, 20), trace);
  ngd_icea_destroy(icea);
  ngd_icea_destroy(rebuilt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_calls_draw_the_same),
      cmocka_unit_test(a_loaded_buffer_goes_on_bit_for_bit),
      cmocka_unit_test(a_file_that_is_wrong_anywhere_is_refused_whole),
      cmocka_unit_test(scores_of_a_range_travel_to_another_buffer),
      cmocka_unit_test(many_threads_record_and_draw_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
