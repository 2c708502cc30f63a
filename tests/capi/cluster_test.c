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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_client_makes_a_model_and_the_first_values_win),
      cmocka_unit_test(every_push_makes_the_next_version_and_a_pull_reads_it),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
