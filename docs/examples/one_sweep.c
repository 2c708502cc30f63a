/* A step in which everything happens at once: no decay on biases, clipping, accumulation, a schedule, an average, and
 * gradients that come back as zeros. Fits y = sin(x) with one hidden layer. */
#include <math.h>
#include <ngd.h>
#include <stdio.h>
#include <stdlib.h>

enum { kHidden = 32, kBatch = 16, kSteps = 3000 };

static float w[kHidden], b[kHidden], v[kHidden], c[1]; /* y = v . tanh(w x + b) + c */
static float w_gradient[kHidden], b_gradient[kHidden], v_gradient[kHidden], c_gradient[1];

static void check(ngd_status status, const ngd_error *error) {
  if (status == NGD_OK) return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

static float predict(float *const *p, float x) {
  float y = p[3][0];
  for (int h = 0; h < kHidden; h++) y += p[2][h] * tanhf(p[0][h] * x + p[1][h]);
  return y;
}

/* Adds the gradient of half the squared error at x; the arrays are zero when a step has gone over them. */
static void add_gradient(float *const *p, float x) {
  const float wrong = (predict(p, x) - sinf(x)) / kBatch;
  for (int h = 0; h < kHidden; h++) {
    const float t = tanhf(w[h] * x + b[h]);
    v_gradient[h] += wrong * t;
    w_gradient[h] += wrong * v[h] * (1 - t * t) * x;
    b_gradient[h] += wrong * v[h] * (1 - t * t);
  }
  c_gradient[0] += wrong;
}

static double mean_error(float *const *p) {
  double sum = 0;
  for (int i = 0; i <= 100; i++) {
    const float x = -3 + 0.06f * (float)i;
    sum += fabs(predict(p, x) - sinf(x)) / 101;
  }
  return sum;
}

int main(void) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check(ngd_optimizer_create(
            "adamw:learning_rate=0.02,weight_decay=0.001,clip=norm,clip_threshold=1,accumulate=2,"
            "schedule=cosine,schedule_steps=1500,schedule_warmup=50,average=ema,average_decay=0.99,"
            "zero_gradient=1",
            &optimizer, &error),
        &error);
  check(ngd_optimizer_add_group(optimizer, "biases", "b|c", "weight_decay=0", &error), &error);
  float *parameters[4] = {w, b, v, c}, *gradients[4] = {w_gradient, b_gradient, v_gradient, c_gradient};
  const char *names[4] = {"w", "b", "v", "c"};
  const int64_t shapes[4] = {kHidden, kHidden, kHidden, 1};
  for (int i = 0; i < 4; i++) check(ngd_optimizer_add_f32(optimizer, names[i], &shapes[i], 1, &error), &error);

  unsigned seed = 1;
  for (int h = 0; h < kHidden; h++) {
    w[h] = (float)(h - kHidden / 2) / 8;
    v[h] = h % 2 ? 0.1f : -0.1f;
  }
  for (int t = 0; t < kSteps; t++) {
    for (int i = 0; i < kBatch; i++) {
      seed = seed * 1664525u + 1013904223u;
      add_gradient(parameters, -3 + 6 * (float)(seed >> 8) / 16777216);
    }
    check(ngd_optimizer_sweep_f32(optimizer, parameters, gradients, NULL, 4, &error), &error);
    if (t % 500 == 499)
      printf("step %llu: rate %.4f, gradient norm %.4f, mean error %.4f\n",
             (unsigned long long)ngd_optimizer_step_count(optimizer), ngd_optimizer_learning_rate(optimizer),
             ngd_optimizer_gradient_norm(optimizer), mean_error(parameters));
  }
  float averages[3 * kHidden + 1],
      *average[4] = {averages, averages + kHidden, averages + 2 * kHidden, averages + 3 * kHidden};
  check(ngd_optimizer_average_f32(optimizer, (const float *const *)parameters, average, 4, &error), &error);
  const double left = mean_error(average);
  printf("mean error of the averaged parameters: %.4f\n", left);
  ngd_optimizer_destroy(optimizer);
  return left < 0.05 ? 0 : 1;
}
