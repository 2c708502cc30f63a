// Saving and loading an optimizer: options, counters, declarations, and every state array by tensor name.
//
// Texts:   rule, spec (every option), steps, skipped, element, tensors, tensor.<i>.name, .shape, .rows, scalar.<name>
// Tensors: "<tensor>.<slot>" shaped as the tensor; "<tensor>.touched" for tables of rows
#include <algorithm>

#include "base/error.h"
#include "optimizer/optimizer.h"
#include "optimizer/rule.h"
#include "optimizer/tensor_state.h"

namespace ngd {
namespace {

const char *element_name(Element element) {
  return element == Element::none ? "none" : element == Element::f32 ? "F32" : "F64";
}

std::string numbered(size_t index, const char *what) {
  return concat("tensor.", index, ".", what);
}

std::vector<Optimizer::TensorSpec> read_specs(const StateReader &reader) {
  const uint64_t count = reader.counter("tensors");
  if (count > reader.texts.size())
    fail(NGD_E_CHECKPOINT, "the checkpoint says that it has ", count, " tensors, but does not name them");
  std::vector<Optimizer::TensorSpec> specs(count);
  for (size_t i = 0; i < specs.size(); i++) {
    specs[i].name = reader.text(numbered(i, "name"));
    specs[i].rows = reader.text(numbered(i, "rows")) == "1";
    const std::string &shape = reader.text(numbered(i, "shape"));
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

template <class T>
void copy_slots(const StateReader &reader, const Optimizer::TensorSpec &spec, std::span<const Slot> slots,
                TensorState &state) {
  for (size_t s = 0; s < slots.size(); s++)
    std::ranges::copy(reader.values<T>(concat(spec.name, ".", slots[s].name), spec.shape),
                      state.slot<T>(s).begin());
}

}  // namespace

void Optimizer::save(StateWriter &writer) const {
  if (perturbed_) fail(NGD_E_STATE, "the parameters are perturbed; call restore before saving");
  writer.text("rule", options_.kind());
  writer.text("spec", options_.full_spec());
  writer.text("steps", std::to_string(step_count_));
  writer.text("skipped", std::to_string(skip_count_));
  writer.text("element", element_name(element_));
  writer.text("tensors", std::to_string(specs_.size()));
  for (const Scalar &scalar : rule_->scalars())
    writer.text(concat("scalar.", scalar.name), number_text(scalar.value));
  const std::span<const Slot> slots = rule_->slots();
  for (size_t i = 0; i < specs_.size(); i++) {
    const TensorSpec &spec = specs_[i];
    std::string shape;
    for (const int64_t size : spec.shape) shape += concat(shape.empty() ? "" : "x", size);
    writer.text(numbered(i, "name"), spec.name);
    writer.text(numbered(i, "shape"), shape);
    writer.text(numbered(i, "rows"), spec.rows ? "1" : "0");
    for (size_t s = 0; s < slots.size(); s++) {
      const std::string name = concat(spec.name, ".", slots[s].name);
      if (element_ == Element::f32)
        writer.tensor(name, spec.shape, states_[i].slot<float>(s));
      else
        writer.tensor(name, spec.shape, states_[i].slot<double>(s));
    }
    if (spec.rows)
      writer.tensor(concat(spec.name, ".touched"), {spec.shape[0]},
                    std::span<const uint64_t>(states_[i].touched));
  }
}

void Optimizer::load(const StateReader &reader) {
  if (perturbed_) fail(NGD_E_STATE, "the parameters are perturbed; call restore before loading");
  const std::string &rule = reader.text("rule");
  if (rule != options_.kind())
    fail(NGD_E_CHECKPOINT, "the checkpoint is of rule ", quoted(rule), ", but this optimizer has rule ",
         quoted(options_.kind()));
  // Everything is prepared aside; only the swap at the end changes this optimizer.
  Optimizer loaded(reader.text("spec"));
  if (loaded.options_.kind() != rule) fail(NGD_E_CHECKPOINT, "the checkpoint's rule and spec do not agree");
  const std::string &element = reader.text("element");
  const Element type = element == "F64" ? Element::f64 : Element::f32;
  std::vector<TensorSpec> specs = read_specs(reader);
  if (!specs.empty() && element != element_name(type))
    fail(NGD_E_CHECKPOINT, "the checkpoint's element type is ", quoted(element), "; it must be F32 or F64");
  if (!specs_.empty()) {
    if (type != element_ && !specs.empty())
      fail(NGD_E_CHECKPOINT, "the checkpoint's tensors are ", element, ", but this optimizer's are ",
           element_name(element_));
    const auto by_name = [](const TensorSpec &a, const TensorSpec &b) { return a.name < b.name; };
    std::vector<TensorSpec> theirs = specs, ours = specs_;
    std::ranges::sort(theirs, by_name);
    std::ranges::sort(ours, by_name);
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
    specs = specs_;  // our order
  }
  const std::span<const Slot> slots = loaded.rule_->slots();
  try {
    for (const TensorSpec &spec : specs) loaded.add_tensor(type, spec.name, spec.shape, spec.rows);
  } catch (const Error &error) {
    fail(NGD_E_CHECKPOINT, "the checkpoint declares impossible tensors: ", error.what());
  }
  for (size_t i = 0; i < specs.size(); i++) {
    if (type == Element::f32)
      copy_slots<float>(reader, specs[i], slots, loaded.states_[i]);
    else
      copy_slots<double>(reader, specs[i], slots, loaded.states_[i]);
    if (specs[i].rows) {
      const int64_t rows[] = {specs[i].shape[0]};
      std::ranges::copy(reader.values<uint64_t>(concat(specs[i].name, ".touched"), rows),
                        loaded.states_[i].touched.begin());
    }
  }
  for (Scalar &scalar : loaded.rule_->scalars()) {
    const std::string key = concat("scalar.", scalar.name);
    if (!parse_number(reader.text(key), scalar.value))
      fail(NGD_E_CHECKPOINT, "the checkpoint's metadata \"", key, "\" is ", quoted(reader.text(key)),
           ", not a number");
  }
  loaded.step_count_ = reader.counter("steps");
  loaded.skip_count_ = reader.counter("skipped");
  for (size_t i = 0; i < specs.size(); i++) {
    for (const uint64_t touched : loaded.states_[i].touched) {
      if (touched > loaded.step_count_)
        fail(NGD_E_CHECKPOINT, "the checkpoint's tensor ", quoted(specs[i].name), " was touched at step ",
             touched, ", after its last step ", loaded.step_count_);
    }
  }
  if (loaded.step_count_ > 0) loaded.options_.lock();
  swap(loaded);
}

void Optimizer::swap(Optimizer &other) {
  std::swap(rule_, other.rule_);
  std::swap(options_, other.options_);
  std::swap(element_, other.element_);
  std::swap(specs_, other.specs_);
  std::swap(states_, other.states_);
  std::swap(step_count_, other.step_count_);
  std::swap(skip_count_, other.skip_count_);
  std::swap(combined_, other.combined_);
}

}  // namespace ngd
