/* Text models that begin with word vectors: coverage, scale, other words, freezing, the table's rate. */
#include <math.h>

#include "test.h"

static ngd_error error;

enum { DIMENSION = 4 };

static ngd_vectors *some_vectors(const char *spec) {
  ngd_vectors *vectors = NULL;
  const char *words[] = {"meow", "Purr", "bark", "unused"};
  const float values[] = {1, 2, 3, 4, -1, -2, -3, -4, 5, 6, 7, 8, 0, 0, 1, 0};
  check_ok(ngd_vectors_create(spec, &vectors, &error));
  check_ok(ngd_vectors_append_f32(vectors, words, values, 4, DIMENSION, &error));
  return vectors;
}

/* Words in the order of their coming: meow purr bark growl howl. */
static ngd_dataset *animals(void) {
  ngd_dataset *dataset = NULL;
  check_ok(ngd_dataset_create("text", &dataset, &error));
  for (int i = 0; i < 5; i++) {
    check_ok(ngd_dataset_append_text(dataset, "meow purr meow", "cat", &error));
    check_ok(ngd_dataset_append_text(dataset, "bark growl", "dog", &error));
    check_ok(ngd_dataset_append_text(dataset, "bark howl", "dog", &error));
  }
  return dataset;
}

static ngd_model *model_of(const char *spec) {
  ngd_model *model = NULL;
  check_ok(ngd_model_create(spec, &model, &error));
  return model;
}

static ngd_model *prepared(const char *spec, const ngd_vectors *vectors, const ngd_dataset *data) {
  ngd_model *model = model_of(spec);
  if (vectors != NULL) check_ok(ngd_model_set_vectors(model, vectors, &error));
  check_ok(ngd_model_prepare(model, data, &error));
  return model;
}

static void table_of(const ngd_model *model, float *values, size_t rows) {
  check_ok(ngd_model_get_tensor_f32(model, 0, values, rows * DIMENSION, &error));
}

static ngd_vectors_coverage coverage_of(const ngd_model *model) {
  ngd_vectors_coverage coverage = {.struct_size = sizeof coverage};
  check_ok(ngd_model_get_coverage(model, &coverage, &error));
  return coverage;
}

static void words_begin_with_their_vectors_and_coverage_is_told(void **state) {
  (void)state;
  ngd_vectors *vectors = some_vectors(NULL);
  ngd_dataset *data = animals();
  ngd_model *model = prepared("text:dimension=4,vectors_scale=0.5", vectors, data);
  ngd_vectors_destroy(vectors);  // the model needs it no more
  float table[5 * DIMENSION];
  table_of(model, table, 5);
  const float meow[] = {.5f, 1, 1.5f, 2}, bark[] = {2.5f, 3, 3.5f, 4};
  assert_memory_equal(table, meow, sizeof meow);
  assert_memory_equal(table + 2 * DIMENSION, bark, sizeof bark);
  const ngd_vectors_coverage coverage = coverage_of(model);
  assert_int_equal(coverage.words, 5);
  assert_int_equal(coverage.found, 2);
  assert_int_equal(coverage.folded, 0);
  assert_int_equal(coverage.rows, 5);
  assert_int_equal(coverage.tokens, 35);
  assert_int_equal(coverage.tokens_found, 20);
  assert_true(coverage.scale == 0.5);
  ngd_model_destroy(model);
  ngd_dataset_destroy(data);
}

static void case_folding_finds_more_words(void **state) {
  (void)state;
  ngd_vectors *vectors = some_vectors("vectors:case=fold");
  ngd_dataset *data = animals();
  ngd_model *model = prepared("text:dimension=4", vectors, data);
  assert_int_equal(coverage_of(model).found, 3);
  assert_int_equal(coverage_of(model).folded, 1);
  float table[5 * DIMENSION];
  table_of(model, table, 5);
  assert_true(table[DIMENSION] == -1 && table[2 * DIMENSION - 1] == -4);
  ngd_vectors_destroy(vectors);
  ngd_model_destroy(model);
  ngd_dataset_destroy(data);
}

static void other_words_get_normal_numbers_of_the_vectors_deviation(void **state) {
  (void)state;
  ngd_vectors *vectors = some_vectors(NULL);
  ngd_vectors_info info = {.struct_size = sizeof info};
  check_ok(ngd_vectors_get_info(vectors, &info, &error));
  ngd_dataset *data = NULL;
  check_ok(ngd_dataset_create("text", &data, &error));
  enum { WORDS = 5000 };
  for (int i = 0; i < WORDS; i++) {
    char word[20];
    snprintf(word, sizeof word, "w%d", i);
    check_ok(ngd_dataset_append_text(data, word, i % 2 == 0 ? "a" : "b", &error));
  }
  ngd_model *model = prepared("text:dimension=4,vectors_deviation=0.2", vectors, data);
  assert_true(fabs(coverage_of(model).deviation - 0.2) < 1e-12);
  assert_true(fabs(coverage_of(model).scale - 0.2 / info.deviation) < 1e-12);
  static float table[WORDS * DIMENSION];
  table_of(model, table, WORDS);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < WORDS * DIMENSION; i++) {
    sum += (double)table[i];
    squares += (double)table[i] * (double)table[i];
  }
  assert_true(fabs(sum / (WORDS * DIMENSION)) < 0.005);
  assert_true(fabs(sqrt(squares / (WORDS * DIMENSION)) - 0.2) < 0.004);
  ngd_model_destroy(model);
  ngd_dataset_destroy(data);
  ngd_vectors_destroy(vectors);
}

static void ngrams_begin_as_without_vectors(void **state) {
  (void)state;
  ngd_vectors *vectors = some_vectors(NULL);
  ngd_dataset *data = animals();
  const char *spec = "text:dimension=4,word_ngrams=2,buckets=10";
  ngd_model *with = prepared(spec, vectors, data), *without = prepared(spec, NULL, data);
  float table[15 * DIMENSION], plain[15 * DIMENSION];
  table_of(with, table, 15);
  table_of(without, plain, 15);
  assert_memory_equal(table + 5 * DIMENSION, plain + 5 * DIMENSION, 10 * DIMENSION * sizeof(float));
  assert_int_equal(coverage_of(with).rows, 15);
  ngd_vectors_coverage coverage = {.struct_size = sizeof coverage};
  check_error(ngd_model_get_coverage(without, &coverage, &error), NGD_E_STATE,
              "the model was not prepared with word vectors");
  ngd_model_destroy(with);
  ngd_model_destroy(without);
  ngd_dataset_destroy(data);
  ngd_vectors_destroy(vectors);
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  ngd_vectors *vectors = some_vectors(NULL), *empty = NULL;
  ngd_dataset *data = animals();
  check_ok(ngd_vectors_create(NULL, &empty, &error));
  ngd_model *model = model_of("text:dimension=50"), *linear = model_of("linear");
  check_error(
      ngd_model_set_vectors(model, vectors, &error), NGD_E_SHAPE,
      "the word vectors have 4 numbers a word, but the model's option dimension is 50; set dimension=4");
  check_error(ngd_model_set_vectors(model, empty, &error), NGD_E_STATE,
              "there are no words yet; load a file, append words or train them first");
  check_error(ngd_model_set_vectors(linear, vectors, &error), NGD_E_UNSUPPORTED,
              "kind \"linear\" has no table of words; word vectors are for kind \"text\"");
  check_ok(ngd_model_set(model, "dimension", 4, &error));
  check_ok(ngd_model_set_vectors(model, vectors, &error));
  check_ok(ngd_model_set(model, "dimension", 5, &error));
  check_error(ngd_model_prepare(model, data, &error), NGD_E_SHAPE,
              "the word vectors have 4 numbers a word, but the model's option dimension is 5; set dimension=4");
  check_ok(ngd_model_set_vectors(model, NULL, &error));
  check_ok(ngd_model_prepare(model, data, &error));
  check_error(ngd_model_set_vectors(model, vectors, &error), NGD_E_STATE,
              "the model is already prepared; give it word vectors before that");
  ngd_model_destroy(model);
  ngd_model_destroy(linear);
  ngd_vectors_destroy(vectors);
  ngd_vectors_destroy(empty);
  ngd_dataset_destroy(data);
}

/* --- how the table moves */

static void train(ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *data, int steps) {
  const uint64_t rows[] = {0, 1, 2, 3};
  for (int i = 0; i < steps; i++)
    check_ok(ngd_model_train_batch(model, optimizer, data, rows, 4, NULL, &error));
}

static void a_rate_of_zero_leaves_the_table_as_it_is(void **state) {
  (void)state;
  ngd_dataset *data = animals();
  ngd_model *model = prepared("text:dimension=4,table_rate=0", NULL, data);
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("adamw:weight_decay=0.1", &optimizer, &error));
  float before[5 * DIMENSION], after[5 * DIMENSION], weights[2 * DIMENSION], moved[2 * DIMENSION];
  table_of(model, before, 5);
  check_ok(ngd_model_get_tensor_f32(model, 1, weights, 2 * DIMENSION, &error));
  train(model, optimizer, data, 5);
  table_of(model, after, 5);
  check_ok(ngd_model_get_tensor_f32(model, 1, moved, 2 * DIMENSION, &error));
  assert_memory_equal(before, after, sizeof before);
  assert_memory_not_equal(weights, moved, sizeof weights);
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(data);
}

static double moved_by(const char *spec, const char *rule, ngd_dataset *data) {
  ngd_model *model = prepared(spec, NULL, data);
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create(rule, &optimizer, &error));
  float before[5 * DIMENSION], after[5 * DIMENSION];
  table_of(model, before, 5);
  train(model, optimizer, data, 1);
  table_of(model, after, 5);
  double sum = 0;
  for (size_t i = 0; i < 5 * DIMENSION; i++) sum += fabs((double)after[i] - (double)before[i]);
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  return sum;
}

static void the_rate_is_a_factor_for_every_rule(void **state) {
  (void)state;
  ngd_dataset *data = animals();
  const char *rules[] = {"sgd:learning_rate=0.1", "adam:learning_rate=0.1"};
  for (size_t i = 0; i < 2; i++) {
    const double once = moved_by("text:dimension=4", rules[i], data);
    const double slow = moved_by("text:dimension=4,table_rate=0.125", rules[i], data);
    assert_true(once > 0);
    assert_true(fabs(slow / once - 0.125) < 1e-4);
  }
  ngd_dataset_destroy(data);
}

static void a_rate_after_the_first_step_needs_a_group(void **state) {
  (void)state;
  ngd_dataset *data = animals();
  ngd_model *model = prepared("text:dimension=4", NULL, data);
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("sgd", &optimizer, &error));
  train(model, optimizer, data, 1);
  check_ok(ngd_model_set(model, "table_rate", 0.5, &error));
  const uint64_t row = 0;
  check_error(ngd_model_train_batch(model, optimizer, data, &row, 1, NULL, &error), NGD_E_STATE,
              "table_rate is 0.5, but in the optimizer the table \"embedding.weight\" is in one group with "
              "other tensors; "
              "set table_rate before the first step, with an optimizer that has no tensors yet, or give the "
              "table a group "
              "of its own");
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(data);
}

/* Epochs after which the table was as at the beginning. */
struct watched {
  ngd_model *model;
  float first[5 * DIMENSION];
  int begun, epochs, same;
};

static int32_t watch(const ngd_event *event, void *user_data) {
  struct watched *watched = user_data;
  float table[5 * DIMENSION];
  table_of(watched->model, table, 5);
  if (event->kind == NGD_EVENT_BEGIN) memcpy(watched->first, table, sizeof table);
  if (event->kind != NGD_EVENT_EPOCH) return 0;
  watched->epochs++;
  watched->same += memcmp(watched->first, table, sizeof table) == 0;
  return 0;
}

static void the_trainer_freezes_the_table_for_some_epochs(void **state) {
  (void)state;
  ngd_dataset *data = animals();
  ngd_vectors *vectors = some_vectors(NULL);
  struct watched watched = {.model = model_of("text:dimension=4,table_rate=0.5")};
  ngd_optimizer *optimizer = NULL;
  ngd_trainer *trainer = NULL;
  check_ok(ngd_model_set_vectors(watched.model, vectors, &error));
  check_ok(ngd_optimizer_create("adam:learning_rate=0.05", &optimizer, &error));
  check_ok(ngd_trainer_create("trainer:epochs=5,batch_size=4,freeze_epochs=2", &trainer, &error));
  check_ok(ngd_trainer_on_event(trainer, watch, &watched, NULL, &error));
  check_ok(ngd_trainer_run(trainer, watched.model, optimizer, data, NULL, &error));
  assert_int_equal(watched.epochs, 5);
  assert_int_equal(watched.same, 2);
  assert_int_equal(coverage_of(watched.model).found, 2);
  ngd_model_destroy(watched.model);
  watched.model = model_of("linear");
  ngd_optimizer_destroy(optimizer);
  check_ok(ngd_optimizer_create("adam", &optimizer, &error));
  ngd_dataset *dense = NULL;
  const float features[] = {1, 2, 3, 4}, labels[] = {0.5f, 1.5f};
  check_ok(ngd_dataset_create("dense", &dense, &error));
  check_ok(ngd_dataset_append_f32(dense, features, labels, 2, 2, &error));
  check_error(ngd_trainer_run(trainer, watched.model, optimizer, dense, NULL, &error), NGD_E_UNSUPPORTED,
              "kind \"linear\" has no table of words to freeze");
  ngd_model_destroy(watched.model);
  ngd_trainer_destroy(trainer);
  ngd_optimizer_destroy(optimizer);
  ngd_vectors_destroy(vectors);
  ngd_dataset_destroy(data);
  ngd_dataset_destroy(dense);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_begin_with_their_vectors_and_coverage_is_told),
      cmocka_unit_test(case_folding_finds_more_words),
      cmocka_unit_test(other_words_get_normal_numbers_of_the_vectors_deviation),
      cmocka_unit_test(ngrams_begin_as_without_vectors),
      cmocka_unit_test(what_does_not_fit_is_refused),
      cmocka_unit_test(a_rate_of_zero_leaves_the_table_as_it_is),
      cmocka_unit_test(the_rate_is_a_factor_for_every_rule),
      cmocka_unit_test(a_rate_after_the_first_step_needs_a_group),
      cmocka_unit_test(the_trainer_freezes_the_table_for_some_epochs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
