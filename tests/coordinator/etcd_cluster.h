// Members of a real etcd on loopback ports of their own, started and ended by process id.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "check.h"

// Whether the program etcd and the module are there; if not, says so.
bool etcd_is_here();
// The module that was built with these tests; empty where there was no libcurl.
std::string module_path();

class EtcdCluster {
 public:
  explicit EtcdCluster(size_t members = 3);
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster &) = delete;
  EtcdCluster &operator=(const EtcdCluster &) = delete;

  std::string address(const std::string &options = "") const;  // as option coordinator takes it
  std::string url(size_t member) const;                        // of clients
  size_t size() const { return members_.size(); }
  size_t leader() const;  // waits for one
  void signal(size_t member, int number);
  void kill(size_t member);
  void start(size_t member);

 private:
  struct Member {
    int client_port = 0, peer_port = 0;
    pid_t process = -1;
  };
  Scratch scratch_;
  std::vector<Member> members_;
  bool fresh_ = true;
};
