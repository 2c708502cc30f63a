// Addresses of servers: tcp, ipc and inproc, and nothing else that ZeroMQ may know.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ngd::transport {

enum class Scheme : uint8_t { tcp, ipc, inproc };

struct Address {
  std::string text;  // "tcp://10.0.0.1:7070"
  Scheme scheme = Scheme::tcp;
  std::string host;  // of tcp: without the port; of ipc: the path; of inproc: the name
  bool loopback = false;
};

// Throws NGD_E_ARGUMENT for what is none of the three, or malformed.
Address parse_address(std::string_view text);

// Addresses separated by commas or spaces; at least one.
std::vector<Address> parse_addresses(std::string_view text);

// Makes the directory of an ipc socket (mode 0700) where there is none; throws NGD_E_ACCESS when others may enter it.
void prepare_ipc_directory(const Address &address);

}  // namespace ngd::transport
