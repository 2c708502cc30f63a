/* A model of your own, trained with libngd's optimizer: fits a straight line to noisy points.
 *
 * You compute the gradients; ngd_optimizer_step_f32() changes the parameters in place.
 */
#include <math.h>
#include <stdio.h>

#include "ngd.h"

enum { kPoints = 200, kSteps = 500 };

int main(void) {
  float x[kPoints], y[kPoints];
  for (int i = 0; i < kPoints; i++) {
    x[i] = (float)i / kPoints;
    y[i] = 3 * x[i] - 1 + 0.01f * sinf(37.0f * (float)i); /* slope 3, intercept -1 */
  }

  float slope = 0, intercept = 0, slope_gradient, intercept_gradient;
  float *parameters[] = {&slope, &intercept};
  const float *gradients[] = {&slope_gradient, &intercept_gradient};

  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  if (ngd_optimizer_create("ngd:learning_rate=0.05", &optimizer, &error) != NGD_OK ||
      ngd_optimizer_add_f32(optimizer, "slope", NULL, 0, &error) != NGD_OK || /* rank 0: one number */
      ngd_optimizer_add_f32(optimizer, "intercept", NULL, 0, &error) != NGD_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  for (int step = 0; step < kSteps; step++) {
    slope_gradient = intercept_gradient = 0;
    for (int i = 0; i < kPoints; i++) {
      const float residual = slope * x[i] + intercept - y[i];
      slope_gradient += 2 * residual * x[i] / kPoints;
      intercept_gradient += 2 * residual / kPoints;
    }
    if (ngd_optimizer_step_f32(optimizer, parameters, gradients, 2, &error) != NGD_OK) {
      fprintf(stderr, "%s\n", error.message);
      return 1;
    }
  }
  ngd_optimizer_destroy(optimizer);
  printf("y = %.3f x + %.3f\n", slope, intercept);
  return fabsf(slope - 3) < 0.05f && fabsf(intercept + 1) < 0.05f ? 0 : 1;
}
