// Random search and initialisers through C++.
#include <atomic>
#include <thread>

#include "test.h"

namespace {

ngd::Search new_search(const std::string &spec) {
  ngd::Search search(spec);
  search.add("rate", "log_uniform:low=1e-4,high=0.1").add("rule", "categorical:values=sgd|ngd");
  search.add("delta", "uniform:low=1,high=2,when=rule=ngd");
  return search;
}

double loss_of(const ngd::Search::Trial &trial) {
  const double distance = std::log10(trial.value("rate")) + 2;
  return distance * distance + (trial.text("rule") == "ngd" ? trial.value("delta") : 3);
}

void a_search_runs_to_its_end(void **) {
  ngd::Search search = new_search("search:max_trials=30,patience=0");
  search.run([](const ngd::Search::Trial &trial) {
    if (trial.number() == 3) throw std::runtime_error("no memory");
    return loss_of(trial);
  });
  const ngd_search_info info = search.info();
  assert_int_equal(info.counted, 30);
  assert_int_equal(info.failed, 1);
  assert_int_equal(info.reason, NGD_SEARCH_MAX_TRIALS);
  assert_text(search.message(3), "no memory");
  assert_text(search.text(info.best_trial, "rule"), "ngd");
  assert_true(search.values(info.best_trial).size() == 3);
  for (uint64_t i = 0; i < 30; i++) {
    const ngd_trial_info trial = search.trial(i);
    assert_true(trial.state == NGD_TRIAL_FAILED || trial.value >= info.best_value);
  }
  assert_true(search.importance("rule").correlation > search.importance("rule").chance);
  assert_true(search.parameters() == std::vector<std::string>({"rate", "rule", "delta"}));
  assert_text(search.parameter_spec("rate"), "log_uniform:high=0.1");
  assert_true(!search.ask());
}

void threads_and_a_journal_give_the_same_answer(void **) {
  const TemporaryPath path("cpp_search_test.jsonl");
  ngd::Search alone = new_search("search:max_trials=40,pruning=median,parallel=8"),
              crew = new_search("search:max_trials=40,pruning=median,parallel=8");
  const auto evaluate = [](ngd::Search::Trial &trial) {
    for (uint64_t step = 1; step <= 3; step++) {
      if (trial.report(step, loss_of(trial) + 1.0 / static_cast<double>(step))) break;
    }
    return loss_of(trial);
  };
  alone.run(evaluate);
  crew.open_journal(path.text);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) threads.emplace_back([&] { crew.run(evaluate); });
  for (std::thread &thread : threads) thread.join();
  const ngd::Search loaded = ngd::Search::load(path.text);
  for (const ngd::Search *search : std::initializer_list<const ngd::Search *>{&crew, &loaded}) {
    assert_int_equal(search->info().counted, alone.info().counted);
    assert_int_equal(search->info().pruned, alone.info().pruned);
    assert_int_equal(search->info().best_trial, alone.info().best_trial);
  }
}

void errors_are_exceptions(void **) {
  ngd::Search search;
  assert_text(error_of(NGD_E_OPTION, [&] { search.add("a", "unifrom"); }),
              "unknown kind of parameter \"unifrom\"; did you mean \"uniform\"? Known: uniform, log_uniform, "
              "integer, log_integer, categorical");
  error_of(NGD_E_STATE, [&] { search.ask(); });
  error_of(NGD_E_NOT_FOUND, [&] { search.value(0, "a"); });
  error_of(NGD_E_IO, [] { ngd::Search::load("no such file"); });
  assert_int_equal(ngd::Search::kinds().size(), 5);
  assert_int_equal(ngd::Search::describe_kind("categorical").size(), 2);
  search.set("seed", 7);
  assert_text(search.spec(), "search:seed=7");
}

void weights_begin_as_those_of_a_model(void **) {
  ngd::Model model("mlp:inputs=4,outputs=2,hidden=3,seed=9,init=truncated_normal");
  model.prepare();
  const std::vector<float> own = ngd::initialize<float>("truncated_normal", 9, 0, 4, 3);
  assert_true(own == model.get_tensor<float>(0));
  assert_true(ngd::initialize<double>("normal:scale=2", 1, 5, 3, 1) !=
              ngd::initialize<double>("normal", 1, 5, 3, 1));
  error_of(NGD_E_OPTION, [] { ngd::initialize<float>("he", 1, 0, 2, 2); });
  assert_int_equal(ngd::initializer_kinds().size(), 9);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_search_runs_to_its_end),
      cmocka_unit_test(threads_and_a_journal_give_the_same_answer),
      cmocka_unit_test(errors_are_exceptions),
      cmocka_unit_test(weights_begin_as_those_of_a_model),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
