// Who sent a message, as the transport knows it and the sender cannot choose.
#pragma once

#include "cluster/environment.h"

namespace ngd::cluster {

// Each may do what those before it may.
enum class Role : uint8_t { reader, worker, admin, server };

struct From {
  Peer peer = 0;
  Role role = Role::worker;
  uint64_t user =
      0;  // of the authenticated key, the same after a reconnection; 0 where nothing is authenticated
};

}  // namespace ngd::cluster
