// Saving and loading a network's tensors.
#include "model/network_state.h"

#include <algorithm>

#include "math/reduce.h"

namespace ngd {
namespace {

Shape input_shape(const Architecture &architecture) {
  return {static_cast<int64_t>(architecture.inputs)};
}

template <class T>
std::span<const T> checked_values(const StateReader &reader, const std::string &name, const Shape &shape) {
  const std::span<const T> values = reader.values<T>(name, shape);
  if (values.size() != element_count(shape))
    fail(NGD_E_CHECKPOINT, "the checkpoint's tensor \"", reader.prefix, name, "\" has ", values.size_bytes(),
         " bytes, too few or too many for ", shape_text(shape));
  if (!all_finite(values.data(), values.size()))
    fail(NGD_E_CHECKPOINT, "the checkpoint's tensor \"", reader.prefix, name,
         "\" holds a number that is not finite; take an earlier checkpoint");
  return values;
}

}  // namespace

template <class T>
void save_network(const Network<T> &network, StateWriter &writer) {
  for (const Parameter<T> &parameter : network.parameters)
    writer.tensor<T>(parameter.tensor.name, parameter.tensor.shape, parameter.values);
  if (network.factor.empty()) return;
  const Shape shape{static_cast<int64_t>(network.factor.size())};
  writer.tensor<T>("input.shift", shape, network.shift);
  writer.tensor<T>("input.factor", shape, network.factor);
}

template <class T>
void check_saved_network(const Architecture &architecture, const StateReader &reader) {
  std::vector<std::string> known{"classes", "vocabulary"};
  for (const Architecture::Tensor &tensor : architecture.tensors()) {
    checked_values<T>(reader, tensor.name, tensor.shape);
    known.push_back(tensor.name);
  }
  if (reader.has("input.shift") || reader.has("input.factor")) {
    for (const char *name : {"input.shift", "input.factor"}) {
      checked_values<T>(reader, name, input_shape(architecture));
      known.push_back(name);
    }
  }
  for (const TensorView &tensor : reader.tensors) {
    if (!tensor.name.starts_with(reader.prefix)) continue;
    if (std::find(known.begin(), known.end(), tensor.name.substr(reader.prefix.size())) == known.end())
      fail(NGD_E_CHECKPOINT, "the checkpoint has a tensor ", quoted(tensor.name),
           " that this model does not have; it belongs to another model");
  }
}

template <class T>
void load_network(Network<T> &network, const StateReader &reader) {
  for (Parameter<T> &parameter : network.parameters)
    std::ranges::copy(reader.values<T>(parameter.tensor.name, parameter.tensor.shape),
                      parameter.values.begin());
}

template <class T>
Scaling load_scaling(const Architecture &architecture, const StateReader &reader) {
  if (!reader.has("input.factor")) return {};
  const auto shift = reader.values<T>("input.shift", input_shape(architecture));
  const auto factor = reader.values<T>("input.factor", input_shape(architecture));
  return {{shift.begin(), shift.end()}, {factor.begin(), factor.end()}};
}

template void save_network(const Network<float> &, StateWriter &);
template void save_network(const Network<double> &, StateWriter &);
template void check_saved_network<float>(const Architecture &, const StateReader &);
template void check_saved_network<double>(const Architecture &, const StateReader &);
template void load_network(Network<float> &, const StateReader &);
template void load_network(Network<double> &, const StateReader &);
template Scaling load_scaling<float>(const Architecture &, const StateReader &);
template Scaling load_scaling<double>(const Architecture &, const StateReader &);

}  // namespace ngd
