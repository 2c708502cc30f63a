/* Keys and roles: who is let in over encrypted tcp, and what they may do there. */
#include <pthread.h>
#include <unistd.h>

#include "cluster.h"

typedef struct {
  const char *directory;
  char authorized[128], server_key[128], address[256];
  ngd_server *server;
} Place;

static char path_buffer[8][192];
static int path_next;
static const char *in(const Place *place, const char *name) {
  char *path = path_buffer[path_next++ % 8];
  snprintf(path, 192, "%s/%s", place->directory, name);
  return path;
}

static void move(const char *from, const char *to) {
  if (rename(from, to) != 0) fail_msg("cannot move %s to %s", from, to);
}

/* A key whose public half the server knows. */
static void make_user(const Place *place, const char *name, const char *role) {
  ngd_error error;
  char from[192], to[192];
  check_ok(ngd_key_generate(in(place, name), role, &error));
  snprintf(from, sizeof from, "%s/%s.key", place->directory, name);
  snprintf(to, sizeof to, "%s/authorized/%s.key", place->directory, name);
  move(from, to);
}

static Place make_place(void) {
  ngd_error error;
  Place place = {.directory = scratch_directory()};
  if (mkdir(in(&place, "authorized"), 0700) != 0) fail_msg("no directory");
  check_ok(ngd_key_generate(in(&place, "server"), "server", &error));
  snprintf(place.server_key, sizeof place.server_key, "%s/server.key", place.directory);
  make_user(&place, "alice", "worker");
  check_ok(ngd_server_create("server:listen=\"tcp://127.0.0.1:*\"", &place.server, &error));
  check_ok(ngd_server_set_text(place.server, "key", in(&place, "server"), &error));
  check_ok(ngd_server_set_text(place.server, "authorized", in(&place, "authorized"), &error));
  check_ok(ngd_server_start(place.server, 5000, &error));
  check_ok(ngd_server_get_text(place.server, "endpoints", place.address, sizeof place.address, NULL, &error));
  return place;
}

/* The status of connecting as that user; `out` is NULL then, or the client. */
static ngd_status connect_as(const Place *place, const char *user, const char *server_key, int64_t timeout_ms,
                             ngd_client **out, ngd_error *error) {
  ngd_client *client = NULL;
  int64_t two = 2;
  ngd_status status = ngd_client_create("client", &client, error);
  if (status == NGD_OK && user != NULL) status = ngd_client_set_text(client, "key", in(place, user), error);
  if (status == NGD_OK && user != NULL) status = ngd_client_set_text(client, "server_key", server_key, error);
  if (status == NGD_OK) status = ngd_client_add_f32(client, "w", &two, 1, error);
  if (status == NGD_OK) status = ngd_client_connect(client, place->address, timeout_ms, error);
  if (status != NGD_OK || out == NULL) {
    ngd_client_destroy(client);
    client = NULL;
  }
  if (out != NULL) *out = client;
  return status;
}

static void an_authorized_key_is_served(void **state) {
  (void)state;
  ngd_error error;
  Place place = make_place();
  ngd_client *client = NULL;
  check_ok(connect_as(&place, "alice", place.server_key, 5000, &client, &error));
  float values[2] = {1, 2}, got[2], *init[] = {values}, *out[] = {got};
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  check_ok(ngd_client_pull_f32(client, 0, out, 1, 5000, NULL, &error));
  assert_memory_equal(got, values, sizeof got);
  ngd_client_destroy(client);
  ngd_server_destroy(place.server);
}

static void unknown_keys_wrong_servers_and_plain_clients_get_no_answer(void **state) {
  (void)state;
  ngd_error error;
  Place place = make_place();
  check_ok(ngd_key_generate(in(&place, "mallory"), "admin", &error));
  assert_int_equal(connect_as(&place, "mallory", place.server_key, 700, NULL, &error), NGD_E_TIMEOUT);
  assert_int_equal(connect_as(&place, NULL, NULL, 700, NULL, &error), NGD_E_TIMEOUT);
  /* A server that has not the secret of the key that the client wants to speak to. */
  assert_int_equal(connect_as(&place, "alice", in(&place, "mallory.key"), 700, NULL, &error), NGD_E_TIMEOUT);
  char status[4096];
  check_ok(ngd_server_get_status(place.server, status, sizeof status, NULL, &error));
  assert_non_null(strstr(status, "\"received\":0,"));
  ngd_client *client = NULL;
  check_ok(connect_as(&place, "alice", place.server_key, 5000, &client, &error));
  ngd_client_destroy(client);
  ngd_server_destroy(place.server);
}

static void a_key_is_added_and_taken_away_while_the_server_runs(void **state) {
  (void)state;
  ngd_error error;
  Place place = make_place();
  make_user(&place, "bob", "worker");
  ngd_client *bob = NULL;
  usleep(700000);
  check_ok(connect_as(&place, "bob", place.server_key, 5000, &bob, &error));
  uint64_t version = 0;
  check_ok(ngd_client_get_version(bob, 5000, &version, &error));
  if (unlink(in(&place, "authorized/bob.key")) != 0) fail_msg("unlink");
  usleep(1200000);
  assert_int_equal(ngd_client_get_version(bob, 500, &version, &error), NGD_E_TIMEOUT);
  ngd_client_destroy(bob);
  ngd_server_destroy(place.server);
}

static void a_reader_pulls_and_changes_nothing(void **state) {
  (void)state;
  ngd_error error;
  Place place = make_place();
  make_user(&place, "ruth", "reader");
  usleep(700000);
  ngd_client *alice = NULL, *ruth = NULL;
  check_ok(connect_as(&place, "alice", place.server_key, 5000, &alice, &error));
  float values[2] = {1, 2}, got[2], *init[] = {values}, *out[] = {got};
  const float *push[] = {values};
  uint64_t version = 0, token = 0;
  check_ok(ngd_client_init_f32(alice, init, 1, 5000, NULL, NULL, &error));
  /* Without tensors: finds the model, makes none. */
  check_ok(ngd_client_create("client:worker=0", &ruth, &error));
  check_ok(ngd_client_set_text(ruth, "key", in(&place, "ruth"), &error));
  check_ok(ngd_client_set_text(ruth, "server_key", place.server_key, &error));
  check_ok(ngd_client_connect(ruth, place.address, 5000, &error));
  check_ok(ngd_client_pull_f32(ruth, 0, out, 1, 5000, NULL, &error));
  assert_memory_equal(got, values, sizeof got);
  assert_int_equal(ngd_client_push_f32(ruth, NGD_PUSH_DELTA, push, 1, 5000, NULL, &error), NGD_E_ACCESS);
  assert_int_equal(ngd_client_set_value(ruth, "a", "b", 1, UINT64_MAX, 5000, NULL, &error), NGD_E_ACCESS);
  assert_int_equal(ngd_client_lock(ruth, "a", 1, 5000, &token, &error), NGD_E_ACCESS);
  check_ok(ngd_client_get_version(alice, 5000, &version, &error));
  assert_int_equal(version, 1);
  ngd_client_destroy(ruth);
  ngd_client_destroy(alice);
  ngd_server_destroy(place.server);
}

static void what_is_not_safe_does_not_start(void **state) {
  (void)state;
  ngd_error error;
  Place place = make_place();
  ngd_server *server = NULL;
  check_ok(ngd_server_create("server:listen=\"tcp://0.0.0.0:*\"", &server, &error));
  check_error(
      ngd_server_start(server, 1000, &error), NGD_E_ACCESS,
      "address tcp://0.0.0.0:* leaves this host unencrypted: set the option key (ngd keygen makes one), or "
      "trusted_network=1 where nobody else can reach the network");
  check_ok(ngd_server_set_text(server, "key", in(&place, "server"), &error));
  check_error(ngd_server_start(server, 1000, &error), NGD_E_ARGUMENT,
              "options key and authorized go together: a server that encrypts must know who may come");
  check_ok(ngd_server_set_text(server, "authorized", in(&place, "absent"), &error));
  assert_int_equal(ngd_server_start(server, 1000, &error), NGD_E_IO);
  check_ok(ngd_server_set_text(server, "authorized", in(&place, "authorized"), &error));
  if (chmod(in(&place, "server.key_secret"), 0644) != 0) fail_msg("chmod");
  assert_int_equal(ngd_server_start(server, 1000, &error), NGD_E_ACCESS);
  const char *refused[] = {"pgm://127.0.0.1:5555", "norm://127.0.0.1:5555", "udp://127.0.0.1:5555",
                           "ws://127.0.0.1:5555", "gssapi://127.0.0.1:5555"};
  for (size_t i = 0; i < 5; i++) {
    check_ok(ngd_server_set_text(server, "listen", refused[i], &error));
    assert_int_equal(ngd_server_start(server, 1000, &error), NGD_E_ARGUMENT);
  }
  if (chmod(place.directory, 0755) != 0) fail_msg("chmod");
  char ipc[192];
  snprintf(ipc, sizeof ipc, "ipc://%s/socket", place.directory);
  ngd_server_destroy(server);
  check_ok(ngd_server_create("server", &server, &error));
  check_ok(ngd_server_set_text(server, "listen", ipc, &error));
  assert_int_equal(ngd_server_start(server, 1000, &error), NGD_E_ACCESS);
  ngd_server_destroy(server);
  ngd_server_destroy(place.server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_authorized_key_is_served),
      cmocka_unit_test(unknown_keys_wrong_servers_and_plain_clients_get_no_answer),
      cmocka_unit_test(a_key_is_added_and_taken_away_while_the_server_runs),
      cmocka_unit_test(a_reader_pulls_and_changes_nothing),
      cmocka_unit_test(what_is_not_safe_does_not_start),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
