/* A training on servers, all in one program: a server, three workers and an observer, in processes of their own. On several
 * hosts they would be programs of their own, and the address tcp://host:port. */
#include <ngd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kWorkers = 3, kRows = 3000, kColumns = 8, kTimeout = 30000 };

static ngd_error error;
#define CHECK(call)                                      \
  do {                                                   \
    if ((call) != NGD_OK) {                              \
      fprintf(stderr, "%s: %s\n", #call, error.message); \
      exit(1);                                           \
    }                                                    \
  } while (0)

/* Points within a ball or outside of it, the same in every process. */
static ngd_dataset *make_data(void) {
  static float features[kRows * kColumns], labels[kRows];
  unsigned seed = 1;
  for (int i = 0; i < kRows; i++) {
    float square = 0;
    for (int j = 0; j < kColumns; j++) {
      const float x = 2 * (float)rand_r(&seed) / (float)RAND_MAX - 1;
      features[i * kColumns + j] = x;
      square += j < 3 ? x * x : 0;
    }
    labels[i] = square < 0.9f ? 1 : 0;
  }
  ngd_dataset *data;
  CHECK(ngd_dataset_create("dense:label_type=category", &data, &error));
  CHECK(ngd_dataset_append_f32(data, features, labels, kRows, kColumns, &error));
  return data;
}

static int32_t on_event(const ngd_event *event, void *unused) {
  (void)unused;
  if (event->kind == NGD_EVENT_EPOCH)
    printf("epoch %llu  loss %.4f  accuracy %.4f\n", (unsigned long long)event->epoch, event->loss,
           event->held_out_accuracy);
  return 0;
}

/* Everybody says what is trained; `rank` 0 looks on, the others work. */
static int take_part(const char *address, int rank) {
  char spec[120];
  snprintf(spec, sizeof spec, "client:consistency=bulk,workers=%d,rank=%d,worker=%d", kWorkers, rank, rank > 0);
  ngd_client *client;
  ngd_trainer *trainer;
  ngd_model *model;
  ngd_optimizer *optimizer;
  ngd_dataset *training, *held_out, *all = make_data();
  CHECK(ngd_dataset_split(all, 0.1, 0, &training, &held_out, &error));
  CHECK(ngd_client_create(spec, &client, &error));
  CHECK(ngd_model_create("mlp:hidden=32", &model, &error));
  CHECK(ngd_optimizer_create("ngd:learning_rate=0.01", &optimizer, &error));
  CHECK(ngd_trainer_create("trainer:epochs=8,batch_size=48", &trainer, &error));
  CHECK(ngd_trainer_connect(trainer, client, address, kTimeout, &error));
  if (rank == 0) CHECK(ngd_trainer_on_event(trainer, on_event, NULL, NULL, &error));
  CHECK(ngd_trainer_run(trainer, model, optimizer, training, held_out, &error));
  ngd_trainer_destroy(trainer);
  ngd_optimizer_destroy(optimizer);
  ngd_model_destroy(model); /* the observer's is the trained one */
  ngd_client_destroy(client);
  ngd_dataset_destroy(held_out);
  ngd_dataset_destroy(training);
  ngd_dataset_destroy(all);
  return 0;
}

static int serve(const char *address) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  ngd_server *server = NULL;
  CHECK(ngd_server_create("server", &server, &error));
  CHECK(ngd_server_set_text(server, "listen", address, &error));
  CHECK(ngd_server_start(server, kTimeout, &error));
  int signal = 0;
  sigwait(&signals, &signal);
  ngd_server_destroy(server);
  return 0;
}

int main(void) {
  char directory[] = "/tmp/ngd-servers-XXXXXX", address[64];
  if (mkdtemp(directory) == NULL) return 1;
  snprintf(address, sizeof address, "ipc://%s/socket", directory);
  pid_t parts[kWorkers + 1];
  for (int rank = 0; rank <= kWorkers; rank++) {
    parts[rank] = fork();
    if (parts[rank] == 0) return rank == 0 ? serve(address) : take_part(address, rank);
  }
  int bad = 0, status = 0;
  const pid_t observer = fork();
  if (observer == 0) return take_part(address, 0);
  waitpid(observer, &status, 0);
  bad |= status;
  for (int rank = 1; rank <= kWorkers; rank++) {
    waitpid(parts[rank], &status, 0);
    bad |= status;
  }
  kill(parts[0], SIGTERM);
  waitpid(parts[0], NULL, 0);
  snprintf(address, sizeof address, "%s/socket", directory);
  unlink(address);
  rmdir(directory);
  return bad != 0;
}
