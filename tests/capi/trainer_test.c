/* Trainers: options, events both ways, cancelling, divergence, run directories, resume. */
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define ROWS 50

/* Everything a run needs: 50 rows of two classes, the last 10 also held out; a directory that is removed. */
struct bench {
  ngd_trainer *trainer;
  ngd_model *model;
  ngd_optimizer *optimizer;
  ngd_dataset *training, *held_out;
  char directory[200];
};

static float feature(size_t row, size_t column) {
  return (float)((row * 7 + column * 13 + row * column) % 11) / 5 - 1;
}

static ngd_dataset *make_data(size_t first, size_t rows) {
  ngd_error error;
  float features[ROWS * 3], labels[ROWS];
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < 3; j++) features[i * 3 + j] = feature(first + i, j);
    labels[i] = i < 2 ? (float)i : feature(first + i, 0) + feature(first + i, 2) > 0 ? 1.0f : 0.0f;
  }
  ngd_dataset *data;
  check_ok(ngd_dataset_create("dense:label_type=category", &data, &error));
  check_ok(ngd_dataset_append_f32(data, features, labels, rows, 3, &error));
  return data;
}

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

static void fresh_model(struct bench *b) {
  ngd_error error;
  ngd_model_destroy(b->model);
  ngd_optimizer_destroy(b->optimizer);
  check_ok(ngd_model_create("mlp:hidden=4", &b->model, &error));
  check_ok(ngd_optimizer_create("ngd:learning_rate=0.05", &b->optimizer, &error));
}

/* "%s" in `spec` stands for the directory. */
static void fresh_trainer(struct bench *b, const char *spec) {
  ngd_error error;
  char full[300];
  ngd_trainer_destroy(b->trainer);
  snprintf(full, sizeof full, spec, b->directory);
  check_ok(ngd_trainer_create(full, &b->trainer, &error));
}

static int set_up(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  strcpy(b->directory, "/tmp/ngd-run-XXXXXX");
  assert_non_null(mkdtemp(b->directory));
  fresh_model(b);
  b->training = make_data(0, ROWS);
  b->held_out = make_data(ROWS - 10, 10);
  *state = b;
  return 0;
}

static int tear_down(void **state) {
  struct bench *b = *state;
  ngd_trainer_destroy(b->trainer);
  ngd_model_destroy(b->model);
  ngd_optimizer_destroy(b->optimizer);
  ngd_dataset_destroy(b->training);
  ngd_dataset_destroy(b->held_out);
  remove_directory(b->directory);
  free(b);
  return 0;
}

static ngd_status run(struct bench *b, ngd_error *error) {
  memset(error, 0, sizeof *error);
  return ngd_trainer_run(b->trainer, b->model, b->optimizer, b->training, b->held_out, error);
}

static char *read_text(const char *directory, const char *name) {
  static char text[200000];
  char path[300];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static int file_exists(const char *directory, const char *name) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return access(path, F_OK) == 0;
}

/* All events so far as text: one letter each, with step and epoch. */
struct record {
  char text[40000];
  ngd_trainer *cancel;
  uint64_t cancel_step;
  int32_t answer;
  int finalized;
  ngd_event last;
};

static void note(struct record *record, const ngd_event *event) {
  const size_t length = strlen(record->text);
  snprintf(record->text + length, sizeof record->text - length, "%c%llu/%llu:%.9g:%.9g:%s ",
           " BPECXW"[event->kind], (unsigned long long)event -> step, (unsigned long long)event -> epoch,
           event -> loss, event -> held_out_loss, event -> path);
  record->last = *event;
  record->last.path = NULL;
}

static int32_t on_event(const ngd_event *event, void *user_data) {
  struct record *record = user_data;
  note(record, event);
  if (record->cancel != NULL && event->step == record->cancel_step) ngd_trainer_cancel(record->cancel);
  return record->answer;
}

static void finalize(void *user_data) {
  ((struct record *)user_data)->finalized++;
}

/* --- */

static void options_are_described_set_and_read(void **state) {
  struct bench *b = *state;
  ngd_error error;
  ngd_option_info info = {.struct_size = sizeof info};
  char text[200];
  size_t count = 0, needed;
  while (ngd_trainer_describe(count, &info, NULL) == NGD_OK) count++;
  assert_int_equal(count, 23);
  check_error(ngd_trainer_describe(23, &info, &error), NGD_E_NOT_FOUND,
              "the trainer has 23 options; there is no option number 23");
  fresh_trainer(b, "trainer:epochs=3,schedule=cosine");
  double value;
  check_ok(ngd_trainer_get(b->trainer, "epochs", &value, &error));
  assert_true(value == 3);
  check_ok(ngd_trainer_set(b->trainer, "epochs", 4, &error));
  check_ok(ngd_trainer_set_text(b->trainer, "run_directory", "a,b", &error));
  check_ok(ngd_trainer_get_text(b->trainer, "spec", text, sizeof text, &needed, &error));
  assert_string_equal(text, "trainer:epochs=4,schedule=cosine,run_directory=\"a,b\"");
  ngd_trainer *other = b->trainer;
  check_ok(ngd_trainer_create(NULL, &other, &error));
  check_ok(ngd_trainer_get_text(other, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, "trainer");
  ngd_trainer_destroy(other);
}

static void wrong_options_are_refused(void **state) {
  struct bench *b = *state;
  ngd_error error;
  ngd_trainer *trainer = (ngd_trainer *)state;
  check_error(ngd_trainer_create("trainer:epoch=3", &trainer, &error), NGD_E_OPTION,
              "unknown option \"epoch\" for the trainer; did you mean \"epochs\"? (column 9)");
  assert_null(trainer);
  check_error(ngd_trainer_create("train", &trainer, &error), NGD_E_OPTION,
              "unknown kind of trainer \"train\"; did you mean \"trainer\"? Known: trainer");
  check_error(ngd_trainer_create("trainer:epochs=0", &trainer, &error), NGD_E_RANGE,
              "option \"epochs\" of the trainer is 0, outside its range [1, 9007199254740992] (column 9)");
  fresh_trainer(b, "trainer");
  check_error(ngd_trainer_set(b->trainer, "batch_size", 1.5, &error), NGD_E_RANGE,
              "option \"batch_size\" of the trainer is 1.5, but takes a whole number up to 2^53");
  check_error(
      ngd_trainer_set_text(b->trainer, "schedule", "linea", &error), NGD_E_OPTION,
      "option \"schedule\" of the trainer cannot be \"linea\"; did you mean \"linear\"? It takes: constant, "
      "linear, cosine");
}

static void events_by_callback_and_by_polling_are_the_same(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record called = {0}, polled = {0};
  fresh_trainer(b, "trainer:epochs=3,batch_size=16,progress_seconds=0");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &called, finalize, &error));
  check_ok(run(b, &error));
  ngd_event event = {.struct_size = sizeof event};
  int32_t found;
  check_ok(ngd_trainer_poll(b->trainer, &event, &found, &error));
  assert_int_equal(found, 0);

  fresh_model(b);
  check_ok(ngd_trainer_on_event(b->trainer, NULL, NULL, NULL, &error));
  assert_int_equal(called.finalized, 1);
  check_ok(run(b, &error));
  for (;;) {
    check_ok(ngd_trainer_poll(b->trainer, &event, &found, &error));
    if (!found) break;
    note(&polled, &event);
  }
  assert_string_equal(called.text, polled.text);
  /* Four batches an epoch, the last of two rows: begin, three times (three progress, epoch), end. */
  assert_memory_equal(called.text, "B0/0:nan:nan: P1/0:", 19);
  assert_non_null(strstr(called.text, " P3/0:"));
  assert_non_null(strstr(called.text, " E4/1:"));
  assert_non_null(strstr(called.text, " E12/3:"));
  assert_non_null(strstr(called.text, " X12/3:"));
  assert_int_equal(called.last.rows, 150);
  assert_int_equal(called.last.steps, 12);
  assert_true(called.last.held_out_accuracy >= 0 && called.last.majority >= 0.5);
  assert_true(called.last.seconds_left == 0 && called.last.rows_per_second > 0);
}

static void a_small_struct_gets_only_what_it_has_room_for(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh_trainer(b, "trainer:epochs=1");
  check_ok(run(b, &error));
  ngd_event event;
  memset(&event, 0x55, sizeof event);
  event.struct_size = offsetof(ngd_event, epochs);
  int32_t found;
  check_ok(ngd_trainer_poll(b->trainer, &event, &found, &error));
  assert_int_equal(event.epoch, 0);
  assert_int_equal(event.epochs, 0x5555555555555555);
  event.struct_size = 1;
  check_error(ngd_trainer_poll(b->trainer, &event, &found, &error), NGD_E_ARGUMENT,
              "ngd_event.struct_size is 1; set it to sizeof(ngd_event) before the call");
  event.struct_size = sizeof event;
  check_ok(ngd_trainer_poll(b->trainer, &event, &found, &error));
  assert_int_equal(event.kind, NGD_EVENT_EPOCH);
}

static void beyond_1024_waiting_events_the_oldest_progress_is_dropped(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh_trainer(b, "trainer:epochs=30,batch_size=1,progress_seconds=0");
  check_ok(run(b, &error));
  ngd_event event = {.struct_size = sizeof event};
  int32_t found;
  size_t count = 0, epochs = 0;
  for (;; count++) {
    check_ok(ngd_trainer_poll(b->trainer, &event, &found, &error));
    if (!found) break;
    epochs += event.kind == NGD_EVENT_EPOCH;
    if (count == 0) assert_int_equal(event.kind, NGD_EVENT_BEGIN);
  }
  assert_int_equal(count, 1024);
  assert_int_equal(epochs, 30);
}

static void advancing_in_pieces_is_the_same_as_running(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record whole = {0}, pieces = {0};
  fresh_trainer(b, "trainer:epochs=3,batch_size=7,progress_seconds=0,schedule=linear,warmup_steps=3");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &whole, NULL, &error));
  check_ok(run(b, &error));
  fresh_model(b);
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &pieces, NULL, &error));
  check_ok(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, b->held_out, &error));
  int32_t running = 1, calls = 0;
  for (uint64_t steps = 1; running; steps = 1 + steps % 3, calls++)
    check_ok(ngd_trainer_advance(b->trainer, steps, &running, &error));
  assert_int_equal(calls, 12); /* of 1, 2, 3, 1, 2, 3, ... steps: 24 of them */
  assert_string_equal(whole.text, pieces.text);
  double rate;
  check_ok(ngd_optimizer_get(b->optimizer, "learning_rate", &rate, &error));
  assert_true(rate == 0.05);
}

static void calls_out_of_turn_are_refused(void **state) {
  struct bench *b = *state;
  ngd_error error;
  int32_t running;
  fresh_trainer(b, "trainer:epochs=1");
  check_error(ngd_trainer_advance(b->trainer, 1, &running, &error), NGD_E_STATE,
              "no run is in progress; call ngd_trainer_start first");
  check_ok(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, NULL, &error));
  check_error(ngd_trainer_advance(b->trainer, 0, &running, &error), NGD_E_RANGE,
              "argument \"steps\" is 0, but must be at least 1");
  check_error(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, NULL, &error), NGD_E_STATE,
              "a run is in progress; advance it to its end, or create another trainer");
  check_error(ngd_trainer_set(b->trainer, "epochs", 2, &error), NGD_E_STATE,
              "option \"epochs\" of the trainer is fixed once it is in use; set it right after creation");
  check_ok(ngd_trainer_advance(b->trainer, 100, &running, &error));
  assert_int_equal(running, 0);
  check_ok(ngd_trainer_set(b->trainer, "epochs", 2, &error));
  check_error(ngd_trainer_advance(b->trainer, 1, &running, &error), NGD_E_STATE,
              "no run is in progress; call ngd_trainer_start first");
}

struct intruder {
  struct bench *bench;
  char seen[300];
};

static int32_t intrude(const ngd_event *event, void *user_data) {
  struct intruder *intruder = user_data;
  struct bench *b = intruder->bench;
  ngd_error error;
  int32_t running;
  if (event->kind != NGD_EVENT_EPOCH) return 0;
  check_error(ngd_trainer_advance(b->trainer, 1, &running, &error), NGD_E_STATE,
              "ngd_trainer_advance cannot be called from within the event callback; return from it first");
  check_error(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, NULL, &error), NGD_E_STATE,
              "ngd_trainer_start cannot be called from within the event callback; return from it first");
  check_error(ngd_trainer_on_event(b->trainer, NULL, NULL, NULL, &error), NGD_E_STATE,
              "ngd_trainer_on_event cannot be called from within the event callback; return from it first");
  strcpy(intruder->seen, "all refused");
  return 0;
}

static void a_callback_cannot_reenter(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct intruder intruder = {.bench = b};
  fresh_trainer(b, "trainer:epochs=1");
  check_ok(ngd_trainer_on_event(b->trainer, intrude, &intruder, NULL, &error));
  check_ok(run(b, &error));
  assert_string_equal(intruder.seen, "all refused");
}

static void a_callback_that_returns_nonzero_stops_the_run(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {.answer = 7};
  fresh_trainer(b, "trainer:epochs=2");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, finalize, &error));
  check_error(run(b, &error), NGD_E_CALLBACK,
              "the event callback returned 7 at step 0; training stopped there");
  record.answer = 0;
  check_ok(run(b, &error));
  ngd_trainer_destroy(b->trainer);
  b->trainer = NULL;
  assert_int_equal(record.finalized, 1);
}

static void cancelling_from_the_callback_stops_after_the_step(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {.cancel_step = 5};
  fresh_trainer(b, "trainer:epochs=3,batch_size=16,progress_seconds=0,run_directory=%s");
  record.cancel = b->trainer;
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  char expected[300];
  snprintf(expected, sizeof expected,
           "training was cancelled after step 5; set resume=1 to go on from %s/checkpoint-5.safetensors",
           b->directory);
  check_error(run(b, &error), NGD_E_CANCELLED, expected);
  snprintf(expected, sizeof expected, "%s/checkpoint-5.safetensors X5/1:", b->directory);
  assert_non_null(strstr(record.text, expected));
  assert_non_null(strstr(read_text(b->directory, "log.jsonl"), "\"reason\":\"cancelled\""));
}

static void *cancel_soon(void *trainer) {
  usleep(50000);
  ngd_trainer_cancel(trainer);
  return NULL;
}

static void cancelling_from_another_thread_stops_the_run(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh_trainer(b, "trainer:epochs=1000000000,progress_seconds=1000");
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, b->trainer), 0);
  assert_int_equal(run(b, &error), NGD_E_CANCELLED);
  pthread_join(thread, NULL);
  assert_memory_equal(error.message, "training was cancelled after step ", 34);
}

static void cancelling_beforehand_stops_the_next_run_and_no_other(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh_trainer(b, "trainer:epochs=1");
  ngd_trainer_cancel(b->trainer);
  check_error(run(b, &error), NGD_E_CANCELLED, "training was cancelled after step 0");
  check_ok(run(b, &error));
  ngd_trainer_cancel(NULL);
}

/* A straight line that a rate of 30 throws out of float32 at step 16. */
static void run_to_divergence(struct bench *b, const char *spec, const char *expected) {
  ngd_error error;
  const float features[] = {1, 2, 3, 4}, labels[] = {2, 4, 6, 8.5f};
  ngd_dataset *line;
  check_ok(ngd_dataset_create("dense:label_type=number", &line, &error));
  check_ok(ngd_dataset_append_f32(line, features, labels, 4, 1, &error));
  ngd_model_destroy(b->model);
  ngd_optimizer_destroy(b->optimizer);
  check_ok(ngd_model_create("linear:scale=none", &b->model, &error));
  check_ok(ngd_optimizer_create("sgd:learning_rate=30", &b->optimizer, &error));
  fresh_trainer(b, spec);
  check_error(ngd_trainer_run(b->trainer, b->model, b->optimizer, line, NULL, &error), NGD_E_DIVERGED,
              expected);
  ngd_dataset_destroy(line);
}

static void divergence_names_step_rate_and_last_checkpoint(void **state) {
  struct bench *b = *state;
  char expected[400];
  run_to_divergence(
      b, "trainer:epochs=1000,batch_size=1",
      "the loss became inf at step 16 of epoch 4 (learning_rate 30, optimizer sgd); no checkpoint was "
      "written: set run_directory to have them. Try a learning_rate of 3, or scale the inputs.");
  snprintf(expected, sizeof expected,
           "the loss became inf at step 16 of epoch 4 (learning_rate 30, optimizer sgd); last good checkpoint: "
           "%s/checkpoint-14.safetensors. Try a learning_rate of 3, or scale the inputs.",
           b->directory);
  run_to_divergence(
      b, "trainer:epochs=1000,batch_size=1,checkpoint_steps=7,keep_checkpoints=1,run_directory=%s", expected);
  assert_true(file_exists(b->directory, "checkpoint-14.safetensors"));
  assert_non_null(strstr(read_text(b->directory, "log.jsonl"), "\"reason\":\"diverged\""));
}

static void a_checkpoint_is_not_written_from_a_diverged_model(void **state) {
  struct bench *b = *state;
  char expected[400];
  snprintf(
      expected, sizeof expected,
      "a parameter became infinite or nan at step 15 of epoch 4 (learning_rate 30, optimizer sgd); last good "
      "checkpoint: %s/checkpoint-10.safetensors. Try a learning_rate of 3, or scale the inputs.",
      b->directory);
  run_to_divergence(
      b, "trainer:epochs=1000,batch_size=1,checkpoint_epochs=0,checkpoint_steps=5,run_directory=%s", expected);
  assert_false(file_exists(b->directory, "checkpoint-15.safetensors"));
  remove_directory(b->directory);
  run_to_divergence(
      b, "trainer:epochs=1000,batch_size=1,checkpoint_epochs=0,run_directory=%s",
      "the loss became inf at step 16 of epoch 4 (learning_rate 30, optimizer sgd); no checkpoint was "
      "written yet. Try a learning_rate of 3, or scale the inputs.");
}

static void ten_skipped_steps_in_a_row_are_divergence(void **state) {
  struct bench *b = *state;
  ngd_error error;
  /* From zero weights the loss is 1e30, but its gradient 1e45, beyond float32. */
  const float features[] = {1e30f, 1e30f}, labels[] = {1e15f, 1e15f}, zeros[] = {0};
  for (int strict = 0; strict < 2; strict++) {
    ngd_dataset *huge;
    check_ok(ngd_dataset_create("dense:label_type=number", &huge, &error));
    check_ok(ngd_dataset_append_f32(huge, features, labels, 2, 1, &error));
    ngd_model_destroy(b->model);
    ngd_optimizer_destroy(b->optimizer);
    check_ok(ngd_model_create("linear:scale=none", &b->model, &error));
    check_ok(ngd_model_prepare(b->model, huge, &error));
    check_ok(ngd_model_set_tensor_f32(b->model, 0, zeros, 1, &error));
    check_ok(ngd_optimizer_create(strict ? "sgd:nonfinite=error" : "sgd", &b->optimizer, &error));
    fresh_trainer(b, "trainer:epochs=1000,batch_size=1");
    check_error(
        ngd_trainer_run(b->trainer, b->model, b->optimizer, huge, NULL, &error), NGD_E_DIVERGED,
        strict ? "a gradient became infinite or nan at step 1 of epoch 1 (learning_rate 0.01, optimizer sgd); "
                 "no checkpoint was written: set run_directory to have them. Try a learning_rate of 0.001, or "
                 "scale the inputs."
               : "the gradients of 10 steps in a row were not finite, up to the one at step 10 "
                 "of epoch 5 (learning_rate 0.01, optimizer sgd); no checkpoint was written: set run_directory "
                 "to have them. Try a learning_rate of 0.001, or scale the inputs.");
    ngd_dataset_destroy(huge);
  }
}

/* Compares two checkpoints tensor by tensor and text by text; the wall time alone may differ. */
static void check_same(const char *a_path, const char *b_path) {
  ngd_error error;
  ngd_checkpoint *a, *b;
  check_ok(ngd_checkpoint_open(a_path, &a, &error));
  check_ok(ngd_checkpoint_open(b_path, &b, &error));
  assert_int_equal(ngd_checkpoint_tensor_count(a), ngd_checkpoint_tensor_count(b));
  assert_true(ngd_checkpoint_tensor_count(a) > 10);
  for (size_t i = 0; i < ngd_checkpoint_tensor_count(a); i++) {
    ngd_tensor_info x = {.struct_size = sizeof x}, y = {.struct_size = sizeof y};
    check_ok(ngd_checkpoint_tensor(a, i, &x, &error));
    check_ok(ngd_checkpoint_tensor(b, i, &y, &error));
    assert_string_equal(x.name, y.name);
    assert_int_equal(x.elements, y.elements);
    double *u = malloc(8 * x.elements), *v = malloc(8 * x.elements);
    check_ok(ngd_checkpoint_read_f64(a, i, u, x.elements, &error));
    check_ok(ngd_checkpoint_read_f64(b, i, v, x.elements, &error));
    if (strcmp(x.name, "trainer.seconds") != 0 && memcmp(u, v, 8 * x.elements) != 0)
      fail_msg("tensor %s differs", x.name);
    free(u);
    free(v);
  }
  assert_int_equal(ngd_checkpoint_text_count(a), ngd_checkpoint_text_count(b));
  for (size_t i = 0; i < ngd_checkpoint_text_count(a); i++) {
    const char *key, *text, *other_key, *other_text;
    check_ok(ngd_checkpoint_text(a, i, &key, &text, &error));
    check_ok(ngd_checkpoint_text(b, i, &other_key, &other_text, &error));
    assert_string_equal(key, other_key);
    if (strcmp(key, "trainer.spec") != 0 && strcmp(key, "ngd.checksum") != 0)
      assert_string_equal(text, other_text);
  }
  ngd_checkpoint_destroy(a);
  ngd_checkpoint_destroy(b);
}

/* The "loss" of the log's step and epoch lines, in order. */
static void losses(const char *directory, char *out, size_t capacity) {
  out[0] = '\0';
  for (char *line = strtok(read_text(directory, "log.jsonl"), "\n"); line != NULL; line = strtok(NULL, "\n")) {
    if (strncmp(line, "{\"event\":\"step\"", 15) != 0 && strncmp(line, "{\"event\":\"epoch\"", 16) != 0)
      continue;
    const char *loss = strstr(line, "\"loss\":");
    assert_non_null(loss);
    const size_t length = strlen(out);
    assert_true(length + 40 < capacity);
    snprintf(out + length, capacity - length, "%.*s ", (int)strcspn(loss, ","), loss);
  }
}

#define RUN_SPEC                                                                                         \
  "trainer:epochs=4,batch_size=16,seed=5,schedule=cosine,warmup_steps=3,log_steps=3,checkpoint_steps=5," \
  "keep_checkpoints=9,run_directory=%s"

static void a_resumed_run_equals_one_that_never_stopped_bit_for_bit(void **state) {
  struct bench *b = *state;
  ngd_error error;
  char whole[300], whole_losses[4000], final[300], resumed_losses[4000];
  strcpy(whole, b->directory);
  fresh_trainer(b, RUN_SPEC);
  check_ok(run(b, &error));
  losses(b->directory, whole_losses, sizeof whole_losses);
  snprintf(whole, sizeof whole, "%s/checkpoint-16.safetensors", b->directory);
  assert_non_null(strstr(read_text(b->directory, "config.json"), "\"optimizer\": \"ngd:learning_rate=0.05\""));

  /* Cut by cancelling after each of the 16 steps (within and between epochs), go on with a new model. */
  for (uint64_t cut = 0; cut < 16; cut++) {
    struct bench again = {.training = b->training, .held_out = b->held_out};
    snprintf(again.directory, sizeof again.directory, "%.99s-%u", b->directory, (unsigned)cut);
    fresh_model(&again);
    fresh_trainer(&again, RUN_SPEC);
    check_ok(
        ngd_trainer_start(again.trainer, again.model, again.optimizer, again.training, again.held_out, &error));
    int32_t running;
    if (cut > 0) check_ok(ngd_trainer_advance(again.trainer, cut, &running, &error));
    ngd_trainer_cancel(again.trainer);
    assert_int_equal(ngd_trainer_advance(again.trainer, 100, &running, &error), NGD_E_CANCELLED);
    fresh_model(&again);
    fresh_trainer(&again, RUN_SPEC ",resume=1");
    struct record record = {0};
    check_ok(ngd_trainer_on_event(again.trainer, on_event, &record, NULL, &error));
    check_ok(run(&again, &error));
    assert_int_equal(record.last.resumed, 1);
    assert_int_equal(record.last.step, 16);
    snprintf(final, sizeof final, "%s/checkpoint-16.safetensors", again.directory);
    check_same(whole, final);
    losses(again.directory, resumed_losses, sizeof resumed_losses);
    assert_string_equal(resumed_losses, whole_losses);
    double rate;
    check_ok(ngd_optimizer_get(again.optimizer, "learning_rate", &rate, &error));
    assert_true(rate == 0.05);
    ngd_trainer_destroy(again.trainer);
    ngd_model_destroy(again.model);
    ngd_optimizer_destroy(again.optimizer);
    remove_directory(again.directory);
  }
}

static void a_killed_run_resumes_from_its_last_checkpoint(void **state) {
  struct bench *b = *state;
  ngd_error error;
  char whole[300], killed[300];
  fresh_trainer(b, RUN_SPEC);
  check_ok(run(b, &error));
  struct bench again = {.training = b->training, .held_out = b->held_out};
  snprintf(again.directory, sizeof again.directory, "%.99s-killed", b->directory);
  fresh_model(&again);
  fresh_trainer(&again, RUN_SPEC);
  int32_t running;
  check_ok(
      ngd_trainer_start(again.trainer, again.model, again.optimizer, again.training, again.held_out, &error));
  check_ok(ngd_trainer_advance(again.trainer, 14, &running, &error));
  fresh_trainer(&again, RUN_SPEC ",resume=1"); /* drops the run without a word, as kill -9 would */
  fresh_model(&again);
  /* The newest checkpoint is damaged as well, and a line of the log is half written. */
  snprintf(killed, sizeof killed, "%s/checkpoint-12.safetensors", again.directory);
  FILE *file = fopen(killed, "r+b");
  fseek(file, -1, SEEK_END);
  const int last = fgetc(file);
  fseek(file, -1, SEEK_END);
  fputc(last ^ 1, file);
  fclose(file);
  snprintf(killed, sizeof killed, "%s/log.jsonl", again.directory);
  file = fopen(killed, "ab");
  fputs("{\"event\":\"st", file);
  fclose(file);
  struct record record = {0};
  check_ok(ngd_trainer_on_event(again.trainer, on_event, &record, NULL, &error));
  check_ok(run(&again, &error));
  assert_memory_equal(record.text, "B10/2:", 6);
  assert_true(file_exists(again.directory, "checkpoint-12.safetensors"));
  assert_true(file_exists(again.directory, "checkpoint-12.safetensors.damaged"));
  assert_null(strstr(read_text(again.directory, "log.jsonl"), "\"st{"));
  snprintf(whole, sizeof whole, "%s/checkpoint-16.safetensors", b->directory);
  snprintf(killed, sizeof killed, "%s/checkpoint-16.safetensors", again.directory);
  check_same(whole, killed);
  ngd_trainer_destroy(again.trainer);
  ngd_model_destroy(again.model);
  ngd_optimizer_destroy(again.optimizer);
  remove_directory(again.directory);
}

static void a_finished_run_goes_on_when_more_epochs_are_wanted(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  fresh_trainer(b, "trainer:epochs=1,run_directory=%s");
  check_ok(run(b, &error));
  fresh_trainer(b, "trainer:epochs=1,resume=1,run_directory=%s");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_int_equal(record.last.step, 2);
  fresh_trainer(b, "trainer:epochs=3,resume=1,run_directory=%s");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_int_equal(record.last.step, 6);
  assert_non_null(strstr(read_text(b->directory, "config.json"), "\"trainer\": \"trainer:epochs=3\""));
}

static void checkpoints_rotate_and_the_best_stays(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh_trainer(b, "trainer:epochs=5,batch_size=0,keep_checkpoints=2,save_best=1,run_directory=%s");
  check_ok(run(b, &error));
  assert_false(file_exists(b->directory, "checkpoint-3.safetensors"));
  assert_true(file_exists(b->directory, "checkpoint-4.safetensors"));
  assert_true(file_exists(b->directory, "checkpoint-5.safetensors"));
  assert_true(file_exists(b->directory, "best.safetensors"));
  ngd_model *loaded;
  check_ok(ngd_model_load(b->directory, &loaded, &error));
  float ours[16], theirs[16];
  check_ok(ngd_model_get_tensor_f32(b->model, 0, ours, 12, &error));
  check_ok(ngd_model_get_tensor_f32(loaded, 0, theirs, 12, &error));
  assert_memory_equal(ours, theirs, 12 * sizeof(float));
  ngd_model_destroy(loaded);
}

static void patience_ends_a_run_that_no_longer_improves(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  ngd_optimizer_destroy(b->optimizer);
  check_ok(ngd_optimizer_create("sgd:learning_rate=1e-30", &b->optimizer, &error));
  fresh_trainer(b, "trainer:epochs=50,patience=3,run_directory=%s");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(run(b, &error));
  assert_int_equal(record.last.epoch, 4);
  assert_int_equal(record.last.kind, NGD_EVENT_END);
  assert_non_null(strstr(read_text(b->directory, "log.jsonl"), "\"reason\":\"patience\""));
}

static void a_rate_set_between_steps_becomes_the_new_base(void **state) {
  struct bench *b = *state;
  ngd_error error;
  struct record record = {0};
  int32_t running;
  fresh_trainer(b, "trainer:epochs=1,batch_size=10,schedule=linear,progress_seconds=0");
  check_ok(ngd_trainer_on_event(b->trainer, on_event, &record, NULL, &error));
  check_ok(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, NULL, &error));
  check_ok(ngd_trainer_advance(b->trainer, 2, &running, &error));
  assert_true(fabs(record.last.learning_rate - 0.05 * 0.8) < 1e-15);
  check_ok(ngd_optimizer_set(b->optimizer, "learning_rate", 0.01, &error));
  check_ok(ngd_trainer_advance(b->trainer, 1, &running, &error));
  assert_true(fabs(record.last.learning_rate - 0.01 * 0.6) < 1e-15);
  check_ok(ngd_trainer_advance(b->trainer, 9, &running, &error));
  double rate;
  check_ok(ngd_optimizer_get(b->optimizer, "learning_rate", &rate, &error));
  assert_true(rate == 0.01);
}

static void run_directories_in_the_wrong_state_are_refused(void **state) {
  struct bench *b = *state;
  ngd_error error;
  char expected[400];
  fresh_trainer(b, "trainer:resume=1");
  check_error(run(b, &error), NGD_E_STATE,
              "option \"resume\" is set, but \"run_directory\" is empty; name the run to go on with");
  fresh_trainer(b, "trainer:resume=1,run_directory=%s");
  snprintf(expected, sizeof expected,
           "the run directory \"%s\" holds no run to resume; set resume=0 to begin one, or correct the path",
           b->directory);
  check_error(run(b, &error), NGD_E_CHECKPOINT, expected);
  fresh_trainer(b, "trainer:epochs=2,run_directory=%s");
  check_ok(run(b, &error));
  snprintf(expected, sizeof expected,
           "the run directory \"%s\" already holds a run; set resume=1 to go on with it, or choose another "
           "directory",
           b->directory);
  check_error(run(b, &error), NGD_E_STATE, expected);
  fresh_trainer(b, "trainer:run_directory=/dev/null/run");
  check_error(run(b, &error), NGD_E_IO, "cannot make the directory \"/dev/null/run\": Not a directory");
}

static void a_run_does_not_resume_on_other_terms(void **state) {
  struct bench *b = *state;
  ngd_error error;
  char expected[400];
  fresh_trainer(b, "trainer:epochs=1,run_directory=%s");
  check_ok(run(b, &error));
  fresh_trainer(b, "trainer:epochs=2,batch_size=8,resume=1,run_directory=%s");
  snprintf(expected, sizeof expected,
           "cannot resume from \"%s/checkpoint-2.safetensors\": the run cannot be resumed with batch_size=8: "
           "it began "
           "with batch_size=32, and another value would change which rows come next",
           b->directory);
  check_error(run(b, &error), NGD_E_CHECKPOINT, expected);
  fresh_trainer(b, "trainer:epochs=2,resume=1,run_directory=%s");
  snprintf(
      expected, sizeof expected,
      "cannot resume from \"%s/checkpoint-2.safetensors\": the run cannot be resumed with other training data: "
      "its rows were 50, but are now 10; give the data it began with",
      b->directory);
  check_error(ngd_trainer_run(b->trainer, b->model, b->optimizer, b->held_out, NULL, &error), NGD_E_CHECKPOINT,
              expected);
  ngd_optimizer_destroy(b->optimizer);
  check_ok(ngd_optimizer_create("adam", &b->optimizer, &error));
  snprintf(expected, sizeof expected,
           "cannot resume from \"%s/checkpoint-2.safetensors\": the checkpoint is of rule \"ngd\", but this "
           "optimizer has rule \"adam\"",
           b->directory);
  check_error(run(b, &error), NGD_E_CHECKPOINT, expected);
}

static void data_and_options_that_do_not_fit_are_refused_at_the_start(void **state) {
  struct bench *b = *state;
  ngd_error error;
  ngd_dataset *empty, *unlabelled;
  const float features[] = {1, 2, 3};
  check_ok(ngd_dataset_create("dense", &empty, &error));
  check_ok(ngd_dataset_create("dense", &unlabelled, &error));
  check_ok(ngd_dataset_append_f32(unlabelled, features, NULL, 1, 3, &error));
  fresh_trainer(b, "trainer");
  check_error(ngd_trainer_start(b->trainer, b->model, b->optimizer, empty, NULL, &error), NGD_E_SHAPE,
              "the training data have no rows; load a file or append rows first");
  check_error(ngd_trainer_start(b->trainer, b->model, b->optimizer, unlabelled, NULL, &error), NGD_E_SHAPE,
              "the training data have no labels");
  check_error(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, empty, &error), NGD_E_SHAPE,
              "the held-out data have no rows; load a file or append rows first");
  fresh_trainer(b, "trainer:patience=2");
  check_error(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, NULL, &error), NGD_E_STATE,
              "option \"patience\" goes by the held-out loss, but there are no held-out data");
  fresh_trainer(b, "trainer:save_best=1");
  check_error(run(b, &error), NGD_E_STATE,
              "option \"save_best\" is set, but \"run_directory\" is empty; name a directory");
  ngd_dataset_destroy(empty);
  ngd_dataset_destroy(unlabelled);
}

static void handles_may_be_destroyed_during_a_run(void **state) {
  struct bench *b = *state;
  ngd_error error;
  fresh_trainer(b, "trainer:epochs=2");
  check_ok(ngd_trainer_start(b->trainer, b->model, b->optimizer, b->training, b->held_out, &error));
  ngd_model_destroy(b->model);
  ngd_optimizer_destroy(b->optimizer);
  ngd_dataset_destroy(b->training);
  ngd_dataset_destroy(b->held_out);
  b->model = NULL;
  b->optimizer = NULL;
  b->training = b->held_out = NULL;
  int32_t running;
  check_ok(ngd_trainer_advance(b->trainer, 1000, &running, &error));
  assert_int_equal(running, 0);
}

#define IS_NULL(name) "argument \"" name "\" is NULL, but may not be"

static void null_arguments_are_errors(void **state) {
  struct bench *b = *state;
  ngd_error error;
  int32_t number;
  double value;
  ngd_event event = {.struct_size = sizeof event};
  fresh_trainer(b, "trainer");
  ngd_trainer *t = b->trainer;
  check_error(ngd_trainer_describe(0, NULL, &error), NGD_E_ARGUMENT, IS_NULL("info"));
  check_error(ngd_trainer_create(NULL, NULL, &error), NGD_E_ARGUMENT, IS_NULL("out"));
  check_error(ngd_trainer_set(NULL, "epochs", 1, &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_set(t, NULL, 1, &error), NGD_E_ARGUMENT, IS_NULL("name"));
  check_error(ngd_trainer_set_text(NULL, "epochs", "1", &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_set_text(t, NULL, "1", &error), NGD_E_ARGUMENT, IS_NULL("name"));
  check_error(ngd_trainer_set_text(t, "epochs", NULL, &error), NGD_E_ARGUMENT, IS_NULL("value"));
  check_error(ngd_trainer_get(NULL, "epochs", &value, &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_get(t, NULL, &value, &error), NGD_E_ARGUMENT, IS_NULL("name"));
  check_error(ngd_trainer_get(t, "epochs", NULL, &error), NGD_E_ARGUMENT, IS_NULL("value"));
  check_error(ngd_trainer_get_text(NULL, "spec", NULL, 0, NULL, &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_get_text(t, NULL, NULL, 0, NULL, &error), NGD_E_ARGUMENT, IS_NULL("name"));
  check_error(ngd_trainer_get_text(t, "spec", NULL, 9, NULL, &error), NGD_E_ARGUMENT, IS_NULL("buffer"));
  check_error(ngd_trainer_on_event(NULL, NULL, NULL, NULL, &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_poll(NULL, &event, &number, &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_poll(t, NULL, &number, &error), NGD_E_ARGUMENT, IS_NULL("event"));
  check_error(ngd_trainer_poll(t, &event, NULL, &error), NGD_E_ARGUMENT, IS_NULL("found"));
  for (int whole = 0; whole < 2; whole++) {
    ngd_status (*call)(ngd_trainer *, ngd_model *, ngd_optimizer *, const ngd_dataset *, const ngd_dataset *,
                       ngd_error *) = whole ? ngd_trainer_run : ngd_trainer_start;
    check_error(call(NULL, b->model, b->optimizer, b->training, NULL, &error), NGD_E_ARGUMENT,
                IS_NULL("trainer"));
    check_error(call(t, NULL, b->optimizer, b->training, NULL, &error), NGD_E_ARGUMENT, IS_NULL("model"));
    check_error(call(t, b->model, NULL, b->training, NULL, &error), NGD_E_ARGUMENT, IS_NULL("optimizer"));
    check_error(call(t, b->model, b->optimizer, NULL, NULL, &error), NGD_E_ARGUMENT, IS_NULL("training"));
  }
  check_error(ngd_trainer_advance(NULL, 1, &number, &error), NGD_E_ARGUMENT, IS_NULL("trainer"));
  check_error(ngd_trainer_advance(t, 1, NULL, &error), NGD_E_ARGUMENT, IS_NULL("running"));
  assert_int_equal(ngd_trainer_advance(NULL, 1, NULL, NULL), NGD_E_ARGUMENT);
  ngd_trainer_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(options_are_described_set_and_read),
      TEST(wrong_options_are_refused),
      TEST(events_by_callback_and_by_polling_are_the_same),
      TEST(a_small_struct_gets_only_what_it_has_room_for),
      TEST(beyond_1024_waiting_events_the_oldest_progress_is_dropped),
      TEST(advancing_in_pieces_is_the_same_as_running),
      TEST(calls_out_of_turn_are_refused),
      TEST(a_callback_cannot_reenter),
      TEST(a_callback_that_returns_nonzero_stops_the_run),
      TEST(cancelling_from_the_callback_stops_after_the_step),
      TEST(cancelling_from_another_thread_stops_the_run),
      TEST(cancelling_beforehand_stops_the_next_run_and_no_other),
      TEST(divergence_names_step_rate_and_last_checkpoint),
      TEST(a_checkpoint_is_not_written_from_a_diverged_model),
      TEST(ten_skipped_steps_in_a_row_are_divergence),
      TEST(a_resumed_run_equals_one_that_never_stopped_bit_for_bit),
      TEST(a_killed_run_resumes_from_its_last_checkpoint),
      TEST(a_finished_run_goes_on_when_more_epochs_are_wanted),
      TEST(checkpoints_rotate_and_the_best_stays),
      TEST(patience_ends_a_run_that_no_longer_improves),
      TEST(a_rate_set_between_steps_becomes_the_new_base),
      TEST(run_directories_in_the_wrong_state_are_refused),
      TEST(a_run_does_not_resume_on_other_terms),
      TEST(data_and_options_that_do_not_fit_are_refused_at_the_start),
      TEST(handles_may_be_destroyed_during_a_run),
      TEST(null_arguments_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
