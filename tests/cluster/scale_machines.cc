// Servers, workers and the coordinator of a run at scale.
#include "scale_machines.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/error.h"
#include "base/text.h"
#include "wire/codec.h"
#include "wire/header.h"
#include "wire/limits.h"

namespace scale {

using namespace ngd::cluster;
namespace wire = ngd::wire;
using ngd::concat;

namespace {

// What a call of etcd takes, by the measurements of docs/cluster.md.
constexpr Nanos kGet = 700 * kMicro, kChange = 1300 * kMicro, kHint = 2 * kMilli;
constexpr uint64_t kRecordBytes = 80;  // of a record besides key and value
constexpr uint64_t kFrameBytes = 9;    // ZeroMQ's, of a frame

double real_now() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class NoDisk : public Disk {
  std::unique_ptr<File> create(const std::string &path) override {
    ngd::fail(NGD_E_IO, "there is no disk for ", path);
  }
  std::optional<std::vector<std::byte>> read(const std::string &) override { return std::nullopt; }
  std::optional<Part> read_part(const std::string &, uint64_t, size_t) override { return std::nullopt; }
  void rename(const std::string &, const std::string &) override {}
  void remove(const std::string &) override {}
  std::vector<std::string> list(const std::string &) override { return {}; }
  void make_directory(const std::string &) override {}
  void sync_directory(const std::string &) override {}
} no_disk;

}  // namespace

Cluster::Cluster(const Setup &setup) : setup_(setup), network_(setup_) {
  for (auto &one : work) one.resize(wire::kTypes + 1);
  for (uint32_t i = 0; i < setup_.shards; i++) {
    servers_.push_back(std::make_unique<Server>(*this, network_.add_host(setup_.links.server_gbit)));
    NodeOptions &options = servers_.back()->options;
    options.node = i + 1;
    options.address = concat("sim://", i);
    options.durable = false;
    options.replicas = setup_.replicas;
    options.limits.sessions = setup_.workers + 16;
    options.limits.waiting = setup_.workers + 16;
  }
  for (uint32_t i = 0; i < setup_.workers; i++) {
    workers_.push_back(std::make_unique<Worker>(*this, i));
    workers_.back()->host = network_.add_host(setup_.links.worker_gbit);
  }
  network_.on_message = [this](Flight flight) { receive(std::move(flight)); };
}

// --- messages ---------------------------------------------------------------------------------------------------------

// Rows have few numbers here, and as many on the links as the model is said to have.
uint64_t Cluster::bytes_of(const wire::Message &message, size_t control) const {
  const double of_update = static_cast<double>(setup_.row_bytes + 4) / 8,
               of_read = static_cast<double>(setup_.row_bytes) / 4;
  const auto real = static_cast<double>(wire::total_bytes(message.payload));
  double bytes = real;
  if (std::holds_alternative<wire::Push>(message.body)) bytes = real * of_update;
  if (std::holds_alternative<wire::Pulled>(message.body)) bytes = real * of_read;
  if (const auto *append = std::get_if<wire::Append>(&message.body)) {
    for (const wire::LogMark &mark : append->entries)
      bytes += static_cast<double>(mark.payload) * (of_update - 1);
  }
  return wire::kHeaderBytes + control + static_cast<uint64_t>(bytes) +
         (2 + message.payload.size()) * kFrameBytes;
}

Flight Cluster::flight_of(uint32_t from, wire::Message message) const {
  Flight flight;
  flight.from = from;
  flight.type = wire::type_of(message.body);
  flight.envelope = message.envelope;
  flight.control = wire::encode(message.body);
  flight.bytes = bytes_of(message, flight.control.size);
  flight.payload = std::move(message.payload);
  if (const auto *staged = std::get_if<wire::Staged>(&message.body)) flight.items = staged->more.size();
  if (const auto *decide = std::get_if<wire::Decide>(&message.body)) {
    for (const wire::Decision &decision : decide->decisions)
      flight.items += std::max<size_t>(1, decision.entries.size());
    flight.items -= std::min<uint64_t>(flight.items, 1);
  }
  return flight;
}

void Server::send(Peer to, wire::Message message) {
  const double began = real_now();
  Flight flight = cluster.flight_of(index, std::move(message));
  if (to < kFirstConnection) {
    if (to - 1 >= cluster.servers_.size()) return;
    flight.to = static_cast<uint32_t>(to - 1);
    flight.life = cluster.servers_[flight.to]->life;
  } else {
    flight.to = cluster.workers_[to - kFirstConnection]->host;
  }
  Work &done = cluster.work[static_cast<size_t>(who)][0];
  done.count++;
  done.bytes += flight.bytes;
  cluster.network_.send(std::move(flight));
  done.real_us += real_now() - began;
}

void Worker::send(Peer to, wire::Message message) {
  while (servers.size() <= to) {
    const std::string &address = session->address(servers.size());
    uint32_t server = 0;
    std::from_chars(address.data() + 6, address.data() + address.size(), server);
    servers.push_back(server);
  }
  const double began = real_now();
  Flight flight = cluster.flight_of(host, std::move(message));
  flight.to = servers[to];
  Work &done = cluster.work[static_cast<size_t>(Who::worker)][0];
  done.count++;
  done.bytes += flight.bytes;
  cluster.network_.send(std::move(flight));
  done.real_us += real_now() - began;
}

void Cluster::receive(Flight flight) {
  wire::Message message{flight.envelope, {}, std::move(flight.payload)};
  const double began = real_now();
  Who who = Who::worker;
  try {
    message.body = wire::decode(flight.type, flight.control.span());
    flight.control = {};
    if (flight.to < servers_.size()) {
      Server &server = *servers_[flight.to];
      who = server.who;
      const bool of_server = flight.from < servers_.size();
      if (server.node == nullptr || (of_server && flight.life != server.life)) return;
      const Peer from = of_server ? flight.from + 1 : kFirstConnection + flight.from - servers_.size();
      const From sender{from, of_server ? Role::server : Role::worker, of_server ? 0 : from};
      // The thread that reads messages answers what is published, as the transport's does.
      if (const auto *pull = std::get_if<wire::Pull>(&message.body)) {
        const auto shard = server.node->shards().find(message.envelope.shard);
        if (shard != server.node->shards().end()) {
          auto answer =
              shard->second->published().answer_at_once(message.envelope, *pull, message.payload, micros());
          if (answer) {
            server.send(from, std::move(*answer));
            message.envelope.client = {};
          }
        }
      }
      if (!std::holds_alternative<wire::Pull>(message.body) || message.envelope.client != wire::ClientId())
        server.node->receive(sender, std::move(message), micros());
      arm(server);
    } else {
      Worker &worker = *workers_[flight.to - servers_.size()];
      const auto from = std::ranges::find(worker.servers, flight.from);
      const auto peer = static_cast<Peer>(from - worker.servers.begin());
      worker.session->receive(peer, std::move(message), micros());
      touch(worker.index);
    }
  } catch (const std::exception &error) {
    if (trouble.empty())
      trouble = concat("host ", flight.to, ", ", wire::type_name(flight.type), ": ", error.what());
  }
  Work &done = work[static_cast<size_t>(who)][flight.type];
  done.count++;
  done.bytes += flight.bytes;
  done.real_us += real_now() - began;
}

// --- machines ---------------------------------------------------------------------------------------------------------

void Cluster::drive(Server &server, const std::function<void()> &call) {
  network_.work(server.index, [&] {
    try {
      call();
    } catch (const std::exception &error) {
      if (trouble.empty()) trouble = concat("server ", server.index, ": ", error.what());
    }
  });
  arm(server);
}

void Cluster::start_server(uint32_t index) {
  Server &one = *servers_[index];
  one.life++;
  network_.host(index).up = true;
  one.node = std::make_unique<ServerNode>(one.options, one, no_disk, network_.random(), one);
  one.node->on_shard([&one](Shard &shard) {
    if (shard.root() != nullptr) one.who = Who::root;
  });
  drive(one, [&] { one.node->start(micros()); });
}

void Cluster::kill_server(uint32_t index) {
  Server &one = *servers_[index];
  one.node = nullptr;
  one.armed = ~Nanos{0};
  network_.host(index).up = false;
  network_.drop_inbox(index);
  records_.erase(concat("/alive/", one.options.node));
}

uint32_t Cluster::leader(uint32_t index) const {
  uint32_t at = 0;
  for (const auto &[key, record] : records_) {
    if (!key.starts_with("/shard/")) continue;
    std::from_chars(key.data() + 7, key.data() + key.size(), at);
    const auto parsed = ReplicaRecord::parse(record.value);
    if (parsed && (at - 1) % wire::kShards == index) return parsed->primary.node - 1;
  }
  return ~uint32_t{0};
}

void Cluster::arm(Server &server) {
  if (server.node == nullptr) return;
  const Time next = server.node->next_wakeup();
  if (next == kNever) return;
  const Nanos when = std::max(next * kMicro, network_.now() + kMicro);
  if (server.armed <= when && server.armed > network_.now()) return;
  server.armed = when;
  network_.at(when, [this, &server, life = server.life, when] {
    if (server.node == nullptr || server.life != life || server.armed != when) return;
    server.armed = ~Nanos{0};
    drive(server, [&] {
      if (server.node->next_wakeup() <= micros()) server.node->tick(micros());
    });
  });
}

void Cluster::on_host(uint32_t index, const std::function<void()> &call) {
  network_.work(workers_[index]->host, call);
}

void Cluster::touch(uint32_t index) {
  if (on_worker) on_worker(index);
  arm(*workers_[index]);
}

void Cluster::arm(Worker &worker) {
  const Time next = worker.session->next_wakeup();
  if (next == kNever) return;
  const Nanos when = std::max(next * kMicro, network_.now() + kMicro);
  if (worker.armed <= when && worker.armed > network_.now()) return;
  worker.armed = when;
  network_.at(when, [this, &worker, when] {
    if (worker.armed != when) return;
    worker.armed = ~Nanos{0};
    on_host(worker.index, [&] {
      if (worker.session->next_wakeup() <= micros()) worker.session->tick(micros());
      touch(worker.index);
    });
  });
}

// --- the coordinator --------------------------------------------------------------------------------------------------

// Its answers leave over one link, one after another.
void Cluster::answer(uint32_t index, CoordinatorAnswer answer, Nanos delay) {
  uint64_t bytes = kRecordBytes;
  for (const Record &record : answer.records) bytes += record.key.size() + record.value.size() + kRecordBytes;
  questions += answer.ticket == 0 ? 0 : 1;
  answer_bytes += answer.ticket == 0 ? 0 : bytes;
  coordinator_free_ = std::max(network_.now(), coordinator_free_) +
                      static_cast<Nanos>(static_cast<double>(bytes) * 8 / setup_.links.server_gbit);
  Server &server = *servers_[index];
  network_.at(coordinator_free_ + delay, [this, &server, life = server.life, answer = std::move(answer)] {
    if (server.node == nullptr || server.life != life) return;
    drive(server, [&] { server.node->coordinated(answer, micros()); });
  });
}

void Server::get(uint64_t ticket, const std::string &prefix) {
  CoordinatorAnswer found{ticket, true, {}};
  for (auto at = cluster.records_.lower_bound(prefix);
       at != cluster.records_.end() && at->first.starts_with(prefix); ++at)
    found.records.push_back(at->second);
  cluster.answer(index, std::move(found), kGet);
}

void Server::announce(const std::string &key, const std::string &value) {
  cluster.records_[key] = {key, value, 1};
}

void Server::cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) {
  auto &records = cluster.records_;
  const auto found = records.find(key);
  CoordinatorAnswer done{ticket, (found == records.end() ? 0 : found->second.revision) == revision, {}};
  if (done.done) {
    records[key] = {key, value, ++cluster.revision_};
    for (const auto &server : cluster.servers_) {
      if (server->node != nullptr) cluster.answer(server->index, {}, kHint);
    }
  }
  if (records.contains(key)) done.records.push_back(records[key]);
  cluster.answer(index, std::move(done), kChange);
}

}  // namespace scale
