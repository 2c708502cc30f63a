// A step: its checks, which change nothing, and the order in which the sweep does its parts.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "optimizer/optimizer.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// A dynamic loss scale stays where float32 can hold it and its reciprocal.
constexpr double kSmallestScale = 0x1p-60, kLargestScale = 0x1p60;

}  // namespace

template <class T>
void Optimizer::check(std::span<const TensorStep<T>> tensors) const {
  const auto &specs = sweep_.specs;
  if (specs.empty()) fail(NGD_E_STATE, "the optimizer has no tensors; declare them first");
  if (element() != element_of<T>)
    fail(NGD_E_STATE, "the tensors were declared as ", element_word(element()),
         "; use the functions of that type");
  if (tensors.size() != specs.size())
    fail(NGD_E_SHAPE, "the step has ", tensors.size(), " tensors, but ", specs.size(), " were declared");
  for (size_t i = 0; i < specs.size(); i++) {
    const std::span<const uint32_t> rows = tensors[i].rows;
    if (!specs[i].rows) {
      if (!rows.empty())
        fail(NGD_E_SHAPE, "tensor ", quoted(specs[i].name), " was not declared as a table of rows");
      continue;
    }
    for (size_t k = 0; k < rows.size(); k++) {
      if (rows[k] >= static_cast<uint64_t>(specs[i].shape[0]))
        fail(NGD_E_SHAPE, "row ", rows[k], " of tensor ", quoted(specs[i].name), " is past its ",
             specs[i].shape[0], " rows");
      if (k > 0 && rows[k] <= rows[k - 1])
        fail(NGD_E_SHAPE, "the rows of tensor ", quoted(specs[i].name), " must rise, but row ", rows[k],
             " follows ", rows[k - 1]);
    }
  }
}

template <class T>
void Optimizer::step(std::span<const TensorStep<T>> tensors, bool consume) {
  check(tensors);
  if (wants_second_gradient() && !combined_)
    fail(NGD_E_STATE, perturbed_
                          ? "the parameters are still perturbed; call restore before the step"
                          : "grad_penalty is on: call perturb and restore before each step, or set it to 0");
  const bool copies =
      std::ranges::any_of(tensors, [](const TensorStep<T> &one) { return one.copy != nullptr; });
  if (copies && settings_.copy == CopyFormat::none)
    fail(NGD_E_STATE, "the step is to write copies, but in no format; set copy=bf16 or copy=f16");
  calls_.resize(tensors.size());
  for (size_t i = 0; i < tensors.size(); i++)
    calls_[i] = {tensors[i].parameter, tensors[i].gradient, tensors[i].copy, tensors[i].rows};
  sweep_.begin(calls_, consume);
  prepare();

  bool wants_norm = false;
  for (const Group &group : groups_)
    wants_norm |= group.clip.clip == Clip::norm || group.clip.clip == Clip::group_norm ||
                  group.rule->wants_gradient_norm();
  const bool accumulates = settings_.accumulate > 1;
  std::span<const double> squares;
  if (settings_.nonfinite != NonFinite::zero || (wants_norm && !accumulates)) {
    squares = sweep_.gradient_squares(wants_norm && !accumulates);
    if (settings_.nonfinite != NonFinite::zero && !finite_gradients(squares)) return skip_step();
  }
  uint64_t not_finite = 0;
  if (accumulates) {
    not_finite = sweep_.accumulate(1 / (settings_.loss_scale * static_cast<double>(settings_.accumulate)));
    accumulated_++;
    zero_count_ += not_finite;
    for (Group &group : groups_) group.options.lock();
    if (accumulated_ < settings_.accumulate) return;
    sweep_.from_accumulated = true;
    if (wants_norm) squares = sweep_.gradient_squares(true);
  }
  scale_gradients(wants_norm ? squares : std::span<const double>());
  if (step_count_ == 0) fill_initial_state();

  // From here on nothing can fail.
  count_averages();
  const uint64_t zeroed = sweep_.update();
  step_count_++;
  accumulated_ = 0;
  zero_count_ += zeroed;
  combined_ = false;
  for (Group &group : groups_) group.options.lock();
  if (settings_.loss_scale_dynamic) move_loss_scale(not_finite + zeroed == 0);
}

// Arrays that options ask for, threads, and the cutting of the work.
void Optimizer::prepare() {
  sweep_.settings = &settings_;
  sweep_.step = step_count_ + 1;
  if (team_ == nullptr || team_threads_ != settings_.threads) {
    team_ = nullptr;
    team_ = std::make_unique<Team>(settings_.threads);
    team_threads_ = settings_.threads;
    laid_out_ = false;
  }
  sweep_.team = team_.get();
  const bool rows = std::ranges::any_of(sweep_.specs, &TensorSpec::rows);
  if (laid_out_ && !rows) return;
  if (!laid_out_) {
    sweep_.groups.resize(groups_.size());
    for (size_t g = 0; g < groups_.size(); g++) {
      GroupStep &group = sweep_.groups[g];
      group.rule = groups_[g].rule.get();
      group.clip = groups_[g].clip.clip;
      group.threshold = groups_[g].clip.threshold;
      const std::span<const Slot> slots = group.rule->slots();
      for (size_t s = 0; rows && s < slots.size(); s++) {
        if (group.decays.size() <= s)
          group.decays.emplace_back(slots[s].decay);
        else if (group.decays[s].decay() != slots[s].decay)
          group.decays[s] = DecayTable(slots[s].decay);
      }
    }
    allocate();
  }
  sweep_.lay_out();
  laid_out_ = true;
}

void Optimizer::allocate() {
  const Storage storage = element() == Element::f64 ? Storage::f64 : Storage::f32;
  for (size_t i = 0; i < sweep_.specs.size(); i++) {
    TensorState &state = sweep_.states[i];
    const size_t count = element_count(sweep_.specs[i].shape);
    if (settings_.accumulate > 1 && state.accumulated.empty())
      state.accumulated = StateArray(storage, count, count);
    if (settings_.average != Average::none && state.average.empty())
      state.average = StateArray(storage, count, count);
    if (settings_.master && state.master.empty()) {
      state.master = StateArray(storage, count, count);
      if (element() == Element::bf16)
        widen(sweep_.target, static_cast<const Bf16 *>(calls_[i].parameter), state.master.values<float>(),
              count);
      else
        widen(sweep_.target, static_cast<const F16 *>(calls_[i].parameter), state.master.values<float>(),
              count);
    }
  }
  for (size_t g = 0; g < groups_.size(); g++) {
    WholeRule *whole = groups_[g].rule->whole();
    if (whole == nullptr) continue;
    std::vector<Shape> shapes;
    for (size_t i = 0; i < sweep_.specs.size(); i++) {
      if (sweep_.group_of[i] == g) shapes.push_back(sweep_.specs[i].shape);
    }
    whole->prepare(shapes, element() == Element::f64 ? sizeof(double) : sizeof(float));
  }
}

// False when a step must be skipped; fails when the option says so. Nothing has changed yet.
bool Optimizer::finite_gradients(std::span<const double> squares) {
  const auto bad = std::ranges::find_if(squares, [](double sum) { return !std::isfinite(sum); });
  if (bad == squares.end()) return true;
  size_t tensor = static_cast<size_t>(bad - squares.begin());
  if (element() == Element::f64) {
    // Squares of large finite numbers may have overflown.
    const std::span<const double> finite = sweep_.gradient_squares(false);
    const auto found = std::ranges::find_if(finite, [](double sum) { return !std::isfinite(sum); });
    if (found == finite.end()) return true;
    tensor = static_cast<size_t>(found - finite.begin());
  }
  if (settings_.nonfinite == NonFinite::skip) return false;
  combined_ = false;
  fail(NGD_E_NOT_FINITE, "the gradient of tensor ", quoted(sweep_.specs[tensor].name),
       " is not finite at step ", step_count_ + 1,
       "; nothing was changed. Lower the learning_rate, or set nonfinite=skip");
}

void Optimizer::skip_step() {
  combined_ = false;
  skip_count_++;
  sweep_.zero_gradients();
  if (settings_.loss_scale_dynamic) move_loss_scale(false);
}

// Micikevicius et al. 2018, "Mixed precision training", section 3.2.
void Optimizer::move_loss_scale(bool good) {
  good_steps_ = good ? good_steps_ + 1 : 0;
  if (good && good_steps_ < settings_.loss_scale_interval) return;
  good_steps_ = 0;
  const double factor = settings_.loss_scale_factor;
  settings_.loss_scale = std::clamp(good ? settings_.loss_scale * factor : settings_.loss_scale / factor,
                                    kSmallestScale, kLargestScale);
  for (Group &group : groups_) group.options.set("loss_scale", settings_.loss_scale);
}

// What gradients are multiplied by, from the sums of squares of each tensor where they are known.
void Optimizer::scale_gradients(std::span<const double> squares) {
  const double unscaled = sweep_.from_accumulated ? 1 : 1 / settings_.loss_scale;
  std::vector<GroupStep> &groups = sweep_.groups;
  for (GroupStep &group : groups) group.scale = unscaled;
  gradient_norm_ = kNone;
  double norm = 0;  // of what the rule sees
  if (!squares.empty()) {
    std::vector<double> of_group(groups.size());
    double all = 0, clipped = 0;
    for (size_t i = 0; i < squares.size(); i++) {
      const size_t g = sweep_.group_of[i];
      of_group[g] += squares[i];
      all += squares[i];
      if (groups[g].clip == Clip::norm) clipped += squares[i];
    }
    gradient_norm_ = unscaled * std::sqrt(all);
    for (size_t g = 0; g < groups.size(); g++) {
      const Clip clip = groups[g].clip;
      if (clip != Clip::norm && clip != Clip::group_norm) continue;
      const double length = unscaled * std::sqrt(clip == Clip::norm ? clipped : of_group[g]);
      if (length > groups[g].threshold) groups[g].scale *= groups[g].threshold / length;
    }
    double seen = 0;
    for (size_t g = 0; g < groups.size(); g++) seen += groups[g].scale * groups[g].scale * of_group[g];
    norm = std::sqrt(seen);
  }
  const double factor = schedule_rate_factor();
  for (Group &group : groups_) {
    group.rule->use_learning_rate(group.options["learning_rate"] * factor * group.rate_factor);
    group.rule->begin_step(step_count_ + 1, norm);
  }
}

// How far the averages follow in this step: ema and swa start after average_start steps; Lookahead's slow weights start
// where the parameters do.
void Optimizer::count_averages() {
  sweep_.follow = 0;
  sweep_.average_begins = false;
  if (settings_.average == Average::none) return;
  const uint64_t step = step_count_ + 1;
  if (settings_.average == Average::lookahead) {
    sweep_.average_begins = averaged_ == 0;
    averaged_ = 1;
    if (step % settings_.average_interval == 0) sweep_.follow = settings_.lookahead_alpha;
    return;
  }
  if (step <= settings_.average_start || (step - settings_.average_start) % settings_.average_interval != 0)
    return;
  sweep_.average_begins = averaged_ == 0;
  averaged_++;
  sweep_.follow =
      settings_.average == Average::ema ? 1 - settings_.average_decay : 1 / static_cast<double>(averaged_);
}

void Optimizer::fill_initial_state() {
  for (size_t i = 0; i < sweep_.states.size(); i++) {
    const std::span<const Slot> slots = groups_[sweep_.group_of[i]].rule->slots();
    for (size_t s = 0; s < slots.size(); s++) {
      if (slots[s].initial != 0 && !sweep_.states[i].slots[s].empty())
        sweep_.states[i].slots[s].fill(sweep_.target, slots[s].initial);
    }
  }
}

double Optimizer::schedule_rate_factor() const {
  double factor = rate_factor_ * schedule_factor(schedule_, step_count_);
  if (schedule_.kind == Schedule::plateau) factor *= plateau_.factor();
  return factor;
}

double Optimizer::learning_rate() const {
  return options()["learning_rate"] * schedule_rate_factor();
}

void Optimizer::report(double loss) {
  if (schedule_.kind != Schedule::plateau)
    fail(NGD_E_STATE, "losses are reported for schedule=plateau, but schedule is ",
         options().choice("schedule"));
  plateau_.report(loss);
}

bool Optimizer::wants_second_gradient() const {
  return groups_.front().rule->penalty() > 0;
}

template void Optimizer::check(std::span<const TensorStep<float>>) const;
template void Optimizer::check(std::span<const TensorStep<double>>) const;
template void Optimizer::step(std::span<const TensorStep<float>>, bool);
template void Optimizer::step(std::span<const TensorStep<double>>, bool);
template void Optimizer::step(std::span<const TensorStep<Bf16>>, bool);
template void Optimizer::step(std::span<const TensorStep<F16>>, bool);

}  // namespace ngd
