// The network of a run at scale.
#include "scale_network.h"

#include <algorithm>
#include <cmath>

namespace scale {

Network::Network(const Setup &setup) : setup_(setup), random_(setup.seed * 0x9E3779B97F4A7C15 + 1) {}

uint32_t Network::add_host(double gbit) {
  Host host;
  host.nanos_per_byte = 8 / gbit;
  hosts_.push_back(std::move(host));
  return static_cast<uint32_t>(hosts_.size() - 1);
}

void Network::push(Nanos time, Kind kind, uint32_t which) {
  events_.push({std::max(time, now_), ++order_, kind, which});
}

void Network::at(Nanos time, std::function<void()> call) {
  uint32_t slot = static_cast<uint32_t>(calls_.size());
  if (free_calls_.empty()) {
    calls_.push_back(std::move(call));
  } else {
    slot = free_calls_.back();
    free_calls_.pop_back();
    calls_[slot] = std::move(call);
  }
  push(time, Kind::call, slot);
}

// A logarithm that is normal, by the sum of twelve uniform numbers, and a tail.
Nanos Network::latency() {
  double normal = -6;
  for (int i = 0; i < 12; i++) normal += static_cast<double>(random_.next() >> 11) * 0x1p-53;
  double micros = setup_.links.latency_us * std::exp(setup_.links.spread * normal);
  if (random_.chance(setup_.links.slow)) micros *= setup_.links.slow_factor;
  return static_cast<Nanos>(micros * 1000);
}

Nanos Network::cost(const Flight &flight) const {
  const double micros = setup_.costs.message_us + setup_.costs.item_us * static_cast<double>(flight.items);
  return static_cast<Nanos>(1000 * micros + setup_.costs.byte_ns * static_cast<double>(flight.bytes));
}

void Network::work(uint32_t index, const std::function<void()> &call) {
  const auto before = std::pair(working_, cursor_);
  working_ = index;
  cursor_ = std::max(now_, hosts_[index].free);
  const Nanos began = cursor_;
  call();
  hosts_[index].busy += cursor_ - began;
  hosts_[index].free = cursor_;
  std::tie(working_, cursor_) = before;
}

void Network::send(Flight flight) {
  Host &from = hosts_[flight.from];
  Nanos leaves = now_;
  if (working_ == flight.from) leaves = cursor_ += cost(flight);
  leaves = std::max(leaves, from.out_free);
  from.out_free = leaves + static_cast<Nanos>(static_cast<double>(flight.bytes) * from.nanos_per_byte);
  from.out_bytes += flight.bytes;
  from.out_messages++;
  messages_++;
  Nanos arrives = from.out_free + latency();
  if (flight.from < setup_.shards && flight.to < setup_.shards) {
    Nanos &last = last_[uint64_t{flight.from} << 32 | flight.to];
    last = arrives = std::max(arrives, last + 1);
  }
  uint32_t slot = static_cast<uint32_t>(flights_.size());
  if (free_flights_.empty()) {
    flights_.push_back(std::move(flight));
  } else {
    slot = free_flights_.back();
    free_flights_.pop_back();
    flights_[slot] = std::move(flight);
  }
  push(arrives, Kind::arrival, slot);
}

void Network::arrived(uint32_t slot) {
  Flight &flight = flights_[slot];
  Host &to = hosts_[flight.to];
  if (!to.up) {
    flight = {};
    free_flights_.push_back(slot);
    return;
  }
  to.in_free =
      std::max(now_, to.in_free) + static_cast<Nanos>(static_cast<double>(flight.bytes) * to.nanos_per_byte);
  flight.ready = to.in_free;
  to.in_bytes += flight.bytes;
  to.in_messages++;
  const uint32_t host = flight.to;
  to.inbox.push_back(slot);
  if (!to.working) take_next(host);
}

// Asks for the moment at which the processor has taken in the first of the inbox.
void Network::take_next(uint32_t index) {
  Host &host = hosts_[index];
  host.working = !host.inbox.empty();
  if (!host.working) return;
  const Flight &flight = flights_[host.inbox.front()];
  const Nanos takes = cost(flight);
  host.busy += takes;
  push(std::max({now_, flight.ready, host.free}) + takes, Kind::work, index);
}

void Network::drop_inbox(uint32_t index) {
  Host &host = hosts_[index];
  for (const uint32_t slot : host.inbox) {
    flights_[slot] = {};
    free_flights_.push_back(slot);
  }
  host.inbox.clear();
}

bool Network::step() {
  if (events_.empty()) return false;
  const Event event = events_.top();
  events_.pop();
  now_ = event.time;
  switch (event.kind) {
    case Kind::call: {
      const std::function<void()> call = std::move(calls_[event.which]);
      calls_[event.which] = {};
      free_calls_.push_back(event.which);
      call();
      break;
    }
    case Kind::arrival:
      arrived(event.which);
      break;
    case Kind::work: {
      Host &host = hosts_[event.which];
      if (host.inbox.empty()) {  // it died
        host.working = false;
        break;
      }
      const uint32_t slot = host.inbox.front();
      host.inbox.pop_front();
      Flight flight = std::move(flights_[slot]);
      flights_[slot] = {};
      free_flights_.push_back(slot);
      work(event.which, [&] { on_message(std::move(flight)); });
      take_next(event.which);
      break;
    }
  }
  return true;
}

void Network::run_until(Nanos time, const std::function<bool()> &done) {
  while (!events_.empty() && events_.top().time <= time) {
    if (done && done()) return;
    step();
  }
  now_ = std::max(now_, time);
}

}  // namespace scale
