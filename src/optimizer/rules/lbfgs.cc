// L-BFGS for full batches: Nocedal 1980, "Updating quasi-Newton matrices with limited storage", algorithm 3.1; Liu and
// Nocedal 1989, "On the limited memory BFGS method for large scale optimization". One step of the optimizer takes one
// gradient, of the whole function at the present parameters; all tensors of the group together are one vector.
//
//   d  = -H g                                               H from the last `history` pairs s, y by the two-loop recursion,
//                                                           begun with s'y / y'y of the newest
//   w <- w + t d                                            t = learning_rate; without pairs min(1, 1 / ||g||_1) times it
//   then, with the gradient g+ at the new w:  s = t d,  y = g+ - g, kept when s'y > 1e-10 ||s|| ||y||
// A direction that does not descend drops all pairs: d = -g.
//
// line_search=none takes g+ as it comes. line_search=gradient, the default, needs no function values: with the slopes
// f = g'd at t = 0 and f+ = g+'d, the point is accepted when
//   |f+| <= curvature |f|                                   the second of the strong Wolfe conditions
// and else w moves along the same d to another t, which is a trial and costs a step: while the slope still falls steeply, to
// the secant's zero of the last two slopes, between 1.1 and 10 times t; once a larger t is known to rise, half-way between
// the secant's zero and the middle of the largest that falls and the smallest that rises. What is accepted lies lower on a
// quadratic function, whose change is t (f + f+) / 2; another function may have risen. After `trials` in one direction w
// goes to the largest t known to fall, and all pairs are dropped.
//
// line_search=none equals PyTorch's LBFGS(max_iter=1), which keeps pairs of s'y > 1e-10, and stops when the gradient or the
// slope is small. Its line search and the papers' also want f to fall enough, hence function values. Keras has no L-BFGS.
#include <algorithm>
#include <string>
#include <vector>

#include "optimizer/rules/blocks.h"
#include "optimizer/whole.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("1"),
    fixed(
        integer_option("history", "10", 1, 1000, "Pairs of steps and changes of the gradient that are kept.")),
    choice_option(
        "line_search", "gradient", "gradient|none",
        "Tries step lengths until the slope is small enough, one a step; or takes learning_rate as it is."),
    {"curvature", NGD_OPTION_NUMBER, "0.9",
     "line_search=gradient: share of the first slope that is small enough.", 0, 1, true, true},
    integer_option("trials", "20", 1, 1000,
                   "line_search=gradient: tries in one direction before it is given up.")};

template <class T>
double dot(const T *a, const T *b, size_t count) {
  return fixed_sum(count, [=](size_t i) { return static_cast<double>(a[i]) * b[i]; });
}
// to <- to + factor * values
template <class T>
void add_scaled(T factor, const T *values, size_t count, T *to) {
  for_each_element(count, [=](size_t i) { to[i] += factor * values[i]; });
}

class Lbfgs : public WholeRule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    searches_ = options.choice("line_search") == "gradient";
    curvature_ = options["curvature"];
    trials_ = options["trials"];
    set_history(static_cast<size_t>(options["history"]));
  }
  std::span<const Slot> slots() const override {
    static constexpr Slot kSlots[] = {
        {"direction", 0, 1}, {"last_gradient", 0, 1}, {"steps", 0, 1}, {"gradient_changes", 0, 1}};
    return kSlots;
  }
  Shape slot_shape(size_t slot, const Shape &tensor) const override {
    Shape shape = tensor;
    if (slot == kSteps || slot == kChanges) shape.insert(shape.begin(), static_cast<int64_t>(history_));
    return shape;
  }
  std::span<Scalar> scalars() override { return scalars_; }
  void begin_step(uint64_t step, double) override {
    if (step == 1) number(kSearching) = number(kPairs) = 0;
  }
  void prepare(std::span<const Shape> shapes, size_t) override { blocks_.cut(shapes); }
  void step(Team &team, Target, std::span<const WholeTensor<float>> tensors) noexcept override {
    blocks_.use(team);
    step_all(tensors);
  }
  void step(Team &team, Target, std::span<const WholeTensor<double>> tensors) noexcept override {
    blocks_.use(team);
    step_all(tensors);
  }

 private:
  enum : size_t { kDirection, kLast, kSteps, kChanges, kGradient };
  // The saved numbers; after these the products s'y of the pairs, which lie in a ring.
  enum {
    kSearching,  // 1 when there is a direction
    kPairs,
    kNewest,
    kScale,   // s'y / y'y of the newest pair
    kLength,  // t
    kSlope,   // f
    kLow,
    kLowSlope,  // the largest t known to descend
    kHigh,
    kHighSlope,  // the smallest t known to rise; 0 when there is none
    kTrials,
    kProducts
  };
  template <class T>
  using Tensors = std::span<const WholeTensor<T>>;

  double &number(size_t index) { return scalars_[index].value; }
  // A number that counts; a damaged file may hold anything.
  size_t whole_number(size_t index, size_t most) {
    const double value = number(index);
    return value >= 0 && value <= static_cast<double>(most) ? static_cast<size_t>(value) : 0;
  }

  void set_history(size_t history) {
    if (history == history_) return;
    history_ = history;
    static constexpr const char *kNames[] = {"searching", "pairs",      "newest", "scale",
                                             "length",    "slope",      "low",    "low_slope",
                                             "high",      "high_slope", "trials"};
    static_assert(std::size(kNames) == kProducts);
    names_.clear();
    scalars_.clear();
    for (size_t i = 0; i < history; i++) names_.push_back("product" + std::to_string(i));
    for (const char *name : kNames) scalars_.push_back({name, 0});
    for (const std::string &name : names_) scalars_.push_back({name.c_str(), 0});
    shares_.resize(history);
  }

  // The gradient, or a state array, or the part of one that belongs to a pair.
  struct Array {
    size_t slot;
    size_t pair = 0;
    template <class T>
    const T *of(Tensors<T> tensors, const Block &block) const {
      const WholeTensor<T> &tensor = tensors[block.tensor];
      return (slot == kGradient ? tensor.gradient : tensor.slot[slot] + pair * tensor.count) + block.start;
    }
  };
  // The sum over all tensors of a's times b's elements.
  template <class T>
  double product(Tensors<T> tensors, Array a, Array b) {
    return blocks_.sum(
        [=](const Block &block) { return dot(a.of(tensors, block), b.of(tensors, block), block.count); });
  }
  // d <- d + factor * values
  template <class T>
  void add(Tensors<T> tensors, double factor, Array values) {
    blocks_.for_each([=](const Block &block) {
      add_scaled(static_cast<T>(factor), values.of(tensors, block), block.count, direction(tensors, block));
    });
  }
  template <class T>
  static T *direction(Tensors<T> tensors, const Block &block) {
    return tensors[block.tensor].slot[kDirection] + block.start;
  }

  template <class T>
  void step_all(Tensors<T> tensors) {
    if (number(kSearching) != 0) {
      if (searches_ && !accepted(tensors)) return;
      keep_pair(tensors);
    }
    choose_direction(tensors);
    number(kLength) = 0;
    go_to(tensors, learning_rate_ * (number(kPairs) > 0 ? 1 : shortened(tensors)));
  }

  // Moves the parameters along d to t.
  template <class T>
  void go_to(Tensors<T> tensors, double length) {
    const T by = static_cast<T>(length - number(kLength));
    blocks_.for_each([=](const Block &block) {
      add_scaled(by, direction(tensors, block), block.count, tensors[block.tensor].parameter + block.start);
    });
    number(kLength) = length;
  }
  template <class T>
  double shortened(Tensors<T> tensors) {
    const double sum = blocks_.sum([=](const Block &block) {
      const T *g = tensors[block.tensor].gradient + block.start;
      return fixed_sum(block.count, [=](size_t i) { return static_cast<double>(std::fabs(g[i])); });
    });
    return std::min(1.0, 1 / sum);
  }

  // Whether the search along d ends at the present point; if not, the parameters are moved.
  template <class T>
  bool accepted(Tensors<T> tensors) {
    const double slope = product(tensors, {kGradient}, {kDirection}), length = number(kLength);
    if (std::fabs(slope) <= curvature_ * -number(kSlope)) return true;
    const bool last = ++number(kTrials) > trials_;
    const double before = number(kLow), slope_before = number(kLowSlope);
    if (slope > 0) {
      number(kHigh) = length;
      number(kHighSlope) = slope;
    } else {
      if (last) return true;
      number(kLow) = length;
      number(kLowSlope) = slope;
    }
    if (last) {
      go_to(tensors, number(kLow));
      number(kSearching) = number(kPairs) = 0;
    } else if (number(kHigh) == 0) {
      const double zero = secant(before, slope_before, length, slope);
      go_to(tensors, slope > slope_before ? std::clamp(zero, 1.1 * length, 10 * length) : 10 * length);
    } else {
      const double low = number(kLow), high = number(kHigh);
      go_to(tensors, (secant(low, number(kLowSlope), high, number(kHighSlope)) + (low + high) / 2) / 2);
    }
    return false;
  }
  static double secant(double a, double slope_a, double b, double slope_b) {
    return a - slope_a * (b - a) / (slope_b - slope_a);
  }

  // s and y take the places of d and the last gradient, which are not needed any more, and enter the ring if they may.
  template <class T>
  void keep_pair(Tensors<T> tensors) {
    const T length = static_cast<T>(number(kLength));
    blocks_.for_each([=](const Block &block) {
      T *s = direction(tensors, block), *y = tensors[block.tensor].slot[kLast] + block.start;
      const T *g = tensors[block.tensor].gradient + block.start;
      for_each_element(block.count, [=](size_t i) {
        s[i] *= length;
        y[i] = g[i] - y[i];
      });
    });
    const double sy = product(tensors, {kDirection}, {kLast});
    const double ss = product(tensors, {kDirection}, {kDirection});
    const double yy = product(tensors, {kLast}, {kLast});
    if (!(sy > 1e-10 * std::sqrt(ss * yy))) return;
    const size_t pairs = whole_number(kPairs, history_);
    const size_t place = pairs == 0 ? 0 : (whole_number(kNewest, history_) + 1) % history_;
    for (const WholeTensor<T> &tensor : tensors) {
      std::copy_n(tensor.slot[kDirection], tensor.count, tensor.slot[kSteps] + place * tensor.count);
      std::copy_n(tensor.slot[kLast], tensor.count, tensor.slot[kChanges] + place * tensor.count);
    }
    number(kNewest) = static_cast<double>(place);
    number(kPairs) = static_cast<double>(std::min(pairs + 1, history_));
    number(kProducts + place) = sy;
    number(kScale) = sy / yy;
  }

  template <class T>
  void choose_direction(Tensors<T> tensors) {
    steepest(tensors);
    const size_t pairs = whole_number(kPairs, history_), newest = whole_number(kNewest, history_);
    const auto place = [&](size_t age) { return (newest + history_ - age) % history_; };
    for (size_t age = 0; age < pairs; age++) {
      const size_t at = place(age);
      shares_[at] = product(tensors, {kSteps, at}, {kDirection}) / number(kProducts + at);
      add(tensors, -shares_[at], {kChanges, at});
    }
    if (pairs > 0) scale(tensors, number(kScale));
    for (size_t age = pairs; age-- > 0;) {
      const size_t at = place(age);
      const double share = product(tensors, {kChanges, at}, {kDirection}) / number(kProducts + at);
      add(tensors, shares_[at] - share, {kSteps, at});
    }
    double slope = product(tensors, {kGradient}, {kDirection});
    if (!(slope < 0) && pairs > 0) {
      number(kPairs) = 0;
      steepest(tensors);
      slope = product(tensors, {kGradient}, {kDirection});
    }
    for (const WholeTensor<T> &tensor : tensors) std::copy_n(tensor.gradient, tensor.count, tensor.slot[kLast]);
    number(kSearching) = 1;
    number(kSlope) = number(kLowSlope) = slope;
    number(kLow) = number(kHigh) = number(kTrials) = 0;
  }
  template <class T>
  void steepest(Tensors<T> tensors) {
    blocks_.for_each([=](const Block &block) {
      T *d = direction(tensors, block);
      const T *g = tensors[block.tensor].gradient + block.start;
      for_each_element(block.count, [=](size_t i) { d[i] = -g[i]; });
    });
  }
  template <class T>
  void scale(Tensors<T> tensors, double by) {
    const T factor = static_cast<T>(by);
    blocks_.for_each([=](const Block &block) {
      T *d = direction(tensors, block);
      for_each_element(block.count, [=](size_t i) { d[i] *= factor; });
    });
  }

  bool searches_ = true;
  double curvature_ = 0, trials_ = 0;
  size_t history_ = 0;
  std::vector<std::string> names_;  // of the last scalars
  std::vector<Scalar> scalars_;
  std::vector<double> shares_;  // of each pair, between the two loops
  Blocks blocks_;
};

}  // namespace

const RuleEntry kLbfgs = {"lbfgs", kOptions, create_rule<Lbfgs>};

}  // namespace ngd
