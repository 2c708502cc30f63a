// The requests of ZAP 1.0: version, id, domain, address, routing id, mechanism, credentials.
#include "transport/zap.h"

#include <zmq.h>

#include "base/error.h"

namespace ngd::transport {
namespace {

constexpr cluster::Time kLookAgain = 500'000;

}  // namespace

Zap::Zap(std::shared_ptr<Context> context, std::string directory, std::string own_key)
    : socket_(std::move(context), ZMQ_REP),
      authorized_(std::move(directory)),
      own_{cluster::Role::server, "itself"},
      own_key_(std::move(own_key)) {
  socket_.bind("inproc://zeromq.zap.01");
  looked_ = now_us();
}

const Authorized::User *Zap::find(const std::string &key) const {
  if (key == own_key_) return &own_;
  return readable_ ? authorized_.find(key) : nullptr;
}

void Zap::answer() {
  // Also between handshakes, so that a key that was taken away stops to serve.
  if (now_us() - looked_ > kLookAgain) {
    try {
      authorized_.refresh();
      readable_ = true;
    } catch (const Error &) {
      readable_ = false;
    }
    looked_ = now_us();
  }
  Socket::Received request;
  while (socket_.receive(request, 16)) {
    std::string user;
    if (request.frames.size() == 7 && request.frames[0].text() == "1.0" &&
        request.frames[5].text() == "CURVE" && request.frames[6].size == 32) {
      char key[kKeyText + 1];
      zmq_z85_encode(key, reinterpret_cast<const uint8_t *>(request.frames[6].data), 32);
      if (find(key) != nullptr) user = key;
    }
    if (user.empty()) refused_++;
    const std::string_view id = request.frames.size() > 1 ? request.frames[1].text() : std::string_view();
    const std::string_view answers[] = {"1.0", id, user.empty() ? "400" : "200", user.empty() ? "no" : "OK",
                                        user,  ""};
    for (size_t i = 0; i < 6; i++) socket_.send(answers[i], i < 5);
  }
}

bool Zap::who(const std::string &user_id, Who &who) const {
  const Authorized::User *user = find(user_id);
  if (user == nullptr) return false;
  who = {user->role, user_number(user_id)};
  return true;
}

}  // namespace ngd::transport
