// The course of a run at scale: workers that join, read, compute and push.
#include "scale_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/text.h"

namespace scale {

using namespace ngd::cluster;
namespace wire = ngd::wire;
using ngd::concat;

namespace {

constexpr Time kPatience = 600'000'000;
constexpr Nanos kStart = 300 * kSecond;  // until all have made a step: else it is given up
// Workers that compute longer come in in the midst of it, and what is measured begins so long after all have joined.
constexpr double kLongMs = 1000;
constexpr Nanos kSettle = 2 * kSecond;

}  // namespace

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
      return enter(index);
    case Step::starting:
      return enter(index);
    case Step::reading:
      state.read = network.now() - state.began;
      if (measuring_) pulls_.push_back(static_cast<double>(state.read) / kMilli);
      state.version = outcome.version;
      return compute(index, compute_time() * (900 + network.random().below(200)) / 1000);
    case Step::pushing: {
      if (!again) {
        updates_++;
        longest_gap_ = std::max(longest_gap_, network.now() - last_update_);
        last_update_ = network.now();
        longest_wait_ = std::max(longest_wait_, state.read + network.now() - state.pushed);
        if (state.steps++ == 0) stepped_++;
        if (measuring_) {
          if (!state.entered) steps_.push_back(static_cast<double>(network.now() - state.began) / kMilli);
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

void Run::enter(uint32_t index) {
  if (setup_.compute_ms <= kLongMs) return begin_step(index);
  choose_rows(workers_[index]);
  compute(index, cluster_.network().random().below(compute_time()));
}

void Run::compute(uint32_t index, Nanos time) {
  workers_[index].step = Step::computing;
  Network &network = cluster_.network();
  network.at(network.now() + time, [this, index] { cluster_.on_host(index, [&] { push(index); }); });
}

void Run::begin_step(uint32_t index) {
  State &state = workers_[index];
  const Time now = cluster_.micros();
  choose_rows(state);
  state.entered = false;
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
  const bool all = setup_.compute_ms <= kLongMs;
  network.run_until(network.now() + (all ? kStart : kSettle),
                    [&] { return (all && stepped_ == setup_.workers) || !cluster_.trouble.empty(); });
  result_.complete = all ? stepped_ == setup_.workers : stepped_ > 0;
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

Result run(const Setup &setup) {
  Run one(setup);
  return one.go();
}

}  // namespace scale
