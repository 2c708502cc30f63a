// Virtual time, hosts with links of a rate, and processors that work on one message at a time.
#pragma once

#include <deque>
#include <functional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "cluster/environment.h"
#include "scale_setup.h"
#include "seeded.h"

namespace scale {

// One message on its way: encoded, as it lies in sockets.
struct Flight {
  uint32_t from = 0, to = 0;  // hosts
  uint8_t type = 0;
  ngd::wire::Envelope envelope;
  ngd::wire::Bytes control;
  std::vector<ngd::wire::Bytes> payload;
  uint64_t bytes = 0;  // on the wire
  uint64_t items = 0;  // besides the first, of which it tells
  uint64_t life = 0;   // of the receiver when it was sent
  Nanos ready = 0;     // when the last byte is there
};

struct Host {
  double nanos_per_byte = 0;
  Nanos out_free = 0, in_free = 0;  // the links
  uint64_t out_bytes = 0, in_bytes = 0, out_messages = 0, in_messages = 0;
  // The processor.
  std::deque<uint32_t> inbox;  // flights
  Nanos free = 0, busy = 0;
  bool working = false;  // an event is under way that takes the first of the inbox
  bool up = true;
};

class Network {
 public:
  Network(const Setup &setup);

  Nanos now() const { return now_; }
  ngd::cluster::Time micros() const { return now_ / kMicro; }
  simulation::Seeded &random() { return random_; }
  uint32_t add_host(double gbit);
  Host &host(uint32_t index) { return hosts_[index]; }

  void at(Nanos time, std::function<void()> call);
  // A message leaves as soon as the processor and the link of its host are free for it.
  void send(Flight flight);
  // The processor of a host works on something of its own, which may send.
  void work(uint32_t host, const std::function<void()> &call);
  void drop_inbox(uint32_t host);
  // Whom a message reaches, when its host's processor has taken it in.
  std::function<void(Flight)> on_message;
  bool step();  // false: nothing is left to happen
  void run_until(Nanos time, const std::function<bool()> &done = {});
  uint64_t messages() const { return messages_; }
  Nanos latency();

 private:
  enum class Kind : uint8_t { call, arrival, work };
  struct Event {
    Nanos time;
    uint64_t order;
    Kind kind;
    uint32_t which;
    bool operator<(const Event &other) const {
      return std::tie(time, order) > std::tie(other.time, other.order);
    }
  };
  void push(Nanos time, Kind kind, uint32_t which);
  void arrived(uint32_t flight);
  void take_next(uint32_t host);
  Nanos cost(const Flight &flight) const;

  const Setup &setup_;
  simulation::Seeded random_;
  Nanos now_ = 0;
  uint64_t order_ = 0, messages_ = 0;
  std::priority_queue<Event> events_;
  std::vector<Host> hosts_;
  std::vector<Flight> flights_;
  std::vector<uint32_t> free_flights_;
  std::vector<std::function<void()>> calls_;
  std::vector<uint32_t> free_calls_;
  std::unordered_map<uint64_t, Nanos>
      last_;                         // arrival, of what servers say to each other: a connection keeps its order
  uint32_t working_ = ~uint32_t{0};  // the host whose processor runs now, and how far it is
  Nanos cursor_ = 0;
};

}  // namespace scale
