// What a client holds for itself alone and gives back: locks, and partitions of the training data.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ngd/handle.hpp"
#include "ngd/session.hpp"

namespace ngd {
inline namespace cpp {
namespace detail {
class Commons;
}

// A lock, given back when this is destroyed. While it is held, updates and values of its client carry its token, and
// are refused with NGD_E_FENCED once another has the lock.
class Lock {
 public:
  const std::string &name() const noexcept { return held_->name; }
  uint64_t token() const noexcept { return held_->token; }  // for Client::adopt_lock() of another process
  // NGD_E_FENCED or NGD_E_NOT_FOUND when it was lost before. It is given back once: when this throws, the servers may
  // not know yet, and it ends with the session.
  void unlock(std::chrono::milliseconds timeout = kTimeout) {
    ngd_client *const client = held_->session.open_client();
    held_->over = true;  // also when it fails: a second time could be that of a lock that was taken since
    detail::check(ngd_client_unlock, client, held_->name.c_str(), held_->token, timeout.count());
  }

 private:
  friend class detail::Commons;
  struct Held {
    detail::Session session;
    std::string name;
    uint64_t token;
    bool over = false;
    ~Held() {
      ngd_client *const client = over ? nullptr : session.client();
      if (client != nullptr)
        ngd_client_unlock(client, name.c_str(), token, detail::kGivingBack.count(), nullptr);
    }
  };
  Lock(detail::Session session, std::string name, uint64_t token)
      : held_(new Held{std::move(session), std::move(name), token}) {}
  std::unique_ptr<Held> held_;
};

// A partition of the training data. One that is destroyed before it is finished is given back, as far as progress()
// said. Of progress and bytes, whoever claims it next gets what was said last.
class Partition {
 public:
  uint64_t number() const noexcept { return held_->number; }
  uint64_t token() const noexcept { return held_->token; }
  uint64_t offset() const noexcept { return held_->offset; }        // how far it has come
  const std::string &data() const noexcept { return held_->data; }  // bytes that were stored with it

  void progress(uint64_t offset, std::string_view data = {}, std::chrono::milliseconds timeout = kTimeout) {
    std::string copy(data);
    held_->update(NGD_PARTITION_PROGRESS, offset, copy, timeout);
    held_->offset = offset;
    held_->data = std::move(copy);
  }
  // Done for this pass. The bytes stay, for the next.
  void finish(std::chrono::milliseconds timeout = kTimeout) {
    held_->update(NGD_PARTITION_FINISH, held_->offset, {}, timeout);
    held_->over = true;
  }
  // For another, as far as progress() said.
  void release(std::chrono::milliseconds timeout = kTimeout) {
    held_->update(NGD_PARTITION_RELEASE, held_->offset, held_->data, timeout);
    held_->over = true;
  }

 private:
  friend class detail::Commons;
  struct Held {
    detail::Session session;
    std::string set;
    uint64_t number, token, offset;
    std::string data;
    bool over = false;
    void update(int32_t action, uint64_t to, std::string_view bytes, std::chrono::milliseconds timeout) const {
      detail::check(ngd_client_update_partition, session.open_client(), set.c_str(), number, token, action, to,
                    bytes.data(), bytes.size(), timeout.count());
    }
    ~Held() {
      ngd_client *const client = over ? nullptr : session.client();
      if (client != nullptr)
        ngd_client_update_partition(client, set.c_str(), number, token, NGD_PARTITION_RELEASE, offset,
                                    data.data(), data.size(), detail::kGivingBack.count(), nullptr);
    }
  };
  Partition(detail::Session session, std::string set, uint64_t number, uint64_t token, uint64_t offset,
            std::string data)
      : held_(new Held{std::move(session), std::move(set), number, token, offset, std::move(data)}) {}
  std::unique_ptr<Held> held_;
};

}  // namespace cpp
}  // namespace ngd
