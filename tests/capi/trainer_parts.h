/* What tests of trainers on servers share: a trainer with what it trains. */
#ifndef NGD_TRAINER_PARTS_H
#define NGD_TRAINER_PARTS_H

#include "cluster.h"
#include "three_classes.h"

struct part {
  ngd_trainer *trainer;
  ngd_client *client;
  ngd_model *model;
  ngd_optimizer *optimizer;
  ngd_dataset *data;
  ngd_error error;
  ngd_status status;
};

/* A trainer with what it trains, which becomes its own; `client` NULL: on this machine. */
static inline void make_part_of(struct part *p, const char *model, const char *optimizer, ngd_dataset *data,
                                const char *client, const char *address, const char *trainer) {
  ngd_error error;
  memset(p, 0, sizeof *p);
  check_ok(ngd_trainer_create(trainer, &p->trainer, &error));
  check_ok(ngd_model_create(model, &p->model, &error));
  check_ok(ngd_optimizer_create(optimizer, &p->optimizer, &error));
  p->data = data;
  if (client == NULL) return;
  check_ok(ngd_client_create(client, &p->client, &error));
  check_ok(ngd_trainer_connect(p->trainer, p->client, address, 20000, &error));
}

static inline void free_part(struct part *p) {
  ngd_trainer_destroy(p->trainer);
  ngd_client_destroy(p->client);
  ngd_model_destroy(p->model);
  ngd_optimizer_destroy(p->optimizer);
  ngd_dataset_destroy(p->data);
}

static inline void *run_part(void *argument) {
  struct part *p = argument;
  p->status = ngd_trainer_run(p->trainer, p->model, p->optimizer, p->data, NULL, &p->error);
  return NULL;
}

/* All tensors of a model, one behind the other. */
static inline void parameters_of(ngd_model *model, float *all, size_t *count) {
  ngd_error error;
  *count = 0;
  for (size_t i = 0; i < ngd_model_tensor_count(model); i++) {
    ngd_tensor_info info = {.struct_size = sizeof info};
    check_ok(ngd_model_tensor(model, i, &info, &error));
    check_ok(ngd_model_get_tensor_f32(model, i, all + *count, info.elements, &error));
    *count += info.elements;
  }
}

#endif
