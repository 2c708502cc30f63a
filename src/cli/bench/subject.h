// An optimizer of the library under measurement, and what the library tells about its rules.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/memory.h"
#include "handle.h"

namespace cli {

// Every rule, in the library's order.
std::vector<std::string> all_rules();

// Whether the rule has the option and, where one is named, the choice.
bool has_option(const std::string &rule, const std::string &option, const std::string &choice = "");

// Whether the rule can step on so many threads.
bool can_use(const std::string &rule, size_t threads);

// "nonfinite=zero" where the rule has it: then a step is one sweep, without a look at the whole gradient beforehand.
std::string one_sweep(const std::string &rule);

// "adam:threads=2,nonfinite=zero": the rule on so many threads with more options, of which empty ones are left out.
std::string spec_on(const std::string &rule, size_t threads, std::vector<std::string> options);

// What an optimizer keeps for each parameter, by what it saves.
struct StateSize {
  size_t arrays = 0;  // arrays of float32 as long as the parameters
  double bytes = 0;   // bytes a parameter, all element types
};
StateSize state_size(const std::string &spec);

// A list of tensors of one shape, one after another in the arrays, stepped by an optimizer of its own.
class Subject {
 public:
  Subject(const std::string &spec, size_t tensors, const std::vector<int64_t> &shape);
  size_t parameters() const { return tensors_ * elements_; }
  void step(const Floats &parameters, const Floats &gradients);
  // The same, but the gradients may be written.
  void sweep(const Floats &parameters, const Floats &gradients);
  void save(const std::string &path) const;

 private:
  void list(const Floats &parameters, const Floats &gradients);

  Optimizer optimizer_;
  size_t tensors_, elements_;
  std::vector<float *> parameter_list_, gradient_list_;
};

}  // namespace cli
