// Writing public structs that begin with their own size: old callers get the fields they know, and no more.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace ngd {

// Copies `full` into `*out` within out->struct_size, which stays as it is. `name` is for the message.
template <class Struct>
void fill_struct(Struct *out, Struct full, const char *name) {
  const size_t size = out->struct_size;
  if (size < 2 * sizeof(size_t) || size > 65536)
    fail(NGD_E_ARGUMENT, name, ".struct_size is ", size, "; set it to sizeof(", name, ") before the call");
  full.struct_size = size;
  std::memcpy(out, &full, std::min(size, sizeof full));
}

}  // namespace ngd
