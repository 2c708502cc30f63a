// Optimizers through C++: steps on spans, options, errors, moving, saved state.
#include "test.h"

namespace {

void a_step_changes_vectors_in_place(void **) {
  std::vector<float> w(12, 1), b(4, 1), w_gradient(12, 0.5f), b_gradient(4, -0.5f);
  ngd::Optimizer optimizer("sgd:learning_rate=0.5");
  optimizer.add<float>("w", {3, 4});
  optimizer.add<float>("b", {4});
  optimizer.step({w, b}, {w_gradient, b_gradient});
  for (const float value : w) assert_near(value, 0.75f, 0);
  for (const float value : b) assert_near(value, 1.25f, 0);
  assert_int_equal(optimizer.step_count(), 1);
  float *const parameters[] = {w.data(), b.data()};
  const float *const gradients[] = {w_gradient.data(), b_gradient.data()};
  optimizer.step_pointers(parameters, gradients);
  assert_near(w[0], 0.5f, 0);
}

void doubles_go_through_the_penalty_and_back(void **) {
  std::vector<double> w = {1, -2, 3, 4}, gradient = {2, -4, 6, 8};
  const std::vector<double> before = w;
  ngd::Optimizer optimizer("ngd:grad_penalty=0.5");
  optimizer.add<double>("w", {2, 2});
  optimizer.perturb({w}, {gradient});
  assert_true(w != before);
  std::vector<double> second = {3, -5, 7, 9};
  optimizer.restore({w}, {second});
  assert_true(w == before);
  assert_near(second[0], 2.5, 1e-15);
  optimizer.step({w}, {second});
  assert_true(w != before);
}

void sizes_are_checked_before_the_library_reads(void **) {
  std::vector<float> w(12, 1), gradient(11, 1);
  ngd::Optimizer optimizer("adam");
  optimizer.add<float>("w", {3, 4});
  assert_text(error_of(NGD_E_SHAPE, [&] { optimizer.step({w}, {gradient}); }),
              "tensor number 0 has 12 elements, but the parameters 12 and the gradient 11");
  assert_text(error_of(NGD_E_SHAPE,
                       [&] {
                         optimizer.step({w, w}, {w});
                       }),
              "2 parameter arrays, but 1 gradient arrays");
  error_of(NGD_E_SHAPE, [&] { optimizer.step({w, w}, {w, w}); });
  assert_near(w[0], 1, 0);
}

void options_are_set_by_name_and_listed(void **) {
  ngd::Optimizer optimizer("ngd");
  optimizer.set("learning_rate", 0.25);
  optimizer.set("accel", "seed");
  optimizer.set("alpha", 2);
  assert_near(optimizer.get("learning_rate"), 0.25, 0);
  assert_text(optimizer.get_text("accel"), "seed");
  assert_text(optimizer.spec(), "ngd:learning_rate=0.25,accel=seed,alpha=2");
  assert_text(optimizer.kind(), "ngd");
  bool found = false;
  for (const ngd::Option &option : optimizer.options()) {
    if (option.name != "accel") continue;
    found = true;
    assert_int_equal(option.type, NGD_OPTION_CHOICE);
    assert_text(option.default_text, "nesterov");
    assert_int_equal(option.choices.size(), 4);
    assert_text(option.choices[3], "seed-literal");
  }
  assert_true(found);
  assert_int_equal(ngd::Optimizer::rules().size(), 26);
  assert_text(error_of(NGD_E_OPTION, [&] { optimizer.set("learning_rat", 0.1); }),
              "unknown option \"learning_rat\" for rule \"ngd\"; did you mean \"learning_rate\"?");
  error_of(NGD_E_OPTION, [] { ngd::Optimizer("adm"); });
  error_of(NGD_E_RANGE, [&] { optimizer.set("learning_rate", -1.0); });
  assert_text(error_of(NGD_E_ARGUMENT, [&] { optimizer.set(std::string("a\0b", 3), 1.0); }),
              "a text holds a NUL character");
}

void moving_leaves_nothing_behind(void **) {
  static_assert(!std::is_copy_constructible_v<ngd::Optimizer> &&
                std::is_nothrow_move_constructible_v<ngd::Optimizer>);
  static_assert(!std::is_copy_assignable_v<ngd::Optimizer> &&
                std::is_nothrow_move_assignable_v<ngd::Optimizer>);
  ngd::Optimizer first("sgd:learning_rate=1");
  first.add<float>("w", {2});
  ngd_optimizer *const handle = first.raw();
  ngd::Optimizer second(std::move(first));
  assert_ptr_equal(second.raw(), handle);
  assert_null(first.raw());
  first = ngd::Optimizer("adam");
  first = std::move(second);
  assert_ptr_equal(first.raw(), handle);
  std::vector<float> w = {1, 1}, gradient = {1, 1};
  first.step({w}, {gradient});
  assert_near(w[0], 0, 0);
}

void saved_state_is_loaded_with_its_tensors(void **) {
  const TemporaryPath path("cpp_optimizer_test.safetensors");
  std::vector<float> w(6, 1), gradient(6, 1);
  ngd::Optimizer optimizer("adam");
  optimizer.add<float>("w", {2, 3});
  optimizer.step({w}, {gradient});
  optimizer.save(path.text);
  ngd::Optimizer loaded("adam");
  loaded.load(path.text);
  assert_int_equal(loaded.step_count(), 1);
  const ngd::TensorInfo info = loaded.tensors().at(0);
  assert_text(info.name, "w");
  assert_text(info.dtype, "F32");
  assert_true(info.shape == std::vector<int64_t>({2, 3}));
  std::vector<float> other = w;
  optimizer.step({w}, {gradient});
  loaded.step({other}, {gradient});
  assert_true(w == other);
  std::vector<float> small(2);
  error_of(NGD_E_SHAPE, [&] { loaded.step({small}, {small}); });
  error_of(NGD_E_IO, [&] { loaded.load("no such file"); });
}

}  // namespace

void groups_averages_and_schedules_are_there(void **) {
  ngd::Optimizer optimizer("sgd:learning_rate=1,average=swa,schedule=plateau,schedule_patience=0");
  optimizer.add_group("bias", "b", "learning_rate=0.5");
  optimizer.add<double>("w", {2});
  optimizer.add<double>("b", {1});
  std::vector<double> w = {1, 2}, b = {3}, w_gradient = {1, 1}, b_gradient = {1}, w_average(2), b_average(1);
  for (int t = 0; t < 2; t++)
    optimizer.step({std::span<double>(w), std::span<double>(b)},
                   {std::span<const double>(w_gradient), std::span<const double>(b_gradient)});
  optimizer.average({std::span<const double>(w), std::span<const double>(b)},
                    {std::span<double>(w_average), std::span<double>(b_average)});
  assert_true(w_average[0] == -0.5 && w_average[1] == 0.5 && b_average[0] == 2.25);
  optimizer.report(1);
  optimizer.report(1);
  assert_true(optimizer.learning_rate() == 0.1);
  assert_int_equal(optimizer.zero_count(), 0);
  assert_true(std::isnan(optimizer.gradient_norm()));
  optimizer.set_group("bias", "weight_decay", 0.25);
}

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_step_changes_vectors_in_place),
      cmocka_unit_test(doubles_go_through_the_penalty_and_back),
      cmocka_unit_test(sizes_are_checked_before_the_library_reads),
      cmocka_unit_test(options_are_set_by_name_and_listed),
      cmocka_unit_test(moving_leaves_nothing_behind),
      cmocka_unit_test(saved_state_is_loaded_with_its_tensors),
      cmocka_unit_test(groups_averages_and_schedules_are_there),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
