// A coordinator that lies in a module of its own, so that libngd does not need the libraries that it needs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "coordinator/module.h"

namespace ngd::coordinator {

// The module `file` (such as "libngd_coord_etcd.so"), looked for beside libngd in the folder ngd, beside libngd, and
// where the loader looks. It stays for as long as the process. Throws NGD_E_UNSUPPORTED where it is missing or is not of
// this version.
const Module &find_module(const std::string &file);
// The same, from the first of these paths that is there.
const Module &load_module(const std::vector<std::string> &paths);

class PluggedCoordinator : public cluster::Coordinator {
 public:
  using Answer = std::function<void(const cluster::CoordinatorAnswer &)>;
  // Throws what the module says of the address.
  PluggedCoordinator(const Module &module, const std::string &address, const std::string &cluster,
                     Answer answer);
  ~PluggedCoordinator() override;
  PluggedCoordinator(const PluggedCoordinator &) = delete;
  PluggedCoordinator &operator=(const PluggedCoordinator &) = delete;

  void get(uint64_t ticket, const std::string &prefix) override;
  void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override;
  void announce(const std::string &key, const std::string &value) override;
  std::string problem() const;  // why it does not answer; empty: it does

 private:
  static void take(void *self, uint64_t ticket, int done, const ModuleRecord *records, size_t count);

  const Module &module_;
  Answer answer_;
  void *coordinator_ = nullptr;
};

}  // namespace ngd::coordinator
