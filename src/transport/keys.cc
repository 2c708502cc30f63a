// Reading, writing and guarding keys.
#include "transport/keys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "transport/system.h"

namespace ngd::transport {
namespace {

constexpr size_t kPage = 4096;

char *new_page() {
  void *page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  madvise(page, kPage, MADV_DONTDUMP);
  mlock(page, kPage);  // where the system lets us
  return static_cast<char *>(page);
}

void write_file(const std::string &path, std::string_view text, mode_t mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0 && errno == EEXIST)
    fail(NGD_E_CONFLICT, path, " exists already: keys are never overwritten; remove it, or take another name");
  if (fd < 0) fail(NGD_E_IO, "cannot create ", path, ": ", std::strerror(errno));
  const bool good = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (!good) {
    unlink(path.c_str());
    fail(NGD_E_IO, "cannot write ", path, ": ", std::strerror(error));
  }
}

// The whole of a small file, in a page that is not dumped.
struct KeyFile {
  Secret text;
  mode_t mode = 0;
  bool of_root = false;
};

KeyFile read_file(const std::string &path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail(NGD_E_IO, "cannot open the key file ", path, ": ", std::strerror(errno));
  struct stat status;
  const bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  Secret page{std::string_view()};
  ssize_t size = 0;
  if (good) size = read(fd, const_cast<char *>(page.text()), kPage - 1);
  close(fd);
  if (!good || size < 0) fail(NGD_E_IO, "cannot read the key file ", path);
  if (status.st_size >= static_cast<off_t>(kPage)) fail(NGD_E_DATA, path, " is too long for a key file");
  return {std::move(page), status.st_mode, status.st_uid == 0};
}

// The value of `name = "value"`, as the files have it; empty when there is none.
std::string_view field(std::string_view text, std::string_view name) {
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view trimmed = trim(line);
    const size_t equals = trimmed.find('=');
    if (equals == std::string_view::npos || trim(trimmed.substr(0, equals)) != name) continue;
    std::string_view value = trim(trimmed.substr(equals + 1));
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return {};
    return value.substr(1, value.size() - 2);
  }
  return {};
}

bool is_key(std::string_view text) {
  if (text.size() != kKeyText) return false;
  char terminated[kKeyText + 1] = {};
  std::memcpy(terminated, text.data(), kKeyText);
  uint8_t decoded[32];
  const bool good = zmq_z85_decode(decoded, terminated) != nullptr;
  explicit_bzero(terminated, sizeof terminated);
  explicit_bzero(decoded, sizeof decoded);
  return good;
}

std::string with_ending(const std::string &path, std::string_view ending) {
  const bool has = path.size() > ending.size() && path.ends_with(ending);
  return has ? path : path + std::string(ending);
}

}  // namespace

Secret::Secret() = default;

Secret::Secret(std::string_view text) : text_(new_page()) {
  if (!text.empty()) std::memcpy(text_, text.data(), std::min(text.size(), kPage - 1));
}

Secret::~Secret() {
  if (text_ == nullptr) return;
  explicit_bzero(text_, kPage);
  munmap(text_, kPage);
}

Secret::Secret(Secret &&other) noexcept : text_(std::exchange(other.text_, nullptr)) {}

Secret &Secret::operator=(Secret &&other) noexcept {
  std::swap(text_, other.text_);
  return *this;
}

std::string_view role_name(cluster::Role role) {
  constexpr std::string_view kNames[] = {"reader", "worker", "admin", "server"};
  return kNames[static_cast<size_t>(role)];
}

cluster::Role parse_role(std::string_view name) {
  for (const cluster::Role role :
       {cluster::Role::reader, cluster::Role::worker, cluster::Role::admin, cluster::Role::server}) {
    if (role_name(role) == name) return role;
  }
  fail(NGD_E_OPTION, "unknown role ", quoted(name), "; known: reader, worker, admin, server");
}

void generate_keys(const std::string &path, cluster::Role role) {
  if (zmq_has("curve") != 1)
    fail(NGD_E_UNSUPPORTED, "this libzmq was built without CURVE; install one that has it");
  char public_key[kKeyText + 1];
  Secret secret{std::string_view()};
  if (zmq_curve_keypair(public_key, const_cast<char *>(secret.text())) != 0)
    fail(NGD_E_UNSUPPORTED, "libzmq makes no keys: ", zmq_strerror(zmq_errno()));
  const std::string head =
      concat("metadata\n    role = \"", role_name(role), "\"\ncurve\n    public-key = \"", public_key, "\"\n");
  // In the one page: comment, head, secret.
  Secret text{
      concat("#   ZeroMQ CURVE **Secret** Certificate of libngd\n#   DO NOT PROVIDE THIS FILE TO OTHER USERS "
             "nor change its permissions.\n\n",
             head, "    secret-key = \"")};
  char *end = const_cast<char *>(text.text()) + std::strlen(text.text());
  std::memcpy(end, secret.text(), kKeyText);
  std::memcpy(end + kKeyText, "\"\n", 3);
  const std::string base = path.size() > 4 && path.ends_with(".key") ? path.substr(0, path.size() - 4) : path;
  write_file(base + ".key_secret", text.text(), 0600);
  try {
    write_file(base + ".key",
               concat("#   ZeroMQ CURVE Public Certificate of libngd\n#   Exchange securely, or use a secure "
                      "mechanism to verify the contents\n"
                      "#   of this file after exchange.\n\n",
                      head),
               0644);
  } catch (...) {
    unlink((base + ".key_secret").c_str());
    throw;
  }
}

KeyPair read_key_pair(const std::string &path) {
  const std::string name = with_ending(path, ".key_secret");
  const KeyFile file = read_file(name);
  // Services get secrets so: root's, and readable by the group that the service alone is in (systemd, Kubernetes).
  if ((file.mode & (file.of_root ? 037 : 077)) != 0)
    fail(NGD_E_ACCESS, "others may read the secret key ", name,
         ": chmod 600 it, and make a new one if they may have done so");
  const std::string_view public_key = field(file.text.text(), "public-key");
  const std::string_view secret_key = field(file.text.text(), "secret-key");
  if (!is_key(public_key) || !is_key(secret_key))
    fail(NGD_E_DATA, name,
         " is no secret key file: it needs public-key and secret-key, 40 characters of Z85 each; make one with "
         "ngd keygen");
  return {std::string(public_key), Secret(secret_key)};
}

std::string read_public_key(const std::string &text) {
  if (is_key(text)) return text;
  const std::string name = with_ending(text, ".key");
  const KeyFile file = read_file(name);
  const std::string_view key = field(file.text.text(), "public-key");
  if (!is_key(key)) fail(NGD_E_DATA, name, " is no public key file: it needs public-key, 40 characters of Z85");
  return std::string(key);
}

Authorized::Authorized(std::string directory) : directory_(std::move(directory)) {
  refresh();
}

void Authorized::refresh() {
  SystemDisk disk(directory_);
  std::string stamp;
  std::vector<std::string> names;
  struct stat status;
  if (stat(directory_.c_str(), &status) != 0)
    fail(NGD_E_IO, "cannot look at the directory of authorized keys ", directory_, ": ", std::strerror(errno));
  for (const std::string &name : disk.list("")) {
    if (!name.ends_with(".key")) continue;
    if (stat((directory_ + "/" + name).c_str(), &status) != 0) continue;  // removed a moment ago
    stamp += concat(name, "/", status.st_mtim.tv_sec, "/", status.st_mtim.tv_nsec, "/", status.st_size, "/",
                    status.st_ino, "\n");
    names.push_back(name);
  }
  if (stamp == stamp_ && !stamp_.empty()) return;
  std::map<std::string, User> users;
  for (const std::string &name : names) {
    const std::string path = directory_ + "/" + name;
    const KeyFile file = read_file(path);
    const std::string_view key = field(file.text.text(), "public-key");
    if (!is_key(key))
      fail(NGD_E_DATA, path, " is no public key file: it needs public-key, 40 characters of Z85");
    const std::string_view role = field(file.text.text(), "role");
    users[std::string(key)] = {role.empty() ? cluster::Role::worker : parse_role(role),
                               name.substr(0, name.size() - 4)};
  }
  users_ = std::move(users);
  stamp_ = std::move(stamp);
}

const Authorized::User *Authorized::find(const std::string &public_key) const {
  const auto found = users_.find(public_key);
  return found == users_.end() ? nullptr : &found->second;
}

uint64_t user_number(std::string_view public_key) {
  return XXH3_64bits(public_key.data(), public_key.size()) | 1;  // 0: nobody
}

}  // namespace ngd::transport
