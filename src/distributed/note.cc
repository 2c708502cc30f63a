// Notes of partitions as bytes.
#include "distributed/note.h"

#include "wire/fields.h"
#include "wire/limits.h"

namespace ngd::distributed {

EpochLoss &Note::of_epoch(uint64_t epoch) {
  for (EpochLoss &one : epochs) {
    if (one.epoch == epoch) return one;
  }
  if (epochs.size() == kEpochsKept) epochs.erase(epochs.begin());
  EpochLoss &fresh = epochs.emplace_back();
  fresh.epoch = epoch;
  return fresh;
}

std::string write_note(const Note &note) {
  return std::string(wire::write_bytes(note).text());
}

Note read_note(const std::string &text) {
  Note note;
  if (!text.empty())
    wire::read_bytes(std::as_bytes(std::span(text)), "note of a partition", wire::kDepth, wire::kTables, note);
  return note;
}

}  // namespace ngd::distributed
