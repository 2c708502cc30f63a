/* Hostile and careless peers: whatever they send, or do not read, the server serves the others and its memory stays
 * bounded. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "cluster.h"

static char directory_listen[128];

static long resident_kb(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2) fail_msg("no /proc/self/statm");
  fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static uint32_t crc32c(const unsigned char *bytes, size_t size) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
  }
  return ~crc;
}

static uint64_t state_of_noise = 88172645463325252ull;
static uint64_t noise(void) {
  state_of_noise ^= state_of_noise << 13;
  state_of_noise ^= state_of_noise >> 7;
  state_of_noise ^= state_of_noise << 17;
  return state_of_noise;
}

/* A header with right checksums, the rest as the caller says. */
static void write_header(unsigned char *to, unsigned type, uint32_t shard, uint32_t control, uint64_t payload,
                         uint32_t body_checksum) {
  const uint64_t seq = noise() % 100, epoch = 0;
  memset(to, 0, 64);
  to[0] = 'N', to[1] = 'G', to[2] = 1, to[3] = (unsigned char)type;
  for (int i = 8; i < 24; i++) to[i] = (unsigned char)noise();
  memcpy(to + 24, &seq, 8);
  memcpy(to + 32, &epoch, 8);
  memcpy(to + 40, &shard, 4);
  memcpy(to + 44, &control, 4);
  memcpy(to + 48, &payload, 8);
  memcpy(to + 56, &body_checksum, 4);
  const uint32_t own = crc32c(to, 60);
  memcpy(to + 60, &own, 4);
}

typedef struct {
  void *context, *socket;
} Attacker;

static Attacker attack(const char *address) {
  Attacker attacker = {zmq_ctx_new(), NULL};
  attacker.socket = zmq_socket(attacker.context, ZMQ_DEALER);
  const int none = 0, timeout = 5000;
  zmq_setsockopt(attacker.socket, ZMQ_LINGER, &none, sizeof none);
  zmq_setsockopt(attacker.socket, ZMQ_SNDTIMEO, &timeout, sizeof timeout);
  if (zmq_connect(attacker.socket, address) != 0) fail_msg("attacker cannot connect");
  return attacker;
}

static void end_attack(Attacker attacker) {
  zmq_close(attacker.socket);
  zmq_ctx_term(attacker.context);
}

typedef struct {
  ngd_server *server;
  ngd_client *honest;
  char address[256];
} Place;

static Place make_place(const char *spec, int64_t elements) {
  ngd_error error;
  Place place = {0};
  snprintf(directory_listen, sizeof directory_listen, "ipc://%s/socket", scratch_directory());
  place.server = start_server_with(spec, directory_listen);
  check_ok(ngd_server_get_text(place.server, "endpoints", place.address, sizeof place.address, NULL, &error));
  place.honest = connect_client("client", place.address, elements);
  float *values = calloc((size_t)elements, sizeof *values), *init[] = {values};
  check_ok(ngd_client_init_f32(place.honest, init, 1, 5000, NULL, NULL, &error));
  free(values);
  return place;
}

static void end_place(Place *place) {
  ngd_client_destroy(place->honest);
  ngd_server_destroy(place->server);
}

/* The honest client is served, and nothing but its own updates has happened. */
static void check_honest(const Place *place, uint64_t version) {
  ngd_error error;
  uint64_t now = 0;
  check_ok(ngd_client_get_version(place->honest, 10000, &now, &error));
  assert_int_equal(now, version);
}

static void random_truncated_and_flipped_messages_change_nothing(void **state) {
  (void)state;
  Place place = make_place("server", 16);
  Attacker attacker = attack(place.address);
  unsigned char frame[4096];
  for (int round = 0; round < 20000; round++) {
    size_t size = noise() % sizeof frame;
    for (size_t i = 0; i < size; i++) frame[i] = (unsigned char)noise();
    const unsigned how = noise() % 4;
    if (how > 0 && size >= 64) {
      /* Right checksums, so that what stands behind them is reached: any type, any control. */
      const uint32_t control = (uint32_t)((size - 64) / 8 * 8);
      size = 64 + control;
      if (noise() % 2 == 0) memset(frame + 64, 0, control);
      write_header(frame, (unsigned)(noise() % 40), noise() % 2 == 0 ? 0 : (uint32_t)(noise() % 400), control,
                   how == 3 ? noise() : 0, crc32c(frame + 64, control));
      if (how == 2) frame[noise() % size] ^= (unsigned char)(1u << (noise() % 8));
    }
    const int parts = 1 + (int)(noise() % 3);
    for (int part = 0; part < parts; part++) {
      if (zmq_send(attacker.socket, frame, size, part + 1 < parts ? ZMQ_SNDMORE : 0) < 0) break;
      size = noise() % 200;
    }
  }
  check_honest(&place, 1);
  end_attack(attacker);
  check_honest(&place, 1);
  end_place(&place);
}

static void promises_of_huge_lengths_take_no_memory(void **state) {
  (void)state;
  Place place = make_place("server", 16);
  Attacker attacker = attack(place.address);
  const long before = resident_kb();
  unsigned char frame[64];
  const uint64_t lengths[] = {1ull << 60, ~0ull, 1ull << 36, 1ull << 32, (1ull << 36) + 1};
  for (int round = 0; round < 2000; round++) {
    for (size_t i = 0; i < 5; i++) {
      write_header(frame, 11, 1, 0, lengths[i], 0);
      zmq_send(attacker.socket, frame, sizeof frame, 0);
      write_header(frame, 11, 1, (uint32_t)lengths[i] - 1u, 0, 0);
      zmq_send(attacker.socket, frame, sizeof frame, 0);
    }
  }
  check_honest(&place, 1);
  assert_true(resident_kb() - before < 64 * 1024);
  end_attack(attacker);
  end_place(&place);
}

static void a_frame_beyond_the_limit_ends_the_connection_and_nobody_elses(void **state) {
  (void)state;
  Place place = make_place("server", 16);
  Attacker attacker = attack(place.address);
  const size_t size = 9u << 20;
  char *large = calloc(1, size);
  zmq_send(attacker.socket, large, size, 0);
  free(large);
  check_honest(&place, 1);
  end_attack(attacker);
  end_place(&place);
}

/* --- those who do not read ---------------------------------------------------------------------------------------- */

/* Asks for far more than it will ever take, as a process of its own, and then sleeps. */
static pid_t start_sleeper(const char *address) {
  const pid_t child = fork_child();
  if (child != 0) return child;
  ngd_client *client = NULL;
  int64_t elements = 4 << 20;
  int good = ngd_client_create("client:worker=0", &client, NULL) == NGD_OK &&
             ngd_client_add_f32(client, "w", &elements, 1, NULL) == NGD_OK &&
             ngd_client_connect(client, address, 10000, NULL) == NGD_OK;
  for (int i = 0; good && i < 60; i++) {
    uint64_t ticket = 0;
    good = ngd_client_start_pull_f32(client, 0, 60000, &ticket, NULL) == NGD_OK;
  }
  raise(SIGSTOP);
  _exit(0);
}

static void a_client_that_never_reads_holds_little_memory_and_nobody_up(void **state) {
  (void)state;
  ngd_error error;
  snprintf(directory_listen, sizeof directory_listen, "ipc://%s/socket", scratch_directory());
  pid_t sleepers[3];
  /* Children first: they must not have the server's threads. They wait for the server to come. */
  for (int i = 0; i < 3; i++) sleepers[i] = start_sleeper(directory_listen);
  Place place = {0};
  place.server = start_server(directory_listen);
  place.honest = connect_client("client", directory_listen, 4 << 20);
  float *values = calloc(4u << 20, sizeof *values), *init[] = {values};
  const float *push[] = {values};
  check_ok(ngd_client_init_f32(place.honest, init, 1, 20000, NULL, NULL, &error));
  const long before = resident_kb();
  for (int i = 0; i < 3; i++) {
    int status = 0;
    waitpid(sleepers[i], &status, WUNTRACED);
    assert_true(WIFSTOPPED(status));
  }
  for (int i = 0; i < 20; i++) {
    /* Every version has blocks of its own, which answers under way keep: 16 MB each. */
    check_ok(ngd_client_push_f32(place.honest, NGD_PUSH_VALUE, push, 1, 20000, NULL, &error));
  }
  check_honest(&place, 21);
  const long grown = resident_kb() - before;
  for (int i = 0; i < 3; i++) {
    kill(sleepers[i], SIGKILL);
    waitpid(sleepers[i], NULL, 0);
  }
  print_message("grown by %ld MB\n", grown / 1024);
  assert_true(grown < 512 * 1024);
  free(values);
  end_place(&place);
}

/* --- many ------------------------------------------------------------------------------------------------------------- */

enum { kMany = 300 };

static void *come_and_push(void *context) {
  const char *address = context;
  ngd_client *client = NULL;
  int64_t elements = kMany;
  float ones[kMany];
  const float *push[] = {ones};
  for (int i = 0; i < kMany; i++) ones[i] = 1;
  int good = ngd_client_create("client", &client, NULL) == NGD_OK &&
             ngd_client_add_f32(client, "w", &elements, 1, NULL) == NGD_OK &&
             ngd_client_connect(client, address, 60000, NULL) == NGD_OK;
  for (int i = 0; good && i < 10; i++)
    good = ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 60000, NULL, NULL) == NGD_OK;
  ngd_client_destroy(client);
  return good ? context : NULL;
}

static void three_hundred_clients_at_once(void **state) {
  (void)state;
  ngd_error error;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 8192) skip();
  Place place = make_place("server", kMany);
  pthread_t threads[kMany];
  for (int i = 0; i < kMany; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, come_and_push, place.address), 0);
  for (int i = 0; i < kMany; i++) {
    void *good = NULL;
    pthread_join(threads[i], &good);
    assert_non_null(good);
  }
  float got[kMany], *out[] = {got};
  uint64_t version = 0;
  check_ok(ngd_client_pull_f32(place.honest, 0, out, 1, 10000, &version, &error));
  assert_int_equal(version, 1 + 10 * kMany);
  for (int i = 0; i < kMany; i++) assert_true(got[i] == 10 * kMany);
  end_place(&place);
}

/* --- clients that are killed ------------------------------------------------------------------------------------------ */

enum { kClients = 3, kCells = 4000 };

/* Adds 1 to cell after cell of its own row, and tells the parent which ones were acknowledged. */
static pid_t start_victim(const char *address, int row, int first, int report) {
  const pid_t child = fork_child();
  if (child != 0) return child;
  ngd_client *client = NULL;
  const int64_t shape[] = {kClients, kCells};
  static float update[kClients * kCells];
  const float *push[] = {update};
  if (ngd_client_create("client:retry=0.05", &client, NULL) != NGD_OK ||
      ngd_client_add_f32(client, "w", shape, 2, NULL) != NGD_OK ||
      ngd_client_connect(client, address, 20000, NULL) != NGD_OK)
    _exit(1);
  for (int cell = first; cell < kCells; cell++) {
    const int32_t begun[2] = {row, -cell - 1}, done[2] = {row, cell};
    if (write(report, begun, sizeof begun) < 0) _exit(1);
    update[row * kCells + cell] = 1;
    if (ngd_client_push_f32(client, NGD_PUSH_DELTA, push, 1, 20000, NULL, NULL) != NGD_OK) _exit(1);
    update[row * kCells + cell] = 0;
    if (write(report, done, sizeof done) < 0) _exit(1);
  }
  _exit(0);
}

/* Takes what clients have told until now: an update begun is -cell - 1, one acknowledged is its cell. */
static void read_reports(int report, int begun[kClients][kCells], int done[kClients][kCells],
                         int next[kClients]) {
  for (;;) {
    int32_t word[2];
    struct timeval none = {0, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(report, &set);
    if (select(report + 1, &set, NULL, NULL, &none) <= 0) return;
    if (read(report, word, sizeof word) != (ssize_t)sizeof word) fail_msg("report");
    if (word[1] < 0) {
      begun[word[0]][-word[1] - 1] = 1;
      next[word[0]] = -word[1];
    } else {
      done[word[0]][word[1]] = 1;
    }
  }
}

static void clients_killed_at_any_moment_lose_and_double_nothing(void **state) {
  (void)state;
  ngd_error error;
  char listen[128];
  int report[2];
  snprintf(listen, sizeof listen, "ipc://%s/socket", scratch_directory());
  if (pipe(report) != 0) fail_msg("pipe");
  /* The server in a process of its own, so that clients may be forked at any time. */
  int ready[2];
  if (pipe(ready) != 0) fail_msg("pipe");
  const pid_t server = fork_child();
  if (server == 0) {
    ngd_server *handle = NULL;
    if (ngd_server_create("server:shards=2", &handle, NULL) != NGD_OK ||
        ngd_server_set_text(handle, "listen", listen, NULL) != NGD_OK ||
        ngd_server_start(handle, 5000, NULL) != NGD_OK)
      _exit(1);
    if (write(ready[1], "r", 1) < 0) _exit(1);
    for (;;) pause();
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) fail_msg("no server");

  static int begun[kClients][kCells], done[kClients][kCells];
  int next[kClients] = {0};
  pid_t victims[kClients];
  const pid_t first_values = fork_child();
  if (first_values == 0) {
    ngd_client *client = NULL;
    const int64_t shape[] = {kClients, kCells};
    static float zeros[kClients * kCells];
    float *init[] = {zeros};
    const int good = ngd_client_create("client", &client, NULL) == NGD_OK &&
                     ngd_client_add_f32(client, "w", shape, 2, NULL) == NGD_OK &&
                     ngd_client_connect(client, listen, 20000, NULL) == NGD_OK &&
                     ngd_client_init_f32(client, init, 1, 20000, NULL, NULL, NULL) == NGD_OK;
    ngd_client_destroy(client);
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(first_values, &status, 0);
  assert_int_equal(status, 0);
  for (int i = 0; i < kClients; i++) victims[i] = start_victim(listen, i, 0, report[1]);
  const char *long_run = getenv("NGD_TEST_KILLS");
  const int kills = long_run != NULL ? atoi(long_run) : 30;
  for (int kill_number = 0; kill_number < kills; kill_number++) {
    usleep(20000 + (unsigned)(noise() % 60000));
    const int i = (int)(noise() % kClients);
    kill(victims[i], SIGKILL);
    waitpid(victims[i], NULL, 0);
    /* What it said it had begun, it may have done; the next one goes on after it. */
    read_reports(report[0], begun, done, next);
    victims[i] = start_victim(listen, i, next[i], report[1]);
  }
  for (int i = 0; i < kClients; i++) {
    kill(victims[i], SIGKILL);
    waitpid(victims[i], NULL, 0);
  }
  read_reports(report[0], begun, done, next);
  static float got[kClients * kCells];
  float *out[] = {got};
  ngd_client *client = NULL;
  check_ok(ngd_client_create("client:worker=0", &client, &error));
  check_ok(ngd_client_connect(client, listen, 10000, &error));
  check_ok(ngd_client_pull_f32(client, 0, out, 1, 10000, NULL, &error));
  int acknowledged = 0;
  for (int i = 0; i < kClients; i++) {
    for (int cell = 0; cell < kCells; cell++) {
      const float value = got[i * kCells + cell];
      if (done[i][cell])
        assert_true(value == 1); /* each acknowledged update, once */
      else if (begun[i][cell])
        assert_true(value == 0 || value == 1); /* one under way: all or nothing */
      else
        assert_true(value == 0);
      acknowledged += done[i][cell];
    }
  }
  print_message("%d acknowledged updates, %d kills\n", acknowledged, kills);
  assert_true(acknowledged > 0);
  ngd_client_destroy(client);
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clients_killed_at_any_moment_lose_and_double_nothing),
      cmocka_unit_test(a_client_that_never_reads_holds_little_memory_and_nobody_up),
      cmocka_unit_test(random_truncated_and_flipped_messages_change_nothing),
      cmocka_unit_test(promises_of_huge_lengths_take_no_memory),
      cmocka_unit_test(a_frame_beyond_the_limit_ends_the_connection_and_nobody_elses),
      cmocka_unit_test(three_hundred_clients_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, remove_scratch_directories);
}
