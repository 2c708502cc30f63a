// Activations between hidden layers: sigmoid, tanh, relu.
#pragma once

#include <cstddef>
#include <string_view>

namespace ngd {

enum class Activation { sigmoid, tanh, relu };

inline constexpr const char *kActivationChoices = "sigmoid|tanh|relu";
Activation activation_of(std::string_view choice);

// values = f(values)
template <class T>
void activate(Activation activation, T *values, size_t count);

// gradient *= f'(x), with f' written by the output y = f(x):
// sigmoid y (1 - y); tanh 1 - y^2; relu 1 where y > 0, else 0.
template <class T>
void activation_backward(Activation activation, const T *outputs, T *gradient, size_t count);

// 1 / (1 + e^-x) without overflow.
template <class T>
T sigmoid(T x);

}  // namespace ngd
