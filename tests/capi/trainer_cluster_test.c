/* Trainers on servers: workers and an observer of one process, rounds against the run on one machine, what is refused. */
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trainer_parts.h"

enum { kRows = 240, kColumns = 4, kEpochs = 5 };

static void make_part(struct part *p, const char *client, const char *address, const char *trainer, int rows) {
  make_part_of(p, "mlp:hidden=8", "ngd:learning_rate=0.03", three_classes(rows, kColumns, 0), client, address,
               trainer);
}

/* Trains with so many workers in rounds, and gives what an observer then has. */
static void train_in_rounds(int workers, float *parameters, size_t *count) {
  ngd_error error;
  char address[80], spec[120];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  const char *trainer = "trainer:epochs=5,batch_size=24,schedule=linear";
  struct part parts[4], observer;
  pthread_t threads[4];
  for (int i = 0; i < workers; i++) {
    snprintf(spec, sizeof spec, "client:consistency=bulk,workers=%d,rank=%d", workers, i + 1);
    make_part(&parts[i], spec, address, trainer, kRows);
    assert_int_equal(pthread_create(&threads[i], NULL, run_part, &parts[i]), 0);
  }
  snprintf(spec, sizeof spec, "client:consistency=bulk,workers=%d,worker=0", workers);
  make_part(&observer, spec, address, trainer, kRows);
  check_ok(ngd_trainer_run(observer.trainer, observer.model, observer.optimizer, observer.data, observer.data,
                           &error));
  for (int i = 0; i < workers; i++) {
    pthread_join(threads[i], NULL);
    if (parts[i].status != NGD_OK) fail_msg("%s", parts[i].error.message);
    free_part(&parts[i]);
  }
  parameters_of(observer.model, parameters, count);
  ngd_event event = {.struct_size = sizeof event};
  uint64_t rows = 0, epochs = 0;
  for (int32_t found = 1; found;) {
    check_ok(ngd_trainer_poll(observer.trainer, &event, &found, &error));
    if (!found) break;
    if (event.kind == NGD_EVENT_EPOCH) assert_int_equal(event.epoch, ++epochs);
    rows = event.rows;
  }
  assert_int_equal(epochs, kEpochs);
  assert_int_equal(rows, kRows * kEpochs);
  free_part(&observer);
  ngd_server_destroy(server);
}

static void rounds_equal_the_run_on_one_machine(void **state) {
  (void)state;
  ngd_error error;
  static float alone[400], rounds[400];
  size_t count, same;
  struct part one;
  make_part(&one, NULL, NULL, "trainer:epochs=5,batch_size=24,schedule=linear", kRows);
  check_ok(ngd_trainer_run(one.trainer, one.model, one.optimizer, one.data, NULL, &error));
  parameters_of(one.model, alone, &count);
  free_part(&one);
  train_in_rounds(1, rounds, &same);
  assert_int_equal(same, count);
  assert_memory_equal(rounds, alone, count * sizeof(float));
  train_in_rounds(3, rounds, &same);
  for (size_t i = 0; i < count; i++) {
    const float bound = 3e-5f * (alone[i] < 0 ? 1 - alone[i] : 1 + alone[i]);
    if (!(rounds[i] - alone[i] < bound && alone[i] - rounds[i] < bound))
      fail_msg("parameter %zu is %g, on one machine %g", i, (double)rounds[i], (double)alone[i]);
  }
}

/* Two of two workers make a round; each step of `slow` takes so long that the observer looks in between. */
struct advance {
  struct part *part;
  uint64_t steps;
  int slow;
};

static void *advance_part(void *argument) {
  struct advance *a = argument;
  int32_t running = 1;
  for (uint64_t i = 0; i < a->steps && running; i++) {
    if (a->slow) usleep(30000);
    a->part->status = ngd_trainer_advance(a->part->trainer, 1, &running, &a->part->error);
    if (a->part->status != NGD_OK) break;
  }
  return NULL;
}

/* In rounds a partition may be behind: its worker died, and another went on with it later. What the observer has at the end is
 * what the servers have at the end, not what they had when the first partition was done. */
static void the_last_of_a_partition_that_is_behind_counts(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  enum { kSteps = kRows / 24 };
  const char *trainer = "trainer:epochs=5,batch_size=24";
  struct part parts[3], observer;
  make_part(&observer, "client:consistency=bulk,workers=2,worker=0", address, trainer, kRows);
  for (int i = 0; i < 2; i++) {
    make_part(&parts[i],
              i == 0 ? "client:consistency=bulk,workers=2,rank=1" : "client:consistency=bulk,workers=2,rank=2",
              address, trainer, kRows);
    check_ok(
        ngd_trainer_start(parts[i].trainer, parts[i].model, parts[i].optimizer, parts[i].data, NULL, &error));
  }
  pthread_t threads[2], observing;
  assert_int_equal(pthread_create(&observing, NULL, run_part, &observer), 0);
  struct advance first[2] = {{&parts[0], 2, 0}, {&parts[1], 2, 0}};
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, advance_part, &first[i]), 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  free_part(&parts[1]);
  struct advance alone = {&parts[0], 2 * kSteps, 0};
  advance_part(&alone);
  make_part(&parts[2], "client:consistency=bulk,workers=2,rank=2", address, trainer, kRows);
  check_ok(
      ngd_trainer_start(parts[2].trainer, parts[2].model, parts[2].optimizer, parts[2].data, NULL, &error));
  struct advance rest[2] = {{&parts[0], ~UINT64_C(0), 0}, {&parts[2], ~UINT64_C(0), 1}};
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, advance_part, &rest[i]), 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  pthread_join(observing, NULL);
  if (observer.status != NGD_OK) fail_msg("%s", observer.error.message);
  for (int i = 0; i < 3; i += 2) {
    if (parts[i].status != NGD_OK) fail_msg("%s", parts[i].error.message);
  }
  static float seen[400], held[400];
  float *tensors[8];
  size_t count = 0;
  for (size_t i = 0; i < ngd_model_tensor_count(observer.model); i++) {
    ngd_tensor_info info = {.struct_size = sizeof info};
    check_ok(ngd_model_tensor(observer.model, i, &info, &error));
    tensors[i] = held + count;
    count += info.elements;
  }
  ngd_client *client;
  check_ok(ngd_client_create("client:worker=0", &client, &error));
  check_ok(ngd_client_connect(client, address, 5000, &error));
  check_ok(ngd_client_pull_f32(client, 0, tensors, ngd_model_tensor_count(observer.model), 5000, NULL, &error));
  parameters_of(observer.model, seen, &count);
  assert_memory_equal(seen, held, count * sizeof(float));
  ngd_client_destroy(client);
  free_part(&observer);
  free_part(&parts[0]);
  free_part(&parts[2]);
  ngd_server_destroy(server);
}

/* Workers of one thread, a step of each in turn; one is dropped on the way. */
static void partitions_of_the_dead_go_on(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  struct part parts[2];
  int32_t running[2] = {1, 1};
  for (int i = 0; i < 2; i++) {
    make_part(&parts[i], "client:workers=2,lease=0.5", address,
              "trainer:epochs=5,batch_size=8,prefetch=0,icea=icea", kRows);
    check_ok(
        ngd_trainer_start(parts[i].trainer, parts[i].model, parts[i].optimizer, parts[i].data, NULL, &error));
  }
  for (int step = 0; step < 10; step++) {
    for (int i = 0; i < 2; i++) check_ok(ngd_trainer_advance(parts[i].trainer, 1, &running[i], &error));
  }
  free_part(&parts[0]);
  while (running[1]) check_ok(ngd_trainer_advance(parts[1].trainer, 50, &running[1], &error));
  ngd_client *client;
  check_ok(ngd_client_create("client:worker=0", &client, &error));
  check_ok(ngd_client_connect(client, address, 5000, &error));
  ngd_client_info info = {.struct_size = sizeof info};
  check_ok(ngd_client_get_info(client, 5000, &info, &error));
  /* One version for the first values, and one for each batch of each partition: none twice, none left out. */
  assert_int_equal(info.version, 1 + kEpochs * kRows / 8);
  ngd_client_destroy(client);
  free_part(&parts[1]);
  ngd_server_destroy(server);
}

static void *start_server_soon(void *address) {
  usleep(400000);
  return start_server(address);
}

/* Time in which nothing was tried is no time in which nothing went forward: a process that was stopped bears what it finds. */
static void who_stood_still_goes_on(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  struct part one;
  make_part(&one, "client:workers=1", address, "trainer:epochs=5,batch_size=24", kRows);
  check_ok(ngd_trainer_connect(one.trainer, one.client, address, 1500, &error));
  check_ok(ngd_trainer_start(one.trainer, one.model, one.optimizer, one.data, NULL, &error));
  int32_t running = 1;
  check_ok(ngd_trainer_advance(one.trainer, 5, &running, &error));
  ngd_server_destroy(server);
  usleep(1600000);
  pthread_t starting;
  assert_int_equal(pthread_create(&starting, NULL, start_server_soon, address), 0);
  while (running) check_ok(ngd_trainer_advance(one.trainer, 5, &running, &error));
  void *again;
  pthread_join(starting, &again);
  free_part(&one);
  ngd_server_destroy(again);
}

static void *start_server_late(void *address) {
  usleep(11200000);
  return start_server(address);
}

/* A run bears that there are no servers yet, longer than one operation of its client may take (lease + 10 s). */
static void who_begins_before_the_servers_waits(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  struct part one;
  make_part(&one, "client:workers=1,lease=0.5", address, "trainer:epochs=5,batch_size=24", kRows);
  check_ok(ngd_trainer_connect(one.trainer, one.client, address, 30000, &error));
  pthread_t starting;
  assert_int_equal(pthread_create(&starting, NULL, start_server_late, address), 0);
  check_ok(ngd_trainer_run(one.trainer, one.model, one.optimizer, one.data, NULL, &error));
  void *server;
  pthread_join(starting, &server);
  free_part(&one);
  ngd_server_destroy(server);
}

static void *cancel_soon(void *trainer) {
  usleep(300000);
  ngd_trainer_cancel(trainer);
  return NULL;
}

/* And need not wait any longer when it is cancelled; without that, what nobody answers is told as it is. */
static void who_waits_for_servers_can_be_cancelled(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  for (int cancelled = 0; cancelled < 2; cancelled++) {
    struct part one;
    make_part(&one, "client:workers=1", address, "trainer:epochs=5,batch_size=24", kRows);
    check_ok(ngd_trainer_connect(one.trainer, one.client, address, cancelled ? 60000 : 400, &error));
    pthread_t cancelling;
    if (cancelled) assert_int_equal(pthread_create(&cancelling, NULL, cancel_soon, one.trainer), 0);
    const time_t begin = time(NULL);
    assert_int_equal(ngd_trainer_start(one.trainer, one.model, one.optimizer, one.data, NULL, &error),
                     cancelled ? NGD_E_CANCELLED : NGD_E_TIMEOUT);
    assert_in_range(time(NULL) - begin, 0, 20);
    if (cancelled) pthread_join(cancelling, NULL);
    free_part(&one);
  }
}

/* The learning rate becomes so small that nothing moves: from which version on is told, and holds for steps of the servers and of a
 * worker on its own, which begins with it at that version. */
static void settings_count_from_the_version_told(void **state) {
  (void)state;
  ngd_error error;
  for (int local = 0; local < 2; local++) {
    char address[80];
    address_in(address, sizeof address);
    ngd_server *server = start_server_with("server:shards=2", address);
    struct part worker;
    make_part(
        &worker, "client:workers=1", address,
        local ? "trainer:epochs=5,batch_size=8,local_steps=2" : "trainer:epochs=5,batch_size=8,prefetch=0",
        kRows);
    check_ok(ngd_trainer_start(worker.trainer, worker.model, worker.optimizer, worker.data, NULL, &error));
    int32_t running = 1;
    check_ok(ngd_trainer_advance(worker.trainer, 3, &running, &error));
    ngd_client *client;
    check_ok(ngd_client_create("client:worker=0", &client, &error));
    check_ok(ngd_client_connect(client, address, 5000, &error));
    ngd_client_info info = {.struct_size = sizeof info};
    check_ok(ngd_client_get_info(client, 5000, &info, &error));
    const char *names[] = {"learning_rate", "optimizer.weight_decay", "note"},
               *values[] = {"1e-30", "0", "still"};
    uint64_t from = 0;
    check_ok(ngd_client_set_values(client, names, values, 3, 5000, &from, &error));
    assert_int_equal(from, info.version + 1);
    static float seen[3][400];
    float *tensors[4];
    size_t count;
    check_ok(ngd_client_get_tensor_count(client, &count, &error));
    assert_in_range(count, 1, 4);
    for (int i = 0; i < 3; i++) {
      for (size_t t = 0; t < count; t++) tensors[t] = seen[i] + 100 * t;
      if (i > 0) check_ok(ngd_trainer_advance(worker.trainer, 1, &running, &error));
      check_ok(ngd_client_pull_f32(client, 0, tensors, count, 5000, &info.version, &error));
    }
    assert_int_equal(info.version, from + 1);
    assert_int_equal(memcmp(seen[0], seen[1], sizeof seen[0]) == 0, !local);
    assert_memory_equal(seen[1], seen[2], sizeof seen[1]);
    ngd_client_destroy(client);
    free_part(&worker);
    ngd_server_destroy(server);
  }
}

/* Each partition has a buffer of its own; the observer has one of all rows, also in its checkpoint. */
static void scores_of_all_partitions_are_put_together(void **state) {
  (void)state;
  ngd_error error;
  char address[80], spec[160];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  struct part parts[2], observer;
  int32_t running[2] = {1, 1};
  const char *trainer = "trainer:epochs=5,batch_size=8,partitions=2,icea=icea";
  for (int i = 0; i < 2; i++) {
    make_part(&parts[i], "client:workers=2", address, trainer, kRows);
    check_ok(
        ngd_trainer_start(parts[i].trainer, parts[i].model, parts[i].optimizer, parts[i].data, NULL, &error));
  }
  while (running[0] || running[1]) {
    for (int i = 0; i < 2; i++) {
      if (running[i]) check_ok(ngd_trainer_advance(parts[i].trainer, 1, &running[i], &error));
    }
  }
  const char *run = scratch_directory();
  snprintf(spec, sizeof spec, "%s,run_directory=%s/run", trainer, run);
  make_part(&observer, "client:workers=2,worker=0", address, spec, kRows);
  check_ok(ngd_trainer_run(observer.trainer, observer.model, observer.optimizer, observer.data, NULL, &error));
  ngd_icea *icea, *saved;
  check_ok(ngd_trainer_get_icea(observer.trainer, &icea, &error));
  check_ok(ngd_icea_create("icea", 0, &saved, &error));
  snprintf(spec, sizeof spec, "%s/run", run);
  check_ok(ngd_icea_load(saved, spec, &error));
  const ngd_icea *both[] = {icea, saved};
  for (int i = 0; i < 2; i++) {
    ngd_icea_info info = {.struct_size = sizeof info};
    check_ok(ngd_icea_get_info(both[i], &info, &error));
    assert_int_equal(info.samples, kRows);
    assert_int_equal(info.seen, kRows);
    assert_int_equal(info.records, kRows * kEpochs);
    assert_int_equal(info.draws, kRows * kEpochs);
    assert_in_range(info.hard, 1, kRows / 5);
  }
  ngd_icea_destroy(icea);
  ngd_icea_destroy(saved);
  free_part(&observer);
  for (int i = 0; i < 2; i++) free_part(&parts[i]);
  ngd_server_destroy(server);
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  struct part first, other;
  make_part(&first, "client:workers=1", address, "trainer:epochs=5,batch_size=8", kRows);
  check_ok(ngd_trainer_start(first.trainer, first.model, first.optimizer, first.data, NULL, &error));
  check_error(ngd_trainer_connect(first.trainer, first.client, address, 1000, &error), NGD_E_STATE,
              "a run is in progress; connect the trainer before it starts");
  make_part(&other, "client:workers=1", address, "trainer:epochs=5,batch_size=8", kRows / 2);
  check_error(ngd_trainer_start(other.trainer, other.model, other.optimizer, other.data, NULL, &error),
              NGD_E_CONFLICT,
              "the training on the servers is another: its rows is 240, here it is 120; take the same data and "
              "options, or "
              "another model name");
  check_error(ngd_trainer_connect(other.trainer, other.client, "smoke://signals", 1000, &error), NGD_E_ARGUMENT,
              "address \"smoke://signals\": it begins with none of tcp://, ipc:// and inproc://");
  free_part(&other);
  make_part(&other, "client:workers=1", address, "trainer:epochs=5,batch_size=8,run_directory=nowhere", kRows);
  check_error(ngd_trainer_start(other.trainer, other.model, other.optimizer, other.data, NULL, &error),
              NGD_E_STATE,
              "a worker keeps no run directory; give it to an observer, whose client has worker=0");
  free_part(&other);
  make_part(&other, "client:workers=1,model=double", address, "trainer:epochs=5,batch_size=8", kRows);
  check_ok(ngd_model_set_text(other.model, "precision", "f64", &error));
  check_error(ngd_trainer_start(other.trainer, other.model, other.optimizer, other.data, NULL, &error),
              NGD_E_UNSUPPORTED,
              "servers hold float32 parameters, but the model's are float64; set precision=f32");
  free_part(&other);
  make_part(&other, "client:workers=500,model=many", address, "trainer:epochs=5,batch_size=8", kRows);
  check_error(ngd_trainer_start(other.trainer, other.model, other.optimizer, other.data, NULL, &error),
              NGD_E_RANGE, "the data have 240 rows, which do not go into 500 partitions; set partitions lower");
  free_part(&other);
  free_part(&first);
  ngd_server_destroy(server);
}

/* Nothing waits for ever where nobody is. */
static void absent_servers_are_an_error(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  struct part one;
  make_part(&one, "client", address, "trainer:epochs=5", kRows);
  check_ok(ngd_trainer_connect(one.trainer, one.client, address, 300, &error));
  assert_int_equal(ngd_trainer_start(one.trainer, one.model, one.optimizer, one.data, NULL, &error),
                   NGD_E_TIMEOUT);
  /* On this machine it goes on. */
  check_ok(ngd_trainer_connect(one.trainer, NULL, NULL, 0, &error));
  check_ok(ngd_trainer_run(one.trainer, one.model, one.optimizer, one.data, NULL, &error));
  free_part(&one);
}

/* A run of a trainer and client that are there, of a model of its own. */
static ngd_status run_again(struct part *p, const char *model) {
  ngd_error error;
  ngd_model_destroy(p->model);
  ngd_optimizer_destroy(p->optimizer);
  check_ok(ngd_model_create(model, &p->model, &error));
  check_ok(ngd_optimizer_create("ngd:learning_rate=0.03", &p->optimizer, &error));
  return ngd_trainer_run(p->trainer, p->model, p->optimizer, p->data, p->data, &p->error);
}

/* Runs follow each other, whatever became of the one before; and the client stays what its owner made it. */
static void a_client_serves_one_run_after_the_other(void **state) {
  (void)state;
  ngd_error error;
  char address[80], before[400], after[400];
  address_in(address, sizeof address);
  struct part one;
  make_part(&one, "client:workers=1,compress_pulls=bf16", address, "trainer:epochs=5,batch_size=24", kRows);
  check_ok(ngd_client_get_text(one.client, "spec", before, sizeof before, NULL, &error));
  check_ok(ngd_trainer_connect(one.trainer, one.client, address, 300, &error));
  assert_int_equal(run_again(&one, "mlp:hidden=8"), NGD_E_TIMEOUT);
  ngd_server *server = start_server(address);
  check_ok(ngd_trainer_connect(one.trainer, one.client, address, 20000, &error));
  for (int i = 0; i < 2; i++) {
    if (run_again(&one, "mlp:hidden=8") != NGD_OK) fail_msg("run %d: %s", i, one.error.message);
  }
  /* The servers have one model of that name, and say so. */
  assert_int_equal(run_again(&one, "mlp:hidden=4"), NGD_E_CONFLICT);
  check_ok(ngd_client_set_text(one.client, "model", "narrow", &error));
  assert_int_equal(run_again(&one, "mlp:hidden=4"), NGD_OK);
  check_ok(ngd_client_set_text(one.client, "model", "default", &error));
  assert_int_equal(run_again(&one, "mlp:hidden=8"), NGD_OK);
  /* An observer means the same terms, though it reads without rounding. */
  check_ok(ngd_client_set(one.client, "worker", 0, &error));
  for (int i = 0; i < 2; i++) assert_int_equal(run_again(&one, "mlp:hidden=8"), NGD_OK);
  check_ok(ngd_client_set(one.client, "worker", 1, &error));
  check_ok(ngd_client_get_text(one.client, "spec", after, sizeof after, NULL, &error));
  assert_string_equal(after, before);
  /* Without a trainer it learns the model from the servers. */
  size_t tensors = 0;
  check_ok(ngd_client_connect(one.client, address, 5000, &error));
  check_ok(ngd_client_get_tensor_count(one.client, &tensors, &error));
  assert_int_equal(tensors, ngd_model_tensor_count(one.model));
  free_part(&one);
  ngd_server_destroy(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rounds_equal_the_run_on_one_machine),
      cmocka_unit_test(the_last_of_a_partition_that_is_behind_counts),
      cmocka_unit_test(partitions_of_the_dead_go_on),
      cmocka_unit_test(who_stood_still_goes_on),
      cmocka_unit_test(who_begins_before_the_servers_waits),
      cmocka_unit_test(who_waits_for_servers_can_be_cancelled),
      cmocka_unit_test(settings_count_from_the_version_told),
      cmocka_unit_test(scores_of_all_partitions_are_put_together),
      cmocka_unit_test(what_does_not_fit_is_refused),
      cmocka_unit_test(absent_servers_are_an_error),
      cmocka_unit_test(a_client_serves_one_run_after_the_other),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
