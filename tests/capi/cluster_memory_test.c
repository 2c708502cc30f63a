/* Whose memory is whose: an array that was pushed is the caller's again when the call returns, however long it is and
 * however it travelled; and rows come to their places in whatever order they are asked for. */
#include "cluster.h"

enum { LENGTH = 700000 }; /* some three frames */

static void fill(float *values, float first) {
  for (int i = 0; i < LENGTH; i++) values[i] = first + (float)(i % 1000);
}

static void expect(ngd_client *client, float *got, float first, float step) {
  ngd_error error;
  float *out[] = {got};
  check_ok(ngd_client_pull_f32(client, 0, out, 1, 5000, NULL, &error));
  for (int i = 0; i < LENGTH; i++) {
    if (got[i] != (first + (float)(i % 1000)) + step) fail_msg("element %d is %g", i, got[i]);
  }
}

static void what_was_pushed_may_be_overwritten_at_once(void **state) {
  (void)state;
  float *values = malloc(LENGTH * sizeof(float)), *got = malloc(LENGTH * sizeof(float));
  for (int i = 0; i < 3; i++) {
    ngd_error error;
    char ipc[256];
    snprintf(ipc, sizeof ipc, "ipc://%s/socket", scratch_directory());
    ngd_server *server = start_server(i == 0 ? "inproc://memory" : i == 1 ? ipc : "tcp://127.0.0.1:*");
    char endpoint[256];
    check_ok(ngd_server_get_text(server, "endpoints", endpoint, sizeof endpoint, NULL, &error));
    ngd_client *client = connect_client("client:optimizer=\"sgd:learning_rate=1\"", endpoint, LENGTH);
    float *init[] = {values};
    const float *push[] = {values};
    fill(values, 1);
    check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
    fill(values, 5000);
    expect(client, got, 1, 0);
    check_ok(ngd_client_push_f32(client, NGD_PUSH_VALUE, push, 1, 5000, NULL, &error));
    fill(values, 0);
    expect(client, got, 5000, 0);
    uint64_t ticket = 0;
    for (int k = 0; k < LENGTH; k++) values[k] = 2;
    check_ok(ngd_client_start_push_borrow_f32(client, NGD_PUSH_DELTA, push, 1, 5000, &ticket, &error));
    check_ok(ngd_client_wait(client, ticket, 5000, NULL, &error));
    fill(values, 0);
    expect(client, got, 5000, 2);
    for (int k = 0; k < LENGTH; k++) values[k] = 1;
    check_ok(ngd_client_push_f32(client, NGD_PUSH_GRADIENT, push, 1, 5000, NULL, &error));
    fill(values, 0);
    expect(client, got, 5000, 1);
    check_ok(ngd_client_start_push_borrow_f32(client, NGD_PUSH_VALUE, push, 1, 5000, &ticket, &error));
    check_ok(ngd_client_wait(client, ticket, 5000, NULL, &error));
    fill(values, 7);
    expect(client, got, 0, 0);
    ngd_client_destroy(client);
    ngd_server_destroy(server);
  }
  free(values);
  free(got);
}

static void rows_come_to_their_places_in_any_order(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://rows");
  ngd_client *client = NULL;
  check_ok(ngd_client_create("client", &client, &error));
  check_ok(ngd_client_add_rows_f32(client, "t", 1000, 3, "zero", 0, 0, &error));
  check_ok(ngd_client_set_text(client, "model", "rows", &error));
  check_ok(ngd_client_connect(client, "inproc://rows", 5000, &error));
  float *none[] = {NULL};
  check_ok(ngd_client_init_f32(client, none, 1, 5000, NULL, NULL, &error));
  uint32_t rows[1000];
  float values[3000], got[3000];
  for (uint32_t i = 0; i < 1000; i++) {
    rows[i] = i;
    for (int k = 0; k < 3; k++) values[3 * i + k] = (float)(10 * i + k);
  }
  check_ok(ngd_client_push_rows_f32(client, NGD_PUSH_VALUE, 0, rows, 1000, values, 5000, NULL, &error));
  for (int way = 0; way < 3; way++) { /* rising, falling, some of them twice */
    for (uint32_t i = 0; i < 1000; i++) rows[i] = way == 0 ? i : way == 1 ? 999 - i : i * 7 % 500;
    memset(got, 0, sizeof got);
    check_ok(ngd_client_pull_rows_f32(client, 0, 0, rows, 1000, got, 5000, NULL, &error));
    for (uint32_t i = 0; i < 1000; i++) {
      for (int k = 0; k < 3; k++) assert_true(got[3 * i + k] == (float)(10 * rows[i] + k));
    }
  }
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_pushed_may_be_overwritten_at_once),
      cmocka_unit_test(rows_come_to_their_places_in_any_order),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
