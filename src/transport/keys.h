// CURVE keys in files: name.key and name.key_secret, as CZMQ and pyzmq write them, and the directory of those who may come.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>

#include "cluster/peer.h"

namespace ngd::transport {

inline constexpr size_t kKeyText = 40;  // of Z85

// Bytes that are in no core dump, and are zeroed when they are no longer needed.
class Secret {
 public:
  Secret();
  explicit Secret(std::string_view text);
  ~Secret();
  Secret(Secret &&other) noexcept;
  Secret &operator=(Secret &&other) noexcept;
  bool empty() const { return text_ == nullptr || text_[0] == '\0'; }
  const char *text() const { return text_; }

 private:
  char *text_ = nullptr;  // a page of its own
};

struct KeyPair {
  std::string public_key;  // Z85
  Secret secret_key;
  bool empty() const { return public_key.empty(); }
};

std::string_view role_name(cluster::Role role);
cluster::Role parse_role(std::string_view name);  // throws NGD_E_OPTION

// Writes `path`.key and `path`.key_secret (mode 0600); throws NGD_E_CONFLICT where there are such files already.
void generate_keys(const std::string &path, cluster::Role role);

// Reads a secret key file, named with or without its ending. Throws NGD_E_ACCESS when its mode is not 0600, NGD_E_DATA
// when it is none.
KeyPair read_key_pair(const std::string &path);

// A public key: 40 characters of Z85, or the name of a .key file.
std::string read_public_key(const std::string &text);

// The keys of the files *.key in a directory, which is read again when it has changed.
class Authorized {
 public:
  struct User {
    cluster::Role role = cluster::Role::reader;
    std::string name;
  };
  explicit Authorized(std::string directory);

  // Looks whether the directory has changed. Throws NGD_E_IO or NGD_E_DATA when it cannot be read: nobody is then let in.
  void refresh();
  const User *find(const std::string &public_key) const;
  size_t size() const { return users_.size(); }

 private:
  std::string directory_;
  std::string stamp_;  // of the directory and its files, when they were read
  std::map<std::string, User> users_;
};

// A number for a key: User of From.
uint64_t user_number(std::string_view public_key);

}  // namespace ngd::transport
