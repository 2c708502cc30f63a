// The session of a client, as what was begun or taken in it knows it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {
namespace detail {

// From connecting to leaving. When it is over there is nothing to wait for or to give back, and the numbers of tickets
// and tokens may mean something else in the next one; so whatever is held in a session may outlive it, and the client.
class Session {
 public:
  // How many sessions of a client are over.
  using Count = std::shared_ptr<std::atomic<uint64_t>>;

  Session(ngd_client *client, const Count &ended) : client_(client), ended_(ended), number_(*ended) {}
  // NULL when it is over.
  ngd_client *client() const noexcept {
    const Count ended = ended_.lock();
    return ended && *ended == number_ ? client_ : nullptr;
  }
  ngd_client *open_client() const {
    ngd_client *const here = client();
    if (here == nullptr) throw Error(NGD_E_CLOSED, "the session in which this was begun is over");
    return here;
  }

 private:
  ngd_client *client_;
  std::weak_ptr<std::atomic<uint64_t>> ended_;
  uint64_t number_;
};

// How long a destructor waits for servers to hear what is given back: longer than it takes until another server has
// taken over from a dead one, short for whoever unwinds because they are all gone.
inline constexpr std::chrono::milliseconds kGivingBack = std::chrono::seconds(2);

}  // namespace detail
}  // namespace cpp
}  // namespace ngd
