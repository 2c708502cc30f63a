// Taking addresses apart.
#include "transport/address.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace ngd::transport {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  fail(NGD_E_ARGUMENT, "address ", quoted(text, 80), ": ", why);
}

bool loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host == "lo" || host.starts_with("127.");
}

void take_tcp(Address &address, std::string_view rest) {
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) refuse(address.text, "write tcp://host:port");
  const std::string_view port = rest.substr(colon + 1);
  int64_t number = 0;
  if (port != "*" && (!parse_integer(port, number) || number < 0 || number > 65535))
    refuse(address.text, "the port is a number from 0 to 65535, or * for any that is free");
  address.host = rest.substr(0, colon);
  // ZeroMQ would take "source;destination" and names of interfaces with a path after them.
  if (address.host.find_first_of(";/@ ") != std::string::npos)
    refuse(address.text, "the host has characters that no host has");
  address.loopback = loopback(address.host);
}

}  // namespace

Address parse_address(std::string_view text) {
  Address address;
  address.text = text;
  if (text.size() > 255) refuse(text, "it has more than 255 bytes");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) refuse(text, "it has spaces or control characters");
  }
  if (text.starts_with("tcp://")) {
    address.scheme = Scheme::tcp;
    take_tcp(address, text.substr(6));
  } else if (text.starts_with("ipc://")) {
    address.scheme = Scheme::ipc;
    address.host = text.substr(6);
    if (address.host.empty() || address.host[0] != '/')
      refuse(text, "write ipc:// and the absolute path of a socket in a directory of your own");
    if (address.host.size() > 107) refuse(text, "the path of a socket has at most 107 bytes");
  } else if (text.starts_with("inproc://")) {
    address.scheme = Scheme::inproc;
    address.host = text.substr(9);
    if (address.host.empty() || address.host.starts_with("zeromq.")) refuse(text, "write inproc:// and a name");
  } else {
    refuse(text, "it begins with none of tcp://, ipc:// and inproc://");
  }
  return address;
}

std::vector<Address> parse_addresses(std::string_view text) {
  std::vector<Address> addresses;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(", ", at), text.size());
    if (end > at) addresses.push_back(parse_address(text.substr(at, end - at)));
    at = end + 1;
  }
  if (addresses.empty())
    fail(NGD_E_ARGUMENT,
         "no address is given; write for example tcp://127.0.0.1:7070, several separated by commas");
  return addresses;
}

void prepare_ipc_directory(const Address &address) {
  const size_t slash = address.host.rfind('/');
  const std::string directory = slash == 0 ? "/" : address.host.substr(0, slash);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    fail(NGD_E_IO, "cannot make the directory ", directory, " of ", address.text, ": ", std::strerror(errno));
  struct stat status;
  if (stat(directory.c_str(), &status) != 0)
    fail(NGD_E_IO, "cannot look at the directory ", directory, " of ", address.text, ": ",
         std::strerror(errno));
  if (!S_ISDIR(status.st_mode)) fail(NGD_E_IO, directory, " of ", address.text, " is not a directory");
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
    fail(NGD_E_ACCESS, "others may enter the directory ", directory, " of ", address.text,
         ": take one of your own with mode 0700, or set trusted_network");
}

}  // namespace ngd::transport
