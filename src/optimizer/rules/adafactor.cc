// Adafactor: Shazeer and Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost", algorithms 4 and 5.
//
//   b    = 1 - t^-decay_exponent
//   r   <- b r + (1 - b) (mean of g^2 over a row + epsilon1)        matrices: one number a row
//   c   <- b c + (1 - b) (mean of g^2 over a column + epsilon1)     and one a column
//   u    = g / sqrt(r c / mean(r))
//   v   <- b v + (1 - b) (g^2 + epsilon1);   u = g / sqrt(v)        vectors
//   rate = min(learning_rate, 1 / sqrt(t))                          relative_step; else learning_rate
//   a    = rate max(epsilon2, RMS(w))                               scale_parameter; else rate
//   w   <- (1 - learning_rate weight_decay) w - a u / max(1, RMS(u) / update_threshold)
//   With beta1: m <- beta1 m + (1 - beta1) a u / max(...), and w moves by m.
// A matrix has two or more dimensions; the last two are factored, as many times as the ones before them say. RMS is over
// the whole tensor. Means and their roots are the paper's sums but for a common factor.
//
// Equal to the paper's program and to HuggingFace's Adafactor, but that those take decay times a (HuggingFace) or none, and
// HuggingFace has no limit on a fixed rate (relative_step=0 here). Keras: learning_rate=0.001. PyTorch has epsilon1 not in r,
// c and v but as a floor under sqrt(r c / mean(r)). optax factors the two largest dimensions, and only where both are at
// least 128. Momentum is as in HuggingFace and optax, after the rate and the limit; Keras and PyTorch have none.
#include <algorithm>
#include <vector>

#include "base/team.h"
#include "math/reduce.h"
#include "optimizer/whole.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    flag_option("relative_step", "1", "The rate is at most 1 / sqrt(step)."),
    flag_option("scale_parameter", "1", "Steps are relative to the root mean square of the tensor."),
    above_option("decay_exponent", "0.8", 0, 1, "The second moments forget 1 - step^-this in a step."),
    number_option("epsilon1", "1e-30", 1e-37, kInfinity,
                  "Added to squared gradients, so that nothing is divided by zero."),
    above_option("epsilon2", "0.001", 0, kInfinity,
                 "scale_parameter: smallest root mean square a tensor is taken to have."),
    above_option("update_threshold", "1", 0, kInfinity, "Largest root mean square of a step, before the rate."),
    fixed(below_option("beta1", "0", 0, 1, "Decay of a first moment of the steps; 0 keeps none.")),
    decoupled_decay_option("0")};

// A row of a matrix, or a vector: u = factor * g / sqrt(moment).
template <class T>
struct Row {
  size_t count;
  T *parameter;
  const T *gradient, *moment;
  T factor;
  T *first;  // null without beta1

  T direction(size_t i) const { return factor * gradient[i] / std::sqrt(moment[i]); }
};

// The sum of squares of a row; each square is also added to its column's sum.
template <class T>
double row_squares(const T *row, size_t count, double *columns) {
  for_each_element(count, [=](size_t i) { columns[i] += static_cast<double>(row[i]) * row[i]; });
  return sum_of_squares(row, count);
}
template <class T>
double direction_squares(const Row<T> &row) {
  return fixed_sum(row.count, [row](size_t i) {
    const double u = row.direction(i);
    return u * u;
  });
}
template <class T>
void update(const Row<T> &row, T shrink, T step, T beta1) {
  T *w = row.parameter, *m = row.first;
  if (m == nullptr) {
    for_each_element(row.count, [=](size_t i) { w[i] -= shrink * w[i] + step * row.direction(i); });
    return;
  }
  const T rest = (1 - beta1) * step;
  for_each_element(row.count, [=](size_t i) {
    m[i] = beta1 * m[i] + rest * row.direction(i);
    w[i] -= shrink * w[i] + m[i];
  });
}

class Adafactor : public WholeRule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    relative_ = options["relative_step"] != 0;
    scaled_ = options["scale_parameter"] != 0;
    exponent_ = options["decay_exponent"];
    epsilon1_ = options["epsilon1"];
    epsilon2_ = options["epsilon2"];
    threshold_ = options["update_threshold"];
    beta1_ = options["beta1"];
    weight_decay_ = options["weight_decay"];
  }
  std::span<const Slot> slots() const override {
    static constexpr Slot kSlots[] = {{"row_second_moment", 0, 1},
                                      {"column_second_moment", 0, 1},
                                      {"second_moment", 0, 1},
                                      {"first_moment", 0, 1}};
    return {kSlots, beta1_ > 0 ? size_t{4} : size_t{3}};
  }
  Shape slot_shape(size_t slot, const Shape &tensor) const override {
    if (slot == kFirst) return tensor;
    if (tensor.size() < 2) return slot == kVector ? tensor : Shape{0};
    Shape shape = tensor;
    if (slot == kVector) shape = {0};
    if (slot == kRows) shape.pop_back();
    if (slot == kColumns) shape.erase(shape.end() - 2);
    return shape;
  }
  void prepare(std::span<const Shape> shapes, size_t) override {
    size_t columns = 0, rows = 0, matrices = 0;
    for (const Shape &shape : shapes) {
      const Rows view(shape);
      if (view.factored) columns = std::max(columns, view.columns);
      rows = std::max(rows, view.count);
      matrices = std::max(matrices, view.count / view.of_matrix);
    }
    column_sums_.resize(columns);
    row_sums_.resize(rows);
    means_.resize(matrices);
  }
  void begin_step(uint64_t step, double) override {
    const double t = static_cast<double>(step);
    share_ = std::pow(t, -exponent_);  // 1 - b
    rate_ = relative_ ? std::min(learning_rate_, 1 / std::sqrt(t)) : learning_rate_;
  }
  void step(Team &team, Target, std::span<const WholeTensor<float>> tensors) noexcept override {
    for (const WholeTensor<float> &tensor : tensors) step_tensor(team, tensor);
  }
  void step(Team &team, Target, std::span<const WholeTensor<double>> tensors) noexcept override {
    for (const WholeTensor<double> &tensor : tensors) step_tensor(team, tensor);
  }

 private:
  enum { kRows, kColumns, kVector, kFirst };

  // A tensor as rows: those of its matrices, or pieces of a vector, so that threads can share it.
  struct Rows {
    explicit Rows(const Shape &shape) : factored(shape.size() >= 2), elements(element_count(shape)) {
      if (factored) {
        columns = static_cast<size_t>(shape.back());
        of_matrix = static_cast<size_t>(shape[shape.size() - 2]);
      }
      count = (elements + columns - 1) / columns;
    }
    bool factored;
    size_t elements, columns = 4096, of_matrix = 1, count;
  };

  template <class T>
  void step_tensor(Team &team, const WholeTensor<T> &tensor) {
    const Rows rows(*tensor.shape);
    if (rows.factored) {
      for (size_t k = 0; k < rows.count / rows.of_matrix; k++)
        average_squares(tensor, k, rows.of_matrix, rows.columns);
    }
    // Calls body(row, its number) for all rows, by all threads.
    const auto for_each_row = [&](auto body) {
      auto part = [&](unsigned thread) noexcept {
        const size_t end = rows.count * (thread + 1) / team.size();
        for (size_t r = rows.count * thread / team.size(); r < end; r++) {
          const size_t start = r * rows.columns, k = r / rows.of_matrix;
          Row<T> row = {std::min(rows.columns, rows.elements - start),
                        tensor.parameter + start,
                        tensor.gradient + start,
                        rows.factored ? tensor.slot[kColumns] + k * rows.columns : tensor.slot[kVector] + start,
                        1,
                        beta1_ > 0 ? tensor.slot[kFirst] + start : nullptr};
          if (rows.factored) row.factor = static_cast<T>(std::sqrt(means_[k] / tensor.slot[kRows][r]));
          body(row, r);
        }
      };
      team.run(part);
    };
    for_each_row([&](const Row<T> &row, size_t r) {
      if (!rows.factored) average_squares(row, tensor.slot[kVector] + r * rows.columns);
      row_sums_[r] = {direction_squares(row), scaled_ ? sum_of_squares(row.parameter, row.count) : 0};
    });
    RowSums sums = {};
    for (size_t r = 0; r < rows.count; r++) {
      sums.directions += row_sums_[r].directions;
      sums.parameters += row_sums_[r].parameters;
    }
    const double count = static_cast<double>(rows.elements);
    double step = rate_ / std::max(1.0, std::sqrt(sums.directions / count) / threshold_);
    if (scaled_) step *= std::max(epsilon2_, std::sqrt(sums.parameters / count));
    const T shrink = static_cast<T>(learning_rate_ * weight_decay_);
    for_each_row(
        [&](const Row<T> &row, size_t) { update(row, shrink, static_cast<T>(step), static_cast<T>(beta1_)); });
  }

  // The factors of matrix k.
  template <class T>
  void average_squares(const WholeTensor<T> &tensor, size_t k, size_t rows, size_t columns) {
    std::fill_n(column_sums_.begin(), columns, 0.0);
    const auto average = [this](T &moment, double mean) {
      moment = static_cast<T>((1 - share_) * moment + share_ * (mean + epsilon1_));
    };
    for (size_t i = 0; i < rows; i++) {
      const T *row = tensor.gradient + (k * rows + i) * columns;
      average(tensor.slot[kRows][k * rows + i],
              row_squares(row, columns, column_sums_.data()) / static_cast<double>(columns));
    }
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum += tensor.slot[kRows][k * rows + i];
    means_[k] = sum / static_cast<double>(rows);
    for (size_t j = 0; j < columns; j++)
      average(tensor.slot[kColumns][k * columns + j], column_sums_[j] / static_cast<double>(rows));
  }
  // Of a piece of a vector.
  template <class T>
  void average_squares(const Row<T> &row, T *v) const {
    const T kept = static_cast<T>(1 - share_), share = static_cast<T>(share_),
            epsilon = static_cast<T>(epsilon1_);
    const T *g = row.gradient;
    for_each_element(row.count, [=](size_t i) { v[i] = kept * v[i] + share * (g[i] * g[i] + epsilon); });
  }

  bool relative_ = false, scaled_ = false;
  double exponent_ = 0, epsilon1_ = 0, epsilon2_ = 0, threshold_ = 0, beta1_ = 0, weight_decay_ = 0;
  double share_ = 0, rate_ = 0;
  std::vector<double> column_sums_;
  struct RowSums {
    double directions, parameters;
  };
  std::vector<RowSums> row_sums_;
  std::vector<double> means_;  // of the row moments of each matrix
};

}  // namespace

const RuleEntry kAdafactor = {"adafactor", kOptions, create_rule<Adafactor>};

}  // namespace ngd
