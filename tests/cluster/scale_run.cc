// A run at scale: every worker reads, computes and pushes, again and again, and servers die.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/text.h"
#include "scale_machines.h"
#include "scale_setup.h"

namespace scale {

using namespace ngd::cluster;
namespace wire = ngd::wire;
using ngd::concat;

namespace {

constexpr Time kPatience = 600'000'000;
constexpr Nanos kStart = 300 * kSecond;  // until all have made a step: else it is given up
constexpr Nanos kAfterDeath = 5 * kSecond;

class Run {
 public:
  explicit Run(const Setup &setup) : setup_(setup), cluster_(setup), workers_(setup.workers) {
    cluster_.on_worker = [this](uint32_t worker) { act(worker); };
  }
  Result go();

 private:
  enum class Step : uint8_t { closed, opening, starting, reading, computing, pushing };
  struct State {
    Step step = Step::closed;
    Ticket ticket = 0;
    Nanos began = 0, pushed = 0;  // of the step, and of its push
    std::vector<uint32_t> rows;
    uint64_t version = 0, steps = 0;
    bool stays = false;  // is under way across a death
  };

  void open(uint32_t worker);
  void act(uint32_t worker);
  void ended(uint32_t worker, const Outcome &outcome);
  void begin_step(uint32_t worker);
  void push(uint32_t worker);
  void choose_rows(State &state);
  void measure();
  void death(uint32_t server, double &pause, double &wait);
  wire::ModelSpec model() const;
  uint32_t table_rows() const { return setup_.shards * (setup_.rows == 0 ? 1 : setup_.rows_per_shard); }

  const Setup &setup_;
  Cluster cluster_;
  std::vector<State> workers_;
  Result result_;
  bool measuring_ = false;
  uint32_t opened_ = 0, stepped_ = 0;
  uint64_t updates_ = 0;
  Nanos last_update_ = 0, longest_gap_ = 0, longest_step_ = 0;
  std::vector<double> steps_, pulls_, pushes_;
};

wire::ModelSpec Run::model() const {
  wire::ModelSpec spec;
  spec.name = "m";
  spec.optimizer = "sgd:learning_rate=0.1";
  spec.shards = setup_.shards;
  wire::TensorSpec table;
  table.name = "table";
  table.shape = {static_cast<int64_t>(table_rows()), 1};
  table.table = true;
  spec.tensors.push_back(table);
  return spec;
}

void Run::open(uint32_t index) {
  ClientOptions options;
  for (int i = 0; i < 3; i++)
    options.addresses.push_back(concat("sim://", cluster_.network().random().below(setup_.shards)));
  options.model = "m";
  options.consistency = setup_.consistency;
  options.bound = setup_.bound;
  options.workers = setup_.consistency == wire::Consistency::asynchronous ? 0 : setup_.workers;
  options.lease_us = 120'000'000;
  Worker &worker = cluster_.worker(index);
  worker.session = std::make_unique<ClientSession>(options, worker, cluster_.network().random());
  State &state = workers_[index];
  state.step = Step::opening;
  cluster_.on_host(index, [&] {
    const Time now = cluster_.micros();
    state.ticket = index == 0 ? worker.session->create_model(model(), now, now + kPatience)
                              : worker.session->open(now, now + kPatience);
    cluster_.touch(index);
  });
}

void Run::act(uint32_t index) {
  State &state = workers_[index];
  ClientSession &session = *cluster_.worker(index).session;
  if (state.ticket == 0 || !session.finished(state.ticket)) return;
  const Outcome outcome = *session.poll(std::exchange(state.ticket, 0));
  ended(index, outcome);
}

void Run::ended(uint32_t index, const Outcome &outcome) {
  State &state = workers_[index];
  Network &network = cluster_.network();
  ClientSession &session = *cluster_.worker(index).session;
  const Time now = cluster_.micros();
  const bool again = outcome.status == NGD_E_CONFLICT;  // of a round that is over
  if (outcome.status != NGD_OK && !again) {
    if (cluster_.trouble.empty()) cluster_.trouble = concat("worker ", index, ": ", outcome.text);
    return;
  }
  switch (state.step) {
    case Step::opening:
      opened_++;
      state.version = outcome.version;
      if (index == 0) {
        state.step = Step::starting;
        state.ticket = session.push(wire::UpdateKind::initial, {}, now, now + kPatience);
        return;
      }
      return begin_step(index);
    case Step::starting:
      return begin_step(index);
    case Step::reading:
      if (measuring_) pulls_.push_back(static_cast<double>(network.now() - state.began) / kMilli);
      state.version = outcome.version;
      state.step = Step::computing;
      network.at(network.now() +
                     static_cast<Nanos>(setup_.compute_ms * static_cast<double>(kMilli) *
                                        (0.9 + 0.2 * static_cast<double>(network.random().below(1000)) / 1000)),
                 [this, index] { cluster_.on_host(index, [&] { push(index); }); });
      return;
    case Step::pushing: {
      if (!again) {
        updates_++;
        longest_gap_ = std::max(longest_gap_, network.now() - last_update_);
        last_update_ = network.now();
        longest_step_ = std::max(longest_step_, network.now() - state.began);
        if (state.steps++ == 0) stepped_++;
        if (measuring_) {
          steps_.push_back(static_cast<double>(network.now() - state.began) / kMilli);
          pushes_.push_back(static_cast<double>(network.now() - state.pushed) / kMilli);
          result_.updates++;
          result_.rows += state.rows.size();
        }
      }
      return begin_step(index);
    }
    default:
      return;
  }
}

void Run::choose_rows(State &state) {
  state.rows.clear();
  if (setup_.rows == 0) {
    for (uint32_t row = 0; row < table_rows(); row++) state.rows.push_back(row);
    return;
  }
  for (uint32_t i = 0; i < setup_.rows; i++)
    state.rows.push_back(static_cast<uint32_t>(cluster_.network().random().below(table_rows())));
  std::ranges::sort(state.rows);
  state.rows.erase(std::unique(state.rows.begin(), state.rows.end()), state.rows.end());
}

void Run::begin_step(uint32_t index) {
  State &state = workers_[index];
  const Time now = cluster_.micros();
  choose_rows(state);
  state.began = cluster_.network().now();
  state.step = Step::reading;
  state.ticket = cluster_.worker(index).session->pull({{0, state.rows, false}}, 0, now, now + kPatience);
}

void Run::push(uint32_t index) {
  State &state = workers_[index];
  const Time now = cluster_.micros();
  state.pushed = cluster_.network().now();
  state.step = Step::pushing;
  const wire::Buffer values(state.rows.size() * sizeof(float));
  std::memset(values.data(), 0, values.size());
  state.ticket = cluster_.worker(index).session->push(
      wire::UpdateKind::gradient, {{0, state.rows, values.bytes()}}, now, now + kPatience,
      setup_.consistency == wire::Consistency::bulk ? state.version : 0);
  cluster_.touch(index);
}

// --- measuring ----------------------------------------------------------------------------------------------------------

void Run::measure() {
  Network &network = cluster_.network();
  const uint32_t root = cluster_.leader(0);
  std::vector<Host> before;
  for (uint32_t i = 0; i < setup_.shards + setup_.workers; i++) {
    Host &host = network.host(i);
    Host copy;
    copy.out_bytes = host.out_bytes;
    copy.in_bytes = host.in_bytes;
    copy.out_messages = host.out_messages;
    copy.in_messages = host.in_messages;
    copy.busy = host.busy;
    before.push_back(std::move(copy));
  }
  const uint64_t questions = cluster_.questions, answers = cluster_.answer_bytes;
  for (auto &one : cluster_.work) one.assign(one.size(), {});
  const Nanos from = network.now();
  measuring_ = true;
  network.run_until(from + static_cast<Nanos>(setup_.seconds * static_cast<double>(kSecond)),
                    [this] { return !cluster_.trouble.empty(); });
  measuring_ = false;
  const double seconds = static_cast<double>(network.now() - from) / kSecond;
  result_.measured_s = seconds;
  const auto each = [&](uint64_t total) {
    return static_cast<double>(total) / static_cast<double>(std::max<uint64_t>(1, result_.updates));
  };
  result_.updates_per_s = static_cast<double>(result_.updates) / seconds;
  result_.rows_per_s = static_cast<double>(result_.rows) / seconds;
  const auto busy = [&](uint32_t host) {
    return static_cast<double>(network.host(host).busy - before[host].busy) / 1e9 / seconds;
  };
  if (root < setup_.shards) {
    const Host &host = network.host(root);
    result_.root_in = each(host.in_messages - before[root].in_messages);
    result_.root_out = each(host.out_messages - before[root].out_messages);
    result_.root_in_bytes = each(host.in_bytes - before[root].in_bytes);
    result_.root_out_bytes = each(host.out_bytes - before[root].out_bytes);
    result_.root_busy = busy(root);
  }
  uint64_t in = 0, out = 0;
  for (uint32_t i = 0; i < setup_.shards; i++) {
    if (i != root) result_.shard_busy = std::max(result_.shard_busy, busy(i));
  }
  for (uint32_t i = setup_.shards; i < setup_.shards + setup_.workers; i++) {
    in += network.host(i).in_bytes - before[i].in_bytes;
    out += network.host(i).out_bytes - before[i].out_bytes;
  }
  result_.worker_in_bytes = each(in);
  result_.worker_out_bytes = each(out);
  result_.records_per_s = static_cast<double>(cluster_.questions - questions) / seconds;
  result_.record_bytes_per_s = static_cast<double>(cluster_.answer_bytes - answers) / seconds;
  result_.step_ms = quantiles(std::move(steps_));
  result_.pull_ms = quantiles(std::move(pulls_));
  result_.push_ms = quantiles(std::move(pushes_));
  result_.work = cluster_.work;
}

void Run::death(uint32_t server, double &pause, double &wait) {
  if (server >= setup_.shards) return;
  Network &network = cluster_.network();
  longest_gap_ = longest_step_ = 0;
  last_update_ = network.now();
  cluster_.kill_server(server);
  network.run_until(network.now() + kAfterDeath + static_cast<Nanos>(2 * result_.step_ms.most * kMilli),
                    [this] { return !cluster_.trouble.empty(); });
  pause = static_cast<double>(std::max(longest_gap_, network.now() - last_update_)) / kSecond;
  wait = static_cast<double>(longest_step_) / kSecond;
  cluster_.start_server(server);  // and comes in sync again
  network.run_until(network.now() + kAfterDeath, [this] { return !cluster_.trouble.empty(); });
}

Result Run::go() {
  const auto began = std::chrono::steady_clock::now();
  Network &network = cluster_.network();
  for (uint32_t i = 0; i < setup_.shards; i++)
    network.at(i * 100 * kMicro, [this, i] { cluster_.start_server(i); });
  network.run_until(kStart, [this] {
    if (!cluster_.trouble.empty()) return true;
    const ServerNode *first = cluster_.server(0).node.get();
    return first != nullptr && first->map().nodes.size() == setup_.shards;
  });
  open(0);
  network.run_until(network.now() + kStart,
                    [this] { return workers_[0].step >= Step::reading || !cluster_.trouble.empty(); });
  const Nanos joins = network.now();
  for (uint32_t i = 1; i < setup_.workers; i++)
    network.at(joins + network.random().below(std::min(kSecond, setup_.workers * kMilli)),
               [this, i] { open(i); });
  network.run_until(network.now() + kStart,
                    [this] { return opened_ == setup_.workers || !cluster_.trouble.empty(); });
  result_.join_s = static_cast<double>(network.now() - joins) / kSecond;
  network.run_until(network.now() + kStart,
                    [this] { return stepped_ == setup_.workers || !cluster_.trouble.empty(); });
  result_.complete = stepped_ == setup_.workers;
  if (!result_.complete && cluster_.trouble.empty())
    cluster_.trouble = concat(opened_, " workers have a session, ", stepped_, " have made a step");
  if (cluster_.trouble.empty()) measure();
  if (setup_.kills && cluster_.trouble.empty()) {
    death(cluster_.leader(setup_.shards / 2), result_.shard_pause_s, result_.shard_wait_s);
    if (cluster_.trouble.empty()) death(cluster_.leader(0), result_.root_pause_s, result_.root_wait_s);
  }
  result_.trouble = cluster_.trouble;
  result_.complete = result_.complete && result_.trouble.empty();
  result_.messages = network.messages();
  result_.virtual_s = static_cast<double>(network.now()) / kSecond;
  result_.real_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  result_.peak_mb = static_cast<double>(usage.ru_maxrss) / 1024;
  return result_;
}

}  // namespace

Quantiles quantiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto at = [&](double q) {
    return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
  };
  return {at(0.5), at(0.99), at(0.999), values.back()};
}

Result run(const Setup &setup) {
  Run one(setup);
  return one.go();
}

}  // namespace scale
