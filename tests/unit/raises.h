// Checks that unit tests share: errors with their exact text, and texts.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "ngd/error.h"
#include "test.h"

// Runs `body`, which must throw an ngd::Error with this status and this text.
template <class Body>
void check_raises(ngd_status status, const std::string &text, Body &&body) {
  std::string message = "no error";
  ngd_status got = NGD_OK;
  try {
    body();
  } catch (const ngd::Error &error) {
    message = error.what();
    got = error.status();
  }
  assert_string_equal(message.c_str(), text.c_str());
  assert_string_equal(ngd_status_name(got), ngd_status_name(status));
}

inline void check_text(std::string_view got, std::string_view expected) {
  assert_string_equal(std::string(got).c_str(), std::string(expected).c_str());
}
