// Who lives, of the processes that share a directory: files that are locked for as long as the process that made them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/environment.h"

namespace ngd::coordinator {

class Presence {
 public:
  explicit Presence(std::string directory) : directory_(std::move(directory)) {}
  ~Presence();
  Presence(const Presence &) = delete;
  Presence &operator=(const Presence &) = delete;

  // A key is words between slashes. Throws NGD_E_IO.
  void announce(const std::string &key, const std::string &value);
  // Tries again for those that another process held: one that is to end, with our number.
  void renew();
  // The records of all live processes whose keys begin with `prefix`; their revision is 0.
  std::vector<cluster::Record> records(const std::string &prefix) const;

 private:
  struct Held {
    std::string value;
    int file = -1;
  };
  std::string path_of(const std::string &key) const;
  std::string directory_;
  std::map<std::string, Held> held_;
};

}  // namespace ngd::coordinator
