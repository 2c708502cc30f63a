/* Processes that are killed at any moment: every acknowledged update is there exactly once. The full size: NGD_TEST_UPDATES
 * and NGD_TEST_LOGGED_UPDATES updates of all workers together (the second with servers that are killed too),
 * NGD_TEST_REPLICATED_UPDATES on two replicas each, NGD_TEST_REQUESTS requests at flat memory, NGD_TEST_CYCLES starts and stops. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cluster.h"

enum { kWorkers = 4, kShards = 2, kWidth = 64 };

static long size_of(const char *name, long small) {
  const char *text = getenv(name);
  return text != NULL ? atol(text) : small;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static unsigned noise(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33);
}

/* What all processes see; a process that is killed leaves it whole. Update j of worker w adds 1 in cell (w, j) of both
 * halves of a table, one on each shard. */
typedef struct {
  long per_worker;
  volatile int hold;               /* nobody goes beyond half of its updates: the kills are not over */
  volatile int64_t next[kWorkers]; /* the one that is begun next */
  unsigned char *state;            /* 0, 1: begun, 2: acknowledged */
} Board;

static Board *make_board(long per_worker) {
  Board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(board != MAP_FAILED);
  board->per_worker = per_worker;
  board->state =
      mmap(NULL, (size_t)(kWorkers * per_worker), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(board->state != MAP_FAILED);
  return board;
}

static uint32_t rows_of_half(const Board *board) {
  return (uint32_t)(kWorkers * ((board->per_worker + kWidth - 1) / kWidth));
}

static ngd_client *try_client(const Board *board, const char *spec, const char *addresses) {
  ngd_client *client = NULL;
  if (ngd_client_create(spec, &client, NULL) != NGD_OK ||
      ngd_client_add_rows_f32(client, "cells", 2 * rows_of_half(board), kWidth, "zero", 0, 0, NULL) != NGD_OK ||
      ngd_client_connect(client, addresses, 60000, NULL) != NGD_OK) {
    ngd_client_destroy(client);
    return NULL;
  }
  return client;
}

static pid_t start_worker(Board *board, const char *addresses, int worker) {
  const pid_t child = fork_child();
  if (child != 0) return child;
  ngd_client *client = try_client(board, "client:retry=0.05", addresses);
  if (client == NULL) _exit(1);
  const uint32_t first = (uint32_t)worker * (rows_of_half(board) / kWorkers);
  while (board->next[worker] < board->per_worker) {
    while (board->hold && board->next[worker] >= board->per_worker / 2) usleep(1000);
    const int64_t j = board->next[worker]++;
    const uint32_t rows[] = {first + (uint32_t)(j / kWidth),
                             rows_of_half(board) + first + (uint32_t)(j / kWidth)};
    float values[2 * kWidth] = {0};
    values[j % kWidth] = values[kWidth + j % kWidth] = 1;
    board->state[worker * board->per_worker + j] = 1;
    if (ngd_client_push_rows_f32(client, NGD_PUSH_DELTA, 0, rows, 2, values, 60000, NULL, NULL) != NGD_OK)
      _exit(2);
    board->state[worker * board->per_worker + j] = 2;
  }
  ngd_client_destroy(client);
  _exit(0);
}

/* One server of two, with a shard each; it says when it listens. */
static pid_t start_node(const char *directory, int node, const char *more) {
  int ready[2];
  if (pipe(ready) != 0) fail_msg("pipe");
  const pid_t child = fork_child();
  if (child == 0) {
    char spec[512], listen[256];
    snprintf(spec, sizeof spec, "server:shards=%d,node=%d,coordinator=\"local:%s/cluster\"%s", kShards, node,
             directory, more);
    snprintf(listen, sizeof listen, "ipc://%s/socket%d", directory, node);
    ngd_server *server = NULL;
    if (ngd_server_create(spec, &server, NULL) != NGD_OK ||
        ngd_server_set_text(server, "listen", listen, NULL) != NGD_OK ||
        ngd_server_start(server, 20000, NULL) != NGD_OK || write(ready[1], "r", 1) != 1)
      _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 1) fail_msg("no server");
  close(ready[0]);
  return child;
}

static void end(pid_t process) {
  kill(process, SIGKILL);
  waitpid(process, NULL, 0);
}

/* Each acknowledged update once, one under way once or not at all, on both shards the same. */
static long check_board(const Board *board, ngd_client *client) {
  ngd_error error;
  const uint32_t half = rows_of_half(board);
  static float got[2 * kWidth];
  long acknowledged = 0;
  for (int worker = 0; worker < kWorkers; worker++) {
    for (int64_t j = 0; j < board->per_worker; j++) {
      if (j % kWidth == 0) {
        const uint32_t row = (uint32_t)worker * (half / kWorkers) + (uint32_t)(j / kWidth);
        const uint32_t rows[] = {row, half + row};
        check_ok(ngd_client_pull_rows_f32(client, 0, 0, rows, 2, got, 20000, NULL, &error));
      }
      const float value = got[j % kWidth], other = got[kWidth + j % kWidth];
      const int state = board->state[worker * board->per_worker + j];
      if (value != other || (state == 2 && value != 1) || (state == 1 && value != 0 && value != 1) ||
          (state == 0 && value != 0))
        fail_msg("update %lld of worker %d is %s and is there %g and %g times", (long long)j, worker,
                 state == 2   ? "acknowledged"
                 : state == 1 ? "under way"
                              : "not begun",
                 (double)value, (double)other);
      acknowledged += state == 2;
    }
  }
  return acknowledged;
}

/* So many kills of each kind there are at least, however fast the machine is. */
enum { kLeastKills = 2 };

enum { kNone, kOne, kBoth };

/* Kills workers, and one server or both at once where they have a log, until all updates are begun. */
static void storm(long updates, const char *options, int kill_servers) {
  ngd_error error;
  char directory[64], addresses[512], more[256];
  snprintf(directory, sizeof directory, "%s", scratch_directory());
  snprintf(addresses, sizeof addresses, "ipc://%s/socket1,ipc://%s/socket2", directory, directory);
  Board *board = make_board(updates / kWorkers);
  pid_t servers[2], workers[kWorkers];
  for (int i = 0; i < 2; i++) {
    snprintf(more, sizeof more, options, directory, i);
    servers[i] = start_node(directory, i + 1, more);
  }
  int status = 0;
  const pid_t first = fork_child();
  if (first == 0) {
    float *none[] = {NULL};
    ngd_client *client = try_client(board, "client:worker=0", addresses);
    _exit(client != NULL && ngd_client_init_f32(client, none, 1, 30000, NULL, NULL, NULL) == NGD_OK ? 0 : 1);
  }
  waitpid(first, &status, 0);
  assert_int_equal(status, 0);
  const double begin = seconds();
  board->hold = 1;
  for (int i = 0; i < kWorkers; i++) workers[i] = start_worker(board, addresses, i);
  int kills = 0, server_kills = 0, running = kWorkers;
  while (running > 0) {
    board->hold = kills < kLeastKills || (kill_servers && server_kills < kLeastKills);
    usleep(20000 + noise() % 100000);
    for (int i = 0; i < kWorkers; i++) {
      int ended = 0;
      if (workers[i] == 0 || waitpid(workers[i], &ended, WNOHANG) != workers[i]) continue;
      if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) fail_msg("worker %d ended with status %d", i, ended);
      workers[i] = 0;
      running--;
    }
    const int i = (int)(noise() % kWorkers);
    if (workers[i] != 0) {
      end(workers[i]);
      kills++;
      workers[i] = start_worker(board, addresses, i);
    }
    /* Replicas take a second to take over. */
    if (kill_servers != kNone && noise() % (kill_servers == kBoth ? 24 : 8) == 0) {
      const int first_node = (int)(noise() % 2), both = kill_servers == kBoth && noise() % 2 == 0;
      end(servers[first_node]);
      if (both) end(servers[1 - first_node]);
      server_kills += 1 + both;
      for (int k = 0; k < 1 + both; k++) {
        const int node = k == 0 ? first_node : 1 - first_node;
        snprintf(more, sizeof more, options, directory, node);
        servers[node] = start_node(directory, node + 1, more);
      }
    }
  }
  ngd_client *client = try_client(board, "client:worker=0", addresses);
  assert_non_null(client);
  const long acknowledged = check_board(board, client);
  uint64_t version = 0;
  check_ok(ngd_client_get_version(client, 20000, &version, &error));
  print_message("%ld updates, %ld acknowledged, version %llu, %d kills of workers, %d of servers, %.1f s\n",
                board->per_worker * kWorkers, acknowledged, (unsigned long long)version, kills, server_kills,
                seconds() - begin);
  assert_true(acknowledged > 0 && kills >= kLeastKills && (!kill_servers || server_kills >= kLeastKills));
  /* A lineage that had to begin anew would have jumped. */
  assert_true(version <= 1 + (uint64_t)(board->per_worker * kWorkers));
  ngd_client_destroy(client);
  for (int k = 0; k < 2; k++) end(servers[k]);
  munmap(board->state, (size_t)(kWorkers * board->per_worker));
  munmap(board, sizeof *board);
}

static void workers_killed_at_any_moment_lose_and_double_nothing(void **state) {
  (void)state;
  storm(size_of("NGD_TEST_UPDATES", 6000), "", kNone);
}

static void servers_killed_at_any_moment_lose_and_double_nothing_with_a_log(void **state) {
  (void)state;
  storm(size_of("NGD_TEST_LOGGED_UPDATES", 1500), ",data_dir=\"%s/data%d\",ack=disk,checkpoint_versions=1000",
        kOne);
}

static void replicas_killed_one_by_one_or_all_at_once_lose_and_double_nothing_on_disks(void **state) {
  (void)state;
  storm(size_of("NGD_TEST_REPLICATED_UPDATES", 1000),
        ",data_dir=\"%s/data%d\",ack=disk,replicas=2,checkpoint_versions=1000", kBoth);
}

/* Kilobytes of a process's memory. */
static long resident(pid_t process) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", (int)process);
  FILE *file = fopen(path, "r");
  long kilobytes = 0;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "VmRSS:", 6) == 0) kilobytes = atol(line + 6);
  }
  if (file != NULL) fclose(file);
  return kilobytes;
}

static void requests_without_end_take_no_memory(void **state) {
  (void)state;
  ngd_error error;
  const long requests = size_of("NGD_TEST_REQUESTS", 20000);
  char directory[64], address[128];
  snprintf(directory, sizeof directory, "%s", scratch_directory());
  snprintf(address, sizeof address, "ipc://%s/socket1", directory);
  const pid_t server = start_node(directory, 1, "");
  ngd_client *client = connect_client("client:shards=1", address, 4);
  float zeros[4] = {0}, ones[4] = {1, 1, 1, 1}, got[4], *init[] = {zeros}, *out[] = {got};
  const float *push[] = {ones};
  check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
  long server_before = 0, client_before = 0;
  const double begin = seconds();
  for (long i = 0; i < requests; i++) {
    if (i == requests / 5) {
      server_before = resident(server);
      client_before = resident(getpid());
    }
    if (i % 2 == 0)
      check_ok(ngd_client_push_f32(client, NGD_PUSH_VALUE, push, 1, 20000, NULL, &error));
    else
      check_ok(ngd_client_pull_f32(client, 0, out, 1, 20000, NULL, &error));
  }
  const long server_after = resident(server), client_after = resident(getpid());
  print_message("%ld requests in %.1f s: server %ld -> %ld KiB, client %ld -> %ld KiB after a fifth of them\n",
                requests, seconds() - begin, server_before, server_after, client_before, client_after);
  assert_true(kSanitized || (server_after < server_before + 1024 && client_after < client_before + 1024));
  ngd_client_destroy(client);
  end(server);
}

static void servers_and_clients_start_and_stop_without_end(void **state) {
  (void)state;
  ngd_error error;
  const long cycles = size_of("NGD_TEST_CYCLES", 60);
  const double begin = seconds();
  for (long i = 0; i < cycles; i++) {
    ngd_server *server = start_server("inproc://cycles");
    ngd_client *client = connect_client("client", "inproc://cycles", 4);
    float values[4] = {0}, *init[] = {values};
    if (i % 2 == 0) check_ok(ngd_client_init_f32(client, init, 1, 5000, NULL, NULL, &error));
    if (i % 2 == 0) ngd_server_destroy(server), server = NULL;
    ngd_client_destroy(client);
    ngd_server_destroy(server);
  }
  const double each = (seconds() - begin) / (double)cycles;
  print_message("%ld starts and stops, %.1f ms each\n", cycles, each * 1e3);
  assert_true(kSanitized ||
              each < 0.4); /* half of the clients find their server gone: they do not wait for their linger */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(workers_killed_at_any_moment_lose_and_double_nothing),
      cmocka_unit_test(servers_killed_at_any_moment_lose_and_double_nothing_with_a_log),
      cmocka_unit_test(replicas_killed_one_by_one_or_all_at_once_lose_and_double_nothing_on_disks),
      cmocka_unit_test(requests_without_end_take_no_memory),
      cmocka_unit_test(servers_and_clients_start_and_stop_without_end),
  };
  const int failures = cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
  return failures;
}
