/* Whose memory is whose: an array that was pushed is the caller's again when the call returns, however long it is and
 * however it travelled; rows come to their places in whatever order they are asked for; and what a call looks at stays
 * until it returns. */
#include <malloc.h>
#include <pthread.h>

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

/* --- a client that is disconnected in the middle ------------------------------------------------------------------- */

enum { TENSORS = 200, SIZE = 20000 };

struct puller {
  ngd_client *client;
  float *tensors[TENSORS];
  int torn; /* reads that were called good and were not */
  ngd_status status;
};

static void *pull_until_it_ends(void *argument) {
  struct puller *p = argument;
  do {
    for (int i = 0; i < TENSORS; i++) p->tensors[i][0] = p->tensors[i][SIZE - 1] = 0;
    p->status = ngd_client_pull_f32(p->client, 0, p->tensors, TENSORS, 5000, NULL, NULL);
    for (int i = 0; i < TENSORS && p->status == NGD_OK; i++)
      p->torn += p->tensors[i][0] != 1 || p->tensors[i][SIZE - 1] != 1;
  } while (p->status == NGD_OK);
  return NULL;
}

/* What a read looks at while it copies stays, though the client is disconnected by then. Freed memory is overwritten here, so
 * that whoever reads it finds something else. */
static void a_read_that_is_disconnected_is_whole_or_fails(void **state) {
  (void)state;
  ngd_error error;
  mallopt(M_PERTURB, 0xa5);
  ngd_server *server = start_server("inproc://disconnected");
  static struct puller p;
  const int64_t size = SIZE;
  check_ok(ngd_client_create("client", &p.client, &error));
  for (int i = 0; i < TENSORS; i++) {
    char name[16];
    snprintf(name, sizeof name, "w%d", i);
    check_ok(ngd_client_add_f32(p.client, name, &size, 1, &error));
    p.tensors[i] = malloc(SIZE * sizeof(float));
    for (int k = 0; k < SIZE; k++) p.tensors[i][k] = 1;
  }
  for (int i = 0; i < 20; i++) {
    check_ok(ngd_client_connect(p.client, "inproc://disconnected", 20000, &error));
    if (i == 0) check_ok(ngd_client_init_f32(p.client, p.tensors, TENSORS, 20000, NULL, NULL, &error));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, pull_until_it_ends, &p), 0);
    usleep(20000 + 7000 * (unsigned)i);
    check_ok(ngd_client_disconnect(p.client, 0, &error));
    pthread_join(thread, NULL);
    assert_int_equal(p.torn, 0);
    /* It was waiting, or its next read found no connection. */
    assert_true(p.status == NGD_E_CLOSED || p.status == NGD_E_STATE);
  }
  mallopt(M_PERTURB, 0);
  for (int i = 0; i < TENSORS; i++) free(p.tensors[i]);
  ngd_client_destroy(p.client);
  ngd_server_destroy(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_pushed_may_be_overwritten_at_once),
      cmocka_unit_test(rows_come_to_their_places_in_any_order),
      cmocka_unit_test(a_read_that_is_disconnected_is_whole_or_fails),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
