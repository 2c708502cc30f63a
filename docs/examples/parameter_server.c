/* The client / server listing of the paper, made to work: a server that holds the parameters, and clients that train on
 * their shares of the data, with set_param, get_global_params, num_clients and run.
 *
 *   parameter_server server ADDRESS               the server, until Ctrl-C
 *   parameter_server client ADDRESS NUMBER COUNT  client NUMBER (from 0) of COUNT
 *   parameter_server                              both: one server and three clients, in processes of their own */
#include <math.h>
#include <ngd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kInputs = 16, kHidden = 16, kSamples = 6000, kBatch = 32, kEpochs = 8, kTimeout = 30000 };
enum { kTensors = 4 };

static ngd_error error;
#define CHECK(call)                                      \
  do {                                                   \
    if ((call) != NGD_OK) {                              \
      fprintf(stderr, "%s: %s\n", #call, error.message); \
      exit(1);                                           \
    }                                                    \
  } while (0)

/* --- the model: two layers, sigmoid, binary cross-entropy ------------------------------------------------------- */

typedef struct {
  float w1[kInputs * kHidden], b1[kHidden], w2[kHidden], b2[1];
} Parameters;

static void tensors_of(Parameters *p, float *tensors[kTensors]) {
  tensors[0] = p->w1, tensors[1] = p->b1, tensors[2] = p->w2, tensors[3] = p->b2;
}

static float sigmoid(float x) {
  return 1 / (1 + expf(-x));
}

/* Forward and backward for one sample; adds to the gradient; returns whether the answer was right. */
static int learn(const Parameters *p, const float *x, float label, Parameters *g) {
  float hidden[kHidden], out = p->b2[0];
  for (int h = 0; h < kHidden; h++) {
    float sum = p->b1[h];
    for (int i = 0; i < kInputs; i++) sum += p->w1[h * kInputs + i] * x[i];
    hidden[h] = tanhf(sum);
    out += p->w2[h] * hidden[h];
  }
  const float d = (sigmoid(out) - label) / kBatch;
  g->b2[0] += d;
  for (int h = 0; h < kHidden; h++) {
    const float dh = d * p->w2[h] * (1 - hidden[h] * hidden[h]);
    g->w2[h] += d * hidden[h];
    g->b1[h] += dh;
    for (int i = 0; i < kInputs; i++) g->w1[h * kInputs + i] += dh * x[i];
  }
  return (out > 0) == (label > 0.5f);
}

/* Sample number n: points in a ball or outside of it, always the same. */
static float sample(unsigned n, float x[kInputs]) {
  unsigned seed = n * 2654435761u + 1;
  float square = 0;
  for (int i = 0; i < kInputs; i++) {
    x[i] = 2 * (float)rand_r(&seed) / (float)RAND_MAX - 1;
    square += i < 4 ? x[i] * x[i] : 0;
  }
  return square < 1.28f ? 1 : 0;
}

/* --- the client ------------------------------------------------------------------------------------------------- */

typedef struct {
  ngd_client *handle;
  Parameters parameters;
} Client;

static void client_connect(Client *client, const char *address) {
  const int64_t shapes[kTensors][2] = {{kHidden, kInputs}, {kHidden, 0}, {kHidden, 0}, {1, 0}};
  const char *names[kTensors] = {"w1", "b1", "w2", "b2"};
  CHECK(
      ngd_client_create("client:model=listing,optimizer=\"ngd:learning_rate=0.02\"", &client->handle, &error));
  for (int t = 0; t < kTensors; t++)
    CHECK(ngd_client_add_f32(client->handle, names[t], shapes[t], t == 0 ? 2 : 1, &error));
  CHECK(ngd_client_connect(client->handle, address, kTimeout, &error));
}

/* Everybody offers first values; those of the first become the model's. */
static void set_param(Client *client, unsigned seed) {
  float *tensors[kTensors];
  tensors_of(&client->parameters, tensors);
  memset(&client->parameters, 0, sizeof client->parameters);
  const float bound = sqrtf(6.0f / (kInputs + kHidden)); /* Xavier */
  for (int i = 0; i < kInputs * kHidden; i++)
    client->parameters.w1[i] = bound * (2 * (float)rand_r(&seed) / (float)RAND_MAX - 1);
  for (int i = 0; i < kHidden; i++)
    client->parameters.w2[i] = bound * (2 * (float)rand_r(&seed) / (float)RAND_MAX - 1);
  CHECK(ngd_client_init_f32(client->handle, tensors, kTensors, kTimeout, NULL, NULL, &error));
}

static uint64_t get_global_params(Client *client) {
  float *tensors[kTensors];
  uint64_t version = 0;
  tensors_of(&client->parameters, tensors);
  CHECK(ngd_client_pull_f32(client->handle, 0, tensors, kTensors, kTimeout, &version, &error));
  return version;
}

static uint64_t num_clients(Client *client) {
  ngd_client_info info = {.struct_size = sizeof info};
  CHECK(ngd_client_get_info(client->handle, kTimeout, &info, &error));
  return info.workers;
}

/* Under the global lock, so that no two do it at once: from one version on the servers step with these, on every shard. */
static void refine(Client *client) {
  const char *names[] = {"learning_rate", "optimizer.weight_decay"}, *values[] = {"0.005", "0.001"};
  uint64_t token = 0, from = 0;
  CHECK(ngd_client_lock(client->handle, "model", 1, kTimeout, &token, &error));
  CHECK(ngd_client_set_values(client->handle, names, values, 2, kTimeout, &from, &error));
  CHECK(ngd_client_unlock(client->handle, "model", token, kTimeout, &error));
  printf("learning rate 0.005 and weight decay 0.001 from version %llu on\n", (unsigned long long)from);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run(Client *client, unsigned number, unsigned count) {
  CHECK(ngd_client_barrier(client->handle, "start", count, kTimeout, NULL, &error));
  if (number == 0) printf("%llu clients\n", (unsigned long long)num_clients(client));
  const unsigned share = kSamples / count;
  for (int epoch = 1; epoch <= kEpochs; epoch++) {
    const double start = seconds();
    if (number == 0 && epoch == kEpochs / 2 + 1) refine(client);
    unsigned right = 0, done = 0;
    uint64_t version = get_global_params(client);
    for (unsigned first = 0; first + kBatch <= share; first += kBatch) {
      Parameters gradient;
      float *in[kTensors], *out[kTensors], x[kInputs];
      memset(&gradient, 0, sizeof gradient);
      for (unsigned i = 0; i < kBatch; i++, done++) {
        const float label = sample(number * share + first + i, x);
        right += (unsigned)learn(&client->parameters, x, label, &gradient);
      }
      tensors_of(&gradient, in);
      tensors_of(&client->parameters, out);
      /* One message there and back: the gradient goes, the newest parameters come. */
      CHECK(ngd_client_push_pull_f32(client->handle, NGD_PUSH_GRADIENT, (const float *const *)in, out, kTensors,
                                     kTimeout, &version, NULL, &error));
    }
    printf("client %u  epoch %d  version %llu  %.0f samples/s  accuracy %.3f\n", number, epoch,
           (unsigned long long)version, done / (seconds() - start), (double)right / done);
    fflush(stdout);
  }
}

static int client_main(const char *address, unsigned number, unsigned count) {
  Client client = {0};
  client_connect(&client, address);
  set_param(&client, number + 1);
  run(&client, number, count);
  ngd_client_destroy(client.handle);
  return 0;
}

/* --- the server ------------------------------------------------------------------------------------------------- */

static int server_main(const char *address) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  ngd_server *server = NULL;
  CHECK(ngd_server_create("server", &server, &error));
  CHECK(ngd_server_set_text(server, "listen", address, &error));
  CHECK(ngd_server_start(server, kTimeout, &error));
  int signal = 0;
  sigwait(&signals, &signal);
  CHECK(ngd_server_stop(server, kTimeout, &error));
  ngd_server_destroy(server);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "server") == 0) return server_main(argv[2]);
  if (argc == 5 && strcmp(argv[1], "client") == 0)
    return client_main(argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
  char directory[] = "/tmp/ngd-listing-XXXXXX", address[64];
  if (mkdtemp(directory) == NULL) return 1;
  snprintf(address, sizeof address, "ipc://%s/socket", directory);
  const pid_t server = fork();
  if (server == 0) return server_main(address);
  pid_t clients[3];
  int bad = 0;
  for (unsigned i = 0; i < 3; i++) {
    clients[i] = fork();
    if (clients[i] == 0) return client_main(address, i, 3);
  }
  for (unsigned i = 0; i < 3; i++) {
    int status = 0;
    waitpid(clients[i], &status, 0);
    bad |= status;
  }
  kill(server, SIGTERM);
  waitpid(server, NULL, 0);
  snprintf(address, sizeof address, "%s/socket", directory);
  unlink(address);
  rmdir(directory);
  return bad != 0;
}
