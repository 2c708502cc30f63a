// Raw ZeroMQ and libngd, as servers and as peers of the benchmark.
#include "bench_cluster_peers.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <cstring>

namespace cli {
namespace {

constexpr int64_t kPatience = 60000;  // milliseconds

[[noreturn]] void fail_raw(const char *what) {
  throw Failure{fmt::format("raw ZeroMQ: {}: {}", what, zmq_strerror(zmq_errno()))};
}

void say_ready(int ready, const std::string &address) {
  const std::string line = address + "\n";
  if (write(ready, line.data(), line.size()) < 0) throw Failure{"the benchmark has gone"};
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
  RawPeer(const std::string &address, bool pushes, size_t bytes, Pool &pool)
      : dealer_(ZMQ_DEALER), pushes_(pushes), bytes_(bytes), pool_(pool) {
    const int patience = kPatience;
    zmq_setsockopt(dealer_.socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    if (zmq_connect(dealer_.socket, address.c_str()) != 0) fail_raw("connect");
  }
  void start() override {
    if (!pushes_) {
      const uint64_t wanted = bytes_;
      if (zmq_send(dealer_.socket, &wanted, sizeof wanted, 0) < 0) fail_raw("send");
      return;
    }
    zmq_msg_t message;
    zmq_msg_init_data(
        &message, pool_.next(bytes_), bytes_, [](void *, void *) {}, nullptr);
    if (zmq_msg_send(&message, dealer_.socket, 0) < 0) fail_raw("send");
  }
  void finish() override {
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, dealer_.socket, 0) < 0) fail_raw("receive");
    if (!pushes_) std::memcpy(pool_.next(bytes_), zmq_msg_data(&message), bytes_);
    zmq_msg_close(&message);
  }

 private:
  RawSocket dealer_;
  bool pushes_;
  size_t bytes_;
  Pool &pool_;
};

// One client; its answers come in any order, so tickets are waited for in theirs.
class NgdPeer : public Peer {
 public:
  NgdPeer(const std::string &address, bool pushes, size_t bytes, bool single, Pool &pool)
      : pushes_(pushes), single_(single), bytes_(bytes), pool_(pool) {
    client_ = create<ngd_client>(ngd_client_create, fmt::format("client:model=bench{}", bytes));
    const int64_t elements = static_cast<int64_t>(bytes / sizeof(float));
    call(ngd_client_add_f32, client_.get(), "w", &elements, size_t{1});
    call(ngd_client_connect, client_.get(), address.c_str(), kPatience);
    float *tensors[] = {pool.next(bytes)};
    call(ngd_client_init_f32, client_.get(), tensors, size_t{1}, kPatience, static_cast<int32_t *>(nullptr),
         static_cast<uint64_t *>(nullptr));
  }
  void start() override {
    float *to[] = {pool_.next(bytes_)};
    const float *from[] = {to[0]};
    if (single_) {
      if (pushes_)
        call(ngd_client_push_f32, client_.get(), int32_t{NGD_PUSH_VALUE}, from, size_t{1}, kPatience,
             version());
      else
        call(ngd_client_pull_f32, client_.get(), uint64_t{0}, to, size_t{1}, kPatience, version());
      return;
    }
    uint64_t ticket = 0;
    if (pushes_)
      call(ngd_client_start_push_borrow_f32, client_.get(), int32_t{NGD_PUSH_VALUE}, from, size_t{1}, kPatience,
           &ticket);
    else
      call(ngd_client_start_pull_f32, client_.get(), uint64_t{0}, kPatience, &ticket);
    tickets_.push_back(ticket);
  }
  void finish() override {
    if (single_) return;
    const uint64_t ticket = tickets_.front();
    tickets_.pop_front();
    float *to[] = {pool_.next(bytes_)};
    if (pushes_)
      call(ngd_client_wait, client_.get(), ticket, kPatience, version());
    else
      call(ngd_client_wait_pull_f32, client_.get(), ticket, kPatience, to, size_t{1}, version());
  }

 private:
  uint64_t *version() { return &version_; }
  Client client_;
  bool pushes_, single_;
  size_t bytes_;
  Pool &pool_;
  uint64_t version_ = 0;
  std::deque<uint64_t> tickets_;
};

class MemcpyPeer : public Peer {
 public:
  MemcpyPeer(size_t bytes, Pool &pool) : bytes_(bytes), pool_(pool), to_(bytes / sizeof(float)) {}
  void start() override { std::memcpy(to_.data(), pool_.next(bytes_), bytes_); }
  void finish() override {}

 private:
  size_t bytes_;
  Pool &pool_;
  std::vector<float> to_;
};

}  // namespace

int Served::begin() {
  int ends[2];
  if (pipe(ends) != 0) throw Failure{"no pipe for the benchmark's server"};
  child_ = fork();
  if (child_ < 0) throw Failure{"no process for the benchmark's server"};
  if (child_ == 0) {
    close(ends[0]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return ends[1];
  }
  close(ends[1]);
  from_child_ = ends[0];
  return -1;
}

void Served::leave() {
  _exit(kExitFailed);
}

void Served::read_address() {
  for (char c = 0; read(from_child_, &c, 1) == 1 && c != '\n';) address_ += c;
  if (address_.empty()) throw Failure{"the benchmark's server did not start"};
}

Served::~Served() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  close(from_child_);
}

double Served::cpu_seconds() const {
  clockid_t clock;
  timespec time = {};
  if (clock_getcpuclockid(child_, &clock) == 0) clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Pool::Pool(size_t bytes) : numbers_(bytes / sizeof(float), 1.0f) {}

float *Pool::next(size_t bytes) {
  const size_t count = bytes / sizeof(float);
  if (at_ + count > numbers_.size()) at_ = 0;
  float *here = numbers_.data() + at_;
  at_ += count;
  return here;
}

void serve_raw(const std::string &endpoint, bool stores, int ready) {
  const RawSocket router(ZMQ_ROUTER);
  if (zmq_bind(router.socket, endpoint.c_str()) != 0) fail_raw("bind");
  char address[256];
  size_t size = sizeof address;
  zmq_getsockopt(router.socket, ZMQ_LAST_ENDPOINT, address, &size);
  Pool pool(size_t{96} << 20);
  say_ready(ready, address);
  for (;;) {
    zmq_msg_t id, message;
    zmq_msg_init(&id);
    zmq_msg_init(&message);
    if (zmq_msg_recv(&id, router.socket, 0) < 0 || zmq_msg_recv(&message, router.socket, 0) < 0) return;
    uint64_t wanted = 8;
    const bool pull = zmq_msg_size(&message) == 8;
    if (pull) std::memcpy(&wanted, zmq_msg_data(&message), 8);
    if (stores && !pull)
      std::memcpy(pool.next(zmq_msg_size(&message)), zmq_msg_data(&message), zmq_msg_size(&message));
    zmq_msg_close(&message);
    zmq_msg_send(&id, router.socket, ZMQ_SNDMORE);
    zmq_msg_init_data(
        &message, pool.next(wanted), wanted, [](void *, void *) {}, nullptr);
    zmq_msg_send(&message, router.socket, 0);
  }
}

std::unique_ptr<Peer> raw_peer(const std::string &address, bool pushes, size_t bytes, Pool &pool) {
  return std::make_unique<RawPeer>(address, pushes, bytes, pool);
}

void serve_ngd(const std::string &endpoint, int ready) {
  const Server server = create<ngd_server>(ngd_server_create, "server");
  call(ngd_server_set_text, server.get(), "listen", endpoint.c_str());
  call(ngd_server_start, server.get(), kPatience);
  say_ready(ready, text_of(ngd_server_get_text, server.get(), "endpoints"));
  for (;;) pause();
}

std::unique_ptr<Peer> ngd_peer(const std::string &address, bool pushes, size_t bytes, bool single, Pool &pool) {
  return std::make_unique<NgdPeer>(address, pushes, bytes, single, pool);
}

std::unique_ptr<Peer> memcpy_peer(size_t bytes, Pool &pool) {
  return std::make_unique<MemcpyPeer>(bytes, pool);
}

}  // namespace cli
