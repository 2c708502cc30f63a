// The four option functions that every handle has, written once. `what` is the argument's name in messages.
#pragma once

#include "capi/guard.h"

namespace ngd {

template <class Handle>
ngd_status set_option(Handle *handle, const char *what, const char *name, double value,
                      ngd_error *error) noexcept {
  return guard(error, [&] {
    require(handle, what);
    require(name, "name");
    handle->object->set(name, value);
  });
}

template <class Handle>
ngd_status set_text_option(Handle *handle, const char *what, const char *name, const char *value,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    require(handle, what);
    require(name, "name");
    require(value, "value");
    handle->object->set_text(name, value);
  });
}

template <class Handle>
ngd_status get_option(const Handle *handle, const char *what, const char *name, double *value,
                      ngd_error *error) noexcept {
  return guard(error, [&] {
    require(handle, what);
    require(name, "name");
    require(value, "value");
    *value = handle->object->options().number(name);
  });
}

template <class Handle>
ngd_status get_text_option(const Handle *handle, const char *what, const char *name, char *buffer,
                           size_t capacity, size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(handle, what);
    require(name, "name");
    copy_text(handle->object->options().text(name), buffer, capacity, needed);
  });
}

}  // namespace ngd
