/* Shards on several servers: reads that ask all replicas, and a server that goes away. */
#include <pthread.h>
#include <unistd.h>

#include "cluster.h"

#define kServers 3

struct cluster {
  ngd_server *servers[kServers];
  char addresses[512];
};

/* Three servers in this process; each shard of a model is on `replicas` of them. */
static void start_cluster(struct cluster *cluster, int replicas) {
  const char *directory = scratch_directory();
  cluster->addresses[0] = '\0';
  for (int i = 0; i < kServers; i++) {
    char spec[256], listen[128];
    snprintf(spec, sizeof spec, "server:replicas=%d,node=%d,coordinator=\"local:%s/cluster\"", replicas, i + 1,
             directory);
    snprintf(listen, sizeof listen, "ipc://%s/node%d", directory, i + 1);
    cluster->servers[i] = start_server_with(spec, listen);
    if (i > 0) strcat(cluster->addresses, ",");
    strcat(cluster->addresses, listen);
  }
}

static void stop_cluster(struct cluster *cluster) {
  for (int i = 0; i < kServers; i++) ngd_server_destroy(cluster->servers[i]);
}

/* Whether some server says so of itself. */
static int any_says(const struct cluster *cluster, const char *words) {
  ngd_error error;
  char status[4096];
  for (int i = 0; i < kServers; i++) {
    if (cluster->servers[i] == NULL) continue;
    check_ok(ngd_server_get_status(cluster->servers[i], status, sizeof status, NULL, &error));
    if (strstr(status, words) != NULL) return 1;
  }
  return 0;
}

static void wait_until_any_says(const struct cluster *cluster, const char *words) {
  for (int i = 0; i < 1000; i++) {
    if (any_says(cluster, words)) return;
    usleep(10000);
  }
  fail_msg("no server says %s within 10 s", words);
}

struct writer {
  ngd_client *client;
  _Atomic uint64_t answered;
  _Atomic int stop;
};

static void *push_deltas(void *context) {
  struct writer *writer = context;
  ngd_error error;
  const float one = 1;
  const float *tensors[] = {&one};
  while (!writer->stop) {
    uint64_t version = 0;
    if (ngd_client_push_f32(writer->client, NGD_PUSH_DELTA, tensors, 1, 20000, &version, &error) != NGD_OK)
      break;
    writer->answered = version;
  }
  return NULL;
}

/* Each read began after a push of another client was answered, and must show it; also when servers go away. */
static void confirmed_reads_show_all_that_was_answered(void **state) {
  (void)state;
  ngd_error error;
  struct cluster cluster;
  start_cluster(&cluster, 2);
  struct writer writer = {connect_client("client", cluster.addresses, 1), 1, 0};
  ngd_client *reader = connect_client("client:read=confirm,worker=0", cluster.addresses, 1);
  float value = 1;
  float *tensors[] = {&value};
  check_ok(ngd_client_init_f32(writer.client, tensors, 1, 10000, NULL, NULL, &error));
  wait_until_any_says(&cluster, "\"role\":\"primary\",\"replicas\":2,\"in_sync\":2");
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, push_deltas, &writer), 0);
  for (int i = 0; i < 600; i++) {
    if (i == 200) { /* one of the two that have the shard, or the third */
      ngd_server_destroy(cluster.servers[0]);
      cluster.servers[0] = NULL;
    }
    const uint64_t known = writer.answered;
    uint64_t got = 0;
    check_ok(ngd_client_pull_f32(reader, 0, tensors, 1, 20000, &got, &error));
    assert_true(got >= known);
    assert_true(value == (float)got);
    uint64_t version = 0;
    check_ok(ngd_client_get_version(reader, 20000, &version, &error));
    assert_true(version >= got);
  }
  writer.stop = 1;
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_true(writer.answered > 1);
  ngd_client_destroy(reader);
  ngd_client_destroy(writer.client);
  stop_cluster(&cluster);
}

static void a_wrong_way_to_read_is_refused(void **state) {
  (void)state;
  ngd_error error;
  ngd_client *client = NULL;
  assert_int_equal(ngd_client_create("client:read=perhaps", &client, &error), NGD_E_OPTION);
  assert_null(client);
  assert_non_null(strstr(error.message, "confirm"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(confirmed_reads_show_all_that_was_answered),
      cmocka_unit_test(a_wrong_way_to_read_is_refused),
  };
  return cmocka_run_group_tests_name("replicas", tests, NULL, remove_scratch_directories);
}
