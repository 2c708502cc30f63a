// The arithmetic of one window: scores, loss, and the gradients of the rows it touches. The same bits on every vector target.
#pragma once

#include <cstddef>

#include "math/simd.h"

namespace ngd {

struct Window {
  size_t dimension = 0;
  size_t inputs = 0, outputs = 0;  // output 0 is the word itself, the others are noise
  const float *const *input = nullptr;
  const float *const *output = nullptr;
  float *const *input_gradient = nullptr;   // added to
  float *const *output_gradient = nullptr;  // written
  const float *label = nullptr;  // of each output: 1, or 0 for noise, or -1 for noise that does not count
  float *scores = nullptr;       // room for score_room(inputs, outputs); afterwards scores[i * outputs + j]
  float *gradients = nullptr;    // the same room: d loss / d score
  float *hidden = nullptr;       // room for 2 * dimension; for cbow
};

constexpr size_t score_room(size_t inputs, size_t outputs) {
  return (inputs * outputs + 15) / 16 * 16;
}

// For input i and output j: s = in_i . out_j, g = 1 / (1 + e^-s) - label_j; d in_i = sum g out_j, d out_j = sum g in_i.
void skip_gram(Target target, const Window &window);

// With h the mean of the inputs: s = h . out_j, g as above; d in_i = 1/n sum g out_j, d out_j = g h. One row of scores.
void continuous_bag(Target target, const Window &window);

}  // namespace ngd
