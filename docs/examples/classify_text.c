/* A text classifier in memory, trained in pieces as a program with its own event loop would do it. */
#include <stdio.h>
#include <stdlib.h>

#include "ngd.h"

static const char *const kTexts[][2] = {
    {"where is my parcel", "delivery"},
    {"the parcel has not arrived", "delivery"},
    {"when will my order arrive", "delivery"},
    {"track my order please", "delivery"},
    {"i want my money back", "refund"},
    {"please refund this order", "refund"},
    {"the refund has not been paid", "refund"},
    {"money back for a broken item", "refund"},
    {"i cannot log in", "account"},
    {"reset my password", "account"},
    {"change the email of my account", "account"},
    {"the password is not accepted", "account"},
};

static void check(ngd_status status, const ngd_error *error) {
  if (status == NGD_OK) return;
  fprintf(stderr, "%s: %s\n", ngd_status_name(status), error->message);
  exit(1);
}

int main(void) {
  ngd_error error;
  ngd_dataset *letters = NULL;
  check(ngd_dataset_create("text:lowercase=1,punctuation=split", &letters, &error), &error);
  for (size_t i = 0; i < sizeof kTexts / sizeof kTexts[0]; i++)
    check(ngd_dataset_append_text(letters, kTexts[i][0], kTexts[i][1], &error), &error);

  ngd_model *model = NULL;
  ngd_optimizer *optimizer = NULL;
  ngd_trainer *trainer = NULL;
  check(ngd_model_create("text:dimension=16,word_ngrams=2,buckets=1000", &model, &error), &error);
  check(ngd_optimizer_create("ngd:learning_rate=0.05", &optimizer, &error), &error);
  check(ngd_trainer_create("trainer:epochs=60,batch_size=4", &trainer, &error), &error);
  check(ngd_trainer_start(trainer, model, optimizer, letters, NULL, &error), &error);
  int32_t running = 1;
  while (running) { /* ten steps at a time; here the program could do other work */
    check(ngd_trainer_advance(trainer, 10, &running, &error), &error);
    ngd_event event = {.struct_size = sizeof event};
    int32_t found = 1;
    while (check(ngd_trainer_poll(trainer, &event, &found, &error), &error), found)
      if (event.kind == NGD_EVENT_END) printf("after %d steps the loss is %.3f\n", (int)event.step, event.loss);
  }

  ngd_dataset *question = NULL;
  check(ngd_dataset_create("text:lowercase=1,punctuation=split", &question, &error), &error);
  check(ngd_dataset_append_text(question, "Has my parcel arrived?", NULL, &error), &error);
  float probabilities[3];
  check(ngd_model_predict_f32(model, question, 0, 1, probabilities, 3, &error), &error);
  size_t best = 0;
  for (size_t k = 0; k < 3; k++) {
    char name[32];
    check(ngd_model_get_class(model, k, name, sizeof name, NULL, &error), &error);
    printf("%-9s %.3f\n", name, (double)probabilities[k]);
    if (probabilities[k] > probabilities[best]) best = k;
  }
  ngd_dataset_destroy(letters);
  ngd_dataset_destroy(question);
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  ngd_trainer_destroy(trainer);
  return best == 0 ? 0 : 1; /* delivery */
}
