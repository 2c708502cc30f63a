// Files of a server's directory.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "transport/system.h"

namespace ngd::transport {
namespace {

[[noreturn]] void fail_io(const char *what, const std::string &path) {
  fail(NGD_E_IO, what, " ", path, ": ", std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

class SystemFile : public cluster::File {
 public:
  SystemFile(int fd, std::string path) : descriptor_(fd), path_(std::move(path)) {}
  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t done = ::write(descriptor_.fd(), bytes.data(), bytes.size());
      if (done < 0 && errno != EINTR) fail_io("cannot write", path_);
      if (done > 0) bytes = bytes.subspan(static_cast<size_t>(done));
    }
  }
  void sync() override {
    if (fdatasync(descriptor_.fd()) != 0) fail_io("cannot bring to the disk", path_);
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

}  // namespace

std::string SystemDisk::full(const std::string &path) const {
  return path.empty() ? root_ : root_ + "/" + path;
}

std::unique_ptr<cluster::File> SystemDisk::create(const std::string &path) {
  const std::string name = full(path);
  const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail_io("cannot create", name);
  return std::make_unique<SystemFile>(fd, name);
}

std::optional<std::vector<std::byte>> SystemDisk::read(const std::string &path) {
  auto whole = read_part(path, 0, ~size_t{0});
  if (!whole) return std::nullopt;
  return std::move(whole->bytes);
}

std::optional<cluster::Disk::Part> SystemDisk::read_part(const std::string &path, uint64_t offset,
                                                         size_t most) {
  const std::string name = full(path);
  const Descriptor file(open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail_io("cannot open", name);
  }
  struct stat status;
  if (fstat(file.fd(), &status) != 0) fail_io("cannot look at", name);
  if (!S_ISREG(status.st_mode)) fail(NGD_E_IO, name, " is not a file");
  Part part;
  part.total = static_cast<uint64_t>(status.st_size);
  part.bytes.resize(std::min<uint64_t>(most, part.total - std::min(offset, part.total)));
  size_t have = 0;
  while (have < part.bytes.size()) {
    const ssize_t got =
        pread(file.fd(), part.bytes.data() + have, part.bytes.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno != EINTR) fail_io("cannot read", name);
    if (got == 0) break;
    if (got > 0) have += static_cast<size_t>(got);
  }
  part.bytes.resize(have);
  return part;
}

void SystemDisk::rename(const std::string &from, const std::string &to) {
  if (std::rename(full(from).c_str(), full(to).c_str()) != 0) fail_io("cannot give its name to", full(to));
}

void SystemDisk::remove(const std::string &path) {
  if (unlink(full(path).c_str()) != 0 && errno != ENOENT) fail_io("cannot remove", full(path));
}

std::vector<std::string> SystemDisk::list(const std::string &directory) {
  const std::string name = full(directory);
  const std::unique_ptr<DIR, int (*)(DIR *)> entries(opendir(name.c_str()), closedir);
  std::vector<std::string> names;
  if (entries == nullptr) {
    if (errno == ENOENT) return names;
    fail_io("cannot list", name);
  }
  while (const dirent *entry = readdir(entries.get())) {
    const std::string one = entry->d_name;
    if (one != "." && one != "..") names.push_back(one);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void SystemDisk::make_directory(const std::string &path) {
  const std::string name = full(path);
  for (size_t slash = name.find('/', 1);; slash = name.find('/', slash + 1)) {
    const std::string part = name.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) fail_io("cannot make the directory", part);
    if (slash == std::string::npos) break;
  }
  struct stat status;
  if (stat(name.c_str(), &status) != 0) fail_io("cannot look at", name);
  if (!S_ISDIR(status.st_mode)) fail(NGD_E_IO, name, " is not a directory");
}

void SystemDisk::sync_directory(const std::string &path) {
  const std::string name = full(path);
  const Descriptor directory(open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0) fail_io("cannot open", name);
  if (fsync(directory.fd()) != 0) fail_io("cannot bring to the disk", name);
}

}  // namespace ngd::transport
