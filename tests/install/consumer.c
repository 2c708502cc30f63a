/* A C program that uses an installed libngd: twenty steps towards the minimum of (w - 3)^2, then a mistake on
 * purpose. */
#include <math.h>
#include <ngd.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  double w = 0, gradient;
  double *parameters[] = {&w};
  const double *gradients[] = {&gradient};
  const int64_t shape[] = {1};
  ngd_error error = {0, ""};
  ngd_optimizer *optimizer = NULL;
  int i;
  if (ngd_version_number() != NGD_VERSION_NUMBER) return 1;
  if (ngd_optimizer_create("sgd:learning_rate=0.25", &optimizer, &error) != NGD_OK ||
      ngd_optimizer_add_f64(optimizer, "w", shape, 1, &error) != NGD_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 2;
  }
  for (i = 0; i < 20; i++) {
    gradient = 2 * (w - 3);
    if (ngd_optimizer_step_f64(optimizer, parameters, gradients, 1, &error) != NGD_OK) return 3;
  }
  ngd_optimizer_destroy(optimizer);
  if (fabs(w - 3) > 1e-5) return 4;
  /* The error comes from a C++ exception inside the library: a static link must carry unwinding too. */
  if (ngd_optimizer_create("sgd:learning_rat=1", &optimizer, &error) != NGD_E_OPTION) return 5;
  if (strstr(error.message, "did you mean \"learning_rate\"") == NULL) return 6;
  printf("libngd %s: w = %.5f\n", ngd_version(), w);
  return 0;
}
