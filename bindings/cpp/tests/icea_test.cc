// ICEA through C++: drawing and recording, lists, handing over, saved state, the trainer's buffer.
#include "test.h"

namespace {

void hard_samples_come_back(void **) {
  ngd::Icea icea(100, "icea:warmup=0,quarantine=2");
  std::vector<uint64_t> ids(100);
  std::vector<float> losses(100);
  std::vector<int32_t> correct(100, 1);
  for (size_t i = 0; i < 100; i++) {
    ids[i] = i;
    losses[i] = i < 7 ? 2.0f : 0.0f;
    correct[i] = i != 3;
  }
  icea.record(ids, losses, correct);
  icea.record(ids, losses, correct);
  assert_true(icea.hard_set() == std::vector<uint64_t>({0, 1, 2, 4, 5, 6}));
  assert_true(icea.quarantine() == std::vector<uint64_t>({3}));
  const auto drawn = icea.draw(2000);
  size_t hard = 0;
  for (const uint64_t id : drawn.ids) hard += id < 7;
  assert_in_range(hard, 600, 1000);  // half of the chance of six, limited to 10/100 each, and their even share
  assert_near(drawn.weights[0], 1, 0);
  assert_int_equal(icea.info().draws, 2000);
  assert_true(icea.sample(3).quarantined == 1 && icea.sample(0).hard == 1);
  icea.resize(200);
  assert_int_equal(icea.info().samples, 200);
  icea.reset();
  assert_int_equal(icea.info().seen, 0);
}

void errors_are_exceptions(void **) {
  ngd::Icea icea(10);
  const std::vector<uint64_t> ids = {1, 10};
  const std::vector<float> losses = {1, 1}, one = {1};
  assert_text(error_of(NGD_E_RANGE, [&] { icea.record(ids, losses); }),
              "sample 10 (number 1 of the batch) does not exist; the buffer has 10 samples; nothing of the "
              "batch was recorded");
  assert_text(error_of(NGD_E_SHAPE, [&] { icea.record(ids, one); }),
              "losses has 1 entries, but there are 2 samples");
  error_of(NGD_E_OPTION, [] { ngd::Icea(10, "icea:rhoo=1"); });
  error_of(NGD_E_STATE, [] { ngd::Icea(0).draw(1); });
  assert_int_equal(ngd::Icea::describe().size(), icea.options().size());
  icea.set("rho", 0.25);
  assert_text(icea.spec(), "icea:rho=0.25");
}

void scores_travel_and_are_saved(void **) {
  const TemporaryPath path("cpp_icea_test.safetensors");
  ngd::Icea icea(50, "icea:warmup=0,beta=0.5"), other(20);
  for (int batch = 0; batch < 20; batch++) {
    const auto drawn = icea.draw(16);
    std::vector<float> losses;
    for (const uint64_t id : drawn.ids) losses.push_back(static_cast<float>(id % 7) / 3);
    icea.record(drawn.ids, losses);
  }
  other.import_scores(0, icea.export_scores(30, 20));
  for (uint64_t i = 0; i < 20; i++) assert_near(other.sample(i).score, icea.sample(30 + i).score, 0);
  icea.save(path.text);
  ngd::Icea loaded = ngd::Icea::load(path.text);
  const auto a = icea.draw(30), b = loaded.draw(30);
  assert_true(a.ids == b.ids && a.weights == b.weights);
  error_of(NGD_E_IO, [] { ngd::Icea::load("no such file"); });
}

void the_trainer_shares_its_buffer(void **) {
  std::vector<float> features, labels;
  for (int i = 0; i < 100; i++) {
    features.insert(features.end(), {static_cast<float>(i % 10) / 10, static_cast<float>(i * 7 % 20) / 20});
    labels.push_back(features[features.size() - 1] > features[features.size() - 2] ? 1.0f : 0.0f);
  }
  ngd::Dataset data("dense:label_type=category");
  data.append(features, 2, labels);
  ngd::Model model("mlp:hidden=4");
  ngd::Optimizer optimizer("ngd:learning_rate=0.02");
  ngd::Trainer trainer("trainer:epochs=3,batch_size=10,icea=\"icea:rho=0.3\"");
  error_of(NGD_E_STATE, [&] { trainer.icea(); });
  trainer.run(model, optimizer, data);
  const ngd::Icea icea = trainer.icea();
  assert_int_equal(icea.info().records, 300);
  assert_text(icea.spec(), "icea:rho=0.3");

  ngd::Icea own(100);
  const auto drawn = own.draw(10);
  std::vector<float> losses(10);
  std::vector<int32_t> correct(10);
  model.train_weighted(optimizer, data, drawn.ids, drawn.weights, losses, correct);
  own.record(drawn.ids, losses, correct);
  assert_int_equal(own.info().seen, 10);
  losses.resize(3);
  error_of(NGD_E_SHAPE,
           [&] { model.train_weighted(optimizer, data, drawn.ids, drawn.weights, losses, correct); });
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(hard_samples_come_back),
      cmocka_unit_test(errors_are_exceptions),
      cmocka_unit_test(scores_travel_and_are_saved),
      cmocka_unit_test(the_trainer_shares_its_buffer),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
