// libngd and memcpy as peers of the benchmark, and its child processes.
#include "bench/cluster_peers.h"
#include "allocator.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <random>

namespace cli {
namespace {

// One client; its answers come in any order, so tickets are waited for in theirs.
class NgdPeer : public Peer {
 public:
  NgdPeer(const std::string &address, const Work &work, bool single, Pool &pool)
      : work_(work), single_(single), pool_(pool) {
    client_ = create<ngd_client>(ngd_client_create, fmt::format("client:model=bench{}", work.bytes));
    const int64_t elements = static_cast<int64_t>(work.bytes / sizeof(float));
    call(ngd_client_add_f32, client_.get(), "w", &elements, size_t{1});
    call(ngd_client_connect, client_.get(), address.c_str(), kPatience);
    float *tensors[] = {pool.next(work.bytes)};
    call(ngd_client_init_f32, client_.get(), tensors, size_t{1}, kPatience, static_cast<int32_t *>(nullptr),
         static_cast<uint64_t *>(nullptr));
  }
  void start() override {
    float *to[] = {pool_.next(work_.bytes)};
    const float *from[] = {to[0]};
    const int32_t kind = work_.operation == Operation::push_delta ? NGD_PUSH_DELTA : NGD_PUSH_VALUE;
    if (single_) {
      if (work_.pushes())
        call(ngd_client_push_f32, client_.get(), kind, from, size_t{1}, kPatience, version());
      else
        call(ngd_client_pull_f32, client_.get(), uint64_t{0}, to, size_t{1}, kPatience, version());
      return;
    }
    uint64_t ticket = 0;
    if (work_.pushes())
      call(ngd_client_start_push_borrow_f32, client_.get(), kind, from, size_t{1}, kPatience, &ticket);
    else
      call(ngd_client_start_pull_f32, client_.get(), uint64_t{0}, kPatience, &ticket);
    tickets_.push_back(ticket);
  }
  void finish() override {
    if (single_) return;
    const uint64_t ticket = tickets_.front();
    tickets_.pop_front();
    float *to[] = {pool_.next(work_.bytes)};
    if (work_.pushes())
      call(ngd_client_wait, client_.get(), ticket, kPatience, version());
    else
      call(ngd_client_wait_pull_f32, client_.get(), ticket, kPatience, to, size_t{1}, version());
  }

 private:
  uint64_t *version() { return &version_; }
  Client client_;
  Work work_;
  bool single_;
  Pool &pool_;
  uint64_t version_ = 0;
  std::deque<uint64_t> tickets_;
};

// One row in ten of a table, all in one message and its answer.
class NgdRowsPeer : public Peer {
 public:
  NgdRowsPeer(const std::string &address, bool pushes, Pool &pool)
      : pushes_(pushes), keys_(some_rows()), pool_(pool) {
    client_ = create<ngd_client>(ngd_client_create, "client:model=rows");
    call(ngd_client_add_rows_f32, client_.get(), "t", uint64_t{kTableRows}, uint64_t{kRowWidth}, "zero", 0.0,
         uint64_t{0});
    call(ngd_client_connect, client_.get(), address.c_str(), kPatience);
    call(ngd_client_init_f32, client_.get(), none_, size_t{1}, kPatience, static_cast<int32_t *>(nullptr),
         static_cast<uint64_t *>(nullptr));
  }
  void start() override {
    float *values = pool_.next(kRowBytes);
    if (pushes_)
      call(ngd_client_push_rows_f32, client_.get(), int32_t{NGD_PUSH_VALUE}, size_t{0}, keys_.data(),
           keys_.size(), static_cast<const float *>(values), kPatience, &version_);
    else
      call(ngd_client_pull_rows_f32, client_.get(), uint64_t{0}, size_t{0},
           static_cast<const uint32_t *>(keys_.data()), keys_.size(), values, kPatience, &version_);
  }
  void finish() override {}

 private:
  Client client_;
  bool pushes_;
  std::vector<uint32_t> keys_;
  Pool &pool_;
  float *none_[1] = {nullptr};
  uint64_t version_ = 0;
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

void say_ready(int ready, const std::string &address) {
  const std::string line = address + "\n";
  if (write(ready, line.data(), line.size()) < 0) throw Failure{"the benchmark has gone"};
}

std::vector<uint32_t> some_rows() {
  std::vector<uint32_t> rows;
  std::minstd_rand random(1);
  constexpr uint32_t kApart = kTableRows / kKeys;
  for (uint32_t i = 0; i < kKeys; i++) rows.push_back(i * kApart + static_cast<uint32_t>(random() % kApart));
  return rows;
}

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

std::string Served::read_line() const {
  std::string line;
  for (char c = 0; read(from_child_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string Served::status() const {
  kill(child_, SIGUSR1);
  return read_line();
}

void Served::read_address() {
  address_ = read_line();
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

void serve_ngd(const std::string &endpoint, int ready) {
  keep_freed_memory();
  const Server server = create<ngd_server>(ngd_server_create, "server");
  call(ngd_server_set_text, server.get(), "listen", endpoint.c_str());
  call(ngd_server_start, server.get(), kPatience);
  say_ready(ready, text_of(ngd_server_get_text, server.get(), "endpoints"));
  for (;;) pause();
}

void serve_and_tell(const std::string &spec, int ready) {
  keep_freed_memory();
  sigset_t asked;
  sigemptyset(&asked);
  sigaddset(&asked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &asked, nullptr);  // in the server's threads too
  const Server server = create<ngd_server>(ngd_server_create, spec);
  call(ngd_server_start, server.get(), kPatience);
  say_ready(ready, text_of(ngd_server_get_text, server.get(), "endpoints"));
  for (int signal = 0; sigwait(&asked, &signal) == 0;) {
    std::string status(1 << 16, '\0');
    call(ngd_server_get_status, server.get(), status.data(), status.size(), static_cast<size_t *>(nullptr));
    say_ready(ready, status.c_str());
  }
}

std::unique_ptr<Peer> ngd_peer(const std::string &address, const Work &work, bool single, Pool &pool) {
  if (work.rows()) return std::make_unique<NgdRowsPeer>(address, work.pushes(), pool);
  return std::make_unique<NgdPeer>(address, work, single, pool);
}

std::unique_ptr<Peer> memcpy_peer(size_t bytes, Pool &pool) {
  return std::make_unique<MemcpyPeer>(bytes, pool);
}

}  // namespace cli
