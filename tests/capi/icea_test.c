/* ICEA buffers: options, visits, when batches are plain, refusals, edges of size, quarantine. */
#include "icea_helpers.h"

/* --- options */

static void options_are_described_set_and_read(void **state) {
  (void)state;
  ngd_error error;
  ngd_option_info info = {.struct_size = sizeof info};
  size_t count = 0;
  while (ngd_icea_describe(count, &info, NULL) == NGD_OK) count++;
  assert_int_equal(count, 21);
  check_error(ngd_icea_describe(21, &info, &error), NGD_E_NOT_FOUND,
              "the buffer has 21 options; there is no option number 21");
  ngd_icea *icea = make("icea:mode=phase,rho=0.25", 10);
  char text[100];
  double value;
  check_ok(ngd_icea_get_text(icea, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, "icea:mode=phase,rho=0.25");
  check_ok(ngd_icea_set(icea, "gamma", 0.5, &error));
  check_ok(ngd_icea_set_text(icea, "sampler", "rank", &error));
  check_ok(ngd_icea_get(icea, "gamma", &value, &error));
  assert_true(value == 0.5);
  check_ok(ngd_icea_get_text(icea, "sampler", text, sizeof text, NULL, &error));
  assert_string_equal(text, "rank");
  check_error(ngd_icea_get(icea, "sampler", &value, &error), NGD_E_OPTION,
              "option \"sampler\" of the buffer holds text, not a number; use get_text");
  ngd_icea_destroy(icea);
  icea = make(NULL, 3);
  check_ok(ngd_icea_get_text(icea, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, "icea");
  ngd_icea_destroy(icea);
  ngd_icea_destroy(NULL);
}

static void the_defaults_are_those_of_the_definition(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea", 3);
  const struct {
    const char *name;
    double value;
  } defaults[] = {{"rho", 0.5},    {"cap", 0.1},        {"boost", 10},    {"gamma", 0},      {"error_cap", 3},
                  {"exponent", 1}, {"error_min", 0.01}, {"admit", 0},     {"quarantine", 3}, {"beta", 0},
                  {"warmup", 1},   {"plain_steps", 8},  {"hard_steps", 2}};
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
    double value = -1;
    check_ok(ngd_icea_get(icea, defaults[i].name, &value, &error));
    if (value != defaults[i].value) fail_msg("%s is %g", defaults[i].name, value);
  }
  ngd_icea_destroy(icea);
}

static void wrong_options_are_refused(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = (ngd_icea *)&error;
  check_error(ngd_icea_create("icea:rhoo=0.5", 1, &icea, &error), NGD_E_OPTION,
              "unknown option \"rhoo\" for the buffer; did you mean \"rho\"? (column 6)");
  assert_null(icea);
  check_error(ngd_icea_create("icee", 1, &icea, &error), NGD_E_OPTION,
              "unknown kind of buffer \"icee\"; did you mean \"icea\"? Known: icea");
  check_error(ngd_icea_create("icea:rho=1", 1, &icea, &error), NGD_E_RANGE,
              "option \"rho\" of the buffer is 1, outside its range [0, 1) (column 6)");
  check_error(ngd_icea_create("icea", 4294967296, &icea, &error), NGD_E_RANGE,
              "a buffer of 4294967296 samples is not possible; it holds at most 4294967295");
  icea = make("icea", 4);
  check_error(ngd_icea_set(icea, "cap", 0, &error), NGD_E_RANGE,
              "option \"cap\" of the buffer is 0, outside its range (0, 1]");
  check_error(ngd_icea_set_text(icea, "mode", "mixed", &error), NGD_E_OPTION,
              "option \"mode\" of the buffer cannot be \"mixed\"; did you mean \"mix\"? It takes: mix, phase");
  check_ok(ngd_icea_set(icea, "seed", 5, &error));
  uint64_t id;
  check_ok(ngd_icea_draw_f32(icea, 1, &id, NULL, &error));
  check_error(ngd_icea_set(icea, "seed", 6, &error), NGD_E_STATE,
              "option \"seed\" of the buffer is fixed once it is in use; set it right after creation");
  check_ok(ngd_icea_reset(icea, &error));
  check_ok(ngd_icea_set(icea, "seed", 6, &error));
  ngd_icea_destroy(icea);
}

static void null_is_refused_where_it_may_not_be(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea", 4);
  uint64_t ids[2] = {0, 1};
  const float losses[2] = {1, 2};
  const int32_t correct[2] = {1, 0};
  check_error(ngd_icea_create("icea", 1, NULL, &error), NGD_E_ARGUMENT,
              "argument \"out\" is NULL, but may not be");
  check_error(ngd_icea_record_f32(NULL, ids, losses, correct, 2, &error), NGD_E_ARGUMENT,
              "argument \"icea\" is NULL, but may not be");
  check_error(ngd_icea_record_f32(icea, NULL, losses, correct, 2, &error), NGD_E_ARGUMENT,
              "argument \"ids\" is NULL, but may not be");
  check_error(ngd_icea_record_f32(icea, ids, NULL, correct, 2, &error), NGD_E_ARGUMENT,
              "argument \"losses\" is NULL, but may not be with score=loss");
  check_ok(ngd_icea_record_f32(icea, NULL, NULL, NULL, 0, &error));
  check_error(ngd_icea_draw_f32(icea, 2, NULL, NULL, &error), NGD_E_ARGUMENT,
              "argument \"ids\" is NULL, but may not be");
  check_error(ngd_icea_draw_f32(icea, 0, ids, NULL, &error), NGD_E_ARGUMENT,
              "argument \"count\" is 0; draw at least 1 sample");
  check_error(ngd_icea_get_info(icea, NULL, &error), NGD_E_ARGUMENT,
              "argument \"info\" is NULL, but may not be");
  check_error(ngd_icea_get_quarantine(icea, NULL, 1, NULL, &error), NGD_E_ARGUMENT,
              "argument \"ids\" is NULL, but may not be");
  ngd_icea_info info = {.struct_size = 3};
  check_error(ngd_icea_get_info(icea, &info, &error), NGD_E_ARGUMENT,
              "ngd_icea_info.struct_size is 3; set it to sizeof(ngd_icea_info) before the call");
  check_ok(ngd_icea_set_text(icea, "score", "miss", &error));
  check_error(ngd_icea_record_f32(icea, ids, losses, NULL, 2, &error), NGD_E_ARGUMENT,
              "argument \"correct\" is NULL, but may not be with score=miss");
  check_ok(ngd_icea_record_f32(icea, ids, NULL, correct, 2, &error));
  assert_true(sample_of(icea, 0).score == 0 && sample_of(icea, 1).score == 1);
  assert_int_equal(info_of(icea).records, 2);
  ngd_icea_destroy(icea);
}

/* --- visits */

static void scores_accumulate_and_fade(void **state) {
  (void)state;
  ngd_icea *icea = make("icea:gamma=0.5", 2);
  record_one(icea, 1, 2, 0);
  assert_true(sample_of(icea, 1).score == 2);
  record_one(icea, 1, 5, 0); /* cut to 3 */
  assert_true(sample_of(icea, 1).score == 4);
  record_one(icea, 1, 0.5f, 1);
  assert_true(sample_of(icea, 1).score == 2.5);
  record_one(icea, 1, -7, 1); /* counts as 0 */
  assert_true(sample_of(icea, 1).score == 1.25);
  const ngd_icea_sample sample = sample_of(icea, 1);
  assert_int_equal(sample.seen, 4);
  assert_int_equal(sample.errors, 2);
  assert_int_equal(sample.miss_run, 0);
  assert_int_equal(sample_of(icea, 0).seen, 0);
  ngd_icea_destroy(icea);
}

static void a_number_twice_in_a_batch_is_visited_twice_in_order(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:gamma=0.5", 20);
  const uint64_t ids[] = {3, 11, 3, 3};
  const float losses[] = {1, 9, 2, 0.5f};
  const int32_t correct[] = {0, 1, 1, 0};
  check_ok(ngd_icea_record_f32(icea, ids, losses, correct, 4, &error));
  const ngd_icea_sample sample = sample_of(icea, 3);
  assert_true(sample.score == (1 * 0.5 + 2) * 0.5 + 0.5);
  assert_int_equal(sample.seen, 3);
  assert_int_equal(sample.errors, 2);
  assert_int_equal(sample.miss_run, 1);
  ngd_icea_destroy(icea);
}

static void without_answers_nothing_is_wrong(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:quarantine=1", 4);
  const uint64_t ids[] = {0, 1};
  const float losses[] = {9, 1};
  for (int i = 0; i < 5; i++) check_ok(ngd_icea_record_f32(icea, ids, losses, NULL, 2, &error));
  assert_int_equal(sample_of(icea, 0).errors, 0);
  assert_int_equal(info_of(icea).quarantined, 0);
  ngd_icea_destroy(icea);
}

/* Nothing of a batch with one bad entry is recorded. */
static void bad_batches_are_refused_whole(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:warmup=0", 10);
  train(icea, 5, 20, NULL);
  const ngd_icea_info before = info_of(icea);
  const double score = sample_of(icea, 0).score;
  uint64_t ids[] = {0, 1, 10};
  float losses[] = {2.5f, 1, 1};
  check_error(
      ngd_icea_record_f32(icea, ids, losses, NULL, 3, &error), NGD_E_RANGE,
      "sample 10 (number 2 of the batch) does not exist; the buffer has 10 samples; nothing of the batch was "
      "recorded");
  ids[2] = UINT64_MAX;
  check_error(ngd_icea_record_f32(icea, ids, losses, NULL, 3, &error), NGD_E_RANGE,
              "sample 18446744073709551615 (number 2 of the batch) does not exist; the buffer has 10 samples; "
              "nothing of "
              "the batch was recorded");
  ids[2] = 9;
  losses[2] = (float)NAN;
  check_error(ngd_icea_record_f32(icea, ids, losses, NULL, 3, &error), NGD_E_NOT_FINITE,
              "the loss of sample 9 (number 2 of the batch) is nan; nothing of the batch was recorded");
  losses[2] = (float)INFINITY;
  check_error(ngd_icea_record_f32(icea, ids, losses, NULL, 3, &error), NGD_E_NOT_FINITE,
              "the loss of sample 9 (number 2 of the batch) is inf; nothing of the batch was recorded");
  losses[2] = (float)-INFINITY;
  check_error(ngd_icea_record_f32(icea, ids, losses, NULL, 3, &error), NGD_E_NOT_FINITE,
              "the loss of sample 9 (number 2 of the batch) is -inf; nothing of the batch was recorded");
  const ngd_icea_info after = info_of(icea);
  assert_memory_equal(&before, &after, sizeof before);
  assert_true(sample_of(icea, 0).score == score);
  ngd_icea_sample sample = {.struct_size = sizeof sample};
  check_error(ngd_icea_get_sample(icea, 10, &sample, &error), NGD_E_RANGE,
              "sample 10 does not exist; the buffer has 10 samples");
  ngd_icea_destroy(icea);
}

/* --- when batches are plain */

static void the_first_epochs_are_plain_passes(void **state) {
  (void)state;
  ngd_error error;
  enum { kSamples = 100 };
  ngd_icea *icea = make("icea:warmup=2", kSamples);
  uint64_t order[2][kSamples], ids[7];
  float weights[7];
  int pass = 0, place = 0;
  for (int drawn = 0; drawn < 2 * kSamples; drawn += 7) {
    assert_true(info_of(icea).plain == 1 && info_of(icea).warming == 1);
    check_ok(ngd_icea_draw_f32(icea, 7, ids, weights, &error));
    for (int i = 0; i < 7; i++) {
      assert_true(weights[i] == 1.0f);
      record_one(icea, ids[i], 2, 0);
      if (pass < 2) order[pass][place++] = ids[i];
      if (place == kSamples) pass++, place = 0;
    }
  }
  assert_true(info_of(icea).plain == 0 && info_of(icea).warming == 0);
  assert_int_equal(info_of(icea).hard_draws, 0);
  assert_memory_not_equal(order[0], order[1], sizeof order[0]);
  for (pass = 0; pass < 2; pass++) {
    int times[kSamples] = {0}, in_place = 0;
    for (place = 0; place < kSamples; place++) {
      assert_in_range(order[pass][place], 0, kSamples - 1);
      times[order[pass][place]]++;
      in_place += order[pass][place] == (uint64_t)place;
    }
    for (int i = 0; i < kSamples; i++) assert_int_equal(times[i], 1);
    assert_true(in_place < 10);
  }
  ngd_icea_destroy(icea);
}

static void phases_alternate_plain_and_hard_batches(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:mode=phase,plain_steps=3,hard_steps=2,warmup=0.5,cap=0.2,quarantine=0", 40);
  uint64_t ids[10];
  for (uint64_t id = 0; id < 40; id++) record_one(icea, id, id < 8 ? 2 : 0.1f, id >= 8);
  /* Two batches of warm-up, then 3 plain and 2 hard ones, in turn. */
  const char *const kinds = "ppppphhppphhppp";
  uint64_t hard = 0, seen[40] = {0};
  for (int b = 0; kinds[b] != '\0'; b++) {
    assert_int_equal(info_of(icea).plain, kinds[b] == 'p');
    check_ok(ngd_icea_draw_f32(icea, 10, ids, NULL, &error));
    for (int i = 0; i < 10; i++) {
      if (kinds[b] == 'h') assert_true(ids[i] < 8);
      if (kinds[b] == 'p') seen[ids[i]]++;
    }
    hard += kinds[b] == 'h' ? 10 : 0;
    assert_int_equal(info_of(icea).hard_draws, hard);
  }
  /* 11 plain batches of 10: the passes go on through the hard ones, so all came two times and some three. */
  for (int i = 0; i < 40; i++) assert_in_range(seen[i], 2, 3);
  ngd_icea_destroy(icea);
}

/* --- edges of size */

static void no_samples_and_one_sample(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:warmup=0", 0);
  uint64_t ids[5] = {7, 7, 7, 7, 7};
  float weights[5];
  size_t needed = 9;
  check_error(ngd_icea_draw_f32(icea, 5, ids, weights, &error), NGD_E_STATE,
              "there are no samples to draw; give the buffer some with ngd_icea_resize");
  assert_int_equal(info_of(icea).batches, 0);
  check_error(
      ngd_icea_record_f32(icea, ids, weights, NULL, 1, &error), NGD_E_RANGE,
      "sample 7 (number 0 of the batch) does not exist; the buffer has 0 samples; nothing of the batch was "
      "recorded");
  check_ok(ngd_icea_get_hard_set(icea, NULL, 0, &needed, &error));
  assert_int_equal(needed, 0);
  check_ok(ngd_icea_get_quarantine(icea, NULL, 0, &needed, &error));
  assert_int_equal(info_of(icea).capacity, 0);
  check_ok(ngd_icea_export(icea, 0, 0, NULL, NULL, NULL, NULL, &error));
  check_ok(ngd_icea_import(icea, 0, 0, NULL, NULL, NULL, NULL, &error));
  check_ok(ngd_icea_reset(icea, &error));

  check_ok(ngd_icea_resize(icea, 1, &error));
  assert_true(sample_of(icea, 0).probability == 1);
  for (int round = 0; round < 3; round++) {
    check_ok(ngd_icea_draw_f32(icea, 5, ids, weights, &error));
    for (int i = 0; i < 5; i++) assert_true(ids[i] == 0 && weights[i] == 1.0f);
    record_one(icea, 0, 2, 1);
    assert_int_equal(info_of(icea).hard, 1);
    assert_true(fabs(sample_of(icea, 0).probability - 1) < 1e-12);
  }
  ngd_icea_destroy(icea);
}

static void with_all_in_quarantine_every_sample_still_comes(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:warmup=0,quarantine=2", 30);
  for (uint64_t id = 0; id < 30; id++) {
    record_one(icea, id, 3, 0);
    record_one(icea, id, 3, 0);
  }
  ngd_icea_info info = info_of(icea);
  assert_int_equal(info.quarantined, 30);
  assert_int_equal(info.hard, 0);
  assert_true(info.hard_mass == 0);
  uint64_t ids[300], list[30];
  float weights[300];
  int times[30] = {0};
  check_ok(ngd_icea_draw_f32(icea, 300, ids, weights, &error));
  for (int i = 0; i < 300; i++) {
    times[ids[i]]++;
    assert_true(weights[i] == 1.0f);
  }
  for (int i = 0; i < 30; i++) assert_true(times[i] > 0);
  check_ok(ngd_icea_set_text(icea, "mode", "phase", &error));
  check_ok(ngd_icea_set(icea, "plain_steps", 0, &error));
  check_ok(ngd_icea_draw_f32(icea, 300, ids, weights, &error));
  assert_int_equal(info_of(icea).hard_draws, 0);

  /* One right answer brings a sample back. */
  record_one(icea, 12, 2, 1);
  size_t needed;
  check_ok(ngd_icea_get_quarantine(icea, list, 30, &needed, &error));
  assert_int_equal(needed, 29);
  for (size_t i = 0; i < 29; i++) assert_int_equal(list[i], i < 12 ? i : i + 1);
  check_ok(ngd_icea_get_hard_set(icea, list, 30, &needed, &error));
  assert_int_equal(needed, 1);
  assert_int_equal(list[0], 12);
  check_error(ngd_icea_get_quarantine(icea, list, 28, &needed, &error), NGD_E_BUFFER,
              "ids has room for 28 numbers, but there are 29");
  assert_int_equal(needed, 29);
  ngd_icea_destroy(icea);
}

static void a_learned_sample_leaves_and_a_harder_one_moves_up(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:warmup=0,cap=0.2", 10);
  uint64_t list[10];
  size_t needed;
  for (uint64_t id = 0; id < 10; id++) record_one(icea, id, (float)(id % 5) / 2, 1);
  /* Scores 0 0.5 1 1.5 2 twice over; the two largest are 4 and 9. */
  check_ok(ngd_icea_get_hard_set(icea, list, 10, &needed, &error));
  assert_int_equal(needed, 2);
  assert_true(list[0] == 4 && list[1] == 9);
  record_one(icea, 4, 0, 1); /* learned: of the equal 3 and 8 the lower number moves up */
  check_ok(ngd_icea_get_hard_set(icea, list, 10, &needed, &error));
  assert_true(needed == 2 && list[0] == 9 && list[1] == 3);
  ngd_icea_destroy(icea);
}

/* 0.1 * 30 is a little above 3 in binary, but no fourth place. */
static void the_capacity_is_the_share_rounded_up(void **state) {
  (void)state;
  const struct {
    const char *spec;
    uint64_t samples, capacity;
  } cases[] = {{"icea", 30, 3},           {"icea", 31, 4},      {"icea", 1, 1},
               {"icea:cap=0.07", 100, 7}, {"icea:cap=1", 9, 9}, {"icea:remover=none", 50, 50}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ngd_icea *icea = make(cases[i].spec, cases[i].samples);
    assert_int_equal(info_of(icea).capacity, cases[i].capacity);
    ngd_icea_destroy(icea);
  }
}

static void the_number_of_samples_can_change(void **state) {
  (void)state;
  ngd_error error;
  ngd_icea *icea = make("icea:warmup=0,cap=1,quarantine=2", 100);
  train(icea, 30, 50, NULL);
  double scores[100];
  for (uint64_t id = 0; id < 100; id++) scores[id] = sample_of(icea, id).score;
  check_ok(ngd_icea_resize(icea, 5000, &error));
  assert_int_equal(info_of(icea).samples, 5000);
  for (uint64_t id = 0; id < 100; id++) assert_true(sample_of(icea, id).score == scores[id]);
  assert_int_equal(sample_of(icea, 4999).seen, 0);
  train(icea, 30, 50, NULL);
  check_ok(ngd_icea_resize(icea, 60, &error));
  const ngd_icea_info info = info_of(icea);
  assert_true(info.samples == 60 && info.seen <= 60 && info.hard <= 60 && info.quarantined <= 60);
  size_t needed;
  uint64_t list[60];
  check_ok(ngd_icea_get_hard_set(icea, list, 60, &needed, &error));
  for (size_t i = 0; i < needed; i++) assert_true(list[i] < 60);
  train(icea, 10, 50, NULL);
  check_ok(ngd_icea_resize(icea, 0, &error));
  check_ok(ngd_icea_resize(icea, 60, &error));
  assert_int_equal(info_of(icea).seen, 0);
  check_error(ngd_icea_resize(icea, UINT64_MAX, &error), NGD_E_RANGE,
              "a buffer of 18446744073709551615 samples is not possible; it holds at most 4294967295");
  ngd_icea_destroy(icea);
}

/* Cut down in the middle of a pass, or grown, the next pass is whole. */
static void a_pass_begins_anew_when_the_number_changes(void **state) {
  (void)state;
  ngd_error error;
  const uint64_t sizes[] = {50, 70, 20};
  ngd_icea *icea = make("icea:warmup=99", 100);
  uint64_t ids[70];
  check_ok(ngd_icea_draw_f32(icea, 60, ids, NULL, &error));
  for (int k = 0; k < 3; k++) {
    int times[70] = {0};
    check_ok(ngd_icea_resize(icea, sizes[k], &error));
    check_ok(ngd_icea_draw_f32(icea, sizes[k], ids, NULL, &error));
    for (uint64_t i = 0; i < sizes[k]; i++) times[ids[i]]++;
    for (uint64_t i = 0; i < sizes[k]; i++) assert_int_equal(times[i], 1);
    check_ok(ngd_icea_draw_f32(icea, sizes[k] / 2, ids, NULL, &error));
  }
  ngd_icea_destroy(icea);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_are_described_set_and_read),
      cmocka_unit_test(the_defaults_are_those_of_the_definition),
      cmocka_unit_test(wrong_options_are_refused),
      cmocka_unit_test(null_is_refused_where_it_may_not_be),
      cmocka_unit_test(scores_accumulate_and_fade),
      cmocka_unit_test(a_number_twice_in_a_batch_is_visited_twice_in_order),
      cmocka_unit_test(without_answers_nothing_is_wrong),
      cmocka_unit_test(bad_batches_are_refused_whole),
      cmocka_unit_test(the_first_epochs_are_plain_passes),
      cmocka_unit_test(phases_alternate_plain_and_hard_batches),
      cmocka_unit_test(no_samples_and_one_sample),
      cmocka_unit_test(with_all_in_quarantine_every_sample_still_comes),
      cmocka_unit_test(a_learned_sample_leaves_and_a_harder_one_moves_up),
      cmocka_unit_test(the_capacity_is_the_share_rounded_up),
      cmocka_unit_test(the_number_of_samples_can_change),
      cmocka_unit_test(a_pass_begins_anew_when_the_number_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
