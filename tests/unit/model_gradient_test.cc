// Gradients of every layer, activation and loss against central differences in float64.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "memory_samples.h"
#include "model/model.h"
#include "test.h"

using namespace ngd;

namespace {

// The gradient that train_batch hands to an optimizer, read off an SGD step with learning rate 1: w - w_new.
std::vector<std::vector<double>> parameters_of(const Model &model) {
  std::vector<std::vector<double>> values;
  for (size_t i = 0; i < model.tensors().size(); i++) {
    values.emplace_back(element_count(model.tensors()[i].shape));
    model.get_tensor(i, std::span<double>(values.back()));
  }
  return values;
}

void set_parameters(Model &model, const std::vector<std::vector<double>> &values) {
  for (size_t i = 0; i < values.size(); i++) model.set_tensor(i, std::span<const double>(values[i]));
}

// Biases and zero-initialised layers too get random values, so that no gradient is zero by accident.
void randomize(Model &model) {
  std::vector<std::vector<double>> values = parameters_of(model);
  Random random(5, 0);
  for (auto &tensor : values) {
    for (double &value : tensor) value = 0.4 * random.normal();
  }
  set_parameters(model, values);
}

void check_gradient(Model &model, const std::vector<std::vector<double>> &gradients,
                    const std::function<double()> &loss) {
  const std::vector<std::vector<double>> start = parameters_of(model);
  size_t not_zero = 0;
  for (size_t i = 0; i < start.size(); i++) {
    double largest = 0;
    for (const double value : gradients[i]) largest = std::max(largest, std::fabs(value));
    for (size_t k = 0; k < start[i].size(); k++) {
      const double h = 1e-5;
      std::vector<std::vector<double>> moved = start;
      moved[i][k] = start[i][k] + h;
      set_parameters(model, moved);
      const double above = loss();
      moved[i][k] = start[i][k] - h;
      set_parameters(model, moved);
      const double below = loss();
      const double expected = (above - below) / (2 * h);
      // Relative to the tensor's largest element, plus what rounding of the two losses leaves.
      if (!(std::fabs(gradients[i][k] - expected) <= 1e-6 * largest + 1e-10)) {
        print_error("%s[%zu]: gradient %.12g, central difference %.12g\n", model.tensors()[i].name.c_str(), k,
                    gradients[i][k], expected);
        _fail(__FILE__, __LINE__);
      }
      not_zero += gradients[i][k] != 0;
    }
  }
  assert_true(not_zero > 0);
  set_parameters(model, start);
}

void check_samples_gradient(const std::string &spec, const MemorySamples &samples) {
  const auto model = Model::create(spec + (spec.find(':') == std::string::npos ? ":" : ",") + "precision=f64");
  model->prepare(&samples);
  randomize(*model);
  const std::vector<std::vector<double>> before = parameters_of(*model);
  Optimizer optimizer("sgd:learning_rate=1");
  const std::vector<uint64_t> rows = all_rows(samples);
  const double loss = model->train_batch(optimizer, samples, rows);
  std::vector<std::vector<double>> gradients = parameters_of(*model);
  for (size_t i = 0; i < gradients.size(); i++) {
    for (size_t k = 0; k < gradients[i].size(); k++) gradients[i][k] = before[i][k] - gradients[i][k];
  }
  set_parameters(*model, before);
  assert_true(std::fabs(loss - model->evaluate(samples).loss) < 1e-12);
  check_gradient(*model, gradients, [&] { return model->evaluate(samples).loss; });
}

// With weights: the gradient of the mean of w l, and what is told of each row.
void check_weighted_gradient(const std::string &spec, const MemorySamples &samples) {
  const auto model = Model::create(spec + (spec.find(':') == std::string::npos ? ":" : ",") + "precision=f64");
  model->prepare(&samples);
  randomize(*model);
  const std::vector<std::vector<double>> before = parameters_of(*model);
  const std::vector<uint64_t> rows = all_rows(samples);
  std::vector<float> weights, losses(rows.size()), single(1);
  std::vector<int32_t> correct(rows.size()), single_correct(1);
  for (size_t i = 0; i < rows.size(); i++) weights.push_back(i == 2 ? 0 : 0.25f * static_cast<float>(i));
  Optimizer still("sgd:learning_rate=1e-300"), optimizer("sgd:learning_rate=1");
  // The loss of one row is what evaluating that row alone gives.
  const auto weighted_loss = [&] {
    double sum = 0;
    for (size_t i = 0; i < rows.size(); i++)
      sum += static_cast<double>(weights[i]) *
             model->train_rows(still, samples, std::span(rows).subspan(i, 1), {{}, single, single_correct});
    return sum / static_cast<double>(rows.size());
  };
  const double loss = model->train_rows(optimizer, samples, rows, {weights, losses, correct});
  std::vector<std::vector<double>> gradients = parameters_of(*model);
  for (size_t i = 0; i < gradients.size(); i++) {
    for (size_t k = 0; k < gradients[i].size(); k++) gradients[i][k] = before[i][k] - gradients[i][k];
  }
  set_parameters(*model, before);
  assert_true(std::fabs(loss - weighted_loss()) < 1e-12);
  int32_t right = 0;
  for (size_t i = 0; i < rows.size(); i++) {
    const double own =
        model->train_rows(still, samples, std::span(rows).subspan(i, 1), {{}, single, single_correct});
    assert_true(losses[i] == single[0] && static_cast<float>(own) == losses[i]);
    assert_int_equal(correct[i], single_correct[0]);
    right += correct[i];
  }
  const Metrics metrics = model->evaluate(samples);
  if (samples.labels == LabelKind::category)
    assert_int_equal(right, std::lround(metrics.accuracy * static_cast<double>(rows.size())));
  else
    assert_int_equal(right, rows.size());
  check_gradient(*model, gradients, weighted_loss);
}

void weighted_gradients_equal_central_differences(void **) {
  check_weighted_gradient("linear", random_dense(7, 4, 0, 1));
  check_weighted_gradient("linear", random_dense(7, 4, 2, 2));
  check_weighted_gradient("mlp:hidden=5,activation=tanh", random_dense(9, 4, 4, 3));
  check_weighted_gradient("linear", random_sparse(7, 6, 3, 32));
  check_weighted_gradient("text:dimension=3", random_texts(6, 8, 5, 3, 41));
}

void dense_gradients_equal_central_differences(void **) {
  check_samples_gradient("linear", random_dense(7, 4, 0, 1));
  check_samples_gradient("linear", random_dense(7, 4, 2, 2));
  check_samples_gradient("linear", random_dense(7, 4, 3, 3));
  for (const char *activation : {"sigmoid", "tanh", "relu"}) {
    for (const int32_t classes : {0, 2, 4})
      check_samples_gradient(concat("mlp:hidden=5x3,activation=", activation),
                             random_dense(9, 4, classes, static_cast<uint64_t>(10 + classes)));
  }
  check_samples_gradient("mlp:hidden=4x4x4x4,activation=tanh,scale=max_abs", random_dense(6, 3, 3, 20));
}

void sparse_gradients_equal_central_differences(void **) {
  check_samples_gradient("linear", random_sparse(7, 6, 0, 31));
  check_samples_gradient("linear:scale=max_abs", random_sparse(7, 6, 3, 32));
  check_samples_gradient("mlp:hidden=5,activation=tanh", random_sparse(8, 6, 3, 33));
  check_samples_gradient("mlp:hidden=5,inputs=9,activation=sigmoid", random_sparse(8, 6, 2, 34));
}

void text_gradients_equal_central_differences(void **) {
  check_samples_gradient("text:dimension=3", random_texts(6, 8, 5, 3, 41));
  check_samples_gradient("text:dimension=3,word_ngrams=3,buckets=11", random_texts(6, 8, 5, 3, 42));
  check_samples_gradient("text:dimension=3,loss=binary_cross_entropy", random_texts(6, 8, 5, 2, 43));
  MemorySamples numbers = random_texts(6, 8, 5, 2, 44);
  numbers.labels = LabelKind::number;
  numbers.number = {1, -2, 3, 0.5, 0, 7};
  check_samples_gradient("text:dimension=3", numbers);
  MemorySamples with_empty = random_texts(4, 8, 5, 3, 45);
  with_empty.add_text("", 1);
  check_samples_gradient("text:dimension=3", with_empty);
}

// By parts: the gradient is the model's own, and adds up over backward passes.
void check_array_gradient(const std::string &spec, const std::vector<double> &targets, size_t inputs) {
  const auto model = Model::create(spec);
  model->prepare(nullptr);
  randomize(*model);
  const size_t rows = 5;
  std::vector<double> x(rows * inputs);
  Random random(9, 0);
  for (double &value : x) value = random.normal();
  const auto loss = [&] {
    model->forward(x.data(), rows, std::span<double>());
    return model->backward(std::span<const double>(targets));
  };
  const double first = loss();
  std::vector<std::vector<double>> gradients = parameters_of(*model);
  for (size_t i = 0; i < gradients.size(); i++) model->get_gradient(i, gradients[i]);
  assert_true(loss() == first);
  for (size_t i = 0; i < gradients.size(); i++) {
    std::vector<double> twice(gradients[i].size());
    model->get_gradient(i, twice);
    for (size_t k = 0; k < twice.size(); k++) assert_true(std::fabs(twice[k] - 2 * gradients[i][k]) <= 1e-14);
  }
  check_gradient(*model, gradients, loss);
}

void array_gradients_equal_central_differences_and_add_up(void **) {
  check_array_gradient("linear:inputs=3,outputs=2,precision=f64", {1, 2, -1, 0, 3, 0.5, 2, 2, 1, 1}, 3);
  check_array_gradient("mlp:inputs=3,hidden=4,activation=tanh,outputs=3,loss=cross_entropy,precision=f64",
                       {0, 2, 1, 1, 0}, 3);
  check_array_gradient("mlp:inputs=3,hidden=4,loss=binary_cross_entropy,precision=f64", {0, 1, 1, 1, 0}, 3);
}

// A model prepared from sparse rows also takes arrays, and both ways give the same step.
void sparse_model_takes_dense_arrays(void **) {
  const MemorySamples samples = random_sparse(6, 5, 3, 51);
  std::vector<double> x(6 * 5), targets(samples.category.begin(), samples.category.end());
  for (size_t i = 0; i < 6; i++) {
    for (const auto &[column, value] : samples.sparse[i]) x[i * 5 + column] = value;
  }
  std::vector<std::vector<std::vector<double>>> results;
  for (const bool arrays : {false, true}) {
    const auto model = Model::create("mlp:hidden=4,precision=f64,scale=max_abs");
    model->prepare(&samples);
    Optimizer optimizer("sgd:learning_rate=1");
    if (arrays) {
      model->forward(x.data(), 6, std::span<double>());
      model->backward(std::span<const double>(targets));
      model->step(optimizer);
    } else {
      model->train_batch(optimizer, samples, all_rows(samples));
    }
    results.push_back(parameters_of(*model));
  }
  for (size_t i = 0; i < results[0].size(); i++) {
    for (size_t k = 0; k < results[0][i].size(); k++)
      assert_true(std::fabs(results[0][i][k] - results[1][i][k]) < 1e-14);
  }
}

void penalty_step_uses_the_gradient_beyond_the_step(void **) {
  // ngd with grad_penalty a, radius r: g = (1 - a) g(w) + a g(w + r g / ||g||). Checked on all kinds of rows by
  // comparing the parameters after one step with those of a step on the gradient so combined by hand.
  for (const MemorySamples &samples :
       {random_dense(6, 4, 3, 61), random_sparse(6, 4, 3, 62), random_texts(6, 8, 4, 3, 63)}) {
    const std::string kind =
        samples.features == FeatureKind::text ? "text:dimension=3,precision=f64" : "linear:precision=f64";
    const double a = 0.4, r = 0.3;
    const auto model = Model::create(kind);
    model->prepare(&samples);
    randomize(*model);
    const auto start = parameters_of(*model);
    const auto rows = all_rows(samples);
    const auto gradient_at = [&](const std::vector<std::vector<double>> &w) {
      set_parameters(*model, w);
      Optimizer sgd("sgd:learning_rate=1");
      model->train_batch(sgd, samples, rows);
      auto g = parameters_of(*model);
      for (size_t i = 0; i < g.size(); i++) {
        for (size_t k = 0; k < g[i].size(); k++) g[i][k] = w[i][k] - g[i][k];
      }
      return g;
    };
    const auto first = gradient_at(start);
    double norm = 0;
    for (const auto &tensor : first) {
      for (const double value : tensor) norm += value * value;
    }
    norm = std::sqrt(norm);
    auto beyond = start;
    for (size_t i = 0; i < beyond.size(); i++) {
      for (size_t k = 0; k < beyond[i].size(); k++) beyond[i][k] += r * first[i][k] / norm;
    }
    const auto second = gradient_at(beyond);
    set_parameters(*model, start);
    Optimizer penalty(concat("ngd:trust=none,accel=none,learning_rate=0.1,epsilon=1,grad_penalty=", a,
                             ",penalty_radius=", r));
    model->train_batch(penalty, samples, rows);
    const auto moved = parameters_of(*model);
    for (size_t i = 0; i < moved.size(); i++) {
      for (size_t k = 0; k < moved[i].size(); k++) {
        const double g = (1 - a) * first[i][k] + a * second[i][k];
        const double expected = start[i][k] - 0.1 * g / std::sqrt(g * g + 1);
        assert_true(std::fabs(moved[i][k] - expected) < 1e-12);
      }
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(weighted_gradients_equal_central_differences),
      cmocka_unit_test(dense_gradients_equal_central_differences),
      cmocka_unit_test(sparse_gradients_equal_central_differences),
      cmocka_unit_test(text_gradients_equal_central_differences),
      cmocka_unit_test(array_gradients_equal_central_differences_and_add_up),
      cmocka_unit_test(sparse_model_takes_dense_arrays),
      cmocka_unit_test(penalty_step_uses_the_gradient_beyond_the_step),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
