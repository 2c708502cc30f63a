// The options of a server.
#pragma once

#include "base/option.h"

namespace ngd::transport {

OptionTable server_options();

}  // namespace ngd::transport
