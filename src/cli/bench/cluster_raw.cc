// Raw ZeroMQ, as a server and as a peer of the benchmark.
#include <fmt/core.h>
#include <zmq.h>

#include <cstring>

#include "allocator.h"
#include "bench/cluster_peers.h"

namespace cli {
namespace {

[[noreturn]] void fail_raw(const char *what) {
  throw Failure{fmt::format("raw ZeroMQ: {}: {}", what, zmq_strerror(zmq_errno()))};
}

struct RawSocket {
  void *context = zmq_ctx_new();
  void *socket;
  explicit RawSocket(int type) : socket(zmq_socket(context, type)) {
    const int none = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
  }
  ~RawSocket() {
    zmq_close(socket);
    zmq_ctx_term(context);
  }
  RawSocket(const RawSocket &) = delete;
  RawSocket &operator=(const RawSocket &) = delete;
};

class RawPeer : public Peer {
 public:
  RawPeer(const std::string &address, const Work &work, Pool &pool)
      : dealer_(ZMQ_DEALER), work_(work), keys_(some_rows()), pool_(pool) {
    const int patience = kPatience;
    zmq_setsockopt(dealer_.socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    if (zmq_connect(dealer_.socket, address.c_str()) != 0) fail_raw("connect");
  }
  void start() override {
    if (work_.rows()) {
      // Keys, and in a push their values as a second frame.
      send(keys_.data(), keys_.size() * sizeof(uint32_t), work_.pushes());
      if (work_.pushes()) lend(kRowBytes);
      return;
    }
    if (work_.pushes()) return lend(work_.bytes);
    const uint64_t wanted = work_.bytes;
    send(&wanted, sizeof wanted, false);
  }
  void finish() override {
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, dealer_.socket, 0) < 0) fail_raw("receive");
    if (!work_.pushes()) std::memcpy(pool_.next(work_.bytes), zmq_msg_data(&message), work_.bytes);
    zmq_msg_close(&message);
  }

 private:
  void send(const void *data, size_t size, bool more) {
    if (zmq_send(dealer_.socket, data, size, more ? ZMQ_SNDMORE : 0) < 0) fail_raw("send");
  }
  void lend(size_t bytes) {
    zmq_msg_t message;
    zmq_msg_init_data(
        &message, pool_.next(bytes), bytes, [](void *, void *) {}, nullptr);
    if (zmq_msg_send(&message, dealer_.socket, 0) < 0) fail_raw("send");
  }
  RawSocket dealer_;
  Work work_;
  std::vector<uint32_t> keys_;
  Pool &pool_;
};

// What a server of parameters does at least with what it gets, one pass over it.
class RawStore {
 public:
  explicit RawStore(Stores stores) : stores_(stores), pool_(size_t{96} << 20), table_(kTableRows * kRowWidth) {}

  void take(const float *from, size_t bytes) {
    if (stores_ == Stores::nothing) return;
    float *to = pool_.next(bytes);
    if (stores_ == Stores::values) {
      std::memcpy(to, from, bytes);
    } else {
      for (size_t i = 0; i < bytes / sizeof(float); i++) to[i] += from[i];
    }
  }
  void take_rows(const uint32_t *rows, const float *from) {
    if (stores_ == Stores::nothing) return;
    for (size_t i = 0; i < kKeys; i++)
      std::memcpy(row(rows[i]), from + i * kRowWidth, kRowWidth * sizeof(float));
  }
  // An answer of so many bytes; the memory stays as it is for long enough.
  float *give(size_t bytes) { return pool_.next(bytes); }
  float *give_rows(const uint32_t *rows) {
    float *to = pool_.next(kRowBytes);
    if (stores_ == Stores::nothing) return to;
    for (size_t i = 0; i < kKeys; i++) std::memcpy(to + i * kRowWidth, row(rows[i]), kRowWidth * sizeof(float));
    return to;
  }

 private:
  float *row(uint32_t number) { return table_.data() + (number % kTableRows) * kRowWidth; }
  Stores stores_;
  Pool pool_;
  std::vector<float> table_;
};

struct RawFrame {
  zmq_msg_t message;
  RawFrame() { zmq_msg_init(&message); }
  ~RawFrame() { zmq_msg_close(&message); }
  RawFrame(const RawFrame &) = delete;
  RawFrame &operator=(const RawFrame &) = delete;
  bool receive(void *socket) { return zmq_msg_recv(&message, socket, 0) >= 0; }
  bool more() const { return zmq_msg_more(&message) != 0; }
  size_t size() const { return zmq_msg_size(&message); }
  template <class T>
  const T *data() {
    return static_cast<const T *>(zmq_msg_data(&message));
  }
};

}  // namespace

void serve_raw(const std::string &endpoint, Stores stores, int ready) {
  keep_freed_memory();
  const RawSocket router(ZMQ_ROUTER);
  if (zmq_bind(router.socket, endpoint.c_str()) != 0) fail_raw("bind");
  char address[256];
  size_t size = sizeof address;
  zmq_getsockopt(router.socket, ZMQ_LAST_ENDPOINT, address, &size);
  RawStore store(stores);
  say_ready(ready, address);
  for (;;) {
    RawFrame id, first, second;
    if (!id.receive(router.socket) || !first.receive(router.socket)) return;
    size_t answer = 8;
    float *values = store.give(answer);
    if (first.more()) {
      if (!second.receive(router.socket)) return;
      store.take_rows(first.data<uint32_t>(), second.data<float>());
    } else if (first.size() == kKeys * sizeof(uint32_t)) {
      answer = kRowBytes;
      values = store.give_rows(first.data<uint32_t>());
    } else if (first.size() == sizeof(uint64_t)) {
      answer = *first.data<uint64_t>();
      values = store.give(answer);
    } else {
      store.take(first.data<float>(), first.size());
    }
    zmq_msg_send(&id.message, router.socket, ZMQ_SNDMORE);
    zmq_msg_t message;
    zmq_msg_init_data(
        &message, values, answer, [](void *, void *) {}, nullptr);
    zmq_msg_send(&message, router.socket, 0);
  }
}

std::unique_ptr<Peer> raw_peer(const std::string &address, const Work &work, Pool &pool) {
  return std::make_unique<RawPeer>(address, work, pool);
}

}  // namespace cli
