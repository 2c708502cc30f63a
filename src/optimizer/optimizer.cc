// An optimizer before its steps: options, groups, declared tensors.
#include "optimizer/optimizer.h"

#include <algorithm>

#include "base/error.h"
#include "optimizer/common_options.h"
#include "optimizer/perturbed.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

OptionSet parsed_options(const SpecText &spec) {
  OptionSet options(rule_options(spec.kind), concat("rule ", quoted(spec.kind)), spec.kind);
  options.set_all(spec);
  return options;
}

Group new_group(std::string_view name, std::string_view pattern, OptionSet options) {
  const ClipSettings clip(options);
  Group group = {std::string(name), std::string(pattern), {}, std::move(options), nullptr, clip};
  group.rule = find_rule(group.options.kind()).create();
  group.rule->configure(group.options);
  return group;
}

// Elements of a state array; 0 where the tensor needs none.
size_t slot_count(const Rule &rule, size_t slot, const Shape &tensor) {
  const Shape shape = rule.slot_shape(slot, tensor);
  return std::ranges::find(shape, 0) == shape.end() ? element_count(shape) : 0;
}

}  // namespace

Optimizer::Optimizer(std::string_view spec) : Optimizer(parsed_options(parse_spec(spec))) {}

Optimizer::Optimizer(const OptionSet &options_of_spec)
    : settings_(options_of_spec), schedule_(schedule_settings(options_of_spec)), plateau_(schedule_) {
  groups_.push_back(new_group("", "*", options_of_spec));
  check_support(settings_, {options()});
}

Optimizer::~Optimizer() = default;

// --- options ----------------------------------------------------------------------------------------------------

void Optimizer::set(std::string_view name, double value) {
  configure([&](std::vector<OptionSet> &options) {
    options.front().set(name, value);
    for (size_t g = 1; g < options.size(); g++) {
      if (!groups_[g].overrides_option(name)) options[g].set(name, value);
    }
  });
}

void Optimizer::set_text(std::string_view name, std::string_view value) {
  configure([&](std::vector<OptionSet> &options) {
    options.front().set_text(name, value);
    for (size_t g = 1; g < options.size(); g++) {
      if (!groups_[g].overrides_option(name)) options[g].set_text(name, value);
    }
  });
}

template <class Change>
void Optimizer::configure(Change change) {
  std::vector<OptionSet> changed;
  for (const Group &group : groups_) changed.push_back(group.options);
  change(changed);
  const Settings settings(changed.front());
  ScheduleSettings schedule = schedule_settings(changed.front());
  check_support(settings, changed);
  const Settings before = settings_;
  try {
    for (size_t g = 0; g < groups_.size(); g++) groups_[g].rule->configure(changed[g]);
    settings_ = settings;
    renew_slots();
  } catch (...) {
    for (Group &group : groups_) group.rule->configure(group.options);
    settings_ = before;
    throw;
  }
  for (size_t g = 0; g < groups_.size(); g++) {
    groups_[g].options = std::move(changed[g]);
    groups_[g].clip = ClipSettings(groups_[g].options);
  }
  const Plateau::State reached = plateau_.state();
  schedule_ = std::move(schedule);
  plateau_ = Plateau(schedule_);
  plateau_.restore(reached);
  laid_out_ = false;
}

// What cannot go together is said here, before anything has changed.
void Optimizer::check_support(const Settings &settings, const std::vector<OptionSet> &options) const {
  const Element type = element();
  if (type == Element::f64 && settings.state != StateFormat::same)
    fail(NGD_E_UNSUPPORTED,
         "float64 tensors keep their state as it is; state=bf16 and 8bit are for the other types");
  if (type == Element::f64 && settings.copy != CopyFormat::none)
    fail(NGD_E_UNSUPPORTED, "float64 tensors have no copies in 16 bits; set copy=none");
  if (settings.master && (type == Element::f32 || type == Element::f64))
    fail(NGD_E_UNSUPPORTED, "master=1 is for bfloat16 and float16 tensors; these are ", element_word(type));
  const bool whole = groups_.empty() ? false : groups_.front().rule->whole() != nullptr;
  if (whole && type > Element::f64 && !settings.master)
    fail(NGD_E_UNSUPPORTED, "rule ", quoted(options.front().kind()),
         " works on float32 or float64; set master=1 for ", element_word(type), " tensors");
  for (const OptionSet &set : options) {
    if (settings.state == StateFormat::block8 && ClipSettings(set).clip == Clip::adaptive)
      fail(NGD_E_UNSUPPORTED, "clip=adaptive cuts tensors by rows, and state=8bit by blocks; use one of them");
    if (whole && ClipSettings(set).clip == Clip::adaptive)
      fail(NGD_E_UNSUPPORTED, "rule ", quoted(set.kind()), " has no clip=adaptive; use norm or value");
  }
  const bool rows = std::ranges::any_of(tensors(), &TensorSpec::rows);
  if (rows && settings.accumulate > 1)
    fail(NGD_E_UNSUPPORTED, "tables of rows do not accumulate gradients; set accumulate=1");
  if (rows && settings.average != Average::none)
    fail(NGD_E_UNSUPPORTED, "tables of rows keep no average; set average=none");
  if (rows && settings.copy != CopyFormat::none)
    fail(NGD_E_UNSUPPORTED, "tables of rows have no copies in 16 bits; set copy=none");
  if (settings.accumulate <= accumulated_ && accumulated_ > 0)
    fail(NGD_E_STATE, "accumulate is ", settings.accumulate, ", but ", accumulated_,
         " gradients are accumulated already; change it after a real step");
}

// --- groups -----------------------------------------------------------------------------------------------------

size_t Optimizer::find_group(std::string_view name) const {
  std::vector<std::string_view> names;
  for (size_t g = 1; g < groups_.size(); g++) {
    if (groups_[g].name == name) return g;
    names.push_back(groups_[g].name);
  }
  if (names.empty()) fail(NGD_E_NOT_FOUND, "there is no group ", quoted(name), "; the optimizer has no groups");
  fail_unknown("group", name, names);
}

void Optimizer::add_group(std::string_view name, std::string_view pattern, std::string_view options_text) {
  if (step_count_ != 0 || accumulated_ != 0)
    fail(NGD_E_STATE, "group ", quoted(name), " cannot be added after the first step; add groups first");
  if (name.empty() || name.size() > 255)
    fail(NGD_E_ARGUMENT, "a group's name has 1 to 255 bytes, not ", name.size());
  if (pattern.empty())
    fail(NGD_E_ARGUMENT, "the pattern of group ", quoted(name), " is empty; \"*\" matches all names");
  for (const Group &group : groups_) {
    if (group.name == name)
      fail(NGD_E_ARGUMENT, "there is already a group ", quoted(name), "; names must differ");
  }
  const SpecText given = parse_spec(concat("group:", options_text));
  Group group = new_group(name, pattern, options());
  for (const SpecText::Option &one : given.options) {
    group.options.set_text(one.name, one.value);
    check_group_option(group.options, one.name);
    if (!group.overrides_option(one.name)) group.overrides.push_back(one);
  }
  group.rule->configure(group.options);
  group.clip = ClipSettings(group.options);
  check_support(settings_, {options(), group.options});
  groups_.push_back(std::move(group));
  assign_groups();
}

void Optimizer::set_group(std::string_view group, std::string_view name, double value) {
  const size_t index = find_group(group);
  check_group_option(groups_[index].options, name);
  configure([&](std::vector<OptionSet> &options) { options[index].set(name, value); });
  if (!groups_[index].overrides_option(name)) groups_[index].overrides.push_back({std::string(name), {}, 0});
}

void Optimizer::set_group_text(std::string_view group, std::string_view name, std::string_view value) {
  const size_t index = find_group(group);
  check_group_option(groups_[index].options, name);
  configure([&](std::vector<OptionSet> &options) { options[index].set_text(name, value); });
  if (!groups_[index].overrides_option(name)) groups_[index].overrides.push_back({std::string(name), {}, 0});
}

const OptionSet &Optimizer::group_options(std::string_view group) const {
  return groups_[find_group(group)].options;
}

void Optimizer::assign_groups() {
  sweep_.group_of.assign(sweep_.specs.size(), 0);
  for (size_t i = 0; i < sweep_.specs.size(); i++) {
    for (size_t g = groups_.size() - 1; g > 0; g--) {
      if (pattern_matches(groups_[g].pattern, sweep_.specs[i].name, sweep_.specs[i].shape))
        sweep_.group_of[i] = static_cast<uint32_t>(g);
    }
  }
  renew_slots();
  laid_out_ = false;
}

// --- tensors ----------------------------------------------------------------------------------------------------

void Optimizer::add(Element element, std::string_view name, std::span<const int64_t> shape) {
  add_tensor(element, name, shape, false);
}

void Optimizer::add_rows(Element element, std::string_view name, std::span<const int64_t> shape) {
  if (shape.size() != 2)
    fail(NGD_E_SHAPE, "a table of rows has two dimensions, but \"", name, "\" is ", shape_text(shape));
  if (element > Element::f64)
    fail(NGD_E_UNSUPPORTED, "table ", quoted(name), " is ", element_word(element),
         "; tables of rows are float32 or float64");
  if (groups_.front().rule->whole() != nullptr)
    fail(NGD_E_UNSUPPORTED, "rule ", quoted(options().kind()),
         " works on whole tensors; it takes no table of rows (", quoted(name), ")");
  add_tensor(element, name, shape, true);
}

void Optimizer::add_tensor(Element element, std::string_view name, std::span<const int64_t> shape, bool rows) {
  if (step_count_ != 0 || accumulated_ != 0)
    fail(NGD_E_STATE, "tensor ", quoted(name),
         " cannot be added after the first step; declare all tensors first");
  if (this->element() != Element::none && this->element() != element)
    fail(NGD_E_STATE, "tensor ", quoted(name), " is ", element_word(element),
         ", but the tensors before it are not; use one optimizer for each element type");
  if (name.empty() || name.size() > 255)
    fail(NGD_E_ARGUMENT, "a tensor's name has 1 to 255 bytes, not ", name.size());
  for (const TensorSpec &spec : sweep_.specs) {
    if (spec.name == name)
      fail(NGD_E_ARGUMENT, "there is already a tensor ", quoted(name), "; names must differ");
  }
  if (shape.size() > 8)
    fail(NGD_E_SHAPE, "tensor ", quoted(name), " has ", shape.size(), " dimensions; at most 8 are possible");
  element_count(shape);  // refuses impossible sizes

  const Element before = this->element();
  const size_t count = sweep_.specs.size();
  try {
    sweep_.element = element;
    sweep_.specs.push_back({std::string(name), Shape(shape.begin(), shape.end()), rows});
    std::vector<OptionSet> all;
    for (const Group &group : groups_) all.push_back(group.options);
    check_support(settings_, all);
    assign_groups();
    sweep_.states.push_back(new_state(sweep_.specs.back(), sweep_.group_of.back()));
  } catch (...) {
    sweep_.element = before;
    sweep_.specs.resize(count);
    sweep_.group_of.resize(count);
    throw;
  }
}

Storage Optimizer::storage_of(const Slot &slot, const TensorSpec &spec) const {
  if (element() == Element::f64) return Storage::f64;
  if (settings_.state == StateFormat::same || slot.packing == Packing::exact) return Storage::f32;
  if (settings_.state == StateFormat::bf16) return spec.rows ? Storage::bf16 : Storage::bf16_grouped;
  return slot.packing == Packing::positive_mean ? Storage::block8_positive : Storage::block8_signed;
}

// Until the first step the state arrays, still empty of meaning, follow the options and groups.
void Optimizer::renew_slots() {
  if (step_count_ != 0) return;
  std::vector<std::pair<size_t, std::vector<StateArray>>> renewed;
  for (size_t i = 0; i < sweep_.states.size(); i++) {
    const Rule &rule = *groups_[sweep_.group_of[i]].rule;
    const std::vector<StateArray> &slots = sweep_.states[i].slots;
    bool same = slots.size() == rule.slots().size();
    for (size_t s = 0; same && s < slots.size(); s++)
      same = slots[s].storage() == storage_of(rule.slots()[s], sweep_.specs[i]) &&
             slots[s].count() == slot_count(rule, s, sweep_.specs[i].shape);
    if (!same) renewed.emplace_back(i, new_state(sweep_.specs[i], sweep_.group_of[i]).slots);
  }
  for (auto &[i, slots] : renewed) sweep_.states[i].slots = std::move(slots);
}

TensorState Optimizer::new_state(const TensorSpec &spec, size_t group) {
  TensorState state;
  const Rule &rule = *groups_[group].rule;
  const std::span<const Slot> slots = rule.slots();
  const size_t run = spec.rows ? static_cast<size_t>(spec.shape[1]) : element_count(spec.shape);
  for (size_t s = 0; s < slots.size(); s++) {
    state.slots.emplace_back(storage_of(slots[s], spec), slot_count(rule, s, spec.shape), run, &pools_[s]);
  }
  if (spec.rows) state.touched.resize(static_cast<size_t>(spec.shape[0]));
  return state;
}

}  // namespace ngd
