// The coordinator etcd while members of a real etcd are killed, stopped and started again.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "coordinator/etcd/gateway.h"
#include "coordinator/plugged.h"
#include "etcd_cluster.h"
#include "ports.h"

namespace {

using ngd::concat;
using ngd::coordinator::PluggedCoordinator;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct EtcdPort : Port {
  explicit EtcdPort(const std::string &address)
      : held(std::make_unique<PluggedCoordinator>(
            ngd::coordinator::load_module({module_path()}), address, "test",
            [this](const CoordinatorAnswer &answer) { answers.take(answer); })) {}
  Coordinator &coordinator() override { return *held; }
  std::unique_ptr<PluggedCoordinator> held;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Whether `body` becomes true within `time`.
template <class Body>
bool within(milliseconds time, Body &&body) {
  const auto end = Clock::now() + time;
  while (!body()) {
    if (Clock::now() > end) return false;
    usleep(20'000);
  }
  return true;
}

// Counts a record up, as a machine of the cluster would: what is not answered in time is asked anew.
struct Counter {
  explicit Counter(const std::string &address) : port(address) {}

  void run(const std::atomic<bool> &stop) {
    last = Clock::now();
    while (!stop) step();
    longest_gap = std::max(longest_gap, seconds_since(last));
  }
  void step() {
    const uint64_t ticket = port.next();
    port.coordinator().cas(ticket, "/count", revision, std::to_string(value + 1));
    auto answer = port.answers.wait(ticket, seconds(2));
    if (answer) {
      done += answer->done ? 1 : 0;
    } else {
      unknown++;
      const uint64_t again = port.next();
      port.coordinator().get(again, "/count");
      answer = port.answers.wait(again, seconds(2));
    }
    if (!answer) return;
    longest_gap = std::max(longest_gap, seconds_since(last));
    last = Clock::now();
    if (answer->records.empty()) return;
    if (answer->records[0].revision < revision) went_back = true;
    revision = answer->records[0].revision;
    ngd::parse_integer(answer->records[0].value, value);
  }

  EtcdPort port;
  uint64_t revision = 0;
  int64_t value = 0, done = 0, unknown = 0;
  bool went_back = false;
  double longest_gap = 0;  // between answers
  Clock::time_point last;
};

// Four processes' worth of counters through `fault`; no change is lost, none happens twice.
template <class Fault>
double count_through(EtcdCluster &etcd, Fault &&fault) {
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<Counter>> counters;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) counters.push_back(std::make_unique<Counter>(etcd.address()));
  for (auto &counter : counters) threads.emplace_back([&] { counter->run(stop); });
  sleep(1);
  fault();
  stop = true;
  for (std::thread &thread : threads) thread.join();
  EtcdPort reader(etcd.address());
  int64_t total = 0, done = 0, unknown = 0;
  double gap = 0;
  ngd::parse_integer(reader.get("/count").records.at(0).value, total);
  for (const auto &counter : counters) {
    assert_false(counter->went_back);
    done += counter->done;
    unknown += counter->unknown;
    gap = std::max(gap, counter->longest_gap);
  }
  print_message("counted to %d; %d answered, %d not known; longest wait for an answer %.2f s\n",
                static_cast<int>(total), static_cast<int>(done), static_cast<int>(unknown), gap);
  assert_true(done > 50);
  assert_true(total >= done && total <= done + unknown);
  return gap;
}

void a_leader_that_is_killed_costs_seconds_and_no_change(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  const double gap = count_through(etcd, [&] {
    const size_t leader = etcd.leader();
    etcd.kill(leader);
    sleep(6);
    etcd.start(leader);
    sleep(2);
  });
  assert_true(gap < 6);
}

void a_leader_that_stands_still_costs_seconds_and_no_change(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  const double gap = count_through(etcd, [&] {
    const size_t leader = etcd.leader();
    etcd.signal(leader, SIGSTOP);
    sleep(6);
    etcd.signal(leader, SIGCONT);
    sleep(2);
  });
  assert_true(gap < 6);
}

void without_a_quorum_nothing_is_answered_until_it_is_back(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  EtcdPort port(etcd.address());
  assert_true(port.cas("/a", 0, "one").done);
  etcd.kill(0);
  etcd.kill(1);
  for (const auto end = Clock::now() + seconds(5); Clock::now() < end;) {
    const uint64_t get = port.next(), cas = port.next();
    port.coordinator().get(get, "/");
    port.coordinator().cas(cas, "/b", 0, "two");
    assert_false(port.answers.wait(get, milliseconds(700)).has_value());
    assert_false(port.answers.wait(cas, milliseconds(1)).has_value());
  }
  assert_true(!port.held->problem().empty());
  print_message("without a quorum: %s\n", port.held->problem().c_str());
  etcd.start(0);
  etcd.start(1);
  const auto start = Clock::now();
  assert_true(within(seconds(30), [&] {
    const uint64_t ticket = port.next();
    port.coordinator().get(ticket, "/a");
    return port.answers.wait(ticket, milliseconds(500)).has_value();
  }));
  print_message("back %.1f s after the members\n", seconds_since(start));
  assert_string_equal(port.get("/a").records.at(0).value.c_str(), "one");
  assert_true(within(seconds(5), [&] { return port.held->problem().empty(); }));
}

void closing_is_quick_whatever_etcd_does(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  const auto close_within = [](EtcdPort &port, double bound) {
    const auto start = Clock::now();
    port.held.reset();
    const double took = seconds_since(start);
    print_message("closed in %.3f s\n", took);
    assert_true(took < bound);
  };
  EtcdPort well(etcd.address()), stopped(etcd.address()), gone(etcd.address());
  for (EtcdPort *port : {&well, &stopped, &gone}) {
    port->coordinator().announce("/alive/1", "");
    port->get("/");
  }
  close_within(well, 1);
  for (size_t i = 0; i < etcd.size(); i++) etcd.signal(i, SIGSTOP);
  for (uint64_t i = 0; i < 20; i++) stopped.coordinator().get(stopped.next(), "/");
  usleep(100'000);
  close_within(stopped, 1);
  for (size_t i = 0; i < etcd.size(); i++) etcd.kill(i);
  close_within(gone, 1);
}

void changes_of_others_are_told_at_once(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  EtcdPort one(etcd.address()), two(etcd.address());
  one.get("/");
  sleep(1);
  uint64_t revision = 0;
  std::vector<double> waits;
  for (int i = 0; i < 30; i++) {
    usleep(static_cast<useconds_t>(70'000 + 13'000 * i));
    const int before = one.answers.hints();
    const auto start = Clock::now();
    revision = two.cas("/watched", revision, std::to_string(i)).records.at(0).revision;
    assert_true(within(seconds(3), [&] { return one.answers.hints() > before; }));
    waits.push_back(seconds_since(start));
  }
  std::ranges::sort(waits);
  print_message("told after %.3f s (median), %.3f s at most\n", waits[waits.size() / 2], waits.back());
  assert_true(waits[waits.size() / 2] < 0.2);
}

void a_process_that_is_killed_is_gone_after_its_lease(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  const pid_t child = fork();  // while this process has one thread
  if (child == 0) {
    EtcdPort mine(etcd.address());
    mine.coordinator().announce("/alive/7", "child");
    sleep(60);
    _exit(0);
  }
  EtcdPort port(etcd.address());
  const auto count = [&] { return port.get("/alive/").records.size(); };
  assert_true(within(seconds(5), [&] { return count() == 1; }));
  sleep(11);  // longer than the lease: it is kept
  assert_int_equal(count(), 1);
  ::kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto start = Clock::now();
  assert_int_equal(count(), 1);
  assert_true(within(seconds(15), [&] { return count() == 0; }));
  print_message("gone after %.1f s\n", seconds_since(start));
}

void a_lease_that_is_lost_is_made_anew(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd;
  EtcdPort port(etcd.address());
  port.coordinator().announce("/alive/1", "here");
  assert_int_equal(port.get("/alive/").records.size(), 1);
  const ngd::etcd::Settings settings = ngd::etcd::settings_of(etcd.address(), "test");
  ngd::etcd::Token token;
  ngd::etcd::Gateway gateway(settings, token);
  const auto leases = gateway.call("/v3/lease/leases", ngd::etcd::Json::object());
  const ngd::etcd::Json *all = ngd::etcd::field(&*leases.answer, "leases");
  assert_int_equal(all->size(), 1);
  assert_true(
      gateway.call("/v3/lease/revoke", {{"ID", ngd::etcd::number(&(*all)[0], "ID")}}).answer.has_value());
  assert_int_equal(port.get("/alive/").records.size(), 0);
  assert_true(within(seconds(6), [&] { return port.get("/alive/").records.size() == 1; }));
}

void one_member_is_refused_unless_it_is_wanted(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd(1);
  const std::string host = etcd.address().substr(7);
  EtcdPort port(concat("etcd://", host, ",", host, ",", host));  // three names of one
  port.coordinator().get(port.next(), "/");
  assert_true(within(seconds(5), [&] { return !port.held->problem().empty(); }));
  assert_true(port.held->problem().starts_with("this etcd has 1 member that vote"));
  EtcdPort wanted(etcd.address("?single_member=1"));
  assert_true(wanted.cas("/a", 0, "x").done);
}

void a_user_logs_in_and_again_when_the_token_is_forgotten(void **) {
  if (!etcd_is_here()) skip();
  EtcdCluster etcd(1);
  const Scratch scratch;
  ngd::etcd::Settings settings = ngd::etcd::settings_of(etcd.address("?single_member=1"), "test");
  ngd::etcd::Token token;
  ngd::etcd::Gateway gateway(settings, token);
  const auto ask = [&](const char *path, const ngd::etcd::Json &body) {
    const auto result = gateway.call(path, body);
    if (!result.answer) fail_msg("%s: %s", path, result.problem.c_str());
  };
  using ngd::etcd::to_base64;
  ask("/v3/auth/role/add", {{"name", "ngd"}});
  ask("/v3/auth/role/grant",
      {{"name", "ngd"},
       {"perm", {{"permType", 2}, {"key", to_base64("/ngd/test/")}, {"range_end", to_base64("/ngd/test0")}}}});
  ask("/v3/auth/user/add", {{"name", "root"}, {"password", "r"}});
  ask("/v3/auth/user/grant", {{"user", "root"}, {"role", "root"}});
  ask("/v3/auth/user/add", {{"name", "ngd"}, {"password", "secret"}});
  ask("/v3/auth/user/grant", {{"user", "ngd"}, {"role", "ngd"}});
  ask("/v3/auth/enable", ngd::etcd::Json::object());

  const auto login = [&](const char *name, const char *text) {
    write_text(scratch / name, text);
    chmod((scratch / name).c_str(), 0600);
    return etcd.address(concat("?single_member=1&login=", scratch / name));
  };
  EtcdPort stranger(etcd.address("?single_member=1")), wrong(login("wrong", "ngd:guess")),
      good(login("good", "ngd:secret"));
  for (EtcdPort *port : {&stranger, &wrong}) {
    const uint64_t ticket = port->next();
    port->coordinator().get(ticket, "/");
    assert_true(within(seconds(5), [&] { return !port->held->problem().empty(); }));
    assert_false(port->answers.wait(ticket, milliseconds(1)).has_value());
    print_message("%s\n", port->held->problem().c_str());
  }
  good.coordinator().announce("/alive/1", "");
  const CoordinatorAnswer made = good.cas("/a", 0, "one");
  assert_true(made.done);
  assert_int_equal(good.get("/alive/").records.size(), 1);
  etcd.kill(0);  // it forgets the tokens that it gave
  etcd.start(0);
  etcd.leader();
  CoordinatorAnswer found;
  assert_true(within(seconds(10), [&] {
    const uint64_t ticket = good.next();
    good.coordinator().get(ticket, "/a");
    const auto answer = good.answers.wait(ticket, seconds(1));
    if (answer) found = *answer;
    return answer.has_value();
  }));
  assert_string_equal(found.records.at(0).value.c_str(), "one");
  assert_true(good.cas("/a", made.records[0].revision, "two").done);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_leader_that_is_killed_costs_seconds_and_no_change),
      cmocka_unit_test(a_leader_that_stands_still_costs_seconds_and_no_change),
      cmocka_unit_test(without_a_quorum_nothing_is_answered_until_it_is_back),
      cmocka_unit_test(closing_is_quick_whatever_etcd_does),
      cmocka_unit_test(changes_of_others_are_told_at_once),
      cmocka_unit_test(a_process_that_is_killed_is_gone_after_its_lease),
      cmocka_unit_test(a_lease_that_is_lost_is_made_anew),
      cmocka_unit_test(one_member_is_refused_unless_it_is_wanted),
      cmocka_unit_test(a_user_logs_in_and_again_when_the_token_is_forgotten),
  };
  return cmocka_run_group_tests_name("coordinator etcd, faults", tests, nullptr, nullptr);
}
