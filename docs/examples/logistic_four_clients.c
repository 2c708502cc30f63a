/* Logistic regression by four threads, each a client of one server inside this program. */
#include <math.h>
#include <ngd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { kFeatures = 8, kBatch = 32, kSteps = 500, kWorkers = 4 };

static void *work(void *number) {
  unsigned seed = 1u + *(const unsigned *)number;
  float w[kFeatures] = {0}, g[kFeatures], *tensors[] = {w};
  const float *gradients[] = {g};
  const int64_t shape[] = {kFeatures};
  ngd_error error;
  ngd_client *client = NULL;
  if (ngd_client_create("client:optimizer=\"adam:learning_rate=0.05\"", &client, &error) != NGD_OK ||
      ngd_client_add_f32(client, "w", shape, 1, &error) != NGD_OK ||
      ngd_client_connect(client, "inproc://parameters", 10000, &error) != NGD_OK ||
      ngd_client_init_f32(client, tensors, 1, 10000, NULL, NULL, &error) != NGD_OK)
    exit((puts(error.message), 1));
  int right = 0;
  for (int step = 0; step < kSteps; step++) {
    for (int j = 0; j < kFeatures; j++) g[j] = 0;
    for (int i = 0; i < kBatch;
         i++) { /* the label is 1 where the features weighted 1, -2, 3, -4 ... are above 0 */
      float x[kFeatures], truth = 0, z = 0;
      for (int j = 0; j < kFeatures; j++) {
        x[j] = (float)rand_r(&seed) / (float)RAND_MAX - 0.5f;
        truth += x[j] * (float)(j % 2 == 0 ? j + 1 : -j - 1);
        z += x[j] * w[j];
      }
      right += step >= kSteps - 100 && (z > 0) == (truth > 0);
      for (int j = 0; j < kFeatures; j++) g[j] += (1 / (1 + expf(-z)) - (truth > 0 ? 1 : 0)) * x[j] / kBatch;
    }
    if (ngd_client_push_pull_f32(client, NGD_PUSH_GRADIENT, gradients, tensors, 1, 10000, NULL, NULL, &error) !=
        NGD_OK)
      exit((puts(error.message), 1));
  }
  printf("worker %u: accuracy %.3f over its last 100 batches\n", *(const unsigned *)number,
         right / (100.0 * kBatch));
  ngd_client_destroy(client);
  return NULL;
}

int main(void) {
  ngd_error error;
  ngd_server *server = NULL;
  if (ngd_server_create("server:listen=\"inproc://parameters\"", &server, &error) != NGD_OK ||
      ngd_server_start(server, 5000, &error) != NGD_OK)
    return puts(error.message), 1;
  pthread_t threads[kWorkers];
  unsigned numbers[kWorkers];
  for (unsigned i = 0; i < kWorkers; i++)
    pthread_create(&threads[i], NULL, work, (numbers[i] = i, &numbers[i]));
  for (int i = 0; i < kWorkers; i++) pthread_join(threads[i], NULL);
  ngd_server_destroy(server);
  return 0;
}
