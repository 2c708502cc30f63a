/* Training word vectors: what is learned, the same bits for any threads, gradients by differences, refusals. */
#include <math.h>

#include "test.h"

static ngd_error error;

/* Texts of two subjects that share no words: "a3 a1 a4 ..." and "b2 b0 ...". */
static ngd_dataset *subjects(size_t texts) {
  ngd_dataset *dataset = NULL;
  check_ok(ngd_dataset_create("text", &dataset, &error));
  uint32_t random = 1;
  for (size_t i = 0; i < texts; i++) {
    char text[200] = "";
    for (int k = 0; k < 12; k++) {
      random = random * 1664525u + 1013904223u;
      snprintf(text + strlen(text), sizeof text - strlen(text), "%c%u ", i % 2 == 0 ? 'a' : 'b', random >> 29);
    }
    check_ok(ngd_dataset_append_text(dataset, text, NULL, &error));
  }
  return dataset;
}

static ngd_vectors *started(const char *spec, const ngd_dataset *texts, ngd_optimizer *optimizer) {
  ngd_vectors *vectors = NULL;
  check_ok(ngd_vectors_create(spec, &vectors, &error));
  check_ok(ngd_vectors_start(vectors, texts, optimizer, &error));
  return vectors;
}

static ngd_vectors *trained(const char *spec, const ngd_dataset *texts) {
  ngd_vectors *vectors = started(spec, texts, NULL);
  for (int32_t running = 1; running != 0;) check_ok(ngd_vectors_advance(vectors, 1000, &running, &error));
  return vectors;
}

static ngd_vectors_progress progress_of(const ngd_vectors *vectors) {
  ngd_vectors_progress progress = {.struct_size = sizeof progress};
  check_ok(ngd_vectors_get_progress(vectors, &progress, &error));
  return progress;
}

static void words_of_one_subject_become_neighbours(void **state) {
  (void)state;
  ngd_dataset *texts = subjects(400);
  const char *specs[] = {"vectors:dimension=10,epochs=10,batch_words=32,subsample=0",
                         "vectors:dimension=10,epochs=10,batch_words=32,subsample=0,method=cbow"};
  for (size_t i = 0; i < 2; i++) {
    ngd_vectors *vectors = trained(specs[i], texts);
    uint64_t rows[7];
    size_t found = 0;
    for (char subject = 'a'; subject <= 'b'; subject++) {
      const char word[] = {subject, '3', 0};
      check_ok(ngd_vectors_neighbours_f32(vectors, word, 7, rows, NULL, &found, &error));
      assert_int_equal(found, 7);
      for (size_t k = 0; k < 7; k++) {
        char other[10];
        check_ok(ngd_vectors_get_word(vectors, rows[k], other, sizeof other, NULL, &error));
        assert_int_equal(other[0], subject);
      }
    }
    const ngd_vectors_progress progress = progress_of(vectors);
    assert_int_equal(progress.epoch, 10);
    assert_int_equal(progress.words, 10 * 400 * 12);
    assert_int_equal(progress.words_all, 10 * 400 * 12);
    assert_true(progress.loss > 0 && progress.loss < 6 * log(2));
    ngd_vectors_destroy(vectors);
  }
  ngd_dataset_destroy(texts);
}

static void threads_give_the_same_bits(void **state) {
  (void)state;
  ngd_dataset *texts = subjects(100);
  const char *methods[] = {"skip_gram", "cbow"};
  for (size_t m = 0; m < 2; m++) {
    float one[16 * 20], other[16 * 20];
    for (int threads = 1; threads <= 4; threads++) {
      char spec[200];
      snprintf(spec, sizeof spec, "vectors:dimension=20,epochs=3,batch_words=200,threads=%d,method=%s", threads,
               methods[m]);
      ngd_vectors *vectors = trained(spec, texts);
      check_ok(ngd_vectors_get_rows_f32(vectors, 0, 16, threads == 1 ? one : other, 16 * 20, &error));
      if (threads > 1) assert_memory_equal(one, other, sizeof one);
      ngd_vectors_destroy(vectors);
    }
  }
  ngd_dataset_destroy(texts);
}

static void words_come_by_falling_count(void **state) {
  (void)state;
  ngd_dataset *texts = NULL;
  check_ok(ngd_dataset_create("text", &texts, &error));
  check_ok(ngd_dataset_append_text(texts, "x y z y x z z w", NULL, &error));
  ngd_vectors *vectors = trained("vectors:min_count=2,dimension=3,epochs=1", texts);
  ngd_vectors_info info = {.struct_size = sizeof info};
  check_ok(ngd_vectors_get_info(vectors, &info, &error));
  assert_int_equal(info.words, 3);
  const char *expected[] = {"z", "x", "y"};
  for (uint64_t row = 0; row < 3; row++) {
    char word[10];
    check_ok(ngd_vectors_get_word(vectors, row, word, sizeof word, NULL, &error));
    assert_string_equal(word, expected[row]);
  }
  ngd_vectors_destroy(vectors);
  ngd_dataset_destroy(texts);
}

/* With two words, window 1 and one text "x y", everything but the noise is known: 1 step of plain descent by hand. */
static void a_step_is_the_gradient_of_the_loss(void **state) {
  (void)state;
  ngd_dataset *texts = NULL;
  check_ok(ngd_dataset_create("text", &texts, &error));
  check_ok(ngd_dataset_append_text(texts, "x y", NULL, &error));
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("sgd:learning_rate=1", &optimizer, &error));
  ngd_vectors *vectors =
      started("vectors:dimension=2,window=1,negatives=1,min_count=1,subsample=0,epochs=2", texts, optimizer);
  float start[4], first[4], second[4];
  int32_t running = 1;
  check_ok(ngd_vectors_get_rows_f32(vectors, 0, 2, start, 4, &error));
  check_ok(ngd_vectors_advance(vectors, 1, &running, &error));
  assert_int_equal(running, 1);
  check_ok(ngd_vectors_get_rows_f32(vectors, 0, 2, first, 4, &error));
  assert_memory_equal(start, first, sizeof start);  // out is 0, so in has no gradient yet
  check_ok(ngd_vectors_advance(vectors, 1, &running, &error));
  check_ok(ngd_vectors_get_rows_f32(vectors, 0, 2, second, 4, &error));
  // The first step made out_x = 0.5 in_y - 0.5 (in_x, if the noise of y was x), and out_y likewise: each was 0. The second moves
  // in_y by half the rate times (1 - s(in_y . out_x)) out_x, less s(in_y . out_y) out_y for noise y. Four cases of noise in
  // each step: one of them must fit.
  int fits = 0;
  for (int noise = 0; noise < 16; noise++) {
    const int noise_of[2][2] = {{noise & 1, noise >> 1 & 1}, {noise >> 2 & 1, noise >> 3 & 1}};
    double out[2][2] = {{0}}, in[2][2];
    for (int i = 0; i < 4; i++) in[i / 2][i % 2] = (double)start[i];
    for (int step = 0; step < 2; step++) {
      const double rate = step == 0 ? 1 : 0.5;
      double in_change[2][2] = {{0}}, out_change[2][2] = {{0}};
      for (int word = 0; word < 2; word++) {
        const int context = 1 - word, outputs[2] = {word, noise_of[step][word]};
        for (int j = 0; j < 2; j++) {
          if (j == 1 && outputs[1] == word) continue;
          const double *o = out[outputs[j]], *c = in[context];
          const double g = 1 / (1 + exp(-(o[0] * c[0] + o[1] * c[1]))) - (j == 0);
          for (int k = 0; k < 2; k++) {
            in_change[context][k] -= rate * g * o[k];
            out_change[outputs[j]][k] -= rate * g * c[k];
          }
        }
      }
      for (int i = 0; i < 4; i++) {
        in[i / 2][i % 2] += in_change[i / 2][i % 2];
        out[i / 2][i % 2] += out_change[i / 2][i % 2];
      }
    }
    double worst = 0;
    for (int i = 0; i < 4; i++) worst = fmax(worst, fabs(in[i / 2][i % 2] - (double)second[i]));
    fits += worst < 1e-6;
  }
  assert_true(fits >= 1);
  assert_memory_not_equal(first, second, sizeof first);
  ngd_vectors_destroy(vectors);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(texts);
}

static void any_rule_of_rows_may_train(void **state) {
  (void)state;
  ngd_dataset *texts = subjects(50);
  const char *rules[] = {"sgd:learning_rate=0.05", "ngd:learning_rate=0.01",
                         "adam:learning_rate=0.01,state=bf16"};
  for (size_t i = 0; i < 3; i++) {
    ngd_optimizer *optimizer = NULL;
    check_ok(ngd_optimizer_create(rules[i], &optimizer, &error));
    ngd_vectors *vectors = started("vectors:dimension=8,batch_words=64", texts, optimizer);
    ngd_optimizer_destroy(optimizer);  // kept by the training
    int32_t running = 1;
    while (running != 0) check_ok(ngd_vectors_advance(vectors, 7, &running, &error));
    ngd_vectors_destroy(vectors);
  }
  ngd_dataset_destroy(texts);
}

static void diverging_is_told_and_keeps_the_vectors(void **state) {
  (void)state;
  ngd_dataset *texts = subjects(50);
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("sgd:learning_rate=1e30", &optimizer, &error));
  ngd_vectors *vectors = started("vectors:dimension=8", texts, optimizer);
  ngd_status status = NGD_OK;
  for (int32_t running = 1; running != 0 && status == NGD_OK;)
    status = ngd_vectors_advance(vectors, 1, &running, &error);
  assert_int_equal(status, NGD_E_DIVERGED);
  assert_non_null(strstr(error.message, "Try a lower learning_rate"));
  int32_t running = 1;
  check_error(ngd_vectors_advance(vectors, 1, &running, &error), NGD_E_STATE,
              "no training is in progress; call ngd_vectors_start first");
  ngd_vectors_destroy(vectors);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(texts);
}

static void training_can_be_stopped_and_looked_at(void **state) {
  (void)state;
  ngd_dataset *texts = subjects(100);
  ngd_vectors *vectors = started("vectors:dimension=8,batch_words=64", texts, NULL);
  ngd_vectors_progress progress = progress_of(vectors);
  assert_true(isnan(progress.loss) && isnan(progress.words_per_second));
  int32_t running = 0;
  check_ok(ngd_vectors_advance(vectors, 3, &running, &error));
  assert_int_equal(running, 1);
  assert_int_equal(progress_of(vectors).steps, 3);
  // What is appended meanwhile is no part of the training.
  check_ok(ngd_dataset_append_text(texts, "new words come late", NULL, &error));
  uint64_t row = 0;
  check_ok(ngd_vectors_find(vectors, "a3", &row, &error));
  ngd_model *model = NULL;
  check_ok(ngd_model_create("text:dimension=8", &model, &error));
  check_error(ngd_model_set_vectors(model, vectors, &error), NGD_E_STATE,
              "the vectors are in training; train them to their end, or save and load them");
  const char *words[] = {"z"};
  const float values[8] = {1};
  check_error(ngd_vectors_append_f32(vectors, words, values, 1, 8, &error), NGD_E_STATE,
              "the vectors are in training; append words before or after it");
  check_error(ngd_vectors_start(vectors, texts, NULL, &error), NGD_E_STATE,
              "training is in progress; advance it to its end, or create another handle");
  while (running != 0) check_ok(ngd_vectors_advance(vectors, 100, &running, &error));
  check_ok(ngd_model_set_vectors(model, vectors, &error));
  ngd_model_destroy(model);
  ngd_vectors_destroy(vectors);
  ngd_dataset_destroy(texts);
}

static void what_cannot_be_trained_is_refused(void **state) {
  (void)state;
  ngd_dataset *texts = subjects(10), *dense = NULL;
  ngd_vectors *vectors = NULL;
  ngd_vectors_progress progress = {.struct_size = sizeof progress};
  int32_t running = 0;
  check_ok(ngd_dataset_create("dense", &dense, &error));
  check_ok(ngd_vectors_create("vectors:min_count=1000", &vectors, &error));
  check_error(ngd_vectors_advance(vectors, 1, &running, &error), NGD_E_STATE,
              "no training is in progress; call ngd_vectors_start first");
  check_error(ngd_vectors_get_progress(vectors, &progress, &error), NGD_E_STATE,
              "nothing was trained; call ngd_vectors_start first");
  check_error(ngd_vectors_start(vectors, dense, NULL, &error), NGD_E_SHAPE,
              "the dataset has no texts; word vectors are trained on datasets of format \"text\"");
  check_error(ngd_vectors_start(vectors, texts, NULL, &error), NGD_E_SHAPE,
              "0 words of the texts occur min_count=1000 times, but training needs at least 2; set min_count "
              "lower or take "
              "more text");
  check_ok(ngd_vectors_set(vectors, "min_count", 1, &error));
  check_ok(ngd_vectors_set(vectors, "memory_limit", 1000, &error));
  check_error(ngd_vectors_start(vectors, texts, NULL, &error), NGD_E_MEMORY,
              "16 words of dimension 100 need more than memory_limit=1000 bytes; set min_count higher or "
              "dimension lower");
  check_ok(ngd_vectors_set(vectors, "memory_limit", 0, &error));
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("muon", &optimizer, &error));
  assert_int_equal(ngd_vectors_start(vectors, texts, optimizer, &error), NGD_E_UNSUPPORTED);
  ngd_optimizer_destroy(optimizer);
  check_ok(ngd_optimizer_create("ngd:grad_penalty=0.5", &optimizer, &error));
  check_error(ngd_vectors_start(vectors, texts, optimizer, &error), NGD_E_UNSUPPORTED,
              "training word vectors takes no second gradient; set grad_penalty=0");
  ngd_optimizer_destroy(optimizer);
  ngd_vectors_info info = {.struct_size = sizeof info};
  check_ok(ngd_vectors_get_info(vectors, &info, &error));
  assert_int_equal(info.words, 0);
  check_ok(ngd_vectors_start(vectors, texts, NULL, &error));
  ngd_vectors_destroy(vectors);
  ngd_dataset_destroy(texts);
  ngd_dataset_destroy(dense);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_of_one_subject_become_neighbours),
      cmocka_unit_test(threads_give_the_same_bits),
      cmocka_unit_test(words_come_by_falling_count),
      cmocka_unit_test(a_step_is_the_gradient_of_the_loss),
      cmocka_unit_test(any_rule_of_rows_may_train),
      cmocka_unit_test(diverging_is_told_and_keeps_the_vectors),
      cmocka_unit_test(training_can_be_stopped_and_looked_at),
      cmocka_unit_test(what_cannot_be_trained_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
