// Checks that a body throws one status with one text.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "test.h"

inline void check_fails(ngd_status status, const std::string &message, const std::function<void()> &body) {
  try {
    body();
  } catch (const ngd::Error &error) {
    assert_string_equal(error.what(), message.c_str());
    assert_int_equal(error.status(), status);
    return;
  }
  print_error("nothing was thrown, but this was expected: %s\n", message.c_str());
  _fail(__FILE__, __LINE__);
}
