// What models refuse, and the exact text of every refusal.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "memory_samples.h"
#include "model/model.h"
#include "raises.h"

using namespace ngd;

namespace {

std::vector<double> tensor_of(const Model &model, size_t index) {
  std::vector<double> values(element_count(model.tensors()[index].shape));
  model.get_tensor(index, std::span<double>(values));
  return values;
}

void specs_that_make_no_sense_are_refused(void **) {
  check_raises(NGD_E_OPTION,
               "unknown kind of model \"linaer\"; did you mean \"linear\"? Known: linear, mlp, text",
               [] { Model::create("linaer"); });
  check_raises(NGD_E_OPTION, "unknown option \"hiden\" for kind \"mlp\"; did you mean \"hidden\"? (column 5)",
               [] { Model::create("mlp:hiden=3"); });
  for (const char *hidden : {"0", "8x", "8,8", "-3", "8x8x16777217", "x", "wide"}) {
    check_raises(NGD_E_RANGE,
                 concat("option \"hidden\" of kind \"mlp\" is \"", hidden,
                        "\", but takes sizes from 1 to 16777216 joined by x, such as 64x32"),
                 [&] { Model::create(concat("mlp:hidden=\"", hidden, "\"")); });
  }
  const auto model = Model::create("mlp");
  check_raises(
      NGD_E_RANGE,
      "option \"hidden\" of kind \"mlp\" is \"\", but takes sizes from 1 to 16777216 joined by x, such as "
      "64x32",
      [&] { model->set_text("hidden", ""); });
  assert_string_equal(model->options().text("hidden").c_str(), "64");
  check_raises(NGD_E_RANGE,
               "option \"dimension\" of kind \"text\" is 0, outside its range [1, 65536] (column 6)",
               [] { Model::create("text:dimension=0"); });
}

void options_are_fixed_once_prepared(void **) {
  const auto model = Model::create("linear:inputs=2");
  model->set("seed", 7);
  model->prepare(nullptr);
  check_raises(NGD_E_STATE,
               "option \"seed\" of kind \"linear\" is fixed once it is in use; set it right after creation",
               [&] { model->set("seed", 8); });
  check_raises(NGD_E_STATE, "the model is already prepared; a model is prepared once, create another",
               [&] { model->prepare(nullptr); });
}

void prepare_from_options_refuses(void **) {
  const auto prepare = [](const char *spec) { return [spec] { Model::create(spec)->prepare(nullptr); }; };
  check_raises(NGD_E_RANGE,
               "option \"inputs\" is 0 and there is no dataset to take it from; set inputs or pass one",
               prepare("linear"));
  check_raises(NGD_E_ARGUMENT,
               "argument \"dataset\" is NULL, but kind \"text\" takes its vocabulary from the training data",
               prepare("text"));
  check_raises(
      NGD_E_RANGE,
      "option \"outputs\" is 0, but cross_entropy needs one output for each of at least 2 classes; set "
      "outputs",
      prepare("linear:inputs=2,loss=cross_entropy"));
  check_raises(NGD_E_RANGE,
               "option \"outputs\" is 3, but binary_cross_entropy has one output; set outputs=1 or "
               "loss=cross_entropy",
               prepare("linear:inputs=2,outputs=3,loss=binary_cross_entropy"));
  check_raises(
      NGD_E_RANGE,
      "option \"scale\" is standard, but there is no dataset to fit it on; set scale=none or pass a dataset",
      prepare("linear:inputs=2,scale=standard"));
}

void prepare_from_data_refuses(void **) {
  const auto check = [](const char *spec, const MemorySamples &samples, ngd_status status,
                        const char *message) {
    const auto model = Model::create(spec);
    check_raises(status, message, [&] { model->prepare(&samples); });
    assert_false(model->prepared());
  };
  const MemorySamples dense = random_dense(4, 3, 3, 1), numbers = random_dense(4, 3, 0, 1),
                      texts = random_texts(4, 5, 3, 2, 1), sparse = random_sparse(4, 3, 2, 1);
  check("linear", MemorySamples(), NGD_E_SHAPE,
        "the dataset has no rows; load or append the training data first");
  check("text", dense, NGD_E_SHAPE, "kind \"text\" cannot learn from dense rows; use linear or mlp");
  check("mlp", texts, NGD_E_SHAPE, "kind \"mlp\" cannot learn from text rows; use text");
  MemorySamples bare = dense;
  bare.labels = LabelKind::none;
  check("linear", bare, NGD_E_SHAPE, "the dataset has no labels; training needs them");
  MemorySamples one_class = dense;
  one_class.classes = {"all"};
  check("linear", one_class, NGD_E_SHAPE,
        "the dataset has 1 class; a classifier needs at least 2 in its training data");
  check(
      "linear:loss=mean_square", dense, NGD_E_SHAPE,
      "loss=mean_square needs labels of kind number, but the dataset's are of kind category; set loss=auto or "
      "read the labels otherwise");
  check("linear:loss=cross_entropy", numbers, NGD_E_SHAPE,
        "loss=cross_entropy needs labels of kind category, but the dataset's are of kind number; set loss=auto "
        "or "
        "read the labels otherwise");
  check("linear:loss=binary_cross_entropy", dense, NGD_E_SHAPE,
        "loss=binary_cross_entropy needs 2 classes, but the dataset has 3; set loss=cross_entropy");
  check("linear:inputs=4", dense, NGD_E_SHAPE,
        "option \"inputs\" is 4, but the dataset has 3 columns; set inputs=0 to take them from it");
  check(
      "linear:outputs=4", dense, NGD_E_SHAPE,
      "option \"outputs\" is 4, but the dataset and loss cross_entropy need 3; set outputs=0 to take them from "
      "it");
  check("linear:scale=standard", sparse, NGD_E_SHAPE,
        "scale=standard would fill the dataset's sparse rows; use max_abs or none");
  check("text:min_count=100", texts, NGD_E_SHAPE,
        "no word of the dataset occurs min_count=100 times; set min_count lower");
  MemorySamples broken = dense;
  broken.classes[1] = "two\nlines";
  check("linear", broken, NGD_E_SHAPE,
        "the class \"two\\x0alines\" holds a line break, which a saved model cannot express; rename it in the "
        "data");
  MemorySamples empty = dense;
  empty.width = 0;
  check("linear", empty, NGD_E_SHAPE, "the dataset has 0 columns; a model takes from 1 to 2147483647");
}

void use_before_prepare_is_refused(void **) {
  const auto model = Model::create("linear");
  const MemorySamples samples = random_dense(4, 3, 3, 1);
  Optimizer optimizer("sgd");
  const std::string message = "the model is not prepared; call ngd_model_prepare before it is used";
  float x[3] = {};
  check_raises(NGD_E_STATE, message, [&] { model->forward(x, 1, std::span<float>()); });
  check_raises(NGD_E_STATE, message, [&] { model->backward(std::span<const float>(x)); });
  check_raises(NGD_E_STATE, message, [&] { model->step(optimizer); });
  check_raises(NGD_E_STATE, message, [&] { model->train_batch(optimizer, samples, all_rows(samples)); });
  check_raises(NGD_E_STATE, message, [&] { model->predict(samples, 0, 1, x); });
  check_raises(NGD_E_STATE, message, [&] { model->evaluate(samples); });
  StateWriter writer;
  check_raises(NGD_E_STATE, message, [&] { model->save(writer); });
  assert_true(model->tensors().empty() && model->class_names().empty() && model->output_count() == 0);
}

void parts_refuse_what_does_not_fit(void **) {
  const auto model = Model::create("linear:inputs=2,outputs=3,loss=cross_entropy");
  model->prepare(nullptr);
  Optimizer optimizer("sgd");
  const float x[] = {1, 2, 3, 4}, targets[] = {0, 2, 3};
  float y[6];
  check_raises(NGD_E_STATE, "there are no gradients to apply; call forward and backward first",
               [&] { model->step(optimizer); });
  const std::string no_forward =
      "there is no forward pass to go back through; call forward first, and again after a step or a change of "
      "parameters";
  check_raises(NGD_E_STATE, no_forward, [&] { model->backward(std::span<const float>(targets, 2)); });
  check_raises(NGD_E_ARGUMENT, "argument \"rows\" is 0; a forward pass needs at least 1 row",
               [&] { model->forward(x, 0, y); });
  check_raises(NGD_E_BUFFER, "outputs has room for 5 numbers, but 2 rows of 3 need 6",
               [&] { model->forward(x, 2, std::span<float>(y, 5)); });
  check_raises(NGD_E_SHAPE,
               "a tensor of shape [4611686018427387904, 3] is too large for this machine's addresses",
               [&] { model->forward(x, size_t{1} << 62, std::span<float>()); });
  model->forward(x, 2, y);
  check_raises(NGD_E_SHAPE, "got 3 targets, but cross_entropy of the 2 rows of the forward pass needs 2",
               [&] { model->backward(std::span<const float>(targets)); });
  check_raises(NGD_E_RANGE, "target 1 is 3, which is none of the classes 0 to 2",
               [&] { model->backward(std::span<const float>(targets + 1, 2)); });
  const double bad[] = {0.5, std::numeric_limits<double>::quiet_NaN()};
  check_raises(NGD_E_RANGE, "target 0 is 0.5, which is none of the classes 0 to 2",
               [&] { model->backward(std::span<const double>(bad)); });
  model->backward(std::span<const float>(targets, 2));
  Optimizer penalty("ngd:grad_penalty=0.5");
  check_raises(
      NGD_E_STATE,
      "the optimizer's grad_penalty needs a second gradient, which only train_batch computes; use that, or "
      "set grad_penalty=0",
      [&] { model->step(penalty); });
  Optimizer other("sgd");
  other.add(Element::f32, "w", Shape{4});
  check_raises(
      NGD_E_SHAPE,
      "the optimizer belongs to other tensors: it has 1 tensors beginning with \"w\" [4] of F32, the model "
      "2 tensors beginning with \"output.weight\" [2, 3] of F32; use a fresh optimizer or the one that "
      "trained this model",
      [&] { model->step(other); });
  std::vector<double> gradient(6);
  model->get_gradient(0, gradient);
  assert_true(gradient[0] != 0);  // a failed step keeps the gradients
  model->step(optimizer);
  model->get_gradient(0, gradient);
  assert_true(gradient[0] == 0);
  check_raises(NGD_E_STATE, no_forward, [&] { model->backward(std::span<const float>(targets, 2)); });
  const auto text = Model::create("text");
  const MemorySamples texts = random_texts(4, 5, 3, 2, 1);
  text->prepare(&texts);
  check_raises(NGD_E_UNSUPPORTED, "a text model takes datasets, not arrays; use train_batch and predict",
               [&] { text->forward(x, 1, std::span<float>()); });
}

void samples_that_do_not_fit_are_refused(void **) {
  const MemorySamples dense = random_dense(4, 3, 3, 1), wide = random_dense(4, 5, 3, 1),
                      numbers = random_dense(4, 3, 0, 1), sparse = random_sparse(4, 3, 3, 1);
  const auto model = Model::create("linear");
  model->prepare(&dense);
  Optimizer optimizer("sgd");
  float y[12];
  check_raises(NGD_E_SHAPE, "the dataset has sparse rows, but the model was prepared for dense ones",
               [&] { model->evaluate(sparse); });
  check_raises(NGD_E_SHAPE, "the dataset has 5 columns, but the model was prepared for 3",
               [&] { model->predict(wide, 0, 1, y); });
  check_raises(NGD_E_SHAPE,
               "the dataset has labels of kind number, but the loss cross_entropy needs kind category",
               [&] { model->evaluate(numbers); });
  model->predict(numbers, 0, 1, y);  // labels do not matter there
  const uint64_t past[] = {0, 4};
  check_raises(NGD_E_RANGE, "row 4 does not exist; the dataset has 4 rows",
               [&] { model->train_batch(optimizer, dense, past); });
  check_raises(NGD_E_ARGUMENT, "argument \"count\" is 0; a training step needs at least 1 row",
               [&] { model->train_batch(optimizer, dense, {}); });
  check_raises(NGD_E_RANGE, "rows 3 to 3 + 2 do not all exist; the dataset has 4 rows",
               [&] { model->predict(dense, 3, 2, y); });
  check_raises(NGD_E_BUFFER, "outputs has room for 5 numbers, but 2 rows of 3 need 6",
               [&] { model->predict(dense, 0, 2, std::span<float>(y, 5)); });
  const auto two = Model::create("linear:inputs=3,outputs=2");
  two->prepare(nullptr);
  check_raises(
      NGD_E_SHAPE,
      "the model has 2 outputs, but a dataset has one number a row; train it with forward, backward and "
      "step",
      [&] { two->train_batch(optimizer, numbers, all_rows(numbers)); });
  const auto nameless = Model::create("linear:inputs=3,outputs=2,loss=cross_entropy");
  nameless->prepare(nullptr);
  check_raises(NGD_E_SHAPE, "the dataset has 3 classes, but the model was prepared for 2",
               [&] { nameless->evaluate(dense); });
}

void tensors_refuse_wrong_index_count_and_numbers(void **) {
  const auto model = Model::create("mlp:inputs=2,hidden=3");
  model->prepare(nullptr);
  assert_int_equal(model->tensors().size(), 4);
  const char *names[] = {"layer0.weight", "layer0.bias", "output.weight", "output.bias"};
  for (size_t i = 0; i < 4; i++) assert_string_equal(model->tensors()[i].name.c_str(), names[i]);
  float values[6] = {1, 2, 3, 4, 5, std::numeric_limits<float>::infinity()};
  check_raises(NGD_E_NOT_FOUND, "there is no tensor number 4; the model has 4",
               [&] { model->get_tensor(4, std::span<float>(values)); });
  check_raises(NGD_E_SHAPE, "tensor \"layer0.weight\" [2, 3] has 6 elements, not 5",
               [&] { model->set_tensor(0, std::span<const float>(values, 5)); });
  const std::vector<double> before = tensor_of(*model, 0);
  check_raises(NGD_E_NOT_FINITE, "element 5 for tensor \"layer0.weight\" is inf, not a finite F32 number",
               [&] { model->set_tensor(0, std::span<const float>(values)); });
  const double large[] = {1e300, 0, 0};
  check_raises(NGD_E_NOT_FINITE, "element 0 for tensor \"layer0.bias\" is 1e+300, not a finite F32 number",
               [&] { model->set_tensor(1, std::span<const double>(large)); });
  assert_true(before == tensor_of(*model, 0));
}

void a_diverged_model_returns_its_loss_and_is_not_finite(void **) {
  for (const char *rule :
       {"sgd:learning_rate=1e30,nonfinite=skip", "ngd:grad_penalty=0.5,learning_rate=1e30,trust=none"}) {
    const MemorySamples samples = random_dense(8, 3, 0, 1);
    const auto model = Model::create("mlp");
    model->prepare(&samples);
    assert_true(model->finite());
    Optimizer optimizer(rule);
    double loss = 0;
    for (int t = 0; t < 6 && std::isfinite(loss); t++)
      loss = model->train_batch(optimizer, samples, all_rows(samples));
    assert_false(std::isfinite(loss));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(specs_that_make_no_sense_are_refused),
      cmocka_unit_test(options_are_fixed_once_prepared),
      cmocka_unit_test(prepare_from_options_refuses),
      cmocka_unit_test(prepare_from_data_refuses),
      cmocka_unit_test(use_before_prepare_is_refused),
      cmocka_unit_test(parts_refuse_what_does_not_fit),
      cmocka_unit_test(samples_that_do_not_fit_are_refused),
      cmocka_unit_test(tensors_refuse_wrong_index_count_and_numbers),
      cmocka_unit_test(a_diverged_model_returns_its_loss_and_is_not_finite),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
