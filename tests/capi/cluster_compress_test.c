/* Updates in fewer bytes by the C API: error feedback, what is refused, trainers whose gradients are coded. */
#include <math.h>
#include <pthread.h>

#include "trainer_parts.h"

enum { kElements = 5000, kSteps = 50 };

static const char *const kCodings[] = {"bf16", "fp16", "8bit", "topk"};

/* Pushes that are all the same number are that number's sum in the end, though no coding holds it. */
static void small_numbers_add_up(void **state) {
  (void)state;
  ngd_error error;
  static float values[kElements], push[kElements];
  for (size_t c = 0; c < 4; c++) {
    char address[80], spec[80];
    address_in(address, sizeof address);
    ngd_server *server = start_server(address);
    snprintf(spec, sizeof spec, "client:compress=%s,compress_share=0.2", kCodings[c]);
    ngd_client *client = connect_client(spec, address, kElements);
    float *tensors[] = {values};
    const float *pushed[] = {push};
    memset(values, 0, sizeof values);
    check_ok(ngd_client_init_f32(client, tensors, 1, 10000, NULL, NULL, &error));
    for (int i = 0; i < kElements; i++) push[i] = i == 0 ? 300.0f : 0.01f + 0.00001f * (float)i;
    for (int step = 0; step < kSteps; step++)
      check_ok(ngd_client_push_f32(client, NGD_PUSH_DELTA, pushed, 1, 10000, NULL, &error));
    check_ok(ngd_client_pull_f32(client, 0, tensors, 1, 10000, NULL, &error));
    for (int i = 0; i < kElements; i++) {
      /* One residual: of a number in a block with one of 300 the spacing of its codes, of topk some pushes. */
      const float sum = kSteps * push[i], bound = c == 3 ? 20 * push[i] : i == 0 ? 20 : 0.06f * sum + 0.005f;
      if (!(fabsf(values[i] - sum) <= bound))
        fail_msg("%s: element %d is %g, pushed were %g", kCodings[c], i, (double)values[i], (double)sum);
    }
    ngd_client_destroy(client);
    ngd_server_destroy(server);
  }
}

static void parameters_are_read_rounded_where_that_is_wanted(void **state) {
  (void)state;
  ngd_error error;
  static float values[kElements], read[kElements];
  char address[80];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  ngd_client *exact = connect_client("client", address, kElements);
  float *tensors[] = {values}, *out[] = {read};
  for (int i = 0; i < kElements; i++) values[i] = sinf((float)i);
  check_ok(ngd_client_init_f32(exact, tensors, 1, 10000, NULL, NULL, &error));
  for (int c = 0; c < 2; c++) {
    char spec[80];
    snprintf(spec, sizeof spec, "client:compress_pulls=%s", kCodings[c]);
    ngd_client *rough = connect_client(spec, address, kElements);
    check_ok(ngd_client_pull_f32(rough, 0, out, 1, 10000, NULL, &error));
    int equal = 0;
    const float places = c == 0 ? 1.0f / 256 : 1.0f / 2048;
    for (int i = 0; i < kElements; i++) {
      equal += read[i] == values[i];
      if (!(fabsf(read[i] - values[i]) <= fabsf(values[i]) * places + 1e-7f))
        fail_msg("%s: element %d is %g, not %g", kCodings[c], i, (double)read[i], (double)values[i]);
    }
    assert_true(equal < kElements / 10);
    ngd_client_destroy(rough);
  }
  check_ok(ngd_client_pull_f32(exact, 0, out, 1, 10000, NULL, &error));
  assert_memory_equal(read, values, sizeof values);
  ngd_client_destroy(exact);
  ngd_server_destroy(server);
}

static void what_is_no_coding_is_refused(void **state) {
  (void)state;
  ngd_error error;
  ngd_client *client = NULL;
  assert_int_equal(ngd_client_create("client:compress=4bit", &client, &error), NGD_E_OPTION);
  assert_int_equal(ngd_client_create("client:compress=topk,compress_share=0", &client, &error), NGD_E_RANGE);
  assert_int_equal(ngd_client_create("client:compress=topk,compress_share=0.6", &client, &error), NGD_E_RANGE);
  assert_int_equal(ngd_client_create("client:compress_pulls=8bit", &client, &error), NGD_E_OPTION);
  check_ok(ngd_client_create("client:compress=topk", &client, &error));
  char text[16];
  check_ok(ngd_client_get_text(client, "compress", text, sizeof text, NULL, &error));
  assert_string_equal(text, "topk");
  ngd_client_destroy(client);
}

/* --- trainers ------------------------------------------------------------------------------------------------------ */

enum { kRows = 240, kColumns = 20, kWorkers = 2 };

static void make_part(struct part *p, const char *client, const char *address, const char *trainer) {
  make_part_of(p, "mlp:hidden=32", "ngd:learning_rate=0.02", three_classes(kRows, kColumns, 0), client, address,
               trainer);
}

/* Trains in rounds of two workers; the parameters that the servers have then, and the last loss. */
static double train(const char *trainer, float *parameters, size_t *count) {
  ngd_error error;
  char address[80], spec[120];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  struct part parts[kWorkers], observer;
  pthread_t threads[kWorkers];
  for (int i = 0; i < kWorkers; i++) {
    snprintf(spec, sizeof spec, "client:consistency=bulk,workers=%d,rank=%d", kWorkers, i + 1);
    make_part(&parts[i], spec, address, trainer);
    assert_int_equal(pthread_create(&threads[i], NULL, run_part, &parts[i]), 0);
  }
  snprintf(spec, sizeof spec, "client:consistency=bulk,workers=%d,worker=0", kWorkers);
  make_part(&observer, spec, address, trainer);
  check_ok(ngd_trainer_run(observer.trainer, observer.model, observer.optimizer, observer.data, observer.data,
                           &error));
  for (int i = 0; i < kWorkers; i++) {
    pthread_join(threads[i], NULL);
    if (parts[i].status != NGD_OK) fail_msg("%s", parts[i].error.message);
    free_part(&parts[i]);
  }
  parameters_of(observer.model, parameters, count);
  double loss = NAN;
  ngd_event event = {.struct_size = sizeof event};
  for (int32_t found = 1; found;) {
    check_ok(ngd_trainer_poll(observer.trainer, &event, &found, &error));
    if (found && event.kind == NGD_EVENT_EPOCH) loss = event.held_out_loss;
  }
  free_part(&observer);
  ngd_server_destroy(server);
  return loss;
}

/* In rounds the same bits in every run, and near the loss of a training whose gradients are whole. */
static void rounds_are_the_same_in_every_run(void **state) {
  (void)state;
  static float first[2000], again[2000];
  size_t count, same;
  const double whole = train("trainer:epochs=8,batch_size=24,schedule=linear", first, &count);
  for (size_t c = 0; c < 4; c++) {
    char spec[120];
    snprintf(spec, sizeof spec, "trainer:epochs=8,batch_size=24,schedule=linear,compress=%s,compress_share=0.1",
             kCodings[c]);
    const double loss = train(spec, first, &count);
    train(spec, again, &same);
    assert_int_equal(same, count);
    assert_memory_equal(again, first, count * sizeof(float));
    print_message("%s: loss %.4f, without %.4f\n", kCodings[c], loss, whole);
    if (!(loss < (c == 3 ? 1.5 : 1.1) * whole + 0.02))
      fail_msg("%s: loss %g, without %g", kCodings[c], loss, whole);
  }
}

static void all_workers_code_alike(void **state) {
  (void)state;
  ngd_error error;
  char address[80];
  address_in(address, sizeof address);
  ngd_server *server = start_server(address);
  struct part first, other;
  make_part(&first, "client:workers=1", address, "trainer:batch_size=8,compress=8bit");
  check_ok(ngd_trainer_start(first.trainer, first.model, first.optimizer, first.data, NULL, &error));
  make_part(&other, "client:workers=1", address, "trainer:batch_size=8");
  check_error(ngd_trainer_start(other.trainer, other.model, other.optimizer, other.data, NULL, &error),
              NGD_E_CONFLICT,
              "the training on the servers is another: its trainer is "
              "\"trainer:batch_size=8,partitions=1,compress=8bit\", "
              "here it is \"trainer:batch_size=8,partitions=1\"; take the same data and options, or another "
              "model name");
  free_part(&other);
  /* Said to the client it is the same. */
  make_part(&other, "client:workers=1,compress=8bit", address, "trainer:batch_size=8");
  check_ok(ngd_trainer_start(other.trainer, other.model, other.optimizer, other.data, NULL, &error));
  free_part(&other);
  free_part(&first);
  ngd_server_destroy(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_numbers_add_up),
      cmocka_unit_test(parameters_are_read_rounded_where_that_is_wanted),
      cmocka_unit_test(what_is_no_coding_is_refused),
      cmocka_unit_test(rounds_are_the_same_in_every_run),
      cmocka_unit_test(all_workers_code_alike),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
