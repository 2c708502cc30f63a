// What the note of a partition tells whoever looks at it: the losses of its last epochs, and how its worker is doing.
#pragma once

#include <cstdint>
#include <vector>

#include "wire/table.h"

namespace ngd::distributed {

inline constexpr size_t kEpochsKept = 16;

struct EpochLoss {
  uint64_t epoch = 0, rows = 0;
  double loss = 0;  // the sum over the rows
};

struct Note {
  uint64_t worker = 0;         // its rank
  double rows_per_second = 0;  // of the worker, lately
  uint64_t steps = 0;          // of the partition, until now; and over them
  uint64_t staleness = 0;      // versions that others made between its reads and its updates
  uint64_t bytes_out = 0, bytes_in = 0;
  uint64_t hard_set = 0, quarantined = 0, hard_draws = 0;
  std::vector<EpochLoss> epochs;  // the last ones
  uint64_t updates = 0;           // that its steps were sent in

  EpochLoss &of_epoch(uint64_t epoch);
};

template <class F>
void fields(F &f, EpochLoss &x) {
  f.number(x.epoch);
  f.number(x.rows);
  f.number(x.loss);
}
template <class F>
void fields(F &f, Note &x) {
  f.number(x.worker);
  f.number(x.rows_per_second);
  f.number(x.steps);
  f.number(x.staleness);
  f.number(x.bytes_out);
  f.number(x.bytes_in);
  f.number(x.hard_set);
  f.number(x.quarantined);
  f.number(x.hard_draws);
  f.tables(x.epochs, kEpochsKept);
  f.number(x.updates);
}

std::string write_note(const Note &note);
Note read_note(const std::string &text);  // an empty one for an empty text

}  // namespace ngd::distributed
