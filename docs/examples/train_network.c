/* A network from arrays: two spirals, a multilayer perceptron, a trainer with events, saving and loading. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ngd.h"

enum { kRows = 600 };

static void check(ngd_status status, const ngd_error *error) {
  if (status == NGD_OK) return;
  fprintf(stderr, "%s: %s\n", ngd_status_name(status), error->message);
  exit(1);
}

static int32_t on_event(const ngd_event *event, void *user_data) {
  (void)user_data;
  if (event->kind == NGD_EVENT_EPOCH && event->epoch % 20 == 0)
    printf("epoch %3d  loss %.4f  accuracy on new points %.3f\n", (int)event->epoch, event->loss,
           event->held_out_accuracy);
  return 0; /* anything else would stop the run */
}

int main(void) {
  static float points[kRows][2], labels[kRows];
  for (int i = 0; i < kRows; i++) {
    const float arm = (float)(i % 2), along = (float)(i / 2) / (kRows / 2);
    const float angle = 6 * along + 3.14159f * arm, radius = 0.2f + along + 0.03f * sinf(57.0f * (float)i);
    points[i][0] = radius * cosf(angle);
    points[i][1] = radius * sinf(angle);
    labels[i] = arm;
  }

  ngd_error error;
  ngd_dataset *spirals = NULL, *training = NULL, *held_out = NULL;
  check(ngd_dataset_create("dense:classes=\"left,right\"", &spirals, &error), &error);
  check(ngd_dataset_append_f32(spirals, points[0], labels, kRows, 2, &error), &error);
  check(ngd_dataset_split(spirals, 0.2, 1, &training, &held_out, &error), &error);

  ngd_model *model = NULL;
  ngd_optimizer *optimizer = NULL;
  ngd_trainer *trainer = NULL;
  check(ngd_model_create("mlp:hidden=32x32,activation=tanh", &model, &error), &error);
  check(ngd_optimizer_create("ngd:learning_rate=0.01", &optimizer, &error), &error);
  check(ngd_trainer_create("trainer:epochs=100,schedule=cosine", &trainer, &error), &error);
  check(ngd_trainer_on_event(trainer, on_event, NULL, NULL, &error), &error);
  check(ngd_trainer_run(trainer, model, optimizer, training, held_out, &error), &error);

  /* The saved model knows its classes and the scaling of its inputs. */
  check(ngd_model_save(model, "spirals.safetensors", &error), &error);
  ngd_model *loaded = NULL;
  check(ngd_model_load("spirals.safetensors", &loaded, &error), &error);
  ngd_metrics metrics = {.struct_size = sizeof metrics};
  check(ngd_model_evaluate(loaded, held_out, &metrics, &error), &error);
  printf("the loaded model: accuracy %.3f on %d points\n", metrics.accuracy, (int)metrics.rows);
  remove("spirals.safetensors");

  ngd_dataset_destroy(spirals); /* in any order */
  ngd_dataset_destroy(training);
  ngd_dataset_destroy(held_out);
  ngd_model_destroy(model);
  ngd_model_destroy(loaded);
  ngd_optimizer_destroy(optimizer);
  ngd_trainer_destroy(trainer);
  return metrics.accuracy > 0.95 ? 0 : 1;
}
