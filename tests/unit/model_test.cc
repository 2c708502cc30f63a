// Models whole: learning, matching by name, scaling, precision.
#include "model/model.h"

#include <cmath>
#include <string>
#include <vector>

#include "memory_samples.h"
#include "raises.h"

using namespace ngd;

namespace {

std::vector<double> tensor_of(const Model &model, size_t index) {
  std::vector<double> values(element_count(model.tensors()[index].shape));
  model.get_tensor(index, std::span<double>(values));
  return values;
}

void set_all(Model &model, size_t index, std::vector<double> values) {
  model.set_tensor(index, std::span<const double>(values));
}

// ---- learning

void mlp_learns_xor(void **) {
  MemorySamples samples;
  samples.width = 2;
  samples.labels = LabelKind::category;
  samples.classes = {"same", "different"};
  samples.dense = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  samples.category = {0, 1, 1, 0};
  const auto model = Model::create("mlp:hidden=8,activation=tanh");
  model->prepare(&samples);
  assert_int_equal(model->output_count(), 1);  // two classes: one logit
  Optimizer optimizer("adam:learning_rate=0.05");
  for (int t = 0; t < 300; t++) model->train_batch(optimizer, samples, all_rows(samples));
  const Metrics metrics = model->evaluate(samples);
  assert_true(metrics.accuracy == 1 && metrics.loss < 0.05);
  float p[4];
  model->predict(samples, 0, 4, p);
  assert_true(p[0] < 0.2f && p[1] > 0.8f && p[2] > 0.8f && p[3] < 0.2f);
}

void linear_regression_recovers_known_weights(void **) {
  MemorySamples samples = random_dense(200, 3, 0, 1);
  for (size_t i = 0; i < 200; i++)
    samples.number[i] = 2 * samples.dense[i][0] - 3 * samples.dense[i][1] + 0.5f * samples.dense[i][2] + 7;
  const auto model = Model::create("linear:scale=none,precision=f64");
  model->prepare(&samples);
  Optimizer optimizer("adam:learning_rate=0.05");
  for (int t = 0; t < 2000; t++) model->train_batch(optimizer, samples, all_rows(samples));
  const std::vector<double> weight = tensor_of(*model, 0), bias = tensor_of(*model, 1);
  assert_true(std::fabs(weight[0] - 2) < 1e-4 && std::fabs(weight[1] + 3) < 1e-4);
  assert_true(std::fabs(weight[2] - 0.5) < 1e-4 && std::fabs(bias[0] - 7) < 1e-4);
  assert_true(model->evaluate(samples).r_squared > 0.999999);
}

// Two classes that only the order of words tells apart: bigrams can, single words cannot.
void word_ngrams_learn_order(void **) {
  MemorySamples samples;
  samples.classes = {"ab", "ba"};
  for (int i = 0; i < 20; i++) {
    samples.add_text(i % 2 == 0 ? "a b" : "b a", i % 2);
  }
  for (const int n : {1, 2}) {
    const auto model = Model::create(concat("text:dimension=8,buckets=1000,word_ngrams=", n));
    model->prepare(&samples);
    Optimizer optimizer("adam:learning_rate=0.05");
    for (int t = 0; t < 200; t++) model->train_batch(optimizer, samples, all_rows(samples));
    assert_true(model->evaluate(samples).accuracy == (n == 1 ? 0.5 : 1.0));
  }
}

void f32_and_f64_agree(void **) {
  for (const MemorySamples &samples :
       {random_dense(40, 5, 3, 2), random_sparse(40, 5, 3, 3), random_texts(40, 20, 6, 3, 4)}) {
    const std::string kind =
        samples.features == FeatureKind::text ? "text:word_ngrams=2,buckets=64,precision=" : "mlp:precision=";
    std::vector<float> predictions[2];
    for (const int wide : {0, 1}) {
      const auto model = Model::create(kind + (wide ? "f64" : "f32"));
      model->prepare(&samples);
      Optimizer optimizer("ngd:learning_rate=0.01");
      for (int t = 0; t < 20; t++) model->train_batch(optimizer, samples, all_rows(samples));
      predictions[wide].resize(40 * 3);
      model->predict(samples, 0, 40, predictions[wide]);
    }
    for (size_t i = 0; i < predictions[0].size(); i++)
      assert_true(std::fabs(predictions[0][i] - predictions[1][i]) < 2e-4f);
  }
}

void a_step_does_not_depend_on_chunks(void **) {
  // 1300 dense rows pass in three chunks; forward and backward take them at once.
  const MemorySamples samples = random_dense(1300, 3, 3, 5);
  const auto whole = Model::create("linear:precision=f64,scale=none"),
             parts = Model::create("linear:precision=f64,scale=none");
  whole->prepare(&samples);
  parts->prepare(&samples);
  Optimizer a("sgd:learning_rate=1"), b("sgd:learning_rate=1");
  const double loss = whole->train_batch(a, samples, all_rows(samples));
  std::vector<double> x, t(samples.category.begin(), samples.category.end());
  for (const auto &row : samples.dense) x.insert(x.end(), row.begin(), row.end());
  parts->forward(x.data(), 1300, std::span<double>());
  assert_true(std::fabs(parts->backward(std::span<const double>(t)) - loss) < 1e-13);
  parts->step(b);
  const auto one = tensor_of(*whole, 0), two = tensor_of(*parts, 0);
  for (size_t i = 0; i < one.size(); i++) assert_true(std::fabs(one[i] - two[i]) < 1e-14);
}

// ---- matching by name

void classes_are_matched_by_name(void **) {
  MemorySamples training;
  training.classes = {"cat", "dog", "owl"};
  training.add_text("meow purr", 0);
  training.add_text("bark growl", 1);
  training.add_text("hoot fly", 2);
  const auto model = Model::create("text:dimension=10");
  model->prepare(&training);
  Optimizer optimizer("adam:learning_rate=0.1");
  for (int t = 0; t < 100; t++) model->train_batch(optimizer, training, all_rows(training));
  MemorySamples test;  // other order, other word numbers, one class more
  test.classes = {"newt", "owl", "cat"};
  test.add_text("unheard fly hoot", 1);
  test.add_text("purr", 2);
  test.add_text("swim", 0);
  const Metrics metrics = model->evaluate(test);
  assert_int_equal(metrics.rows, 2);
  assert_int_equal(metrics.unknown, 1);
  assert_true(metrics.accuracy == 1 && metrics.majority == 0.5);
  check_raises(
      NGD_E_RANGE,
      "row 2 has the class \"newt\", which is none of the model's 3 classes; prepare the model from data "
      "that has every class, or leave such rows out",
      [&] { model->train_batch(optimizer, test, all_rows(test)); });
  const uint64_t known[] = {0, 1};
  model->train_batch(optimizer, test, known);
}

void a_dataset_that_changed_is_matched_anew(void **) {
  MemorySamples samples;
  samples.classes = {"a", "b"};
  samples.add_text("x", 0);
  samples.add_text("y", 1);
  const auto model = Model::create("text:dimension=4");
  model->prepare(&samples);
  model->evaluate(samples);
  samples.add_text("new words", 1);  // would read past the old mapping
  assert_int_equal(model->evaluate(samples).rows, 3);
}

void text_without_known_words_gives_the_bias_alone(void **) {
  MemorySamples samples;
  samples.classes = {"a", "b"};
  samples.add_text("x x y", 0);
  samples.add_text("x z", 1);
  const auto model = Model::create("text:dimension=2,min_count=2,loss=cross_entropy");
  model->prepare(&samples);
  assert_int_equal(model->tensors()[0].shape[0], 1);  // only x occurs twice
  set_all(*model, 2, {0.0, std::log(3.0)});
  MemorySamples other;
  other.classes = {"a", "b"};
  other.add_text("unknown", 0);
  other.add_text("", 0);
  float p[4];
  model->predict(other, 0, 2, p);
  for (const size_t row : {0, 1}) {
    assert_true(std::fabs(p[2 * row] - 0.25f) < 1e-6f && std::fabs(p[2 * row + 1] - 0.75f) < 1e-6f);
  }
}

void sparse_columns_past_the_inputs_are_left_out_of_predictions(void **) {
  MemorySamples samples = random_sparse(10, 4, 2, 6);
  const auto model = Model::create("linear");
  model->prepare(&samples);
  std::vector<float> before(10), after(10);
  model->predict(samples, 0, 10, before);
  for (auto &row : samples.sparse) row.emplace_back(9, 1000.0f);
  samples.width = 10;
  model->predict(samples, 0, 10, after);
  assert_true(before == after);
  Optimizer optimizer("sgd");
  check_raises(NGD_E_SHAPE, "the dataset has 10 columns, but the model was prepared for 4",
               [&] { model->train_batch(optimizer, samples, all_rows(samples)); });
}

// ---- scaling

void scaling_is_applied_in_every_forward(void **) {
  MemorySamples samples;
  samples.width = 3;
  samples.labels = LabelKind::number;
  samples.dense = {{1, 5, -4}, {3, 5, 2}};
  samples.number = {0, 0};
  const struct {
    const char *scale;
    double first[3], second[3];
  } cases[] = {{"standard", {-1, 0, -1}, {1, 0, 1}},  // a constant column becomes 0
               {"auto", {-1, 0, -1}, {1, 0, 1}},
               {"max_abs", {1.0 / 3, 1, -1}, {1, 1, 0.5}},
               {"none", {1, 5, -4}, {3, 5, 2}}};
  for (const auto &c : cases) {
    const auto model = Model::create(concat("linear:precision=f64,scale=", c.scale));
    model->prepare(&samples);
    for (size_t j = 0; j < 3; j++) {
      std::vector<double> unit(3);
      unit[j] = 1;
      set_all(*model, 0, unit);
      float whole[2];
      model->predict(samples, 0, 2, whole);
      const double x[] = {1, 5, -4, 3, 5, 2};
      double parts[2];
      model->forward(x, 2, parts);
      assert_true(std::fabs(parts[0] - c.first[j]) < 1e-15 && std::fabs(parts[1] - c.second[j]) < 1e-15);
      assert_true(whole[0] == static_cast<float>(parts[0]) && whole[1] == static_cast<float>(parts[1]));
      // A column that was constant stays silent when a new value comes, so long as it is scaled by spread.
      const double news[] = {1, 9, -4};
      model->forward(news, 1, std::span<double>(parts, 1));
      if (c.first[1] == 0 && j == 1) assert_true(parts[0] == 0);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(mlp_learns_xor),
      cmocka_unit_test(linear_regression_recovers_known_weights),
      cmocka_unit_test(word_ngrams_learn_order),
      cmocka_unit_test(f32_and_f64_agree),
      cmocka_unit_test(a_step_does_not_depend_on_chunks),
      cmocka_unit_test(classes_are_matched_by_name),
      cmocka_unit_test(a_dataset_that_changed_is_matched_anew),
      cmocka_unit_test(text_without_known_words_gives_the_bias_alone),
      cmocka_unit_test(sparse_columns_past_the_inputs_are_left_out_of_predictions),
      cmocka_unit_test(scaling_is_applied_in_every_forward),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
