/* What tests of servers and clients share: starting and connecting them, directories of their own. */
#ifndef NGD_CLUSTER_H
#define NGD_CLUSTER_H

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

/* fork() for a child that ends with the test: one left behind by a failed check would keep the test's output open, and
 * whoever reads that would wait for it. */
static inline pid_t fork_child(void) {
  const pid_t parent = getpid(), child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  return 0;
}

static char scratch_names[64][64];
static size_t scratch_count;

/* A new directory with mode 0700; all are removed at the end. */
static const char *scratch_directory(void) {
  if (scratch_count == 64) fail_msg("too many directories");
  char *name = scratch_names[scratch_count++];
  snprintf(name, 64, "/tmp/ngd-cluster-XXXXXX");
  if (mkdtemp(name) == NULL) fail_msg("no directory");
  return name;
}

/* An address in a new directory. */
static inline void address_in(char *address, size_t size) {
  snprintf(address, size, "ipc://%s/s", scratch_directory());
}

static int remove_scratch_directories(void **state) {
  (void)state;
  char command[128];
  for (size_t i = 0; i < scratch_count; i++) {
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_names[i]);
    if (system(command) != 0) return 1;
  }
  return 0;
}

static ngd_server *start_server_with(const char *spec, const char *listen) {
  ngd_error error;
  ngd_server *server = NULL;
  check_ok(ngd_server_create(spec, &server, &error));
  check_ok(ngd_server_set_text(server, "listen", listen, &error));
  check_ok(ngd_server_start(server, 5000, &error));
  return server;
}

static inline ngd_server *start_server(const char *listen) {
  return start_server_with("server", listen);
}

/* A client of a model of one tensor "w" of `elements`. */
static inline ngd_client *connect_client(const char *spec, const char *addresses, int64_t elements) {
  ngd_error error;
  ngd_client *client = NULL;
  check_ok(ngd_client_create(spec, &client, &error));
  check_ok(ngd_client_add_f32(client, "w", &elements, 1, &error));
  check_ok(ngd_client_connect(client, addresses, 10000, &error));
  return client;
}

#endif
