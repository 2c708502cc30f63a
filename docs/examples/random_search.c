/* Random search and restarts in C: which learning rate and which size suit a network, on which seeds, and what matters.
 *
 * cc random_search.c $(pkg-config --cflags --libs ngd) -lm -o random_search && ./random_search [JOURNAL]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ngd.h"

static ngd_error error;

static void check(ngd_status status) {
  if (status == NGD_OK) return;
  fprintf(stderr, "%s: %s\n", ngd_status_name(status), error.message);
  exit(1);
}

/* Two spirals: one turns into the other by half a turn. */
static ngd_dataset *spirals(int rows) {
  ngd_dataset *dataset = NULL;
  check(ngd_dataset_create("dense:label_type=category", &dataset, &error));
  for (int i = 0; i < rows; i++) {
    const double along = 1.0 * i / rows, angle = 6 * along + (i % 2 ? 3.14159265 : 0);
    const float features[] = {(float)(along * cos(angle)), (float)(along * sin(angle))};
    const float label = (float)(i % 2);
    check(ngd_dataset_append_f32(dataset, features, &label, 1, 2, &error));
  }
  return dataset;
}

/* Trains one trial, from several seeds; the search takes the mean of their held-out losses. */
static double loss_of(ngd_search *search, uint64_t trial, const ngd_dataset *training,
                      const ngd_dataset *held_out, uint64_t *gradients, int32_t *stop) {
  enum { kSeeds = 2, kEpochs = 20 };
  double rate = 0, units = 0, sum = 0;
  char activation[16];
  check(ngd_search_get_value(search, trial, "learning_rate", &rate, &error));
  check(ngd_search_get_value(search, trial, "units", &units, &error));
  check(ngd_search_get_value_text(search, trial, "activation", activation, sizeof activation, NULL, &error));
  uint64_t step = 0;
  *gradients = 0;
  *stop = 0;
  for (int seed = 1; seed <= kSeeds && !*stop; seed++) {
    ngd_model *model = NULL;
    ngd_optimizer *optimizer = NULL;
    ngd_trainer *trainer = NULL;
    check(ngd_model_create("mlp", &model, &error));
    check(ngd_model_set(model, "seed", seed, &error));
    check(ngd_model_set_text(model, "activation", activation, &error));
    char hidden[16];
    snprintf(hidden, sizeof hidden, "%.0f", units);
    check(ngd_model_set_text(model, "hidden", hidden, &error));
    check(ngd_optimizer_create("ngd", &optimizer, &error));
    check(ngd_optimizer_set(optimizer, "learning_rate", rate, &error));
    check(ngd_trainer_create("trainer:batch_size=16", &trainer, &error));
    check(ngd_trainer_set(trainer, "seed", seed, &error));
    check(ngd_trainer_set(trainer, "epochs", kEpochs, &error));
    check(ngd_trainer_start(trainer, model, optimizer, training, held_out, &error));
    double loss = NAN;
    uint64_t rows = 0;
    int32_t running = 1;
    while (running && !*stop) {
      check(ngd_trainer_advance(trainer, 100, &running, &error));
      for (;;) {
        ngd_event event = {.struct_size = sizeof event};
        int32_t found = 0;
        check(ngd_trainer_poll(trainer, &event, &found, &error));
        if (!found) break;
        if (event.kind != NGD_EVENT_EPOCH) continue;
        loss = event.held_out_loss;
        rows = event.rows;
        if (!*stop) check(ngd_search_report(search, trial, ++step, loss, stop, &error));
      }
    }
    sum += loss;
    *gradients += rows;
    ngd_trainer_destroy(trainer);
    ngd_optimizer_destroy(optimizer);
    ngd_model_destroy(model);
  }
  return sum / kSeeds;
}

int main(int argc, char **argv) {
  ngd_dataset *all = spirals(600), *training = NULL, *held_out = NULL;
  check(ngd_dataset_split(all, 0.3, 1, &training, &held_out, &error));

  ngd_search *search = NULL;
  check(ngd_search_create("search:max_trials=24,patience=12,pruning=median,parallel=4", &search, &error));
  check(ngd_search_add(search, "learning_rate", "log_uniform:low=1e-4,high=0.3", &error));
  check(ngd_search_add(search, "units", "log_integer:low=4,high=64", &error));
  check(ngd_search_add(search, "activation", "categorical:values=relu|tanh|sigmoid", &error));
  if (argc > 1) check(ngd_search_open_journal(search, argv[1], &error)); /* goes on with what it holds */

  for (;;) {
    uint64_t trial = 0, gradients = 0;
    int32_t answer = 0, stop = 0;
    check(ngd_search_ask(search, &trial, &answer, &error));
    if (answer != NGD_SEARCH_TRIAL) break;
    const double loss = loss_of(search, trial, training, held_out, &gradients, &stop);
    check(ngd_search_tell(search, trial, loss, gradients, &error));
    printf("trial %2d  loss %.4f%s\n", (int)trial, loss, stop ? "  given up" : "");
  }

  ngd_search_info info = {.struct_size = sizeof info};
  check(ngd_search_get_info(search, &info, &error));
  printf("%d trials, %d pruned, best: trial %d with %.4f\n", (int)info.counted, (int)info.pruned,
         (int)info.best_trial, info.best_value);
  for (size_t i = 0; i < info.parameters; i++) {
    char name[64], value[64];
    ngd_importance importance = {.struct_size = sizeof importance};
    check(ngd_search_get_parameter(search, i, name, sizeof name, NULL, &error));
    check(ngd_search_get_value_text(search, info.best_trial, name, value, sizeof value, NULL, &error));
    check(ngd_search_get_importance(search, name, &importance, &error));
    printf("%-14s %-22s rank correlation %+.2f (by chance up to %.2f)\n", name, value, importance.correlation,
           importance.chance);
  }
  ngd_search_destroy(search);
  ngd_dataset_destroy(held_out);
  ngd_dataset_destroy(training);
  ngd_dataset_destroy(all);
  return info.best_value < 0.6 ? 0 : 1;
}
