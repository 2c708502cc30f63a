// Shared and exclusive locks with fencing tokens: a part of a root's replicated state, changed by entries of its log alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wire/fields.h"
#include "wire/message.h"

namespace ngd::cluster {

class LockTable {
 public:
  struct Holder {
    wire::ClientId client;
    uint64_t token = 0;
  };
  struct Waiter {
    wire::ClientId client;
    uint64_t seq = 0;
    bool exclusive = true;
  };
  struct Lock {
    std::string name;
    uint64_t sealed = 0;  // lower tokens are refused
    bool exclusive = false;
    std::vector<Holder> holders;
    std::vector<Waiter> queue;
  };
  // Somebody has the lock now. `seal`: from now on tokens below this one are refused everywhere.
  struct Grant {
    std::string lock;
    wire::ClientId client;
    uint64_t seq = 0;
    uint64_t token = 0;
    bool seal = false;
  };

  enum class Answer : uint8_t { granted, waits, held, full };
  // Each request waits behind those before it, so that nobody starves. `token` is above all tokens before.
  Answer acquire(const std::string &name, const Waiter &waiter, bool may_wait, uint64_t token,
                 std::vector<Grant> &grants);
  // False: the client does not hold it under that token.
  bool release(const std::string &name, const wire::ClientId &client, uint64_t token, uint64_t next_token,
               std::vector<Grant> &grants);
  void leave(const std::string &name, const wire::ClientId &client, uint64_t next_token,
             std::vector<Grant> &grants);
  bool cancel(const wire::ClientId &client, uint64_t seq, uint64_t next_token,
              std::vector<Grant> &grants);  // a waiter
  void remove(const wire::ClientId &client, uint64_t next_token,
              std::vector<Grant> &grants);  // whatever it holds

  // Whether the client holds the lock under that token.
  bool holds(const wire::Token &token, const wire::ClientId &client) const;
  const Holder *holder(const wire::Token &token) const;  // nullptr: nobody has it under that token
  std::vector<wire::Token> seals() const;

  std::vector<Lock> &locks() { return locks_; }  // for loading and saving; by name
  const std::vector<Lock> &locks() const { return locks_; }

 private:
  Lock *find(const std::string &name) { return const_cast<Lock *>(std::as_const(*this).find(name)); }
  const Lock *find(const std::string &name) const;
  void grant_next(Lock &lock, uint64_t &token, std::vector<Grant> &grants);

  std::vector<Lock> locks_;
};

template <class F>
void fields(F &f, LockTable::Holder &x) {
  f.table(x.client);
  f.number(x.token);
}
template <class F>
void fields(F &f, LockTable::Waiter &x) {
  f.table(x.client);
  f.number(x.seq);
  f.flag(x.exclusive);
}
template <class F>
void fields(F &f, LockTable::Lock &lock) {
  f.text(lock.name, wire::kTextBytes);
  f.number(lock.sealed);
  f.flag(lock.exclusive);
  f.tables(lock.holders, size_t{1} << 20);
  f.tables(lock.queue, wire::kWaiters);
}

}  // namespace ngd::cluster
