// Options of an optimizer that change while it steps, as one text: "beta1=0.8,weight_decay=0.1".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "optimizer/optimizer.h"

namespace ngd {

// Throws, in the optimizer's own words, unless these options exist, are numbers that may change after the first step, and
// have values within their ranges. The learning rate and the loss scale, which move by ways of their own, are no such options.
void check_live_options(const OptionSet &options, std::string_view text);

// Brings an optimizer to what a text says; what the text does not name is as it was made.
class LiveOptions {
 public:
  explicit LiveOptions(const Optimizer &optimizer) : first_(optimizer.options()) {}
  // Of text that was checked. Does nothing when it is the text of the last time.
  void bring(Optimizer &optimizer, std::string_view text);
  // The optimizer has got options from elsewhere: from a checkpoint.
  void forget() { last_.reset(); }

 private:
  OptionSet first_;
  std::optional<std::string> last_ = "";
};

}  // namespace ngd
