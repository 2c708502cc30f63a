// What servers and workers want of the allocator.
#pragma once

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace cli {

// Messages come and go by megabytes. By default the memory of each goes back to the system when it is freed, and its pages
// come back one by one, zeroed: that cost a server as much as receiving. So up to 64 MiB stay.
inline void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

}  // namespace cli
