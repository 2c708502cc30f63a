/* Word vectors from start to end: trained on texts, looked up, written, and put under a text classifier. */
#include <stdio.h>
#include <stdlib.h>

#include "ngd.h"

static const char *const kTexts[][2] = {
    {"the cat purrs on the warm sofa", "cat"}, {"a cat sleeps on the sofa all day", "cat"},
    {"my cat likes the warm sofa", "cat"},     {"the dog barks at the gate", "dog"},
    {"a dog runs to the gate all day", "dog"}, {"my dog likes the gate", "dog"},
};

static void check(ngd_status status, const ngd_error *error) {
  if (status == NGD_OK) return;
  fprintf(stderr, "%s: %s\n", ngd_status_name(status), error->message);
  exit(1);
}

int main(void) {
  ngd_error error;
  ngd_dataset *texts = NULL;
  check(ngd_dataset_create("text", &texts, &error), &error);
  for (int i = 0; i < 600; i++)
    check(ngd_dataset_append_text(texts, kTexts[i % 6][0], kTexts[i % 6][1], &error), &error);

  ngd_vectors *vectors = NULL;
  check(ngd_vectors_create("vectors:dimension=16,epochs=20,subsample=0.01", &vectors, &error), &error);
  check(ngd_vectors_start(vectors, texts, NULL, &error), &error);
  for (int32_t running = 1; running != 0;) /* here the program could do other work, or stop */
    check(ngd_vectors_advance(vectors, 10, &running, &error), &error);

  uint64_t rows[3];
  float similarities[3];
  size_t found = 0;
  check(ngd_vectors_neighbours_f32(vectors, "cat", 3, rows, similarities, &found, &error), &error);
  for (size_t i = 0; i < found; i++) {
    char word[32];
    check(ngd_vectors_get_word(vectors, rows[i], word, sizeof word, NULL, &error), &error);
    printf("cat is near %-6s %.2f\n", word, (double)similarities[i]);
  }
  check(ngd_vectors_save(vectors, "word_vectors.bin", "word2vec_binary", &error), &error);
  remove("word_vectors.bin");

  /* A classifier whose table begins with them, and learns a tenth as fast as the rest. */
  ngd_model *model = NULL;
  ngd_vectors_coverage coverage = {.struct_size = sizeof coverage};
  check(ngd_model_create("text:dimension=16,table_rate=0.1", &model, &error), &error);
  check(ngd_model_set_vectors(model, vectors, &error), &error);
  check(ngd_model_prepare(model, texts, &error), &error);
  check(ngd_model_get_coverage(model, &coverage, &error), &error);
  printf("%d of %d words have a vector\n", (int)coverage.found, (int)coverage.words);

  ngd_model_destroy(model);
  ngd_vectors_destroy(vectors);
  ngd_dataset_destroy(texts);
  return 0;
}
