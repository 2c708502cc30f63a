// The only door between C++ and C: runs a body, turns any exception into a status and a message, allocates
// nothing.
#pragma once

#include <string_view>

#include "base/error.h"
#include "ngd/error.h"

namespace ngd {

// Called inside a catch block: fills `error` (nullable) from the exception in flight and returns its status.
ngd_status report_exception(ngd_error *error) noexcept;

// Writes code and message, cut at a UTF-8 boundary.
ngd_status report(ngd_error *error, ngd_status status, const char *message) noexcept;

template <class Body>
ngd_status guard(ngd_error *error, Body &&body) noexcept {
  try {
    body();
    return NGD_OK;
  } catch (...) {
    return report_exception(error);
  }
}

// require(pointer, "optimizer"): throws NGD_E_ARGUMENT "optimizer is NULL; pass ..." for NULL.
void require(const void *pointer, const char *name);

// Two-call text results: writes `needed`, copies when there is room, throws NGD_E_BUFFER when capacity is too
// small and not 0.
void copy_text(std::string_view text, char *buffer, size_t capacity, size_t *needed);

}  // namespace ngd
