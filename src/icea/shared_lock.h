// A lock that many readers or one writer hold, and in which waiting writers go before new readers.
//
// std::shared_mutex has glibc's default, with which readers that come without pause keep writers out for ever; two
// threads that draw in a loop would do that to those that record.
#pragma once

#include <pthread.h>

namespace ngd {

class SharedLock {
 public:
  SharedLock() {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
#ifdef __GLIBC__
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    pthread_rwlock_init(&lock_, &attributes);
    pthread_rwlockattr_destroy(&attributes);
  }
  ~SharedLock() {
    pthread_rwlock_destroy(&lock_);
  }
  SharedLock(const SharedLock &) = delete;
  SharedLock &operator=(const SharedLock &) = delete;

  // As std::unique_lock and std::shared_lock call them.
  void lock() {
    pthread_rwlock_wrlock(&lock_);
  }
  void unlock() {
    pthread_rwlock_unlock(&lock_);
  }
  void lock_shared() {
    pthread_rwlock_rdlock(&lock_);
  }
  void unlock_shared() {
    pthread_rwlock_unlock(&lock_);
  }

 private:
  pthread_rwlock_t lock_;
};

}  // namespace ngd
