/* ngd/server.h and ngd/client.h together: a server inside the program, clients on inproc, ipc and tcp. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster.h"

static void a_client_makes_a_model_and_the_first_values_win(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://first");
  float mine[4] = {1, 2, 3, 4}, other[4] = {9, 9, 9, 9};
  float *tensors[] = {mine}, *others[] = {other};
  int32_t first = -1;
  uint64_t version = 0;
  ngd_client *a = connect_client("client:model=m", "inproc://first", 4);
  ngd_client *b = connect_client("client:model=m", "inproc://first", 4);
  check_ok(ngd_client_get_version(a, 5000, &version, &error));
  assert_int_equal(version, 0);
  check_ok(ngd_client_init_f32(a, tensors, 1, 5000, &first, &version, &error));
  assert_int_equal(first, 1);
  assert_int_equal(version, 1);
  check_ok(ngd_client_init_f32(b, others, 1, 5000, &first, &version, &error));
  assert_int_equal(first, 0);
  assert_memory_equal(other, mine, sizeof mine);
  ngd_client_destroy(a);
  ngd_client_destroy(b);
  ngd_server_destroy(server);
}

static void every_push_makes_the_next_version_and_a_pull_reads_it(void **state) {
  (void)state;
  const char *addresses[] = {"inproc://pushes", "ipc", "tcp://127.0.0.1:*"};
  for (size_t i = 0; i < 3; i++) {
    ngd_error error;
    char ipc[256];
    snprintf(ipc, sizeof ipc, "ipc://%s/socket", scratch_directory());
    ngd_server *server = start_server(i == 1 ? ipc : addresses[i]);
    char endpoint[256];
    check_ok(ngd_server_get_text(server, "endpoints", endpoint, sizeof endpoint, NULL, &error));
    ngd_client *client = connect_client("client:optimizer=\"sgd:learning_rate=0.5\"", endpoint, 4);
    float values[4] = {0, 0, 0, 0}, ones[4] = {1, 1, 1, 1}, got[4];
    float *init[] = {values}, *out[] = {got};
    const float *push[] = {ones};
    uint64_t version = 0, read = 0;
    check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, &version, &error));
    check_ok(ngd_client_push_f32(client, NGD_PUSH_GRADIENT, push, 1, 5000, &version, &error));
    assert_int_equal(version, 2);
    check_ok(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 5000, &version, &error));
    assert_int_equal(version, 3);
    check_ok(ngd_client_pull_f32(client, 0, out, 1, 5000, &read, &error));
    assert_int_equal(read, 3);
    for (int k = 0; k < 4; k++) assert_true(got[k] == 0.5f);
    check_ok(ngd_client_push_f32(client, NGD_PUSH_VALUE, push, 1, 5000, &version, &error));
    check_ok(ngd_client_push_pull_f32(client, NGD_PUSH_DELTA, push, out, 1, 5000, &version, &read, &error));
    assert_int_equal(version, 5);
    assert_int_equal(read, 5);
    for (int k = 0; k < 4; k++) assert_true(got[k] == 2);
    ngd_client_destroy(client);
    ngd_server_destroy(server);
  }
}

static void tickets_are_polled_waited_for_and_cancelled(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://tickets");
  ngd_client *client = connect_client("client", "inproc://tickets", 3);
  float zeros[3] = {0}, ones[3] = {1, 1, 1}, got[3], *init[] = {zeros}, *out[] = {got};
  const float *push[] = {ones};
  uint64_t tickets[200], version = 0, last = 1;
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  /* More than a session may have under way: the others wait in the client. */
  for (int i = 0; i < 200; i++)
    check_ok(ngd_client_start_push_f32(client, NGD_PUSH_DELTA, push, 1, 20000, &tickets[i], &error));
  memset(ones, 0, sizeof ones); /* they were copied */
  for (int i = 0; i < 200; i++) {
    check_ok(ngd_client_wait(client, tickets[i], 20000, &version, &error));
    assert_true(version > last);
    last = version;
  }
  assert_int_equal(ngd_client_wait(client, tickets[0], 100, &version, &error), NGD_E_NOT_FOUND);
  check_error(ngd_client_cancel(client, 123456, &error), NGD_E_NOT_FOUND,
              "there is no operation with the ticket 123456: each is waited for once");
  uint64_t ticket = 0;
  check_ok(ngd_client_start_pull_f32(client, 0, 5000, &ticket, &error));
  int32_t finished = 0;
  for (int i = 0; i < 5000 && finished == 0; i++) {
    check_ok(ngd_client_poll(client, ticket, &finished, &error));
    usleep(1000);
  }
  assert_int_equal(finished, 1);
  check_ok(ngd_client_wait_pull_f32(client, ticket, 5000, out, 1, &version, &error));
  assert_int_equal(version, 201);
  for (int k = 0; k < 3; k++) assert_true(got[k] == 200);
  check_ok(ngd_client_start_pull_f32(client, 0, 5000, &ticket, &error));
  check_ok(ngd_client_cancel(client, ticket, &error));
  /* Borrowed arrays: free again when the outcome is there. */
  float *lent = malloc(3 * sizeof *lent);
  const float *lend[] = {lent};
  for (int i = 0; i < 3; i++) lent[i] = 1;
  check_ok(ngd_client_start_push_borrow_f32(client, NGD_PUSH_DELTA, lend, 1, 5000, &ticket, &error));
  check_ok(ngd_client_wait(client, ticket, 5000, &version, &error));
  assert_int_equal(version, 202);
  check_ok(ngd_client_start_push_borrow_f32(client, NGD_PUSH_DELTA, lend, 1, 5000, &ticket, &error));
  check_ok(ngd_client_cancel(client, ticket, &error));
  check_ok(ngd_client_start_push_borrow_f32(client, NGD_PUSH_DELTA, lend, 1, 5000, &ticket, &error));
  check_ok(ngd_client_disconnect(client, 5000, &error));
  free(lent);
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void rows_of_a_table_come_into_being_when_touched(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server_with("server:shards=3", "inproc://rows");
  ngd_client *client = NULL;
  check_ok(ngd_client_create("client", &client, &error));
  check_ok(ngd_client_add_rows_f32(client, "table", 1000000, 4, "uniform", 0.5, 7, &error));
  check_ok(ngd_client_connect(client, "inproc://rows", 5000, &error));
  float *none[] = {NULL};
  check_ok(ngd_client_init_f32(client, none, 1, 5000, NULL, NULL, &error));
  const uint32_t rows[] = {999999, 3, 500000, 3}, distinct[] = {999999, 3, 500000};
  float before[16], after[16], deltas[12];
  uint64_t version = 0;
  check_ok(ngd_client_pull_rows_f32(client, 0, 0, rows, 4, before, 5000, NULL, &error));
  for (int i = 0; i < 16; i++) assert_true(before[i] >= -0.5f && before[i] < 0.5f);
  assert_memory_equal(before + 4, before + 12, 4 * sizeof(float));
  for (int i = 0; i < 12; i++) deltas[i] = (float)(i + 1);
  check_ok(ngd_client_push_rows_f32(client, NGD_PUSH_DELTA, 0, distinct, 3, deltas, 5000, &version, &error));
  assert_int_equal(version, 2);
  check_ok(ngd_client_pull_rows_f32(client, 0, 0, rows, 4, after, 5000, &version, &error));
  assert_int_equal(version, 2);
  for (int i = 0; i < 12; i++) assert_true(after[i] == before[i] + deltas[i]);
  check_error(ngd_client_push_rows_f32(client, NGD_PUSH_DELTA, 0, rows, 4, deltas, 5000, NULL, &error),
              NGD_E_SHAPE, "row 3 is named twice; add its values up first");
  const uint32_t past[] = {1000000};
  check_error(ngd_client_pull_rows_f32(client, 0, 0, past, 1, after, 5000, NULL, &error), NGD_E_RANGE,
              "rows[0] is 1000000, but table \"table\" has 1000000 rows");
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void several_shards_are_pushed_and_pulled_as_one(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server_with("server:shards=4,apply_threads=2", "inproc://shards");
  ngd_client *client = connect_client("client", "inproc://shards", 100001);
  float *values = calloc(100001, sizeof *values), *ones = calloc(100001, sizeof *ones);
  for (int i = 0; i < 100001; i++) values[i] = (float)i, ones[i] = 1;
  float *all[] = {values};
  const float *push[] = {ones};
  uint64_t version = 0;
  check_ok(ngd_client_init_f32(client, all, 1, 5000, NULL, NULL, &error));
  for (int i = 0; i < 20; i++)
    check_ok(ngd_client_push_pull_f32(client, NGD_PUSH_DELTA, push, all, 1, 5000, &version, NULL, &error));
  assert_int_equal(version, 21);
  for (int i = 0; i < 100001; i++) assert_true(values[i] == (float)(i + 20));
  ngd_client_info info = {.struct_size = sizeof info};
  check_ok(ngd_client_get_info(client, 5000, &info, &error));
  assert_int_equal(info.shards, 4);
  assert_int_equal(info.version, 21);
  assert_int_equal(info.elements, 100001);
  assert_int_equal(info.workers, 1);
  free(values);
  free(ones);
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void values_locks_barriers_and_partitions(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://commons");
  ngd_client *a = connect_client("client", "inproc://commons", 1),
             *b = connect_client("client", "inproc://commons", 1);
  float zero[1] = {0}, *init[] = {zero};
  check_ok(ngd_client_init_f32(a, init, 1, 5000, NULL, NULL, &error));
  uint64_t version = 0, token_a = 0, token_b = 0;
  char buffer[64];
  size_t needed = 0;
  check_ok(ngd_client_set_value(a, "note", "one\0two", 7, UINT64_MAX, 5000, &version, &error));
  assert_int_equal(version, 1);
  check_ok(ngd_client_get_value(b, "note", 0, 5000, buffer, sizeof buffer, &needed, &version, &error));
  assert_int_equal(needed, 8);
  assert_memory_equal(buffer, "one\0two", 8);
  check_error(ngd_client_set_value(b, "note", "x", 1, 0, 5000, NULL, &error), NGD_E_CONFLICT,
              "value \"note\" has version 1, not 0; get it and try again");
  check_error(ngd_client_get_value(b, "absent", 0, 600, buffer, sizeof buffer, NULL, NULL, &error),
              NGD_E_NOT_FOUND, "there is no value \"absent\"");

  check_ok(ngd_client_lock(a, "global", 1, 5000, &token_a, &error));
  assert_int_equal(ngd_client_lock(b, "global", 1, 300, &token_b, &error), NGD_E_TIMEOUT);
  check_ok(ngd_client_unlock(a, "global", token_a, 5000, &error));
  check_ok(ngd_client_lock(b, "global", 1, 5000, &token_b, &error));
  assert_true(token_b > token_a);
  check_ok(ngd_client_unlock(b, "global", token_b, 5000, &error));

  /* Several at once; under the lock of another client, for as long as that holds it. */
  const char *names[] = {"learning_rate", "colour", "colour"}, *values[] = {"0.5", "red", "blue"};
  uint64_t from = 0;
  check_error(ngd_client_set_values(a, names, values, 3, 5000, &from, &error), NGD_E_ARGUMENT,
              "the value \"colour\" is there twice");
  check_error(ngd_client_set_values(a, names, values, 0, 5000, &from, &error), NGD_E_ARGUMENT,
              "count is 0; 1 to 256 values can be set together");
  check_ok(ngd_client_set_values(a, names, values, 2, 5000, &from, &error));
  assert_int_equal(from, 2);
  check_ok(ngd_client_set_values(a, names + 1, values + 2, 1, 5000, &from, &error));
  assert_int_equal(from, 0);
  check_ok(ngd_client_get_value(b, "colour", 0, 5000, buffer, sizeof buffer, &needed, &version, &error));
  assert_string_equal(buffer, "blue");
  check_ok(
      ngd_client_get_value(b, "optimizer.changes", 0, 5000, buffer, sizeof buffer, &needed, &version, &error));
  assert_string_equal(buffer, "2 learning_rate=0.5\n");
  check_ok(ngd_client_lock(a, "model", 1, 5000, &token_a, &error));
  check_error(ngd_client_adopt_lock(b, "model", 0, &error), NGD_E_ARGUMENT,
              "token is 0, which no lock ever has");
  check_ok(ngd_client_adopt_lock(b, "model", token_a, &error));
  check_ok(ngd_client_set_values(b, names, values, 2, 5000, NULL, &error));
  check_ok(ngd_client_unlock(a, "model", token_a, 5000, &error));
  assert_int_equal(ngd_client_set_values(b, names, values, 2, 5000, NULL, &error), NGD_E_FENCED);
  ngd_client_destroy(b);
  b = connect_client("client", "inproc://commons", 1);

  /* Without a model a client only tells where shards are. */
  ngd_client *nobody = NULL;
  check_ok(ngd_client_create("client:model=\"\"", &nobody, &error));
  check_ok(ngd_client_connect(nobody, "inproc://commons", 5000, &error));
  static char places[4096];
  check_ok(ngd_client_get_places(nobody, 5000, places, sizeof places, &needed, &error));
  assert_non_null(strstr(places, "\"default\""));
  check_error(ngd_client_get_version(nobody, 5000, &version, &error), NGD_E_STATE,
              "the client names no model; it can only tell and arrange where shards are");
  size_t tensors = 0;
  assert_int_equal(ngd_client_get_tensor_count(nobody, &tensors, &error), NGD_E_STATE);
  check_ok(ngd_client_disconnect(nobody, 5000, &error));
  ngd_client_destroy(nobody);

  uint64_t pass = 0, partition = 9, token = 0, offset = 9;
  check_ok(ngd_client_open_partitions(a, "data", 2, 5000, &pass, &error));
  check_ok(ngd_client_claim_partition(a, "data", UINT64_MAX, 5000, &partition, &token, &offset, NULL, 0, NULL,
                                      &error));
  assert_int_equal(partition, 0);
  assert_int_equal(offset, 0);
  check_ok(
      ngd_client_update_partition(a, "data", 0, token, NGD_PARTITION_RELEASE, 77, "scores", 6, 5000, &error));
  check_ok(ngd_client_claim_partition(b, "data", 0, 5000, &partition, &token, &offset, buffer, sizeof buffer,
                                      &needed, &error));
  assert_int_equal(offset, 77);
  assert_string_equal(buffer, "scores");
  assert_int_equal(
      ngd_client_update_partition(a, "data", 0, token, NGD_PARTITION_FINISH, 0, NULL, 0, 5000, &error),
      NGD_E_FENCED);
  check_ok(ngd_client_update_partition(b, "data", 0, token, NGD_PARTITION_FINISH, 0, NULL, 0, 5000, &error));
  ngd_client_destroy(a);
  ngd_client_destroy(b);
  ngd_server_destroy(server);
}

/* --- locks: an update goes under those that its client has, and is refused when one of them is lost ---------------- */

static void unlocking_with_another_token_leaves_the_fence(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://fence");
  ngd_client *holder = connect_client("client", "inproc://fence", 1),
             *borrower = connect_client("client", "inproc://fence", 1);
  uint64_t token = 0;
  check_ok(ngd_client_lock(holder, "model", 1, 5000, &token, &error));
  check_ok(ngd_client_adopt_lock(borrower, "model", token, &error));
  check_error(ngd_client_unlock(holder, "model", 0, 5000, &error), NGD_E_ARGUMENT,
              "token is 0, which no lock ever has");
  assert_int_equal(ngd_client_unlock(borrower, "model", token + 100, 5000, &error), NGD_E_FENCED);
  check_ok(ngd_client_set_value(borrower, "note", "x", 1, UINT64_MAX, 5000, NULL, &error));
  check_ok(ngd_client_unlock(holder, "model", token, 5000, &error));
  assert_int_equal(ngd_client_set_value(borrower, "note", "x", 1, UINT64_MAX, 5000, NULL, &error),
                   NGD_E_FENCED);
  /* Whoever says that it is done with a lock is done with it, also when it was lost. */
  assert_int_equal(ngd_client_unlock(borrower, "model", token, 5000, &error), NGD_E_FENCED);
  check_ok(ngd_client_set_value(borrower, "note", "x", 1, UINT64_MAX, 5000, NULL, &error));
  ngd_client_destroy(borrower);
  ngd_client_destroy(holder);
  ngd_server_destroy(server);
}

static void locks_of_one_name_in_one_client_stand_alone(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://shared");
  ngd_client *client = connect_client("client", "inproc://shared", 1),
             *other = connect_client("client", "inproc://shared", 1);
  uint64_t first = 0, second = 0, token = 0;
  check_ok(ngd_client_lock(client, "model", 0, 5000, &first, &error));
  check_ok(ngd_client_lock(client, "model", 0, 5000, &second, &error));
  assert_true(second > first);
  check_ok(ngd_client_unlock(client, "model", second, 5000, &error));
  /* The first is there still: nobody has the lock alone, and its holder is not told that it lost it. */
  assert_int_equal(ngd_client_lock(other, "model", 1, 300, &token, &error), NGD_E_TIMEOUT);
  check_ok(ngd_client_set_value(client, "note", "x", 1, UINT64_MAX, 5000, NULL, &error));
  /* A turn that did not come takes nothing from the lock that is held. */
  assert_int_equal(ngd_client_lock(client, "model", 1, 300, &token, &error), NGD_E_TIMEOUT);
  check_ok(ngd_client_set_value(client, "note", "x", 1, UINT64_MAX, 5000, NULL, &error));
  assert_int_equal(ngd_client_lock(other, "model", 1, 300, &token, &error), NGD_E_TIMEOUT);
  check_ok(ngd_client_unlock(client, "model", first, 5000, &error));
  check_ok(ngd_client_lock(other, "model", 1, 5000, &token, &error));
  /* A token for each: what has lost one of them is refused, though it has the other. */
  check_ok(ngd_client_unlock(other, "model", token, 5000, &error));
  check_ok(ngd_client_lock(client, "model", 0, 5000, &first, &error));
  check_ok(ngd_client_lock(other, "model", 0, 5000, &token, &error));
  check_ok(ngd_client_adopt_lock(client, "model", token, &error));
  check_ok(ngd_client_set_value(client, "note", "x", 1, UINT64_MAX, 5000, NULL, &error));
  check_ok(ngd_client_unlock(other, "model", token, 5000, &error));
  assert_int_equal(ngd_client_set_value(client, "note", "x", 1, UINT64_MAX, 5000, NULL, &error), NGD_E_FENCED);
  assert_int_equal(ngd_client_unlock(client, "model", token, 5000, &error), NGD_E_FENCED);
  check_ok(ngd_client_set_value(client, "note", "x", 1, UINT64_MAX, 5000, NULL, &error));
  check_ok(ngd_client_unlock(client, "model", first, 5000, &error));
  ngd_client_destroy(other);
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

/* --- what is waited for and does not come: the servers say what it was, before the time of the caller is over -------- */

static void a_value_that_does_not_come_is_told_of_however_long_one_waits(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://absent");
  ngd_client *client = connect_client("client:retry=0.05", "inproc://absent", 1);
  char buffer[8];
  check_ok(ngd_client_set_value(client, "there", "x", 1, UINT64_MAX, 5000, NULL, &error));
  const int64_t times[] = {600, 1600};
  for (size_t i = 0; i < 2; i++) {
    check_error(ngd_client_get_value(client, "absent", 0, times[i], buffer, sizeof buffer, NULL, NULL, &error),
                NGD_E_NOT_FOUND, "there is no value \"absent\"");
    check_error(ngd_client_get_value(client, "there", 1, times[i], buffer, sizeof buffer, NULL, NULL, &error),
                NGD_E_TIMEOUT, "value \"there\" still has version 1");
  }
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void reading_a_model_without_values_is_told_of_however_long_one_waits(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://empty");
  const char *specs[] = {"client:model=one,shards=1,retry=0.05", "client:model=two,shards=2,retry=0.05",
                         "client:model=two,shards=2,retry=0.05,reads=newest"};
  const int64_t times[] = {600, 700, 900};
  for (size_t s = 0; s < 3; s++) {
    ngd_client *client = connect_client(specs[s], "inproc://empty", 40000);
    float *got = calloc(40000, sizeof *got), *out[] = {got};
    for (size_t i = 0; i < 3; i++)
      check_error(ngd_client_pull_f32(client, 0, out, 1, times[i], NULL, &error), NGD_E_STATE,
                  "the model has no values yet; initialise it first");
    free(got);
    ngd_client_destroy(client);
  }
  ngd_server_destroy(server);
}

struct Arrival {
  ngd_client *client;
  uint64_t generation;
  ngd_status status;
};

static void *arrive(void *context) {
  struct Arrival *arrival = context;
  arrival->status = ngd_client_barrier(arrival->client, "b", 3, 10000, &arrival->generation, NULL);
  return NULL;
}

static void a_barrier_opens_for_all_at_once(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://barrier");
  struct Arrival arrivals[3];
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) arrivals[i].client = connect_client("client", "inproc://barrier", 1);
  float zero[1] = {0}, *init[] = {zero};
  check_ok(ngd_client_init_f32(arrivals[0].client, init, 1, 5000, NULL, NULL, &error));
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, arrive, &arrivals[i]);
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(arrivals[i].status, NGD_OK);
    assert_int_equal(arrivals[i].generation, arrivals[0].generation);
  }
  assert_int_equal(ngd_client_barrier(arrivals[0].client, "b", 3, 300, NULL, &error), NGD_E_TIMEOUT);
  for (int i = 0; i < 3; i++) ngd_client_destroy(arrivals[i].client);
  ngd_server_destroy(server);
}

/* --- one client, many threads ----------------------------------------------------------------------------------- */

static ngd_client *shared_client;

static void *push_hundred(void *failures) {
  float ones[4] = {1, 1, 1, 1}, got[4], *out[] = {got};
  const float *push[] = {ones};
  for (int i = 0; i < 100; i++) {
    if (ngd_client_push_pull_f32(shared_client, NGD_PUSH_DELTA, push, out, 1, 20000, NULL, NULL, NULL) !=
        NGD_OK)
      ++*(int *)failures;
  }
  return NULL;
}

static void threads_share_a_client(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://threads");
  shared_client = connect_client("client", "inproc://threads", 4);
  float zeros[4] = {0}, got[4], *init[] = {zeros}, *out[] = {got};
  check_ok(ngd_client_init_f32(shared_client, init, 1, 5000, NULL, NULL, &error));
  pthread_t threads[6];
  int failures[6] = {0};
  for (int i = 0; i < 6; i++) pthread_create(&threads[i], NULL, push_hundred, &failures[i]);
  for (int i = 0; i < 6; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(failures[i], 0);
  }
  uint64_t version = 0;
  check_ok(ngd_client_pull_f32(shared_client, 0, out, 1, 5000, &version, &error));
  assert_int_equal(version, 601);
  assert_true(got[0] == 600);
  ngd_client_destroy(shared_client);
  ngd_server_destroy(server);
}

static void *come_and_go(void *unexpected) {
  for (int i = 0; i < 40; i++) {
    if (ngd_client_disconnect(shared_client, 5000, NULL) != NGD_OK) ++*(int *)unexpected;
    /* Another one was faster, or disconnects it meanwhile. */
    const ngd_status status = ngd_client_connect(shared_client, "inproc://come", 10000, NULL);
    *(int *)unexpected += status != NGD_OK && status != NGD_E_STATE && status != NGD_E_CLOSED;
  }
  return NULL;
}

static void threads_connect_and_disconnect_a_client_as_they_like(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://come");
  shared_client = connect_client("client", "inproc://come", 4);
  pthread_t threads[4];
  int unexpected[4] = {0};
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, come_and_go, &unexpected[i]);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(unexpected[i], 0);
  }
  check_ok(ngd_client_disconnect(shared_client, 5000, &error));
  check_ok(ngd_client_connect(shared_client, "inproc://come", 10000, &error));
  ngd_client_destroy(shared_client);
  ngd_server_destroy(server);
}

/* --- what goes wrong -------------------------------------------------------------------------------------------- */

static void a_server_that_is_not_there_is_told_in_time(void **state) {
  (void)state;
  ngd_error error;
  ngd_client *client = NULL;
  int64_t one = 1;
  check_ok(ngd_client_create(NULL, &client, &error));
  check_ok(ngd_client_add_f32(client, "w", &one, 1, &error));
  const char *addresses[] = {"tcp://127.0.0.1:1", "inproc://nobody", "ipc:///tmp/ngd-no-such-directory/socket"};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(ngd_client_connect(client, addresses[i], 300, &error), NGD_E_TIMEOUT);
    uint64_t version = 0;
    check_error(ngd_client_get_version(client, 100, &version, &error), NGD_E_STATE,
                "the client is not connected");
  }
  assert_int_equal(ngd_client_connect(client, "udp://127.0.0.1:1", 300, &error), NGD_E_ARGUMENT);
  check_error(
      ngd_client_connect(client, "tcp://10.0.0.1:7070", 300, &error), NGD_E_ACCESS,
      "address tcp://10.0.0.1:7070 leaves this host unencrypted: set the option key (ngd keygen makes one), or "
      "trusted_network=1 where nobody else can reach the network");
  ngd_client_destroy(client);
}

static void a_server_that_goes_away_is_told_in_time_and_one_that_comes_back_is_found(void **state) {
  (void)state;
  ngd_error error;
  char spec[256], listen[256];
  const char *directory = scratch_directory();
  snprintf(spec, sizeof spec, "server:data_dir=\"%s/data\"", directory);
  snprintf(listen, sizeof listen, "ipc://%s/socket", directory);
  ngd_server *server = start_server_with(spec, listen);
  ngd_client *client = connect_client("client", listen, 2);
  float values[2] = {1, 2}, got[2], *init[] = {values}, *out[] = {got};
  const float *push[] = {values};
  uint64_t version = 0;
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  check_ok(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 5000, &version, &error));
  check_ok(ngd_server_stop(server, 10000, &error));
  check_error(ngd_server_stop(server, 1000, &error), NGD_E_STATE, "the server does not run; start it first");
  const ngd_status away = ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 500, &version, &error);
  assert_int_equal(away, NGD_E_TIMEOUT);
  check_ok(ngd_server_start(server, 5000, &error));
  /* The model is what the last checkpoint holds, and the client is told once. */
  ngd_client_destroy(client);
  client = connect_client("client", listen, 2);
  check_ok(ngd_client_pull_f32(client, 0, out, 1, 10000, &version, &error));
  assert_true(got[0] == 2 && got[1] == 4);
  assert_true(version >= 2);
  check_ok(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 5000, &version, &error));
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void a_forked_child_is_told_and_does_no_harm(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://fork");
  ngd_client *client = connect_client("client", "inproc://fork", 1);
  float zero[1] = {0}, *init[] = {zero};
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  const pid_t child = fork_child();
  if (child == 0) {
    alarm(60);
    uint64_t version = 0;
    char status[64];
    int good = ngd_client_get_version(client, 100, &version, NULL) == NGD_E_FORKED;
    good &= ngd_client_init_f32(client, init, 1, 100, NULL, NULL, NULL) == NGD_E_FORKED;
    good &= ngd_client_connect(client, "inproc://fork", 100, NULL) == NGD_E_FORKED;
    good &= ngd_server_get_status(server, status, sizeof status, NULL, NULL) == NGD_E_FORKED;
    good &= ngd_server_stop(server, 100, NULL) == NGD_E_FORKED;
    ngd_client_destroy(client);
    ngd_server_destroy(server);
    /* A server of the child's own works. (The thread sanitizer lets a child start no threads.) */
#ifndef __SANITIZE_THREAD__
    ngd_server *own = NULL;
    good &= ngd_server_create("server:listen=\"inproc://child\"", &own, NULL) == NGD_OK;
    good &= ngd_server_start(own, 5000, NULL) == NGD_OK;
    ngd_server_destroy(own);
#endif
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  uint64_t version = 0;
  check_ok(ngd_client_get_version(client, 5000, &version, &error));
  assert_int_equal(version, 1);
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

/* Also one forked while a thread of the client's had its mutex. */
static void a_child_forked_at_any_moment_is_told(void **state) {
  (void)state;
  ngd_server *server = start_server("inproc://forks");
  ngd_client *client = connect_client("client:heartbeat_ms=50,lease=0.1", "inproc://forks", 1);
  for (int i = 0; i < 1000; i++) {
    const pid_t child = fork_child();
    if (child == 0) {
      alarm(20);
      uint64_t version = 0;
      _exit(ngd_client_get_version(client, 1000, &version, NULL) == NGD_E_FORKED ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
  }
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

/* The name stays, the server is another: the client finds it. */
static void a_server_of_the_same_process_comes_back(void **state) {
  (void)state;
  ngd_error error;
  char spec[128];
  snprintf(spec, sizeof spec, "server:ack=disk,data_dir=\"%s\"", scratch_directory());
  ngd_server *server = start_server_with(spec, "inproc://again");
  ngd_client *client = connect_client("client", "inproc://again", 1);
  float zero[1] = {0}, one[1] = {1}, *init[] = {zero};
  const float *push[] = {one};
  uint64_t version = 0;
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  for (int life = 0; life < 3; life++) {
    check_ok(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 20000, &version, &error));
    assert_int_equal(version, 2 + life);
    ngd_server_destroy(server);
    server = start_server_with(spec, "inproc://again");
  }
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void *wait_at_gate(void *client) {
  return ngd_client_barrier(client, "gate", 10, 60000, NULL, NULL) == NGD_E_CLOSED ? client : NULL;
}

static void calls_of_others_end_as_closed_when_a_thread_disconnects(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://leave");
  for (int round = 0; round < 25; round++) {
    ngd_client *client = connect_client("client", "inproc://leave", 1);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, wait_at_gate, client), 0);
    usleep(50000);
    check_ok(ngd_client_disconnect(client, 1000, &error));
    for (int i = 0; i < 3; i++) {
      void *closed = NULL;
      pthread_join(threads[i], &closed);
      assert_non_null(closed);
    }
    ngd_client_destroy(client);
  }
  ngd_server_destroy(server);
}

static void wrong_arguments_change_nothing(void **state) {
  (void)state;
  ngd_error error;
  ngd_server *server = start_server("inproc://wrong");
  ngd_client *client = connect_client("client", "inproc://wrong", 2);
  float values[2] = {1, 2}, *init[] = {values};
  const float *push[] = {values};
  const float infinite[] = {1, 1e38f * 10}, *bad[] = {infinite};
  uint64_t version = 0;
  assert_int_equal(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 5000, NULL, &error), NGD_E_STATE);
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  check_error(ngd_client_push_f32(client, 0, push, 1, 5000, NULL, &error), NGD_E_ARGUMENT,
              "kind is 0; it is NGD_PUSH_GRADIENT, NGD_PUSH_VALUE or NGD_PUSH_DELTA");
  check_error(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 2, 5000, NULL, &error), NGD_E_SHAPE,
              "count is 2, but the model has 1 tensors");
  check_error(ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, -1, NULL, &error), NGD_E_RANGE,
              "timeout_ms is -1; it is 0 or more");
  assert_int_equal(ngd_client_push_f32(client, NGD_PUSH_DELTA, bad, 1, 5000, NULL, &error), NGD_E_NOT_FINITE);
  check_error(ngd_client_set(client, "lease", 3, &error), NGD_E_STATE,
              "option \"lease\" of client is fixed once it is in use; set it right after creation");
  int64_t two = 2;
  check_error(ngd_client_add_f32(client, "v", &two, 1, &error), NGD_E_STATE, "the client is connected already");
  check_ok(ngd_client_get_version(client, 5000, &version, &error));
  assert_int_equal(version, 1);
  ngd_client *other = NULL;
  check_ok(ngd_client_create("client", &other, &error));
  int64_t three = 3;
  check_ok(ngd_client_add_f32(other, "w", &three, 1, &error));
  assert_int_equal(ngd_client_connect(other, "inproc://wrong", 5000, &error), NGD_E_CONFLICT);
  ngd_client_destroy(other);
  ngd_server *second = NULL;
  check_ok(ngd_server_create("server:listen=\"inproc://wrong\"", &second, &error));
  assert_true(ngd_server_start(second, 1000, &error) != NGD_OK);
  ngd_server_destroy(second);
  ngd_client_destroy(client);
  ngd_server_destroy(server);
}

static void servers_start_and_stop_again_and_again(void **state) {
  (void)state;
  ngd_error error;
  for (int i = 0; i < 50; i++) {
    ngd_server *server = start_server("inproc://again");
    ngd_client *client = connect_client("client", "inproc://again", 4);
    float values[4] = {0}, *init[] = {values};
    if (i % 2 == 0) check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
    if (i % 3 == 0) ngd_server_destroy(server), server = NULL;
    ngd_client_destroy(client);
    if (server != NULL && i % 5 == 0) check_ok(ngd_server_stop(server, 5000, &error));
    ngd_server_destroy(server);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_client_makes_a_model_and_the_first_values_win),
      cmocka_unit_test(every_push_makes_the_next_version_and_a_pull_reads_it),
      cmocka_unit_test(tickets_are_polled_waited_for_and_cancelled),
      cmocka_unit_test(rows_of_a_table_come_into_being_when_touched),
      cmocka_unit_test(several_shards_are_pushed_and_pulled_as_one),
      cmocka_unit_test(values_locks_barriers_and_partitions),
      cmocka_unit_test(unlocking_with_another_token_leaves_the_fence),
      cmocka_unit_test(locks_of_one_name_in_one_client_stand_alone),
      cmocka_unit_test(a_value_that_does_not_come_is_told_of_however_long_one_waits),
      cmocka_unit_test(reading_a_model_without_values_is_told_of_however_long_one_waits),
      cmocka_unit_test(a_barrier_opens_for_all_at_once),
      cmocka_unit_test(threads_share_a_client),
      cmocka_unit_test(threads_connect_and_disconnect_a_client_as_they_like),
      cmocka_unit_test(a_server_that_is_not_there_is_told_in_time),
      cmocka_unit_test(a_server_that_goes_away_is_told_in_time_and_one_that_comes_back_is_found),
      cmocka_unit_test(a_forked_child_is_told_and_does_no_harm),
      cmocka_unit_test(a_child_forked_at_any_moment_is_told),
      cmocka_unit_test(a_server_of_the_same_process_comes_back),
      cmocka_unit_test(calls_of_others_end_as_closed_when_a_thread_disconnects),
      cmocka_unit_test(wrong_arguments_change_nothing),
      cmocka_unit_test(servers_start_and_stop_again_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
