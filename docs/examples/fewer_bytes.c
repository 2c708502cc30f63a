/* Gradients in fewer bytes: the same training of a model of 20,000 numbers for each coding of the client's option
 * "compress". What a coding leaves out the client adds to its next push, so each comes to the same place; the server tells
 * how many bytes it was sent. */
#include <math.h>
#include <ngd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kNumbers = 20000, kSteps = 300, kTimeout = 10000 };

static ngd_error error;
#define CHECK(call) \
  if ((call) != NGD_OK) exit((puts(error.message), 1))

static double bytes_sent(ngd_server *server) {
  char status[4096];
  CHECK(ngd_server_get_status(server, status, sizeof status, NULL, &error));
  const char *found = strstr(status, "\"bytes_received\":");
  return found == NULL ? 0 : atof(found + strlen("\"bytes_received\":"));
}

/* Noisy gradients of the distance to a point; returns how far from it the training ends. */
static double train(ngd_client *client) {
  static float w[kNumbers], g[kNumbers];
  float *tensors[] = {w};
  const float *gradients[] = {g};
  const int64_t shape[] = {kNumbers};
  unsigned seed = 1;
  memset(w, 0, sizeof w);
  CHECK(ngd_client_add_f32(client, "w", shape, 1, &error));
  CHECK(ngd_client_connect(client, "inproc://parameters", kTimeout, &error));
  CHECK(ngd_client_init_f32(client, tensors, 1, kTimeout, NULL, NULL, &error));
  for (int step = 0; step < kSteps; step++) {
    for (int i = 0; i < kNumbers; i++) {
      const float target = sinf((float)i), noise = (float)rand_r(&seed) / (float)RAND_MAX - 0.5f;
      g[i] = w[i] - target + noise;
    }
    CHECK(ngd_client_push_pull_f32(client, NGD_PUSH_GRADIENT, gradients, tensors, 1, kTimeout, NULL, NULL,
                                   &error));
  }
  double square = 0;
  for (int i = 0; i < kNumbers; i++) square += pow(w[i] - sin((double)i), 2);
  return sqrt(square / kNumbers);
}

int main(void) {
  const char *codings[] = {"none", "bf16", "fp16", "8bit", "topk,compress_share=0.05"};
  ngd_server *server = NULL;
  CHECK(ngd_server_create("server:listen=\"inproc://parameters\"", &server, &error));
  CHECK(ngd_server_start(server, 5000, &error));
  double plain = 0;
  for (int i = 0; i < 5; i++) {
    char spec[200];
    snprintf(spec, sizeof spec, "client:model=m%d,optimizer=\"sgd:learning_rate=0.03\",compress=%s", i,
             codings[i]);
    ngd_client *client = NULL;
    CHECK(ngd_client_create(spec, &client, &error));
    const double before = bytes_sent(server), off = train(client),
                 bytes = (bytes_sent(server) - before) / kSteps;
    if (i == 0) plain = bytes;
    printf("%-26s %8.0f bytes a step, a part in %5.1f; off by %.4f\n", codings[i], bytes, plain / bytes, off);
    if (!(off < 0.1)) return puts("it did not come near"), 1;
    ngd_client_destroy(client);
  }
  ngd_server_destroy(server);
  return 0;
}
