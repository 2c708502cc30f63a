// Updates and reads that a client has begun and that are on their way.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "ngd/handle.hpp"
#include "ngd/session.hpp"
#include "ngd/tensors.hpp"

namespace ngd {
inline namespace cpp {
namespace detail {

// A ticket, which is waited for once or given up.
class Pending {
 public:
  // Never waits.
  bool finished() const {
    int32_t result = 0;
    detail::check(ngd_client_poll, ticket_->session.open_client(), ticket_->number, &result);
    return result != 0;
  }
  void cancel() {
    detail::check(ngd_client_cancel, ticket_->session.open_client(), ticket_->number);
    ticket_->over = true;
  }

 protected:
  Pending(Session session, uint64_t number) : ticket_(new Ticket{std::move(session), number}) {}
  ngd_client *client() const { return ticket_->session.open_client(); }
  template <class Function, class... Arguments>
  void end(Function *function, Arguments... arguments) {
    detail::check(function, client(), ticket_->number, arguments...);
    ticket_->over = true;
  }

 private:
  struct Ticket {
    Session session;
    uint64_t number;
    bool over = false;
    // After an error nobody can tell whether the ticket is still there; giving up one that is not does nothing.
    ~Ticket() {
      ngd_client *const client = over ? nullptr : session.client();
      if (client != nullptr) ngd_client_cancel(client, number, nullptr);
    }
  };
  std::unique_ptr<Ticket> ticket_;
};

}  // namespace detail

// An update on its way. One that is destroyed before its end is given up, and may still happen.
class PendingPush : public detail::Pending {
 public:
  // The version that the update made. After NGD_E_TIMEOUT it may be waited for again.
  uint64_t wait(std::chrono::milliseconds timeout = kTimeout) {
    uint64_t version = 0;
    end(ngd_client_wait, timeout.count(), &version);
    return version;
  }

 private:
  friend class Client;
  using Pending::Pending;
};

// A read on its way. One that is destroyed before its end is given up.
class PendingPull : public detail::Pending {
 public:
  // The version that was read. After NGD_E_TIMEOUT it may be waited for again.
  uint64_t wait(const Tensors<float> &tensors, std::chrono::milliseconds timeout = kTimeout) {
    const auto pointers = detail::pointers(client(), tensors);
    uint64_t version = 0;
    end(ngd_client_wait_pull_f32, timeout.count(), pointers.data(), pointers.size(), &version);
    return version;
  }

 private:
  friend class Client;
  using Pending::Pending;
};

}  // namespace cpp
}  // namespace ngd
