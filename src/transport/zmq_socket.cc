// Sockets, and the passing of memory to and from ZeroMQ.
#include "transport/zmq_socket.h"

#include <zmq.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "wire/limits.h"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace ngd::transport {
namespace {

// ZeroMQ's threads hand memory on to each other; it is not built for the thread sanitizer, which has to be told.
#ifdef __SANITIZE_THREAD__
char handed;
void hand_on() {
  __tsan_release(&handed);
}
void take_over() {
  __tsan_acquire(&handed);
}
#else
void hand_on() {}
void take_over() {}
#endif

constexpr size_t kCopied = 1024;  // up to here a copy is cheaper than keeping the owner

[[noreturn]] void fail_zmq(ngd_status status, std::string_view what) {
  fail(status, what, ": ", zmq_strerror(zmq_errno()));
}

// A frame that ZeroMQ received, for as long as slices of it exist.
struct ReceivedFrame {
  zmq_msg_t message;
  ReceivedFrame() { zmq_msg_init(&message); }
  ~ReceivedFrame() {
    hand_on();
    zmq_msg_close(&message);
  }
  ReceivedFrame(const ReceivedFrame &) = delete;
  ReceivedFrame &operator=(const ReceivedFrame &) = delete;
};

// What ZeroMQ holds of ours, until it calls release().
struct Held {
  wire::Bytes bytes;
  Gauges gauges;
};

void release(void *, void *hint) {
  take_over();
  const std::unique_ptr<Held> held(static_cast<Held *>(hint));
  for (const auto &gauge : held->gauges) gauge->fetch_sub(static_cast<int64_t>(held->bytes.size));
}

wire::Bytes bytes_of(const std::shared_ptr<ReceivedFrame> &frame, bool lent) {
  const auto *data = static_cast<const std::byte *>(zmq_msg_data(&frame->message));
  const size_t size = zmq_msg_size(&frame->message);
  // Short frames lie anywhere in a buffer of ZeroMQ's that they would keep.
  if (size <= kCopied || reinterpret_cast<uintptr_t>(data) % 8 != 0) return wire::copied(std::span(data, size));
  return {frame, data, size, lent};
}

}  // namespace

Context::Context(int io_threads) : handle_(zmq_ctx_new()) {
  if (handle_ == nullptr) fail_zmq(NGD_E_MEMORY, "ZeroMQ cannot begin");
  zmq_ctx_set(handle_, ZMQ_IO_THREADS, io_threads);
  zmq_ctx_set(handle_, ZMQ_BLOCKY, 0);
}

Context::~Context() {
  if (!owner_.here()) return;
  while (zmq_ctx_term(handle_) != 0 && zmq_errno() == EINTR) {
  }
}

Socket::Socket(std::shared_ptr<Context> context, int type)
    : context_(std::move(context)), handle_(zmq_socket(context_->handle(), type)) {
  if (handle_ == nullptr) fail_zmq(NGD_E_MEMORY, "ZeroMQ gives no socket");
  size_t size = sizeof fd_;
  zmq_getsockopt(handle_, ZMQ_FD, &fd_, &size);
  set(ZMQ_MAXMSGSIZE, int64_t{wire::kFrameBytes}, "size of frames");
  set(ZMQ_LINGER, 0, "linger");
  set(ZMQ_HANDSHAKE_IVL, 2000, "time of handshakes");
}

Socket::~Socket() {
  if (owner_.here()) zmq_close(handle_);
}

void Socket::set(int option, int value, const char *what) {
  if (zmq_setsockopt(handle_, option, &value, sizeof value) != 0)
    fail_zmq(NGD_E_UNSUPPORTED, concat("ZeroMQ refuses the ", what));
}

void Socket::set(int option, int64_t value, const char *what) {
  if (zmq_setsockopt(handle_, option, &value, sizeof value) != 0)
    fail_zmq(NGD_E_UNSUPPORTED, concat("ZeroMQ refuses the ", what));
}

void Socket::set(int option, std::string_view value, const char *what) {
  if (zmq_setsockopt(handle_, option, value.data(), value.size()) != 0)
    fail_zmq(NGD_E_UNSUPPORTED, concat("ZeroMQ refuses the ", what));
}

int Socket::number(int option) const {
  int value = 0;
  size_t size = sizeof value;
  if (zmq_getsockopt(handle_, option, &value, &size) != 0) return 0;
  return value;
}

std::string Socket::text(int option) const {
  char buffer[512];
  size_t size = sizeof buffer;
  if (zmq_getsockopt(handle_, option, buffer, &size) != 0) return {};
  return std::string(buffer, size == 0 ? 0 : size - 1);
}

void Socket::bind(const std::string &endpoint) {
  if (zmq_bind(handle_, endpoint.c_str()) != 0) fail_zmq(NGD_E_IO, concat("cannot listen on ", endpoint));
}

void Socket::connect(const std::string &endpoint) {
  if (zmq_connect(handle_, endpoint.c_str()) != 0) fail_zmq(NGD_E_IO, concat("cannot connect to ", endpoint));
}

Socket::Sent Socket::send(const wire::Bytes &frame, bool more, const Gauges &gauges) {
  zmq_msg_t message;
  if (frame.size <= kCopied) {
    if (zmq_msg_init_size(&message, frame.size) != 0) throw std::bad_alloc();
    if (frame.size != 0) std::memcpy(zmq_msg_data(&message), frame.data, frame.size);
  } else {
    auto held = std::make_unique<Held>(Held{frame, gauges});
    // ZeroMQ only reads what is sent.
    void *data = const_cast<std::byte *>(frame.data);
    if (zmq_msg_init_data(&message, data, frame.size, release, held.get()) != 0) throw std::bad_alloc();
    for (const auto &gauge : gauges) gauge->fetch_add(static_cast<int64_t>(frame.size));
    held.release();  // release() has it now
  }
  const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
  int sent;
  hand_on();
  do {
    sent = zmq_msg_send(&message, handle_, flags);
  } while (sent < 0 && zmq_errno() == EINTR);
  if (sent >= 0) return Sent::yes;
  const bool unknown = zmq_errno() == EHOSTUNREACH;
  zmq_msg_close(&message);
  return unknown ? Sent::unknown : Sent::full;
}

Socket::Sent Socket::send(std::string_view frame, bool more) {
  return send(wire::Bytes{nullptr, reinterpret_cast<const std::byte *>(frame.data()), frame.size()}, more, {});
}

bool Socket::receive(Received &received, size_t limit) {
  received.frames.clear();
  received.user.clear();
  received.bytes = 0;
  bool too_many = false;
  for (bool first = true;; first = false) {
    const auto frame = std::make_shared<ReceivedFrame>();
    int got;
    do {
      got = zmq_msg_recv(&frame->message, handle_, ZMQ_DONTWAIT);
    } while (got < 0 && zmq_errno() == EINTR);
    if (got < 0) return false;
    take_over();
    if (first) {
      const char *user = zmq_msg_gets(&frame->message, "User-Id");
      if (user != nullptr) received.user = user;
    }
    too_many |= received.frames.size() >= limit;
    received.bytes += zmq_msg_size(&frame->message);
    if (!too_many) received.frames.push_back(bytes_of(frame, lent_));
    if (zmq_msg_more(&frame->message) == 0) break;
  }
  if (too_many) received.frames.clear();
  return true;
}

}  // namespace ngd::transport
