// A run at scale: every worker reads, computes and pushes, again and again, and servers die.
#pragma once

#include "scale_machines.h"

namespace scale {

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
    ngd::cluster::Ticket ticket = 0;
    Nanos began = 0, pushed = 0;  // of the step, and of its push
    Nanos read = 0;               // what its read has taken
    bool entered = true;          // with a push: this step had no read
    std::vector<uint32_t> rows;
    uint64_t version = 0, steps = 0;
  };

  void open(uint32_t worker);
  void act(uint32_t worker);
  void ended(uint32_t worker, const ngd::cluster::Outcome &outcome);
  void enter(uint32_t worker);
  void begin_step(uint32_t worker);
  void compute(uint32_t worker, Nanos time);
  void push(uint32_t worker);
  void choose_rows(State &state);
  void measure();
  void death(uint32_t server, double &pause, double &wait);
  ngd::wire::ModelSpec model() const;
  Nanos compute_time() const { return static_cast<Nanos>(setup_.compute_ms * static_cast<double>(kMilli)); }
  uint32_t table_rows() const { return setup_.shards * (setup_.rows == 0 ? 1 : setup_.rows_per_shard); }

  const Setup &setup_;
  Cluster cluster_;
  std::vector<State> workers_;
  Result result_;
  bool measuring_ = false;
  uint32_t opened_ = 0, stepped_ = 0;
  uint64_t updates_ = 0;
  Nanos last_update_ = 0, longest_gap_ = 0, longest_wait_ = 0;
  std::vector<double> steps_, pulls_, pushes_;
};

}  // namespace scale
