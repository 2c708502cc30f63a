// ZAP: answers, for ZeroMQ, who may connect. Without an answer nobody may.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "transport/keys.h"
#include "transport/zmq_socket.h"

namespace ngd::transport {

inline constexpr std::string_view kZapDomain = "ngd";

class Zap {
 public:
  // Binds ZAP's place in the context, before any listener. `own_key` is the server's: its peers of the same cluster may
  // have it too.
  Zap(std::shared_ptr<Context> context, std::string directory, std::string own_key);

  int fd() const { return socket_.fd(); }
  void answer();  // what has been asked; never throws for what a peer does

  // By the User-Id that ZeroMQ puts on messages of a connection. False: no longer authorized.
  struct Who {
    cluster::Role role = cluster::Role::reader;
    uint64_t user = 0;
  };
  bool who(const std::string &user_id, Who &who) const;
  uint64_t refused() const { return refused_; }

 private:
  const Authorized::User *find(const std::string &key) const;

  Socket socket_;
  Authorized authorized_;
  Authorized::User own_;
  std::string own_key_;
  cluster::Time looked_ = 0;
  bool readable_ = true;  // the directory, when it was last looked at
  uint64_t refused_ = 0;
};

}  // namespace ngd::transport
