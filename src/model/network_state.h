// A network's tensors in saved state: "layer0.weight" and so on, "input.shift" and "input.factor" when scaled.
#pragma once

#include "base/state.h"
#include "model/architecture.h"
#include "model/network.h"

namespace ngd {

template <class T>
void save_network(const Network<T> &network, StateWriter &writer);

// Throws NGD_E_CHECKPOINT unless the reader has every tensor of the architecture in type T, finite, and no
// tensor besides. Takes no memory, so a hostile size costs nothing.
template <class T>
void check_saved_network(const Architecture &architecture, const StateReader &reader);

// Copies what check_saved_network() has approved.
template <class T>
void load_network(Network<T> &network, const StateReader &reader);

// The saved scaling; empty when there is none.
template <class T>
Scaling load_scaling(const Architecture &architecture, const StateReader &reader);

}  // namespace ngd
