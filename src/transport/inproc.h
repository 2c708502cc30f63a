// inproc addresses join handles of one process: the names that its servers listen on, and their contexts.
#pragma once

#include <memory>
#include <string>

#include "transport/zmq_socket.h"

namespace ngd::transport {

// While it lives, clients find the context by the name.
class InprocName {
 public:
  // Throws NGD_E_CONFLICT when a server of this process has the name.
  InprocName(std::string name, const std::shared_ptr<Context> &context);
  ~InprocName();
  InprocName(const InprocName &) = delete;
  InprocName &operator=(const InprocName &) = delete;

 private:
  friend std::shared_ptr<Context> inproc_context(const std::string &name);
  std::string name_;
  std::weak_ptr<Context> context_;
  InprocName *next_ = nullptr;
};

// nullptr: no server of this process listens there (yet, or any more).
std::shared_ptr<Context> inproc_context(const std::string &name);

}  // namespace ngd::transport
