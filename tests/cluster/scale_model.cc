// The cost model of docs/scaling.md.
#include "scale_model.h"

#include <algorithm>
#include <cmath>

#include "cluster/pace.h"
#include "cluster/replica_times.h"

namespace scale {

namespace {

constexpr size_t kSteps = 800;
constexpr double kStepsOfHop = 5;  // of the median
constexpr double kPins = 4;

// Bytes of messages besides their payload, with header and frames: as the codec writes them.
constexpr double kPushBytes = 168, kSmallBytes = 130, kPulledBytes = 114, kEntryBytes = 80,
                 kDecisionBytes = 120;

// How many of `shards` some rows lie on.
double touched(const Setup &setup) {
  const double n = setup.shards;
  return setup.rows == 0 ? n : n * (1 - std::pow(1 - 1 / n, setup.rows));
}

}  // namespace

Spread Spread::hop(const Links &links) {
  Spread one;
  one.width_ms_ = links.latency_us / 1000 / kStepsOfHop;
  one.chance_.assign(kSteps, 0);
  const auto below = [&](double times) {  // the chance of less than so many medians
    return times <= 0 ? 0 : 0.5 * std::erfc(-std::log(times) / links.spread / std::sqrt(2));
  };
  for (size_t i = 0; i < kSteps; i++) {
    const double from = static_cast<double>(i) / kStepsOfHop, to = static_cast<double>(i + 1) / kStepsOfHop;
    one.chance_[i] = (1 - links.slow) * (below(to) - below(from)) +
                     links.slow * (below(to / links.slow_factor) - below(from / links.slow_factor));
  }
  return one;
}

Spread Spread::then(const Spread &next) const {
  Spread sum = *this;
  sum.chance_.assign(kSteps, 0);
  for (size_t i = 0; i < kSteps; i++) {
    if (chance_[i] < 1e-12) continue;
    for (size_t j = 0; j < kSteps; j++)
      sum.chance_[std::min(i + j, kSteps - 1)] += chance_[i] * next.chance_[j];
  }
  return sum;
}

Spread Spread::last_of(double count) const {
  Spread last = *this;
  double sum = 0, before = 0;
  for (size_t i = 0; i < kSteps; i++) {
    sum += chance_[i];
    const double now = std::pow(std::min(1.0, sum), count);
    last.chance_[i] = now - before;
    before = now;
  }
  return last;
}

double Spread::quantile(double p) const {
  double sum = 0;
  for (size_t i = 0; i < kSteps; i++) {
    sum += chance_[i];
    if (sum >= p) return (static_cast<double>(i) + 0.5) * width_ms_;
  }
  return kSteps * width_ms_;
}

Expected expected(const Setup &setup) {
  const double n = setup.shards, workers = setup.workers, others = n - 1;
  const double message_s = setup.costs.message_us * 1e-6, item_s = setup.costs.item_us * 1e-6;
  const double shards_read = touched(setup), rows = setup.rows == 0 ? n : setup.rows;
  const bool bulk = setup.consistency == ngd::wire::Consistency::bulk;
  const double copies = setup.replicas - 1;
  const double pause_s = static_cast<double>(ngd::cluster::pause_between_words(setup.shards)) * 1e-6;
  Expected e;

  // Bytes of a step.
  const double row = static_cast<double>(setup.row_bytes);
  e.worker_out_bytes = rows * (row + 4 + 4) + n * kPushBytes + shards_read * kSmallBytes + 2 * kSmallBytes;
  e.worker_in_bytes = rows * row + shards_read * kPulledBytes + (n + 2) * kSmallBytes;

  // Waits. A read asks the root, which logs a version to be kept; each shard logs it too while the answer is on its way.
  // An update is logged by each shard, then by the root.
  const Spread hop = Spread::hop(setup.links);
  const Spread log = copies > 0 ? hop.then(hop) : Spread();
  const auto logged = [&](const Spread &so_far) { return copies > 0 ? so_far.then(log) : so_far; };
  const Spread read = logged(hop).then(logged(hop).then(hop).last_of(shards_read));
  const Spread staged = logged(hop).then(hop).last_of(n);
  const Spread write = logged(staged).then(hop);
  const double link_s = 8e-9 / setup.links.worker_gbit;
  // The worker says and hears so many things, one after another.
  const double reads_s =
      2 * (shards_read + 2) * message_s + e.worker_in_bytes * link_s + rows * row * setup.costs.byte_ns * 1e-9;
  const double writes_s = n * message_s + e.worker_out_bytes * link_s + rows * row * setup.costs.byte_ns * 1e-9;
  const double hears_s = n * message_s;
  const double compute_s = setup.compute_ms * 1e-3 * (bulk ? 1.1 : 1);

  // A shard takes its part in, and that of the one it follows, and gives out what is read and what others follow.
  const double part = rows * row / n, server_link_s = 8e-9 / setup.links.server_gbit;
  const double shard_s = (1 + copies) * part * std::max(server_link_s, 2 * setup.costs.byte_ns * 1e-9) +
                         (3 + 2 * shards_read / n + 4 * copies) * message_s;
  e.shard_limit = 1 / shard_s;

  double x = workers / compute_s, read_s = read.quantile(0.5) * 1e-3;
  for (int i = 0; i < 60; i++) {
    // A read has a version kept for it, unless one before it did and no update came between; at most four are kept.
    const double busy_reads = x * read_s;
    const double pins =
        bulk ? 1 / workers : std::min(0.5 * (1 + std::exp(-2 * busy_reads)), kPins / busy_reads);
    const double decisions = (bulk ? 1 / workers : 1) + 2 * pins;
    // Words in one direction to one shard, of an update: with many shards those of several updates go together.
    const double most = pause_s == 0 ? 1e9 : 1 / (x * pause_s);
    const double words = std::min(decisions, most), heard = std::min(1.0, most);
    const double own = 6 + 2 * shards_read / n;
    // Its own log, of which what one message has decided goes together.
    const double logs = 2 * copies * (1 + decisions * heard);
    const double backup = 2 * copies * (1 + words);  // the log of another shard that it follows
    const double entries = bulk ? workers : 1;       // of a decision
    e.root_messages = own + logs + backup + others * (heard + 2 * words);
    e.root_bytes = e.root_messages * kSmallBytes +
                   others * (kEntryBytes * (1 - heard) + decisions * kDecisionBytes +
                             (bulk ? 1 / workers : 1) * entries * kEntryBytes) +
                   (2 + 2 * copies) * rows * row / n;
    const double items = others * (1 - heard + (decisions - words) + (bulk ? 1 : 0));
    const double root_s =
        e.root_messages * message_s + items * item_s + e.root_bytes * setup.costs.byte_ns * 1e-9;
    e.root_limit = 1 / root_s;
    e.root_busy = std::min(1.0, x * root_s);
    // Every hop is a message given out and taken in. The root takes in the words of all shards, which come at once.
    const double hops_s = 7 * 2 * message_s, burst_s = others * heard * message_s;
    // Until it has time, each time that it is asked: more, the more of its time is taken.
    const double rest = 1 - std::min(0.97, e.root_busy);
    const double queue_s = bulk ? 0 : e.root_busy / rest * 0.5 * (burst_s + message_s);
    const double pause_wait_s = pause_s * std::min(1.0, x * pause_s);
    e.pull_ms = read.quantile(0.5) + 1e3 * (reads_s + hops_s + burst_s + 2 * queue_s + pause_wait_s);
    e.push_ms = 1e3 * (std::max(write.quantile(0.5) * 1e-3 + writes_s, writes_s + hears_s) + hops_s + burst_s +
                       3 * queue_s + pause_wait_s);
    const double alone = compute_s + (e.pull_ms + e.push_ms) * 1e-3;
    // Where the root or the shards have no time left, workers wait for it; in rounds it works while they wait for each other.
    const double slowest_s = workers * std::max(root_s, shard_s);
    const double step = bulk ? alone + slowest_s : std::max(alone, slowest_s);
    e.step_ms = step * 1e3;
    if (!bulk) {  // half of what it waits for the root it waits in the read
      e.pull_ms += 500 * (step - alone);
      e.push_ms += 500 * (step - alone);
    }
    read_s = 0.5 * read_s + 0.5e-3 * e.pull_ms;
    e.step99_ms = e.step_ms + (read.quantile(0.99) - read.quantile(0.5)) +
                  (write.quantile(0.99) - write.quantile(0.5)) + (bulk ? 0 : 0.09 * setup.compute_ms);
    x = 0.5 * x + 0.5 * workers / step;
  }
  e.updates_per_s = x;
  e.rows_per_s = x * rows;
  // A member hears nothing for its grace, of which a part was over; asks, changes the record, and has its log confirmed.
  e.pause_s = 1e-6 * static_cast<double>(ngd::cluster::kGraceUs - ngd::cluster::kBeaconUs / 2) + 0.02 + 0.005;
  return e;
}

}  // namespace scale
