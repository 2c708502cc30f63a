// What the C++ binding's tests share: cmocka, the headers as a user includes them, and a check of what is
// thrown.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <ngd.hpp>
#include <string>
#include <vector>

extern "C" {
#include <cmocka.h>
}

// Runs a body that must throw ngd::Error of that status; gives the message.
template <class Body>
std::string error_of(ngd_status status, Body body) {
  try {
    body();
  } catch (const ngd::Error &error) {
    assert_string_equal(error.name(), ngd_status_name(status));
    assert_int_equal(error.status(), status);
    return error.what();
  }
  fail_msg("nothing was thrown, expected %s", ngd_status_name(status));
  return "";
}

inline void assert_text(const std::string &actual, const char *expected) {
  assert_string_equal(actual.c_str(), expected);
}

inline void assert_near(double actual, double expected, double tolerance) {
  if (!(std::abs(actual - expected) <= tolerance)) fail_msg("%.17g is not %.17g", actual, expected);
}

// Rows of four numbers; class 1 where their sum is above 0.
inline ngd::Dataset half_spaces(int rows, unsigned seed) {
  std::vector<float> features, labels;
  for (int row = 0; row < rows; row++) {
    float sum = 0;
    for (int column = 0; column < 4; column++) {
      seed = seed * 1664525 + 1013904223;
      features.push_back(static_cast<float>(seed >> 8) / 8388608.0f - 1);
      sum += features.back();
    }
    labels.push_back(sum > 0 ? 1.0f : 0.0f);
  }
  ngd::Dataset dataset("dense:label_type=category");
  dataset.append(features, 4, labels);
  return dataset;
}

// A file name in the working directory that is removed at the end.
struct TemporaryPath {
  explicit TemporaryPath(std::string name) : text(std::move(name)) {}
  ~TemporaryPath() { std::filesystem::remove_all(text); }
  std::string text;
};
