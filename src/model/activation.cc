// Activations and their derivatives.
#include "model/activation.h"

#include <algorithm>
#include <cmath>

namespace ngd {

Activation activation_of(std::string_view choice) {
  if (choice == "sigmoid") return Activation::sigmoid;
  if (choice == "tanh") return Activation::tanh;
  return Activation::relu;
}

template <class T>
T sigmoid(T x) {
  const T decay = std::exp(-std::fabs(x));  // at most 1, so nothing overflows
  return (x >= 0 ? T{1} : decay) / (1 + decay);
}

template <class T>
void activate(Activation activation, T *values, size_t count) {
  switch (activation) {
    case Activation::sigmoid:
      for (size_t i = 0; i < count; i++) values[i] = sigmoid(values[i]);
      return;
    case Activation::tanh:
      for (size_t i = 0; i < count; i++) values[i] = std::tanh(values[i]);
      return;
    case Activation::relu:
      // Written so that NaN stays NaN: a diverged model must show.
      for (size_t i = 0; i < count; i++) values[i] = values[i] < 0 ? T{0} : values[i];
      return;
  }
}

template <class T>
void activation_backward(Activation activation, const T *outputs, T *gradient, size_t count) {
  switch (activation) {
    case Activation::sigmoid:
      for (size_t i = 0; i < count; i++) gradient[i] *= outputs[i] * (1 - outputs[i]);
      return;
    case Activation::tanh:
      for (size_t i = 0; i < count; i++) gradient[i] *= 1 - outputs[i] * outputs[i];
      return;
    case Activation::relu:
      for (size_t i = 0; i < count; i++) gradient[i] = outputs[i] > 0 ? gradient[i] : T{0};
      return;
  }
}

template float sigmoid(float);
template double sigmoid(double);
template void activate(Activation, float *, size_t);
template void activate(Activation, double *, size_t);
template void activation_backward(Activation, const float *, float *, size_t);
template void activation_backward(Activation, const double *, double *, size_t);

}  // namespace ngd
