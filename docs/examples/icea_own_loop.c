/* ICEA with a model and loop of your own: logistic regression on points of which a few lie on the wrong side.
 *
 * The buffer is asked which rows come next and told how each did; the gradient is yours. In the end the rows that never
 * came right stand in its quarantine: the mislabelled ones.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ngd.h"

enum { kRows = 1000, kBatch = 20, kSteps = 1500, kWrong = 50 };

static void check(ngd_status status, const ngd_error *error) {
  if (status == NGD_OK) return;
  fprintf(stderr, "%s: %s\n", ngd_status_name(status), error->message);
  exit(1);
}

int main(void) {
  /* Class 1 lies above the line y = 2x - 0.5; every 20th label is wrong. */
  static float x[kRows], y[kRows];
  static int label[kRows];
  for (int i = 0; i < kRows; i++) {
    x[i] = (float)(i * 37 % kRows) / kRows;
    y[i] = (float)(i * 101 % 997) / 997;
    label[i] = y[i] > 2 * x[i] - 0.5f;
    if (i % (kRows / kWrong) == 0) label[i] = !label[i];
  }

  float w[3] = {0, 0, 0}, gradient[3];
  float *parameters[] = {w};
  const float *gradients[] = {gradient};
  const int64_t shape[] = {3};
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  ngd_icea *icea = NULL;
  check(ngd_optimizer_create("ngd:learning_rate=0.05", &optimizer, &error), &error);
  check(ngd_optimizer_add_f32(optimizer, "w", shape, 1, &error), &error);
  check(ngd_icea_create("icea:rho=0.5", kRows, &icea, &error), &error);

  for (int step = 0; step < kSteps; step++) {
    uint64_t rows[kBatch];
    float weights[kBatch], losses[kBatch];
    int32_t correct[kBatch];
    check(ngd_icea_draw_f32(icea, kBatch, rows, weights, &error), &error);
    gradient[0] = gradient[1] = gradient[2] = 0;
    for (int k = 0; k < kBatch; k++) {
      const uint64_t i = rows[k];
      const float z = w[0] * x[i] + w[1] * y[i] + w[2], t = (float)label[i];
      const float delta =
          (1 / (1 + expf(-z)) - t) * weights[k] / kBatch; /* the weight goes into the gradient */
      gradient[0] += delta * x[i];
      gradient[1] += delta * y[i];
      gradient[2] += delta;
      losses[k] = fmaxf(z, 0) - z * t + log1pf(expf(-fabsf(z))); /* but not into the loss that is recorded */
      correct[k] = (z > 0) == label[i];
    }
    check(ngd_optimizer_step_f32(optimizer, parameters, gradients, 1, &error), &error);
    check(ngd_icea_record_f32(icea, rows, losses, correct, kBatch, &error), &error);
  }

  uint64_t set_aside[kRows];
  size_t count, right = 0;
  check(ngd_icea_get_quarantine(icea, set_aside, kRows, &count, &error), &error);
  for (size_t k = 0; k < count; k++) right += set_aside[k] % (kRows / kWrong) == 0;
  ngd_icea_info info = {.struct_size = sizeof info};
  check(ngd_icea_get_info(icea, &info, &error), &error);
  printf("the line: y = %.2f x %+.2f\n", -w[0] / w[1], -w[2] / w[1]);
  printf(
      "%d of the %d wrong labels are in quarantine, and %d right ones; %.0f %% of the draws were hard ones\n",
      (int)right, kWrong, (int)(count - right), 100 * (double)info.hard_draws / (double)info.draws);
  ngd_optimizer_destroy(optimizer);
  ngd_icea_destroy(icea);
  return right >= kWrong - 10 && count - right <= 20 ? 0 : 1;
}
