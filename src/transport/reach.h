// Why nobody answers at an address, for the message of an error.
#pragma once

#include <string>
#include <vector>

#include "cluster/environment.h"
#include "transport/address.h"

namespace ngd::transport {

// A sentence for each of the first few addresses: nobody listens there, the host is not reached, or it is reached and does not
// answer, and what that may mean. Waits for at most so many microseconds, and asks no name server.
std::string why_unanswered(const std::vector<Address> &addresses, bool encrypted, cluster::Time patience);

}  // namespace ngd::transport
