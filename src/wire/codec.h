// Messages to bytes and back. What comes from the network is verified before it is looked at.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wire/message.h"

namespace ngd::wire {

// The number of a body in the fixed header: its place in Body, from 1.
uint8_t type_of(const Body &body);
const char *type_name(uint8_t type);  // "push"; "unknown"
inline constexpr uint8_t kTypes = static_cast<uint8_t>(std::variant_size_v<Body>);

// The control bytes of a message; the payload travels as it is.
Bytes encode(const Body &body);

// The body of a message of that type. Throws Error(NGD_E_PROTOCOL) with what is wrong; texts, lists and depths are
// bounded by the limits of limits.h. The length of the payload is checked where its meaning is known.
Body decode(uint8_t type, std::span<const std::byte> control);

}  // namespace ngd::wire
