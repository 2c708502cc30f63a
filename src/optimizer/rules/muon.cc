// Muon: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the other scale from Liu et al. 2025,
// "Muon is scalable for LLM training".
//
//   m <- momentum * m + (1 - momentum) * g
//   u  = (1 - momentum) * g + momentum * m                  nesterov; else u = m
//   x  = u / (||u|| + 1e-7)                                 then, `iterations` times:
//   x <- x (a + b x'x + c (x'x)^2)                          (a, b, c) = (3.4445, -4.775, 2.0315); of xx' on the left where
//                                                           there are fewer rows than columns
//   w <- (1 - learning_rate weight_decay) w - learning_rate q x
//   q  = sqrt(max(1, rows / columns))                       scale=original
//      | 0.2 sqrt(max(rows, columns))                       scale=match_rms: steps as long as AdamW's
//      | 1                                                  scale=none
// The iteration (Newton-Schulz, quintic) brings the singular values of u near 1, most of them between 0.7 and 1.2. A tensor of
// three or more dimensions is a matrix of its first against the others; dimensions of 1 do not count. What then has fewer
// than two dimensions, biases and scales, is stepped by AdamW, with adam_learning_rate (under the same schedule) and so on.
// Embeddings and the last layer should be, too: put them in a group with matrices=adamw.
//
// Equal to the authors' program but for the number format: it iterates in bfloat16, this in the tensor's type. PyTorch's
// divides by max(||u||, 1e-7), takes matrices only, and calls match_rms match_rms_adamw. Keras: learning_rate=0.001,
// iterations=6; AdamW at a tenth of the rate, with epsilon 1e-7 in eps_mode=hat. The products are of the BLAS library, so
// their bits are those of the library and its number of threads.
#include <algorithm>
#include <limits>
#include <vector>

#include "base/error.h"
#include "math/product.h"
#include "math/reduce.h"
#include "optimizer/whole.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.02"),
    below_option("momentum", "0.95", 0, 1, "Decay of the momentum, the running mean of the gradient."),
    flag_option("nesterov", "1", "Look ahead: the gradient counts once more."),
    integer_option("iterations", "5", 1, 100, "Newton-Schulz iterations that make the step orthogonal."),
    choice_option(
        "scale", "original", "original|match_rms|none",
        "What a step is multiplied by: sqrt(max(1, rows / columns)), 0.2 sqrt(max(rows, columns)), or 1."),
    decoupled_decay_option("0"),
    fixed(choice_option("matrices", "orthogonal", "orthogonal|adamw",
                        "How matrices are stepped; adamw is for groups of embeddings and last layers.")),
    above_option("adam_learning_rate", "0.0003", 0, kInfinity, "Of AdamW, which steps vectors."),
    below_option("adam_beta1", "0.9", 0, 1, "Of AdamW: decay of the first moment."),
    below_option("adam_beta2", "0.95", 0, 1, "Of AdamW: decay of the second moment."),
    above_option("adam_epsilon", "1e-10", 0, kInfinity, "Of AdamW: added to the corrected root."),
    number_option("adam_weight_decay", "0", 0, kInfinity, "Of AdamW: decoupled decay.")};

struct Sides {
  size_t rows, columns;
  size_t shorter() const { return std::min(rows, columns); }
};

Sides sides_of(const Shape &shape) {
  Sides sides = {1, 1};
  for (const int64_t size : shape) (sides.rows == 1 ? sides.rows : sides.columns) *= static_cast<size_t>(size);
  return sides;
}

// The iteration on x, [rows, columns]; returns where the result is, x or `other`. `gram` and `polynomial` have the square
// of the shorter side.
template <class T>
T *orthogonalised(Sides sides, int64_t iterations, T *x, T *other, T *gram, T *polynomial) {
  constexpr T kA = T(3.4445), kB = T(-4.7750), kC = T(2.0315);
  const size_t side = sides.shorter();
  const bool tall = sides.rows > sides.columns;
  for (int64_t k = 0; k < iterations; k++) {
    multiply(tall ? Transpose::yes : Transpose::no, tall ? Transpose::no : Transpose::yes, side, side,
             std::max(sides.rows, sides.columns), T(1), x, x, T(0), gram);
    std::copy_n(gram, side * side, polynomial);
    multiply(Transpose::no, Transpose::no, side, side, side, kC, gram, gram, kB, polynomial);
    for (size_t i = 0; i < side; i++) polynomial[i * side + i] += kA;
    multiply(Transpose::no, Transpose::no, sides.rows, sides.columns, side, T(1), tall ? x : polynomial,
             tall ? polynomial : x, T(0), other);
    std::swap(x, other);
  }
  return x;
}

class Muon : public WholeRule {
 public:
  Muon() : adam_options_(kAdamw.options, "rule \"adamw\"", "adamw"), adam_(kAdamw.create()) {}

  void configure(const OptionSet &options) override {
    learning_rate_ = option_rate_ = options["learning_rate"];
    momentum_ = options["momentum"];
    nesterov_ = options["nesterov"] != 0;
    iterations_ = static_cast<int64_t>(options["iterations"]);
    const std::string &scale = options.choice("scale");
    scale_ = scale == "original" ? Scale::original : scale == "match_rms" ? Scale::match_rms : Scale::none;
    weight_decay_ = options["weight_decay"];
    all_adam_ = options.choice("matrices") == "adamw";
    adam_rate_ = options["adam_learning_rate"];
    adam_options_.set("beta1", options["adam_beta1"]);
    adam_options_.set("beta2", options["adam_beta2"]);
    adam_options_.set("epsilon", options["adam_epsilon"]);
    adam_options_.set("weight_decay", options["adam_weight_decay"]);
    adam_->configure(adam_options_);
  }
  std::span<const Slot> slots() const override {
    static constexpr Slot kSlots[] = {{"momentum", 0, 1},
                                      {"second_moment", 0, 1}};  // the second of vectors only
    return kSlots;
  }
  Shape slot_shape(size_t slot, const Shape &tensor) const override {
    return slot == 1 && orthogonal(sides_of(tensor)) ? Shape{0} : tensor;
  }
  void prepare(std::span<const Shape> shapes, size_t element_bytes) override {
    whole_ = square_ = 0;
    for (const Shape &shape : shapes) {
      const Sides sides = sides_of(shape);
      if (!orthogonal(sides)) continue;
      if (std::max(sides.rows, sides.columns) > std::numeric_limits<int32_t>::max())
        fail(NGD_E_RANGE, "rule \"muon\" cannot step a tensor of shape ", shape_text(shape),
             ": its products have sides below 2^31; put it in a group with matrices=adamw");
      whole_ = std::max(whole_, sides.rows * sides.columns);
      square_ = std::max(square_, sides.shorter() * sides.shorter());
    }
    const size_t count = 2 * (whole_ + square_);
    if (element_bytes == sizeof(float))
      work32_.resize(count);
    else
      work64_.resize(count);
  }
  void begin_step(uint64_t step, double) override {
    adam_->use_learning_rate(adam_rate_ * (learning_rate_ / option_rate_));
    adam_->begin_step(step, 0);
  }
  void step(Team &, Target target, std::span<const WholeTensor<float>> tensors) noexcept override {
    for (const WholeTensor<float> &tensor : tensors) step_tensor(target, tensor, work32_.data());
  }
  void step(Team &, Target target, std::span<const WholeTensor<double>> tensors) noexcept override {
    for (const WholeTensor<double> &tensor : tensors) step_tensor(target, tensor, work64_.data());
  }

 private:
  enum class Scale { original, match_rms, none };

  template <class T>
  void step_tensor(Target target, const WholeTensor<T> &tensor, T *work) const {
    const Sides sides = sides_of(*tensor.shape);
    if (!orthogonal(sides)) {
      const Piece<T> piece = {
          tensor.count, tensor.parameter, tensor.gradient, {tensor.slot[0], tensor.slot[1]}};
      adam_->kernel().of<T>().update[target](piece, adam_->constants);
      return;
    }
    T *x = work, *m = tensor.slot[0], *w = tensor.parameter;
    const T *g = tensor.gradient;
    const T kept = static_cast<T>(momentum_), rest = static_cast<T>(1 - momentum_);
    const T of_moment = nesterov_ ? kept : 1, of_gradient = nesterov_ ? rest : 0;
    for_each_element(tensor.count, [=](size_t i) {
      m[i] = kept * m[i] + rest * g[i];
      x[i] = of_gradient * g[i] + of_moment * m[i];
    });
    const T factor = static_cast<T>(1 / (std::sqrt(sum_of_squares(x, tensor.count)) + 1e-7));
    for_each_element(tensor.count, [=](size_t i) { x[i] *= factor; });
    const T *u =
        orthogonalised(sides, iterations_, x, work + whole_, work + 2 * whole_, work + 2 * whole_ + square_);
    const T shrink = static_cast<T>(learning_rate_ * weight_decay_);
    const T rate = static_cast<T>(learning_rate_ * scaled(sides));
    for_each_element(tensor.count, [=](size_t i) { w[i] -= shrink * w[i] + rate * u[i]; });
  }
  bool orthogonal(Sides sides) const { return !all_adam_ && sides.rows > 1 && sides.columns > 1; }
  double scaled(Sides sides) const {
    const double rows = static_cast<double>(sides.rows), columns = static_cast<double>(sides.columns);
    if (scale_ == Scale::original) return std::sqrt(std::max(1.0, rows / columns));
    return scale_ == Scale::match_rms ? 0.2 * std::sqrt(std::max(rows, columns)) : 1;
  }

  double option_rate_ = 1, momentum_ = 0, weight_decay_ = 0, adam_rate_ = 0;
  bool nesterov_ = true, all_adam_ = false;
  int64_t iterations_ = 5;
  Scale scale_ = Scale::original;
  OptionSet adam_options_;
  std::unique_ptr<Rule> adam_;
  // Two matrices of up to whole_ elements, then two of up to square_.
  size_t whole_ = 0, square_ = 0;
  std::vector<float> work32_;
  std::vector<double> work64_;
};

}  // namespace

const RuleEntry kMuon = {"muon", kOptions, create_rule<Muon>};

}  // namespace ngd
