// One contract for every coordinator: in memory, in a directory, the simulator's, and a real etcd of three members.
#include <functional>
#include <set>
#include <thread>

#include "coordinator/local.h"
#include "coordinator/plugged.h"
#include "ports.h"
#include "world.h"
#ifdef NGD_ETCD_MODULE
#include "etcd_cluster.h"
#endif

namespace {

using ngd::concat;

// --- the contract -------------------------------------------------------------------------------------------------------

void changes_by_comparison(Ports &ports) {
  Port &one = *ports[0];
  assert_int_equal(one.get("/").records.size(), 0);
  const CoordinatorAnswer made = one.cas("/a", 0, "one");
  assert_true(made.done);
  assert_int_equal(made.records.size(), 1);
  const uint64_t revision = made.records[0].revision;
  assert_true(revision > 0);
  const CoordinatorAnswer there = one.cas("/a", 0, "two");  // it exists
  assert_false(there.done);
  assert_string_equal(there.records.at(0).value.c_str(), "one");
  assert_int_equal(there.records.at(0).revision, revision);
  const CoordinatorAnswer second = one.cas("/a", revision, "two");
  assert_true(second.done);
  assert_true(second.records[0].revision > revision);
  assert_false(one.cas("/a", revision, "three").done);                        // too late
  assert_false(one.cas("/a", second.records[0].revision + 1, "three").done);  // too early
  const CoordinatorAnswer absent = one.cas("/none", revision, "x");
  assert_false(absent.done);
  assert_int_equal(absent.records.size(), 0);
  // Every change has a number above all before, whatever its key.
  uint64_t last = second.records[0].revision;
  for (int i = 0; i < 5; i++) {
    const CoordinatorAnswer other = one.cas(concat("/many/", i), 0, "x");
    assert_true(other.done && other.records[0].revision > last);
    last = other.records[0].revision;
  }
}

void reads_by_prefix(Ports &ports) {
  Port &one = *ports[0], &two = *ports[1];
  std::string bytes;
  for (int i = 0; i < 256; i++) bytes += static_cast<char>(i);
  const uint64_t revision = one.cas("/p/b", 0, bytes).records[0].revision;
  assert_true(one.cas("/p/a", 0, "").done);
  assert_true(one.cas("/p/ab", 0, "x").done);
  assert_true(one.cas("/q", 0, "x").done);
  const CoordinatorAnswer found = two.get("/p/");
  assert_true(found.done);
  assert_int_equal(found.records.size(), 3);
  assert_string_equal(found.records[0].key.c_str(), "/p/a");
  assert_int_equal(found.records[0].value.size(), 0);
  assert_string_equal(found.records[2].key.c_str(), "/p/b");
  assert_true(found.records[2].value == bytes);
  assert_int_equal(found.records[2].revision, revision);
  assert_int_equal(two.get("/p/a").records.size(), 2);
  assert_int_equal(two.get("/p/b").records.size(), 1);
  assert_int_equal(two.get("/nothing").records.size(), 0);
}

void large_sets_are_read_whole(Ports &ports) {
  Port &one = *ports[0];
  const std::string large(300'000, 'x');
  for (int i = 0; i < 8; i++) assert_true(one.cas(concat("/large/", i), 0, large).done);
  std::vector<uint64_t> tickets;
  for (int i = 0; i < 600; i++) {
    tickets.push_back(one.next());
    one.coordinator().cas(tickets.back(), concat("/small/", 1000 + i), 0, std::to_string(i));
    if (i % 50 == 49) {
      for (const uint64_t ticket : tickets) assert_true(one.sure(ticket).done);
      tickets.clear();
    }
  }
  const CoordinatorAnswer found = ports[1]->get("/");
  std::set<std::string> keys;
  for (const auto &record : found.records) {
    keys.insert(record.key);
    if (record.key.starts_with("/large/")) assert_int_equal(record.value.size(), large.size());
  }
  assert_int_equal(found.records.size(), keys.size());
  assert_true(keys.contains("/small/1599") && keys.contains("/large/7"));
  assert_int_equal(ports[1]->get("/small/").records.size(), 600);
}

// In each round all try to change the same revision.
void exactly_one_wins(Ports &ports, bool threads) {
  constexpr int kRounds = 40;
  uint64_t revision = 0;
  for (int round = 0; round < kRounds; round++) {
    std::vector<uint64_t> tickets;
    for (const auto &port : ports) tickets.push_back(port->next());
    const auto ask = [&](size_t i) {
      ports[i]->coordinator().cas(tickets[i], "/contended", revision, concat(round, " ", i));
    };
    std::vector<std::thread> askers;
    for (size_t i = 0; i < ports.size(); i++) {
      if (threads)
        askers.emplace_back([&, i] { ask(i); });
      else
        ask(i);
    }
    for (std::thread &asker : askers) asker.join();
    int winners = 0;
    std::string won, seen;
    for (size_t i = 0; i < ports.size(); i++) {
      const CoordinatorAnswer answer = ports[i]->sure(tickets[i]);
      assert_int_equal(answer.records.size(), 1);
      winners += answer.done ? 1 : 0;
      if (answer.done) won = concat(round, " ", i);
      assert_true(answer.records[0].revision > revision);
    }
    assert_int_equal(winners, 1);
    const CoordinatorAnswer now = ports[0]->get("/contended");
    assert_string_equal(now.records.at(0).value.c_str(), won.c_str());
    revision = now.records[0].revision;
  }
}

void the_living_are_seen(Ports &ports) {
  ports[0]->coordinator().announce("/alive/1", "here");
  ports[0]->get("/alive/");  // the next call: it is there now
  const CoordinatorAnswer found = ports[1]->get("/alive/");
  assert_int_equal(found.records.size(), 1);
  assert_string_equal(found.records[0].key.c_str(), "/alive/1");
  assert_string_equal(found.records[0].value.c_str(), "here");
  ports[0]->coordinator().announce("/alive/1", "here");  // again changes nothing
  assert_int_equal(ports[0]->get("/alive/").records.size(), 1);
}

void the_dead_go(Ports &ports) {
  ports[0].reset();
  assert_int_equal(ports[1]->get("/alive/").records.size(), 0);
  assert_int_equal(ports[1]->get("/p/").records.size(), 3);  // records stay
}

void obeys(Ports ports, bool threads, bool one_process) {
  changes_by_comparison(ports);
  reads_by_prefix(ports);
  large_sets_are_read_whole(ports);
  exactly_one_wins(ports, threads);
  the_living_are_seen(ports);
  if (!one_process) the_dead_go(ports);
}

// --- those who must obey ----------------------------------------------------------------------------------------------------

// Threads of one process: they share the coordinator.
struct MemoryPort : Port {
  struct Shared {
    ngd::coordinator::MemoryCoordinator coordinator{[this](const CoordinatorAnswer &answer) {
      answers[answer.ticket >> 32]->take({answer.ticket & 0xFFFFFFFF, answer.done, answer.records});
    }};
    std::map<uint64_t, Answers *> answers;
  };
  // Tickets of different ports differ.
  struct Numbered : Coordinator {
    Numbered(Shared &s, uint64_t n) : shared(s), number(n) {}
    void get(uint64_t ticket, const std::string &prefix) override {
      shared.coordinator.get(number << 32 | ticket, prefix);
    }
    void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override {
      shared.coordinator.cas(number << 32 | ticket, key, revision, value);
    }
    void announce(const std::string &key, const std::string &value) override {
      shared.coordinator.announce(key, value);
    }
    Shared &shared;
    uint64_t number;
  };
  MemoryPort(std::shared_ptr<Shared> s, uint64_t number) : shared(std::move(s)), numbered(*shared, number) {
    shared->answers[number] = &answers;
  }
  Coordinator &coordinator() override { return numbered; }
  std::shared_ptr<Shared> shared;
  Numbered numbered;
};

void memory_obeys(void **) {
  const auto shared = std::make_shared<MemoryPort::Shared>();
  Ports ports;
  for (uint64_t i = 1; i <= 8; i++) ports.push_back(std::make_unique<MemoryPort>(shared, i));
  obeys(std::move(ports), true, true);
}

template <class Held>
struct OwnPort : Port {
  template <class Make>
  explicit OwnPort(Make &&make)
      : held(make([this](const CoordinatorAnswer &answer) { this->answers.take(answer); })) {}
  Coordinator &coordinator() override { return *held; }
  std::unique_ptr<Held> held;
};

void a_directory_obeys(void **) {
  using Held = ngd::coordinator::FileCoordinator;
  const Scratch scratch;
  Ports ports;
  for (int i = 0; i < 8; i++)
    ports.push_back(std::make_unique<OwnPort<Held>>(
        [&](auto answer) { return std::make_unique<Held>(scratch / "records", answer); }));
  obeys(std::move(ports), true, false);
}

struct SimulatedPort : Port {
  SimulatedPort(std::shared_ptr<simulation::World> w) : world(std::move(w)), index(world->add_server({})) {
    server().take_answer = [this](const CoordinatorAnswer &answer) { answers.take(answer); };
  }
  ~SimulatedPort() override { server().take_answer = {}; }
  simulation::World::Server &server() { return *world->servers[index]; }
  Coordinator &coordinator() override { return server(); }
  std::optional<CoordinatorAnswer> wait(uint64_t ticket, std::chrono::milliseconds) override {
    world->run_until(world->now() + simulation::kSecond);
    return answers.wait(ticket, std::chrono::milliseconds(0));
  }
  std::shared_ptr<simulation::World> world;
  size_t index;
};

void the_simulators_obeys(void **) {
  const auto world = std::make_shared<simulation::World>(1, ngd::cluster::Mutant::none, false);
  Ports ports;
  for (int i = 0; i < 8; i++) ports.push_back(std::make_unique<SimulatedPort>(world));
  obeys(std::move(ports), false, false);
}

#ifdef NGD_ETCD_MODULE
void a_real_etcd_obeys(void **) {
  using Held = ngd::coordinator::PluggedCoordinator;
  if (!etcd_is_here()) skip();
  const EtcdCluster etcd;
  const ngd::coordinator::Module &module = ngd::coordinator::load_module({module_path()});
  Ports ports;
  for (int i = 0; i < 8; i++)
    ports.push_back(std::make_unique<OwnPort<Held>>(
        [&](auto answer) { return std::make_unique<Held>(module, etcd.address(), "test", answer); }));
  obeys(std::move(ports), true, false);
  // Another cluster in the same etcd sees nothing of it.
  OwnPort<Held> other(
      [&](auto answer) { return std::make_unique<Held>(module, etcd.address(), "tes", answer); });
  assert_int_equal(other.get("/").records.size(), 0);
}
#else
void a_real_etcd_obeys(void **) {
  print_message("skipped: the module was not built for want of libcurl\n");
  skip();
}
#endif

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(memory_obeys),
      cmocka_unit_test(a_directory_obeys),
      cmocka_unit_test(the_simulators_obeys),
      cmocka_unit_test(a_real_etcd_obeys),
  };
  return cmocka_run_group_tests_name("coordinator contract", tests, nullptr, nullptr);
}
