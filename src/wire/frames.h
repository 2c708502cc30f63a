// Messages as the frames that travel: header, control and a short payload in the first, chunks of a long one after it.
#pragma once

#include <cstdint>
#include <vector>

#include "wire/header.h"

namespace ngd::wire {

struct Frames {
  std::vector<Bytes> list;
  uint64_t bytes() const { return total_bytes(list); }
};

// The payload is not copied but for its small pieces; the frames keep its owners alive. `checked`: the payload has a
// checksum too.
Frames pack(const Message &message, uint16_t node = 0, bool checked = false);

struct Unpacked {
  Header header;
  Message message;
};

// Takes apart what came; the payload's slices keep the frames alive. Throws Error(NGD_E_PROTOCOL) with what is wrong,
// before anything is allocated for what the header merely promises. Each frame begins at a multiple of 8 bytes, but
// for slices within the first.
Unpacked unpack(const std::vector<Bytes> &frames);

}  // namespace ngd::wire
