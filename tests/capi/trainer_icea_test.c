/* Trainers with the option `icea`: what events, log and checkpoints tell, resume bit for bit, the warning. */
#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "three_classes.h"

enum { kRows = 200, kColumns = 4 };

struct bench {
  ngd_trainer *trainer;
  ngd_model *model;
  ngd_optimizer *optimizer;
  ngd_dataset *training;
  char directory[120];
};

static void remove_directory(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) return;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    char name[400];
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.') unlink(name);
  }
  closedir(directory);
  rmdir(path);
}

static void fresh(struct bench *b, const char *spec) {
  ngd_error error;
  char full[400];
  ngd_trainer_destroy(b->trainer);
  ngd_model_destroy(b->model);
  ngd_optimizer_destroy(b->optimizer);
  snprintf(full, sizeof full, spec, b->directory);
  check_ok(ngd_trainer_create(full, &b->trainer, &error));
  check_ok(ngd_model_create("mlp:hidden=8", &b->model, &error));
  check_ok(ngd_optimizer_create("ngd:learning_rate=0.03", &b->optimizer, &error));
}

static int set_up(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  strcpy(b->directory, "/tmp/ngd-icea-run-XXXXXX");
  assert_non_null(mkdtemp(b->directory));
  b->training = three_classes(kRows, kColumns, 0);
  *state = b;
  return 0;
}

static int tear_down(void **state) {
  struct bench *b = *state;
  ngd_trainer_destroy(b->trainer);
  ngd_model_destroy(b->model);
  ngd_optimizer_destroy(b->optimizer);
  ngd_dataset_destroy(b->training);
  remove_directory(b->directory);
  free(b);
  return 0;
}

static ngd_status run(struct bench *b, ngd_error *error) {
  memset(error, 0, sizeof *error);
  return ngd_trainer_run(b->trainer, b->model, b->optimizer, b->training, NULL, error);
}

static char *log_of(const struct bench *b) {
  static char text[100000];
  char path[300];
  snprintf(path, sizeof path, "%s/log.jsonl", b->directory);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

struct record {
  ngd_event epochs[20];
  int epoch_count, warnings;
  char message[500];
};

static int32_t on_event(const ngd_event *event, void *user_data) {
  struct record *record = user_data;
  assert_non_null(event->message);
  if (event->kind == NGD_EVENT_EPOCH) record->epochs[record->epoch_count++] = *event;
  if (event->kind == NGD_EVENT_WARNING) {
    record->warnings++;
    snprintf(record->message, sizeof record->message, "%s", event->message);
  } else {
    assert_string_equal(event->message, "");
  }
  return 0;
}

static void the_spec_is_checked_when_it_is_given(void **state) {
  struct bench *b = *state;
  ngd_error error;
  ngd_trainer *trainer;
  check_error(ngd_trainer_create("trainer:icea=\"icea:roh=0.5\"", &trainer, &error), NGD_E_OPTION,
              "unknown option \"roh\" for the buffer; did you mean \"rho\"? (column 6)");
  fresh(b, "trainer");
  check_error(ngd_trainer_set_text(b->trainer, "icea", "yes", &error), NGD_E_OPTION,
              "unknown kind of buffer \"yes\"; Known: icea");
  check_ok(ngd_trainer_set_text(b->trainer, "icea", "icea:rho=0.25", &error));
  char text[100];
  check_ok(ngd_trainer_get_text(b->trainer, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, "trainer:icea=\"icea:rho=0.25\"");
}

static void events_tell_of_the_buffer(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  ngd_icea *icea = NULL;
  fresh(b, "trainer:epochs=6,batch_size=16,icea=\"icea:rho=0.5,cap=0.2,error_min=0.001\",run_directory=%s");
  check_error(ngd_trainer_get_icea(b->trainer, &icea, &error), NGD_E_STATE,
              "there is no run with a buffer; set the option \"icea\" and start one");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_int_equal(record.epoch_count, 6);
  assert_true(record.epochs[0].hard_share == 0); /* the warm-up: one plain pass */
  uint64_t hard_draws = 0;
  for (int i = 1; i < 6; i++) {
    const ngd_event *event = &record.epochs[i];
    assert_true(event->hard_share > 0.2 && event->hard_share < 0.7);
    assert_in_range(event->hard_set, 1, 40);
    assert_int_equal(event->rows, (i + 1) * kRows);
    hard_draws += (uint64_t)lround(event->hard_share * kRows);
  }
  check_ok(ngd_trainer_get_icea(b->trainer, &icea, &error));
  ngd_icea_info info = {.struct_size = sizeof info};
  check_ok(ngd_icea_get_info(icea, &info, &error));
  assert_int_equal(info.samples, kRows);
  assert_int_equal(info.seen, kRows);
  assert_int_equal(info.records, 6 * kRows);
  assert_int_equal(info.hard_draws, hard_draws);
  assert_int_equal(info.hard, record.epochs[5].hard_set);
  ngd_trainer_destroy(b->trainer); /* in any order */
  b->trainer = NULL;
  check_ok(ngd_icea_get_info(icea, &info, &error));

  /* The checkpoint holds the buffer. */
  char path[200];
  snprintf(path, sizeof path, "%s/checkpoint-78.safetensors", b->directory);
  ngd_icea *loaded;
  check_ok(ngd_icea_create("icea", 0, &loaded, &error));
  check_ok(ngd_icea_load(loaded, path, &error));
  ngd_icea_info same = {.struct_size = sizeof same};
  check_ok(ngd_icea_get_info(loaded, &same, &error));
  info.bytes = same.bytes = 0;
  assert_memory_equal(&info, &same, sizeof info);
  ngd_icea_destroy(icea);
  ngd_icea_destroy(loaded);

  char *line = strstr(log_of(b), "{\"event\":\"epoch\",\"epoch\":6");
  assert_non_null(line);
  line[strcspn(line, "\n")] = '\0';
  char expected[100];
  snprintf(expected, sizeof expected, "\"hard_set\":%d,\"quarantined\":%d,\"hard_share\":0.",
           (int)record.epochs[5].hard_set, (int)record.epochs[5].quarantined);
  if (strstr(line, expected) == NULL) fail_msg("%s lacks %s", line, expected);
}

static void without_the_option_nothing_is_told(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  ngd_icea *icea = (ngd_icea *)&record;
  fresh(b, "trainer:epochs=2,run_directory=%s");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_true(isnan(record.epochs[1].hard_share) && record.epochs[1].hard_set == 0);
  assert_int_equal(record.warnings, 0);
  assert_null(strstr(log_of(b), "hard_set"));
  assert_int_equal(ngd_trainer_get_icea(b->trainer, &icea, &error), NGD_E_STATE);
  assert_null(icea);
}

/* The first epoch is a plain pass: each row once. */
static void the_warm_up_visits_every_row_once(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh(b, "trainer:epochs=1,batch_size=7,icea=icea");
  check_ok(run(b, &error));
  ngd_icea *icea;
  check_ok(ngd_trainer_get_icea(b->trainer, &icea, &error));
  for (uint64_t i = 0; i < kRows; i++) {
    ngd_icea_sample sample = {.struct_size = sizeof sample};
    check_ok(ngd_icea_get_sample(icea, i, &sample, &error));
    assert_int_equal(sample.seen, 1);
  }
  ngd_icea_destroy(icea);
}

/* The scores that a run leaves, as one text. */
static void scores_of(struct bench *b, char *text, size_t capacity) {
  ngd_error error;
  ngd_icea *icea;
  check_ok(ngd_trainer_get_icea(b->trainer, &icea, &error));
  text[0] = '\0';
  for (uint64_t i = 0; i < kRows; i++) {
    ngd_icea_sample sample = {.struct_size = sizeof sample};
    check_ok(ngd_icea_get_sample(icea, i, &sample, &error));
    const size_t length = strlen(text);
    snprintf(text + length, capacity - length, "%a/%d/%d ", sample.score, (int)sample.seen, (int)sample.errors);
  }
  ngd_icea_destroy(icea);
}

static void model_of(struct bench *b, double *values) {
  ngd_error error;
  for (size_t i = 0, at = 0; i < ngd_model_tensor_count(b->model); i++) {
    ngd_tensor_info info = {.struct_size = sizeof info};
    check_ok(ngd_model_tensor(b->model, i, &info, &error));
    check_ok(ngd_model_get_tensor_f64(b->model, i, values + at, info.elements, &error));
    at += info.elements;
  }
}

static void a_resumed_run_equals_one_that_never_stopped(void **state) {
  struct bench *b = *state;
  ngd_error error;
  static char whole_scores[20000], resumed_scores[20000];
  double whole[200] = {0}, resumed[200] = {0};
  const char *const specs[] = {"icea:beta=0.5,cap=0.3,gamma=0.5", "icea:mode=phase,warmup=0.7,sampler=rank"};
  for (int k = 0; k < 2; k++) {
    char spec[300];
    snprintf(spec, sizeof spec,
             "trainer:epochs=4,batch_size=16,seed=5,checkpoint_steps=5,icea=\"%s\",run_directory=%%s",
             specs[k]);
    fresh(b, spec);
    check_ok(run(b, &error));
    scores_of(b, whole_scores, sizeof whole_scores);
    model_of(b, whole);
    for (uint64_t cut = 3; cut < 50; cut += 11) {
      struct bench again = {.training = b->training};
      snprintf(again.directory, sizeof again.directory, "%.90s-%u", b->directory, (unsigned)cut);
      fresh(&again, spec);
      check_ok(ngd_trainer_start(again.trainer, again.model, again.optimizer, again.training, NULL, &error));
      int32_t running;
      check_ok(ngd_trainer_advance(again.trainer, cut, &running, &error));
      ngd_trainer_cancel(again.trainer);
      assert_int_equal(ngd_trainer_advance(again.trainer, 100, &running, &error), NGD_E_CANCELLED);
      char resume[400];
      snprintf(resume, sizeof resume, "%s,resume=1", spec);
      fresh(&again, resume);
      check_ok(run(&again, &error));
      scores_of(&again, resumed_scores, sizeof resumed_scores);
      model_of(&again, resumed);
      assert_string_equal(resumed_scores, whole_scores);
      assert_memory_equal(resumed, whole, sizeof whole);
      remove_directory(again.directory);
      ngd_trainer_destroy(again.trainer);
      ngd_model_destroy(again.model);
      ngd_optimizer_destroy(again.optimizer);
    }
    remove_directory(b->directory);
  }
}

static void a_run_does_not_resume_with_another_buffer(void **state) {
  struct bench *b = *state;
  ngd_error error;
  char expected[400];
  fresh(b, "trainer:epochs=1,batch_size=50,icea=icea,run_directory=%s");
  check_ok(run(b, &error));
  fresh(b, "trainer:epochs=2,batch_size=50,icea=\"icea:rho=0.9\",resume=1,run_directory=%s");
  snprintf(expected, sizeof expected,
           "cannot resume from \"%s/checkpoint-4.safetensors\": the run cannot be resumed with "
           "icea=icea:rho=0.9: it "
           "began with icea=icea, and another value would change which rows come next",
           b->directory);
  check_error(run(b, &error), NGD_E_CHECKPOINT, expected);
  fresh(b, "trainer:epochs=2,batch_size=50,resume=1,run_directory=%s");
  snprintf(
      expected, sizeof expected,
      "cannot resume from \"%s/checkpoint-4.safetensors\": the run cannot be resumed with icea=: it began with "
      "icea=icea, and another value would change which rows come next",
      b->directory);
  check_error(run(b, &error), NGD_E_CHECKPOINT, expected);
}

static void the_seed_of_the_draws_is_the_trainers_unless_given(void **state) {
  struct bench *b = *state;
  ngd_error error;
  const struct {
    const char *spec;
    double seed;
  } cases[] = {{"trainer:epochs=1,seed=9,icea=icea", 9}, {"trainer:epochs=1,seed=9,icea=\"icea:seed=1\"", 1}};
  for (int i = 0; i < 2; i++) {
    double seed;
    ngd_icea *icea;
    fresh(b, cases[i].spec);
    check_ok(run(b, &error));
    check_ok(ngd_trainer_get_icea(b->trainer, &icea, &error));
    check_ok(ngd_icea_get(icea, "seed", &seed, &error));
    assert_true(seed == cases[i].seed);
    ngd_icea_destroy(icea);
  }
}

static void many_in_quarantine_after_three_epochs_are_warned_of_once(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  ngd_dataset_destroy(b->training);
  b->training = three_classes(kRows, kColumns, 1);
  fresh(b, "trainer:epochs=12,batch_size=16,icea=\"icea:quarantine=2\",run_directory=%s");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_int_equal(record.warnings, 1);
  int first = 2;
  while (record.epochs[first].quarantined <= kRows / 20) first++;
  char expected[300];
  snprintf(expected, sizeof expected, " %% of the samples (%d of 200) are in quarantine after %d epochs: ",
           (int)record.epochs[first].quarantined, first + 1);
  if (strstr(record.message, expected) == NULL) fail_msg("%s lacks %s", record.message, expected);
  char *warning = strstr(log_of(b), "{\"event\":\"warning\"");
  assert_non_null(warning);
  assert_null(strstr(warning + 1, "{\"event\":\"warning\""));

  /* Resumed after the warning, it is not said again; polled, its text comes along. */
  fresh(b, "trainer:epochs=14,batch_size=16,icea=\"icea:quarantine=2\",run_directory=%s,resume=1");
  check_ok(run(b, &error));
  warning = strstr(log_of(b), "{\"event\":\"warning\"");
  assert_null(strstr(warning + 1, "{\"event\":\"warning\""));
  remove_directory(b->directory);
  fresh(b, "trainer:epochs=12,batch_size=16,icea=\"icea:quarantine=2\"");
  check_ok(run(b, &error));
  ngd_event event = {.struct_size = sizeof event};
  int32_t found = 1;
  int warnings = 0;
  while (found) {
    check_ok(ngd_trainer_poll(b->trainer, &event, &found, &error));
    if (found && event.kind == NGD_EVENT_WARNING) {
      warnings++;
      assert_string_equal(event.message, record.message);
    } else {
      assert_string_equal(event.message, "");
    }
  }
  assert_int_equal(warnings, 1);
}

static void few_in_quarantine_are_not_warned_of(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  fresh(b, "trainer:epochs=12,batch_size=16,icea=icea");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_true(record.epochs[11].quarantined <= kRows / 20);
  assert_int_equal(record.warnings, 0);
}

/* Numbers instead of classes: no answer is wrong, scores are losses, nothing is set aside. */
static void regression_has_scores_but_no_quarantine(void **state) {
  struct bench *b = *state;
  ngd_error error;
  float features[60], labels[60];
  for (int i = 0; i < 60; i++) {
    features[i] = (float)i / 30 - 1;
    labels[i] = features[i] * features[i] * 3 + (i == 17 ? 4 : 0);
  }
  ngd_dataset_destroy(b->training);
  check_ok(ngd_dataset_create("dense:label_type=number", &b->training, &error));
  check_ok(ngd_dataset_append_f32(b->training, features, labels, 60, 1, &error));
  fresh(b, "trainer:epochs=20,batch_size=8,icea=\"icea:quarantine=1\"");
  check_ok(run(b, &error));
  ngd_icea *icea;
  check_ok(ngd_trainer_get_icea(b->trainer, &icea, &error));
  ngd_icea_info info = {.struct_size = sizeof info};
  check_ok(ngd_icea_get_info(icea, &info, &error));
  assert_int_equal(info.quarantined, 0);
  uint64_t hard[60];
  size_t count;
  check_ok(ngd_icea_get_hard_set(icea, hard, 60, &count, &error));
  assert_int_equal(hard[0], 17); /* the one that lies off the curve */
  ngd_icea_destroy(icea);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_spec_is_checked_when_it_is_given),
      TEST(events_tell_of_the_buffer),
      TEST(without_the_option_nothing_is_told),
      TEST(the_warm_up_visits_every_row_once),
      TEST(a_resumed_run_equals_one_that_never_stopped),
      TEST(a_run_does_not_resume_with_another_buffer),
      TEST(the_seed_of_the_draws_is_the_trainers_unless_given),
      TEST(many_in_quarantine_after_three_epochs_are_warned_of_once),
      TEST(few_in_quarantine_are_not_warned_of),
      TEST(regression_has_scores_but_no_quarantine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
