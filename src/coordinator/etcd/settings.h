// What an address such as etcd://10.0.0.1:2379,10.0.0.2,10.0.0.3?login=/etc/ngd/etcd says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ngd::etcd {

struct Settings {
  std::vector<std::string> members;  // "http://10.0.0.1:2379"
  std::string authorities;           // file of certificates, "system", or empty: no TLS
  std::string user, password;        // empty: none
  bool single_member = false;        // fewer than three members are wanted
  std::string root;                  // what every key begins with: "/ngd/<cluster>"
};

// Throws NGD_E_ARGUMENT; NGD_E_IO, NGD_E_ACCESS and NGD_E_DATA for the file of the login.
Settings settings_of(std::string_view address, std::string_view cluster);

}  // namespace ngd::etcd
