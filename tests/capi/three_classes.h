/* Data that tests of trainers learn from. */
#ifndef NGD_THREE_CLASSES_H
#define NGD_THREE_CLASSES_H

#include <stdlib.h>

#include "test.h"

/* Three classes that a small network can tell apart; of every tenth row the label is wrong when `wrong`. */
static inline ngd_dataset *three_classes(int rows, int columns, int wrong) {
  ngd_error error;
  float *features = malloc((size_t)rows * (size_t)columns * sizeof(float)),
        *labels = malloc((size_t)rows * sizeof(float));
  assert_non_null(features);
  assert_non_null(labels);
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++)
      features[i * columns + j] = (float)((i * 37 + j * 101 + i * j * 13) % 97) / 40 - 1.2f;
    const float *x = features + i * columns;
    labels[i] = i < 3 ? (float)i : x[0] + x[1] > 0.3f ? 2.0f : x[2] > 0 ? 1.0f : 0.0f;
    if (wrong && i >= 3 && i % 10 == 0) labels[i] = labels[i] == 2.0f ? 0.0f : labels[i] + 1;
  }
  ngd_dataset *data;
  check_ok(ngd_dataset_create("dense:label_type=category", &data, &error));
  check_ok(ngd_dataset_append_f32(data, features, labels, (size_t)rows, (size_t)columns, &error));
  free(features);
  free(labels);
  return data;
}

#endif
