// Reading the address, and the file of user and password.
#include "coordinator/etcd/settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "store/posix.h"

namespace ngd::etcd {
namespace {

constexpr std::string_view kScheme = "etcd://";
constexpr std::string_view kPort = "2379";
constexpr size_t kLoginBytes = 1024;
constexpr size_t kSafeMembers = 3;

// "host", "host:port", "[::1]" or "[::1]:port", as a URL wants it.
std::string member_of(std::string_view text, std::string_view address) {
  const auto wrong = [&](std::string_view why) {
    fail(NGD_E_ARGUMENT, "option coordinator is ", quoted(address, 120), ": ", quoted(text), " ", why,
         "; write etcd://host:port,host:port,host:port");
  };
  const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) wrong("has no ]");
  const size_t colon = text.find(':', bracket);
  const std::string_view host = text.substr(0, colon);
  if (host.empty() || host == "[]") wrong("has no host");
  for (const char c : host) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view(".-_").find(c) != std::string_view::npos ||
                      (bracket != 0 && std::string_view("[]:%").find(c) != std::string_view::npos);
    if (!good) wrong("is no name or number of a host");
  }
  if (colon == std::string_view::npos) return concat(text, ":", kPort);
  int64_t port = 0;
  if (!parse_integer(text.substr(colon + 1), port) || port < 1 || port > 65535)
    wrong("has no port from 1 to 65535");
  return std::string(text);
}

// The first line of a file that nobody else may read: user:password.
void read_login(const std::string &path, Settings &settings) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0)
    fail(NGD_E_IO, "cannot open the login of the coordinator, ", quoted(path, 200), ": ", system_text(errno));
  struct stat status = {};
  const bool regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  std::string text(kLoginBytes, '\0');
  const ssize_t got = regular ? read(file, text.data(), text.size()) : 0;
  close(file);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  if ((status.st_mode & 077) != 0)
    fail(NGD_E_ACCESS, "others may read ", quoted(path, 200), ", which holds a password: chmod 600 it");
  text.resize(std::min(text.find('\n'), text.size()));
  const size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0)
    fail(NGD_E_DATA, quoted(path, 200), " is no login: its first line is to be user:password");
  settings.user = text.substr(0, colon);
  settings.password = text.substr(colon + 1);
}

void read_option(std::string_view text, std::string_view address, Settings &settings) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  if (name == "single_member" && (value == "0" || value == "1"))
    settings.single_member = value == "1";
  else if (name == "login" && !value.empty())
    read_login(std::string(value), settings);
  else if (name == "authorities" && !value.empty())
    settings.authorities = value;
  else
    fail(NGD_E_ARGUMENT, "option coordinator is ", quoted(address, 120), ": ", quoted(text),
         " is none of login=/file, authorities=/file.pem, authorities=system and single_member=1");
}

}  // namespace

Settings settings_of(std::string_view address, std::string_view cluster) {
  Settings settings;
  if (!address.starts_with(kScheme))
    fail(NGD_E_ARGUMENT, "option coordinator is ", quoted(address, 120), ", which does not begin with ",
         kScheme);
  if (cluster.empty() || cluster.find('/') != std::string_view::npos)
    fail(NGD_E_ARGUMENT, "option cluster is ", quoted(cluster),
         ": it is part of the keys in etcd, and may not be empty or hold a slash");
  const std::string_view rest = address.substr(kScheme.size());
  const size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    for (const std::string_view option : split(rest.substr(question + 1), '&'))
      read_option(option, address, settings);
  }
  const char *scheme = settings.authorities.empty() ? "http://" : "https://";
  for (const std::string_view member : split(rest.substr(0, question), ','))
    settings.members.push_back(concat(scheme, member_of(member, address)));
  if (settings.members.size() < kSafeMembers && !settings.single_member)
    fail(NGD_E_ARGUMENT, "option coordinator names ", settings.members.size(), " member",
         settings.members.size() == 1 ? "" : "s",
         " of etcd: with fewer than three, one crash stops or loses what the servers agreed on; name three, or "
         "add "
         "?single_member=1 where that may be");
  settings.root = concat("/ngd/", cluster);
  return settings;
}

}  // namespace ngd::etcd
