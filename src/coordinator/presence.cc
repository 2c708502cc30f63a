// Locked files: made, tried, and listed.
#include "coordinator/presence.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "store/posix.h"
#include "transport/system.h"

namespace ngd::coordinator {
namespace {

constexpr std::string_view kPrefix = "live";  // "/alive/3" is the file live.alive.3
constexpr size_t kValueBytes = 4096;

struct flock whole_file() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Presence::~Presence() {
  for (const auto &[key, held] : held_) {
    if (held.file >= 0) close(held.file);
  }
}

std::string Presence::path_of(const std::string &key) const {
  std::string name = key;
  std::ranges::replace(name, '/', '.');
  return concat(directory_, "/", kPrefix, name);
}

void Presence::announce(const std::string &key, const std::string &value) {
  Held &held = held_[key];
  if (held.file >= 0 && held.value != value) {
    close(held.file);
    held.file = -1;
  }
  held.value = value;
  renew();
}

void Presence::renew() {
  for (auto &[key, held] : held_) {
    if (held.file >= 0) continue;
    const std::string path = path_of(key);
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) fail(NGD_E_IO, "cannot open ", path, ": ", system_text(errno));
    struct flock lock = whole_file();
    const auto size = static_cast<ssize_t>(held.value.size());
    if (fcntl(file, F_OFD_SETLK, &lock) != 0) {
      close(file);
    } else if (ftruncate(file, 0) != 0 || pwrite(file, held.value.data(), held.value.size(), 0) != size) {
      const int error = errno;
      close(file);
      fail(NGD_E_IO, "cannot write ", path, ": ", system_text(error));
    } else {
      held.file = file;
    }
  }
}

std::vector<cluster::Record> Presence::records(const std::string &prefix) const {
  std::vector<cluster::Record> found;
  for (const std::string &name : transport::SystemDisk(directory_).list("")) {
    if (!name.starts_with(kPrefix)) continue;
    std::string key = name.substr(kPrefix.size());
    std::ranges::replace(key, '.', '/');
    if (!key.starts_with(prefix)) continue;
    const int file = open((directory_ + "/" + name).c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) continue;
    struct flock lock = whole_file();
    std::string value(kValueBytes, '\0');
    if (fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
      const ssize_t got = pread(file, value.data(), value.size(), 0);
      value.resize(got > 0 ? static_cast<size_t>(got) : 0);
      found.push_back({key, value, 0});
    }
    close(file);
  }
  return found;
}

}  // namespace ngd::coordinator
