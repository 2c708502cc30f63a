// Local steps: a worker trains on a copy of its own, and adds to the servers' parameters what that changed.
//
// With rounds of all workers the changes are averaged (McMahan et al. 2017, "Communication-efficient learning of deep
// networks from decentralized data"): each counts as often as it has partitions, and those of a table's row are averaged by
// the servers over the workers that have the row. One by one they are added (Dean et al. 2012, "Large scale distributed deep
// networks").
#include <algorithm>
#include <cmath>

#include "distributed/worker.h"
#include "train/schedule.h"

namespace ngd::distributed {

// Reads parameters and what the optimizer's settings are for them: the change that counts for the version that was read, the same
// for all who read it. Returns the learning rate; 0: the optimizer's own.
double Worker::use_settings(const std::vector<uint32_t> &touched) {
  // Both are asked for at once. A change that comes after the answer counts for later versions than that of the answer, so that
  // it tells of the parameters if they are no newer.
  const cluster::Ticket ticket = link_.start_pull(touched);
  std::pair<std::string, uint64_t> changes = link_.changes();
  version_ = link_.end_pull(ticket);
  if (changes.second < version_) changes = link_.changes();
  const cluster::Change change = cluster::change_at(changes.first, version_);
  live_.bring(*inputs_.optimizer, change.settings.options);
  return change.settings.rate;
}

void Worker::train_here() {
  const auto front = std::ranges::min_element(parts_, {}, [](const auto &part) { return part->claim.offset; });
  const uint64_t epoch_steps = shares_.steps((*front)->claim.number);
  const uint64_t count = std::min(local_steps_, epoch_steps - (*front)->claim.offset % epoch_steps);
  std::vector<Step> steps;
  std::vector<uint64_t> rows;
  for (uint64_t ahead = 0; ahead < count; ahead++) {
    steps.push_back(next_step(ahead));
    rows.insert(rows.end(), steps.back().rows.begin(), steps.back().rows.end());
  }
  Model &model = *inputs_.model;
  const auto touched = rows.empty() ? std::vector<uint32_t>() : model.touched_rows(*inputs_.training, rows);
  const double rate = use_settings(touched);

  const auto &specs = model.tensor_specs();
  const auto width = [&](size_t i) { return static_cast<size_t>(specs[i].shape.back()); };
  changes_.resize(specs.size());
  std::vector<TensorStep<float>> changes(specs.size());
  for (size_t i = 0; i < specs.size(); i++) {
    const float *from = model.gradients()[i].parameter;
    if (!specs[i].rows) {
      changes_[i].assign(from, from + element_count(specs[i].shape));
      continue;
    }
    changes_[i].resize(touched.size() * width(i));
    for (size_t r = 0; r < touched.size(); r++)
      std::copy_n(from + touched[r] * width(i), width(i), changes_[i].data() + r * width(i));
    changes[i].rows = touched;
  }

  Optimizer &optimizer = *inputs_.optimizer;
  const double base = optimizer.options()["learning_rate"];
  for (Step &step : steps) {
    if (step.rows.empty()) continue;
    step.losses.resize(step.rows.size());
    step.correct.resize(step.rows.size());
    const uint64_t at = steps.front().pieces.front().at + static_cast<uint64_t>(&step - steps.data());
    optimizer.use_rate_factor(
        (rate > 0 && base > 0 ? rate / base : 1) *
        schedule_factor(inputs_.options.choice("schedule"), at, epoch_steps * epochs_,
                        static_cast<uint64_t>(inputs_.options["warmup_steps"]) / link_.partitions()));
    loss_ =
        model.train_rows(optimizer, *inputs_.training, step.rows, {step.weights, step.losses, step.correct});
    check_loss(step);
  }

  const float share =
      link_.bulk() ? static_cast<float>(steps.front().pieces.size()) / static_cast<float>(link_.partitions())
                   : 1;
  for (size_t i = 0; i < specs.size(); i++) {
    const float *now = model.gradients()[i].parameter;
    std::vector<float> &change = changes_[i];
    const size_t run = specs[i].rows ? width(i) : change.size();
    const float weight = specs[i].rows ? 1 : share;
    for (size_t first = 0; first < change.size(); first += run) {
      const float *from = specs[i].rows ? now + touched[first / run] * run : now;
      for (size_t k = 0; k < run; k++) change[first + k] = (from[k] - change[first + k]) * weight;
    }
    changes[i].gradient = change.data();
  }
  const std::vector<Note> notes = notes_of(steps);
  const uint64_t made = link_.push(wire::UpdateKind::delta, changes, progress_of(steps, notes), 0).made;
  for (const Step &step : steps) record(step);
  for (size_t p = 0; p < notes.size(); p++) steps.front().pieces[p].part->note = notes[p];
  happened(steps, notes, version_, made);
}

}  // namespace ngd::distributed
