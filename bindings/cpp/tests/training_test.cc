// Models, trainers and checkpoints through C++: a whole training, events both ways, exceptions of callbacks.
#include "test.h"

namespace {

void a_training_from_arrays_to_a_file(void **) {
  const TemporaryPath path("cpp_training_test.safetensors");
  const ngd::Dataset training = half_spaces(400, 1), held_out = half_spaces(200, 2);
  ngd::Model model("mlp:hidden=8");
  ngd::Optimizer optimizer("ngd:learning_rate=0.02");
  ngd::Trainer trainer("trainer:epochs=15,batch_size=16");
  std::vector<double> losses;
  trainer.on_event([&](const ngd_event &event) {
    if (event.kind == NGD_EVENT_EPOCH) losses.push_back(event.loss);
  });
  trainer.run(model, optimizer, training, held_out);
  assert_int_equal(losses.size(), 15);
  assert_true(losses.back() < losses.front());
  const ngd_metrics metrics = model.evaluate(held_out);
  assert_true(metrics.accuracy > 0.93);
  assert_int_equal(metrics.rows, 200);
  assert_int_equal(optimizer.step_count(), 15 * 25);
  const std::vector<float> outputs = model.predict(held_out);
  assert_int_equal(outputs.size(), 200 * model.output_count());
  assert_int_equal(model.class_names().size(), 2);
  model.save(path.text);
  const ngd::Model loaded = ngd::Model::load(path.text);
  assert_true(loaded.predict(held_out) == outputs);
  const ngd::Checkpoint checkpoint(path.text);
  size_t elements = 0;
  for (size_t index = 0; index < checkpoint.tensors().size(); index++)
    elements += checkpoint.read(index).size();
  assert_true(elements >= 4 * 8 + 8 + 8 + 1);
  assert_true(!checkpoint.texts().empty());
  error_of(NGD_E_NOT_FOUND, [&] { checkpoint.read(1000); });
  error_of(NGD_E_IO, [] { ngd::Checkpoint("no such file"); });
}

void a_model_by_parts_follows_its_gradient(void **) {
  ngd::Model model("linear:inputs=2,outputs=1,loss=mean_square,precision=f64");
  error_of(NGD_E_STATE, [&] { model.forward(std::vector<float>{1, 1}); });
  model.prepare();
  model.set_tensor(0, std::vector<double>{1, 2});
  model.set_tensor(1, std::vector<double>{0.5});
  assert_int_equal(model.input_count(), 2);
  const std::vector<double> features = {1, 1, 2, 0};
  assert_true(model.forward(features) == std::vector<double>({3.5, 2.5}));
  assert_near(model.backward(std::vector<double>{3, 3}), 0.25, 1e-14);
  assert_near(model.gradient(0)[0], -0.5, 1e-14);
  assert_near(model.gradient(0)[1], 0.5, 1e-14);
  ngd::Optimizer optimizer("sgd:learning_rate=1");
  model.step(optimizer);
  assert_near(model.get_tensor<double>(0)[0], 1.5, 1e-14);
  assert_near(model.get_tensor<float>(0)[1], 1.5f, 1e-6f);
  assert_true(optimizer.tensors().at(0).shape == model.tensors().at(0).shape);
  assert_text(error_of(NGD_E_SHAPE,
                       [&] {
                         model.forward(std::vector<double>{1, 1, 1});
                       }),
              "3 features do not make rows of 2 inputs");
  error_of(NGD_E_SHAPE, [&] { model.set_tensor(0, std::vector<float>{1}); });
}

void a_batch_lowers_the_loss(void **) {
  const ngd::Dataset training = half_spaces(100, 3);
  ngd::Model model("linear");
  model.prepare(training);
  ngd::Optimizer optimizer("adam:learning_rate=0.1");
  std::vector<uint64_t> rows(100);
  for (size_t row = 0; row < 100; row++) rows[row] = row;
  const double first = model.train_batch(optimizer, training, rows);
  double last = first;
  for (int step = 0; step < 30; step++) last = model.train_batch(optimizer, training, rows);
  assert_true(last < first / 2);
  error_of(NGD_E_RANGE, [&] { model.train_batch(optimizer, training, std::vector<uint64_t>{100}); });
}

struct Own {
  int number;
};

void an_exception_of_a_callback_comes_out_as_it_is(void **) {
  const ngd::Dataset training = half_spaces(50, 1);
  ngd::Model model("linear");
  ngd::Optimizer optimizer("sgd");
  ngd::Trainer trainer("trainer:epochs=5");
  trainer.on_event([](const ngd_event &event) {
    if (event.epoch == 2) throw Own{42};
  });
  int caught = 0;
  try {
    trainer.run(model, optimizer, training);
  } catch (const Own &own) {
    caught = own.number;
  }
  assert_int_equal(caught, 42);
  trainer.on_event(nullptr);
  trainer.run(model, optimizer, training);  // the trainer is good for another run
  trainer.on_event([&](const ngd_event &) { trainer.on_event(nullptr); });
  error_of(NGD_E_STATE, [&] { trainer.run(model, optimizer, training); });
}

void events_wait_to_be_polled(void **) {
  const ngd::Dataset training = half_spaces(50, 1);
  ngd::Model model("linear");
  ngd::Optimizer optimizer("sgd");
  ngd::Trainer trainer;
  trainer.set("epochs", 3);
  trainer.set("batch_size", 25);
  trainer.start(model, optimizer, training);
  error_of(NGD_E_STATE, [&] { trainer.start(model, optimizer, training); });
  int epochs = 0, ends = 0;
  bool running = true;
  while (running) {
    running = trainer.advance(1);
    while (const auto event = trainer.poll()) {
      epochs += event->kind == NGD_EVENT_EPOCH;
      ends += event->kind == NGD_EVENT_END;
    }
  }
  assert_int_equal(epochs, 3);
  assert_int_equal(ends, 1);
  assert_int_equal(optimizer.step_count(), 6);
  error_of(NGD_E_STATE, [&] { trainer.advance(1); });
  assert_true(!trainer.options().empty());
}

void a_callback_moves_with_its_trainer(void **) {
  const ngd::Dataset training = half_spaces(50, 1);
  ngd::Model model("linear");
  ngd::Optimizer optimizer("sgd");
  int events = 0;
  ngd::Trainer first("trainer:epochs=1");
  first.on_event([&](const ngd_event &) { events++; });
  ngd::Trainer second(std::move(first));
  first = ngd::Trainer("trainer:epochs=2");
  first.on_event([](const ngd_event &) { throw Own{1}; });
  first = std::move(second);
  first.run(model, optimizer, training);
  assert_true(events >= 3);
}

void a_run_can_be_cancelled_and_handles_dropped_early(void **) {
  auto training = std::make_unique<ngd::Dataset>(half_spaces(50, 1));
  auto model = std::make_unique<ngd::Model>("linear");
  auto optimizer = std::make_unique<ngd::Optimizer>("sgd");
  ngd::Trainer trainer("trainer:epochs=1000");
  trainer.start(*model, *optimizer, *training);
  training.reset();
  optimizer.reset();
  model.reset();
  assert_true(trainer.advance(1));
  trainer.cancel();
  error_of(NGD_E_CANCELLED, [&] {
    while (trainer.advance(1)) {
    }
  });
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_training_from_arrays_to_a_file),
      cmocka_unit_test(a_model_by_parts_follows_its_gradient),
      cmocka_unit_test(a_batch_lowers_the_loss),
      cmocka_unit_test(an_exception_of_a_callback_comes_out_as_it_is),
      cmocka_unit_test(events_wait_to_be_polled),
      cmocka_unit_test(a_callback_moves_with_its_trainer),
      cmocka_unit_test(a_run_can_be_cancelled_and_handles_dropped_early),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
