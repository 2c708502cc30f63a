// Saving and loading an optimizer: options, groups, counters, declarations, and every state array by tensor name.
//
// Texts:   rule, spec (every option), steps, skipped, zeroed, accumulated, averaged, good_steps, element, groups,
//          group.<i>.name, .pattern, .options, tensors, tensor.<i>.name, .shape, .rows, .nearness, scalar.<name>,
//          group.<i>.scalar.<name>
// Tensors: "<tensor>.<slot>" shaped as the tensor, or as the rule says, with "<tensor>.<slot>.scales" beside 8-bit ones;
//          "<tensor>.touched" for tables of rows; "<tensor>.averaged", ".accumulated", ".master" where there are such
#include <algorithm>

#include "base/error.h"
#include "optimizer/optimizer.h"
#include "optimizer/perturbed.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

std::string numbered(const char *what, size_t index, std::string_view field) {
  return concat(what, ".", index, ".", field);
}

const char *dtype_of(Storage storage) {
  constexpr const char *kNames[] = {"F32", "F64", "BF16", "BF16", "U8", "U8"};
  return kNames[static_cast<size_t>(storage)];
}

std::vector<TensorSpec> read_specs(const StateReader &reader) {
  const uint64_t count = reader.counter("tensors");
  if (count > reader.texts.size())
    fail(NGD_E_CHECKPOINT, "the checkpoint says that it has ", count, " tensors, but does not name them");
  std::vector<TensorSpec> specs(count);
  for (size_t i = 0; i < specs.size(); i++) {
    specs[i].name = reader.text(numbered("tensor", i, "name"));
    specs[i].rows = reader.text(numbered("tensor", i, "rows")) == "1";
    const std::string &shape = reader.text(numbered("tensor", i, "shape"));
    if (shape.empty()) continue;
    for (const std::string_view size : split(shape, 'x')) {
      int64_t value = 0;
      if (!parse_integer(size, value) || value < 1)
        fail(NGD_E_CHECKPOINT, "the checkpoint's tensor ", quoted(specs[i].name), " has the impossible shape ",
             quoted(shape));
      specs[i].shape.push_back(value);
    }
  }
  return specs;
}

Element read_element(const StateReader &reader) {
  const std::string &name = reader.text("element");
  for (const Element element : {Element::none, Element::f32, Element::f64, Element::bf16, Element::f16}) {
    if (name == element_name(element)) return element;
  }
  fail(NGD_E_CHECKPOINT, "the checkpoint's element type is ", quoted(name),
       "; it must be F32, F64, BF16 or F16");
}

// Names and shapes must be those of the file, in any order.
void compare(std::vector<TensorSpec> ours, std::vector<TensorSpec> theirs) {
  std::ranges::sort(ours, {}, &TensorSpec::name);
  std::ranges::sort(theirs, {}, &TensorSpec::name);
  for (size_t i = 0; i < std::max(ours.size(), theirs.size()); i++) {
    if (i == theirs.size() || (i < ours.size() && ours[i].name < theirs[i].name))
      fail(NGD_E_CHECKPOINT, "the checkpoint has no tensor ", quoted(ours[i].name));
    if (i == ours.size() || ours[i].name != theirs[i].name)
      fail(NGD_E_CHECKPOINT, "the checkpoint has a tensor ", quoted(theirs[i].name),
           " that this optimizer has not");
    if (ours[i] != theirs[i])
      fail(NGD_E_CHECKPOINT, "the checkpoint's tensor ", quoted(ours[i].name), " is ",
           shape_text(theirs[i].shape), ", but this optimizer's is ", shape_text(ours[i].shape));
  }
}

void write_array(StateWriter &writer, const std::string &name, const Shape &shape, const StateArray &array,
                 bool in_place) {
  if (array.empty()) return;
  std::span<const std::byte> bytes = array.bytes();
  if (array.storage() == Storage::bf16_grouped) {
    // What fills up the last group is nobody's.
    const size_t whole_groups = array.count() / kBf16Group * kBf16Group * sizeof(Bf16);
    bytes = in_place ? bytes.first(whole_groups) : writer.keep(array.saved());
  }
  writer.tensors.push_back(
      {writer.prefix + name, dtype_of(array.storage()), shape, bytes.data(), bytes.size()});
  const std::span<const float> scales = array.scales();
  if (!scales.empty()) writer.tensor(name + ".scales", {static_cast<int64_t>(scales.size())}, scales);
}

bool fits(const StateReader &reader, const std::string &name, const Shape &shape, const StateArray &array) {
  if (array.empty()) return true;
  if (!reader.has(name)) return false;
  const TensorView &view = reader.tensor(name);
  return view.dtype == dtype_of(array.storage()) && view.shape == shape &&
         (array.scales().empty() || (reader.has(name + ".scales") &&
                                     reader.tensor(name + ".scales").bytes == array.scales().size_bytes()));
}

void read_array(const StateReader &reader, const std::string &name, const Shape &shape, StateArray &array) {
  if (array.empty()) return;
  const TensorView &view = reader.checked(name, dtype_of(array.storage()), shape);
  array.restore(view.data);
  if (array.scales().empty()) return;
  const int64_t count[] = {static_cast<int64_t>(array.scales().size())};
  std::ranges::copy(reader.values<float>(name + ".scales", count), array.scales().begin());
}

std::string scalar_key(size_t group, const Scalar &scalar) {
  return group == 0 ? concat("scalar.", scalar.name) : numbered("group", group, concat("scalar.", scalar.name));
}

void read_scalar(const StateReader &reader, const std::string &key, double &value) {
  if (!parse_number(reader.text(key), value))
    fail(NGD_E_CHECKPOINT, "the checkpoint's metadata \"", key, "\" is ", quoted(reader.text(key)),
         ", not a number");
}

}  // namespace

void Optimizer::save(StateWriter &writer, bool in_place) const {
  if (perturbed_) fail(NGD_E_STATE, "the parameters are perturbed; call restore before saving");
  writer.text("rule", options().kind());
  writer.text("spec", options().full_spec());
  writer.text("steps", std::to_string(step_count_));
  writer.text("skipped", std::to_string(skip_count_));
  writer.text("zeroed", std::to_string(zero_count_));
  writer.text("accumulated", std::to_string(accumulated_));
  writer.text("averaged", std::to_string(averaged_));
  writer.text("good_steps", std::to_string(good_steps_));
  const Plateau::State &plateau = plateau_.state();
  writer.text("plateau.best", number_text(plateau.best));
  writer.text("plateau.bad", std::to_string(plateau.bad));
  writer.text("plateau.cooldown_left", std::to_string(plateau.cooldown_left));
  writer.text("plateau.factor", number_text(plateau.factor));
  writer.text("element", element_name(element()));
  writer.text("groups", std::to_string(groups_.size() - 1));
  for (size_t g = 0; g < groups_.size(); g++) {
    for (const Scalar &scalar : groups_[g].rule->scalars())
      writer.text(scalar_key(g, scalar), number_text(scalar.value));
    if (g == 0) continue;
    writer.text(numbered("group", g, "name"), groups_[g].name);
    writer.text(numbered("group", g, "pattern"), groups_[g].pattern);
    writer.text(numbered("group", g, "options"), groups_[g].overrides_text());
  }
  writer.text("tensors", std::to_string(sweep_.specs.size()));
  for (size_t i = 0; i < sweep_.specs.size(); i++) {
    const TensorSpec &spec = sweep_.specs[i];
    const TensorState &state = sweep_.states[i];
    const Rule &rule = *groups_[sweep_.group_of[i]].rule;
    std::string shape;
    for (const int64_t size : spec.shape) shape += concat(shape.empty() ? "" : "x", size);
    writer.text(numbered("tensor", i, "name"), spec.name);
    writer.text(numbered("tensor", i, "shape"), shape);
    writer.text(numbered("tensor", i, "rows"), spec.rows ? "1" : "0");
    if (rule.settles()) writer.text(numbered("tensor", i, "nearness"), number_text(state.nearness));
    const std::span<const Slot> slots = rule.slots();
    for (size_t s = 0; s < slots.size(); s++)
      write_array(writer, concat(spec.name, ".", slots[s].name), rule.slot_shape(s, spec.shape), state.slots[s],
                  in_place);
    write_array(writer, spec.name + ".averaged", spec.shape, state.average, in_place);
    write_array(writer, spec.name + ".accumulated", spec.shape, state.accumulated, in_place);
    write_array(writer, spec.name + ".master", spec.shape, state.master, in_place);
    if (spec.rows)
      writer.tensor(concat(spec.name, ".touched"), {spec.shape[0]}, std::span<const uint64_t>(state.touched));
  }
}

void Optimizer::load(const StateReader &reader) {
  if (perturbed_) fail(NGD_E_STATE, "the parameters are perturbed; call restore before loading");
  const std::string &rule = reader.text("rule");
  if (rule != options().kind())
    fail(NGD_E_CHECKPOINT, "the checkpoint is of rule ", quoted(rule), ", but this optimizer has rule ",
         quoted(options().kind()));
  // Everything is prepared aside; only the swap at the end changes this optimizer.
  Optimizer loaded(reader.text("spec"));
  if (loaded.options().kind() != rule) fail(NGD_E_CHECKPOINT, "the checkpoint's rule and spec do not agree");
  const Element type = read_element(reader);
  std::vector<TensorSpec> specs = read_specs(reader);
  if (!specs.empty() && type == Element::none)
    fail(NGD_E_CHECKPOINT, "the checkpoint's element type is \"none\"; it must be F32, F64, BF16 or F16");
  if (!sweep_.specs.empty()) {
    if (type != element() && !specs.empty())
      fail(NGD_E_CHECKPOINT, "the checkpoint's tensors are ", element_name(type), ", but this optimizer's are ",
           element_name(element()));
    compare(sweep_.specs, specs);
    specs = sweep_.specs;  // our order
  }
  try {
    const uint64_t groups = reader.has_text("groups") ? reader.counter("groups") : 0;
    if (groups > reader.texts.size()) fail(NGD_E_CHECKPOINT, "it says that it has ", groups, " groups");
    for (uint64_t g = 1; g <= groups; g++)
      loaded.add_group(reader.text(numbered("group", g, "name")), reader.text(numbered("group", g, "pattern")),
                       reader.text(numbered("group", g, "options")));
    for (const TensorSpec &spec : specs) loaded.add_tensor(type, spec.name, spec.shape, spec.rows);
  } catch (const Error &error) {
    fail(NGD_E_CHECKPOINT, "the checkpoint declares impossible tensors or groups: ", error.what());
  }
  loaded.load_arrays(reader);
  loaded.sweep_.target = sweep_.target;
  loaded.rate_factor_ = rate_factor_;
  swap(loaded);
}

void Optimizer::load_arrays(const StateReader &reader) {
  step_count_ = reader.counter("steps");
  skip_count_ = reader.counter("skipped");
  const auto counter = [&](const char *name) { return reader.has_text(name) ? reader.counter(name) : 0; };
  zero_count_ = counter("zeroed");
  accumulated_ = counter("accumulated");
  averaged_ = counter("averaged");
  good_steps_ = counter("good_steps");
  if (accumulated_ > 0 && accumulated_ >= settings_.accumulate)
    fail(NGD_E_CHECKPOINT, "the checkpoint has accumulated ", accumulated_, " gradients of ",
         settings_.accumulate);
  if (reader.has_text("plateau.best")) {
    Plateau::State plateau;
    read_scalar(reader, "plateau.best", plateau.best);
    plateau.bad = reader.counter("plateau.bad");
    plateau.cooldown_left = reader.counter("plateau.cooldown_left");
    read_scalar(reader, "plateau.factor", plateau.factor);
    plateau_.restore(plateau);
  }
  for (size_t g = 0; g < groups_.size(); g++) {
    for (Scalar &scalar : groups_[g].rule->scalars()) read_scalar(reader, scalar_key(g, scalar), scalar.value);
    if (step_count_ > 0 || accumulated_ > 0) groups_[g].options.lock();
  }
  // The file's own numbers of its tensors, for what is kept by number.
  const std::vector<TensorSpec> theirs = read_specs(reader);
  const Storage storage = element() == Element::f64 ? Storage::f64 : Storage::f32;
  for (size_t i = 0; i < sweep_.specs.size(); i++) {
    const TensorSpec &spec = sweep_.specs[i];
    TensorState &state = sweep_.states[i];
    const Rule &rule = *groups_[sweep_.group_of[i]].rule;
    const std::span<const Slot> slots = rule.slots();
    for (size_t s = 0; s < slots.size(); s++)
      read_array(reader, concat(spec.name, ".", slots[s].name), rule.slot_shape(s, spec.shape), state.slots[s]);
    const size_t count = element_count(spec.shape);
    const auto read_optional = [&](const char *what, StateArray &array) {
      const std::string name = spec.name + what;
      if (!reader.has(name)) return;
      array = StateArray(storage, count, count);
      read_array(reader, name, spec.shape, array);
    };
    read_optional(".averaged", state.average);
    read_optional(".accumulated", state.accumulated);
    read_optional(".master", state.master);
    if (averaged_ > 0 && settings_.average != Average::none && state.average.empty())
      fail(NGD_E_CHECKPOINT, "the checkpoint has no tensor \"", spec.name, ".averaged\"");
    if (accumulated_ > 0 && state.accumulated.empty())
      fail(NGD_E_CHECKPOINT, "the checkpoint has no tensor \"", spec.name, ".accumulated\"");
    const size_t number =
        static_cast<size_t>(std::ranges::find(theirs, spec.name, &TensorSpec::name) - theirs.begin());
    if (const std::string key = numbered("tensor", number, "nearness"); reader.has_text(key))
      read_scalar(reader, key, state.nearness);
    if (!spec.rows) continue;
    const int64_t rows[] = {spec.shape[0]};
    std::ranges::copy(reader.values<uint64_t>(spec.name + ".touched", rows), state.touched.begin());
    for (const uint64_t touched : state.touched) {
      if (touched > step_count_)
        fail(NGD_E_CHECKPOINT, "the checkpoint's tensor ", quoted(spec.name), " was touched at step ", touched,
             ", after its last step ", step_count_);
    }
  }
}

size_t Optimizer::load_matching(const StateReader &reader) {
  if (perturbed_) fail(NGD_E_STATE, "the parameters are perturbed; call restore before loading");
  const std::string &rule_name = reader.text("rule");
  if (rule_name != options().kind())
    fail(NGD_E_CHECKPOINT, "the checkpoint is of rule ", quoted(rule_name), ", but this optimizer has rule ",
         quoted(options().kind()));
  const uint64_t steps = reader.counter("steps");
  struct Match {
    size_t tensor;
    TensorState state;
  };
  std::vector<Match> found;
  for (size_t i = 0; i < sweep_.specs.size(); i++) {
    const TensorSpec &spec = sweep_.specs[i];
    const Rule &rule = *groups_[sweep_.group_of[i]].rule;
    const std::span<const Slot> slots = rule.slots();
    TensorState fresh = new_state(spec, sweep_.group_of[i]);
    bool all = true;
    for (size_t s = 0; all && s < slots.size(); s++)
      all = fits(reader, concat(spec.name, ".", slots[s].name), rule.slot_shape(s, spec.shape), fresh.slots[s]);
    // Only names tell tensors of rules without state.
    all = all && (!slots.empty() || std::ranges::any_of(read_specs(reader), [&](const TensorSpec &their) {
            return their == spec;
          }));
    if (!all) continue;
    for (size_t s = 0; s < slots.size(); s++)
      read_array(reader, concat(spec.name, ".", slots[s].name), rule.slot_shape(s, spec.shape), fresh.slots[s]);
    if (spec.rows) {
      const int64_t rows[] = {spec.shape[0]};
      const std::span<const uint64_t> touched = reader.values<uint64_t>(spec.name + ".touched", rows);
      for (size_t r = 0; r < touched.size(); r++) fresh.touched[r] = std::min(touched[r], steps);
    }
    found.push_back({i, std::move(fresh)});
  }
  if (found.empty()) return 0;
  std::vector<std::pair<double *, double>> scalars;
  for (Scalar &scalar : groups_.front().rule->scalars())
    read_scalar(reader, scalar_key(0, scalar), scalars.emplace_back(&scalar.value, 0).second);
  // Nothing fails from here on.
  if (step_count_ == 0) fill_initial_state();
  for (Match &match : found) {
    TensorState &state = sweep_.states[match.tensor];
    state.slots = std::move(match.state.slots);
    state.touched = std::move(match.state.touched);
    state.nearness = TensorState::kMeasureFirst;
  }
  for (const auto &[to, value] : scalars) *to = value;
  step_count_ = steps;
  if (steps > 0) {
    for (Group &group : groups_) group.options.lock();
  }
  return found.size();
}

void Optimizer::swap(Optimizer &other) {
  std::swap(groups_, other.groups_);
  std::swap(settings_, other.settings_);
  std::swap(sweep_, other.sweep_);
  std::swap(team_, other.team_);
  std::swap(team_threads_, other.team_threads_);
  std::swap(calls_, other.calls_);
  laid_out_ = other.laid_out_ = false;
  std::swap(schedule_, other.schedule_);
  std::swap(plateau_, other.plateau_);
  std::swap(rate_factor_, other.rate_factor_);
  std::swap(step_count_, other.step_count_);
  std::swap(skip_count_, other.skip_count_);
  std::swap(zero_count_, other.zero_count_);
  std::swap(accumulated_, other.accumulated_);
  std::swap(averaged_, other.averaged_);
  std::swap(good_steps_, other.good_steps_);
  std::swap(gradient_norm_, other.gradient_norm_);
  std::swap(combined_, other.combined_);
}

}  // namespace ngd
