// Granting locks in the order of their requests.
#include "cluster/locks.h"

#include <algorithm>

#include "wire/limits.h"

namespace ngd::cluster {

const LockTable::Lock *LockTable::find(const std::string &name) const {
  const auto found = std::ranges::lower_bound(locks_, name, {}, &Lock::name);
  return found != locks_.end() && found->name == name ? &*found : nullptr;
}

void LockTable::grant_next(Lock &lock, uint64_t &token, std::vector<Grant> &grants) {
  while (!lock.queue.empty()) {
    const Waiter next = lock.queue.front();
    if (!lock.holders.empty() && (lock.exclusive || next.exclusive)) return;
    // The first holder seals out those who had the lock before and may not know that they lost it.
    const bool seal = lock.holders.empty();
    lock.queue.erase(lock.queue.begin());
    lock.exclusive = next.exclusive;
    lock.holders.push_back({next.client, token});
    if (seal) lock.sealed = token;
    grants.push_back({lock.name, next.client, next.seq, token, seal});
    token++;
  }
}

LockTable::Answer LockTable::acquire(const std::string &name, const Waiter &waiter, bool may_wait,
                                     uint64_t token, std::vector<Grant> &grants) {
  Lock *lock = find(name);
  if (lock == nullptr) {
    if (locks_.size() >= wire::kLocks) return Answer::full;
    Lock fresh;
    fresh.name = name;
    lock = &*locks_.insert(std::ranges::lower_bound(locks_, name, {}, &Lock::name), std::move(fresh));
  }
  if (lock->queue.size() >= wire::kWaiters) return Answer::full;
  const bool free = lock->queue.empty() && (lock->holders.empty() || (!lock->exclusive && !waiter.exclusive));
  if (!free && !may_wait) return Answer::held;
  lock->queue.push_back(waiter);
  if (!free) return Answer::waits;
  grant_next(*lock, token, grants);
  return Answer::granted;
}

bool LockTable::release(const std::string &name, const wire::ClientId &client, uint64_t token,
                        uint64_t next_token, std::vector<Grant> &grants) {
  Lock *lock = find(name);
  if (lock == nullptr) return false;
  const auto held = std::ranges::find_if(
      lock->holders, [&](const Holder &one) { return one.client == client && one.token == token; });
  if (held == lock->holders.end()) return false;
  lock->holders.erase(held);
  grant_next(*lock, next_token, grants);
  return true;
}

bool LockTable::cancel(const wire::ClientId &client, uint64_t seq, uint64_t next_token,
                       std::vector<Grant> &grants) {
  for (Lock &lock : locks_) {
    if (std::erase_if(lock.queue, [&](const Waiter &one) { return one.client == client && one.seq == seq; }) ==
        0)
      continue;
    grant_next(lock, next_token, grants);
    return true;
  }
  return false;
}

void LockTable::leave(const std::string &name, const wire::ClientId &client, uint64_t next_token,
                      std::vector<Grant> &grants) {
  Lock *lock = find(name);
  if (lock == nullptr) return;
  std::erase_if(lock->queue, [&](const Waiter &one) { return one.client == client; });
  std::erase_if(lock->holders, [&](const Holder &one) { return one.client == client; });
  grant_next(*lock, next_token, grants);
}

void LockTable::remove(const wire::ClientId &client, uint64_t next_token, std::vector<Grant> &grants) {
  for (Lock &lock : locks_) {
    const size_t gone = std::erase_if(lock.queue, [&](const Waiter &one) { return one.client == client; }) +
                        std::erase_if(lock.holders, [&](const Holder &one) { return one.client == client; });
    if (gone != 0) grant_next(lock, next_token, grants);
  }
}

const LockTable::Holder *LockTable::holder(const wire::Token &token) const {
  const Lock *lock = find(token.lock);
  if (lock == nullptr) return nullptr;
  const auto found = std::ranges::find(lock->holders, token.token, &Holder::token);
  return found == lock->holders.end() ? nullptr : &*found;
}

bool LockTable::holds(const wire::Token &token, const wire::ClientId &client) const {
  const Lock *lock = find(token.lock);
  return lock != nullptr && std::ranges::any_of(lock->holders, [&](const Holder &one) {
           return one.client == client && one.token == token.token;
         });
}

std::vector<wire::Token> LockTable::seals() const {
  std::vector<wire::Token> seals;
  for (const Lock &lock : locks_) seals.push_back({lock.name, lock.sealed});
  return seals;
}

}  // namespace ngd::cluster
