/* Random search: draws, conditions, the rules by which it ends, pruning, importance, errors. */
#include "search_helpers.h"

static ngd_search *bare_search(const char *spec) {
  ngd_error error;
  ngd_search *search = NULL;
  check_ok(ngd_search_create(spec, &search, &error));
  check_ok(ngd_search_add(search, "x", "uniform", &error));
  return search;
}

/* Tells these values, in the order of trials; NaN is a trial that failed. Returns the trials that were handed out. */
static uint64_t tell_all(ngd_search *search, const double *values, uint64_t count, uint64_t gradients) {
  ngd_error error;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t trial = UINT64_MAX;
    int32_t answer = 0;
    check_ok(ngd_search_ask(search, &trial, &answer, &error));
    if (answer == NGD_SEARCH_END) return i;
    assert_int_equal(trial, i);
    check_ok(ngd_search_tell(search, trial, values[i], gradients, &error));
  }
  return count;
}

static void draws_have_their_golden_values(void **state) {
  (void)state;
  /* Computed by another program from the definitions in search.h. */
  const struct {
    uint64_t trial;
    double u, rate, i, units;
    const char *c;
  } golden[] = {{0, -0.23752024963455654, 0.017609115862076266, 1, 58, "red"},
                {1, 0.023531414851215793, 0.0032819874258179877, 0, 136, "green"},
                {12345678901, 1.9347673200568671, 0.00011308331613643928, 3, 522, "red"}};
  ngd_error error;
  ngd_search *search = NULL;
  check_ok(ngd_search_create("search:seed=3", &search, &error));
  check_ok(ngd_search_add(search, "units", "log_integer:low=16,high=1024", &error));
  check_ok(ngd_search_add(search, "u", "uniform:low=-1,high=2", &error));
  check_ok(ngd_search_add(search, "rate", "log_uniform:low=1e-4,high=0.1", &error));
  check_ok(ngd_search_add(search, "c", "categorical:values=red|green|blue", &error));
  check_ok(ngd_search_add(search, "i", "integer:low=-2,high=3", &error));
  for (size_t k = 0; k < sizeof golden / sizeof *golden; k++) {
    char text[64];
    assert_true(value_of(search, golden[k].trial, "u") == golden[k].u);
    assert_true(fabs(value_of(search, golden[k].trial, "rate") / golden[k].rate - 1) < 1e-14);
    assert_true(value_of(search, golden[k].trial, "i") == golden[k].i);
    assert_true(value_of(search, golden[k].trial, "units") == golden[k].units);
    text_of(search, golden[k].trial, "c", text);
    assert_string_equal(text, golden[k].c);
    assert_true(isnan(value_of(search, golden[k].trial, "c")));
    text_of(search, golden[k].trial, "u", text);
    assert_true(strtod(text, NULL) == golden[k].u);
  }
  ngd_search_destroy(search);
}

static void draws_follow_their_distributions(void **state) {
  (void)state;
  enum { kTrials = 4000 };
  ngd_error error;
  ngd_search *search = bare_search("search:seed=11");
  check_ok(ngd_search_add(search, "log", "log_uniform:low=1e-5,high=1", &error));
  check_ok(ngd_search_add(search, "die", "integer:low=1,high=6", &error));
  check_ok(ngd_search_add(search, "octave", "log_integer:low=1,high=7", &error));
  check_ok(ngd_search_add(search, "color", "categorical:values=1|2|3|4", &error));
  int die[7] = {0}, octave[8] = {0}, color[5] = {0}, decade[5] = {0}, tenth[10] = {0};
  for (uint64_t i = 0; i < kTrials; i++) {
    tenth[(int)(10 * value_of(search, i, "x"))]++;
    decade[(int)floor(5 + log10(value_of(search, i, "log")))]++;
    die[(int)value_of(search, i, "die")]++;
    octave[(int)value_of(search, i, "octave")]++;
    color[(int)value_of(search, i, "color")]++;
  }
  /* Within five standard deviations of the expected counts. */
#define near_share(count, share) \
  assert_true(fabs((count)-kTrials *(share)) < 5 * sqrt(kTrials * (share) * (1 - (share))))
  for (int k = 0; k < 10; k++) near_share(tenth[k], 0.1);
  for (int k = 0; k < 5; k++) near_share(decade[k], 0.2);
  for (int k = 1; k <= 6; k++) near_share(die[k], 1.0 / 6);
  for (int k = 1; k <= 7; k++) near_share(octave[k], log((k + 1.0) / k) / log(8));
  for (int k = 1; k <= 4; k++) near_share(color[k], 0.25);
  ngd_search_destroy(search);
}

static void a_condition_leaves_a_parameter_out(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = new_search("search");
  check_ok(ngd_search_add(search, "chained", "integer:when=rule=sgd|ngd", &error));
  int drawn = 0;
  for (uint64_t i = 0; i < 200; i++) {
    char rule[64], delta[64];
    text_of(search, i, "rule", rule);
    text_of(search, i, "delta", delta);
    const int is_ngd = strcmp(rule, "ngd") == 0;
    assert_true((delta[0] != '\0') == is_ngd);
    assert_true(isnan(value_of(search, i, "delta")) == !is_ngd);
    assert_true(isnan(value_of(search, i, "chained")) == (strcmp(rule, "adam") == 0));
    drawn += is_ngd;
  }
  assert_in_range(drawn, 45, 90);
  ngd_search_destroy(search);
}

static void other_parameters_do_not_change_a_draw(void **state) {
  (void)state;
  ngd_search *one = bare_search("search:seed=5"), *many = new_search("search:seed=5");
  ngd_error error;
  check_ok(ngd_search_add(many, "x", "uniform", &error));
  for (uint64_t i = 0; i < 20; i++) assert_true(value_of(one, i, "x") == value_of(many, i, "x"));
  ngd_search_destroy(one);
  ngd_search_destroy(many);
}

static void check_end(const char *spec, const double *values, uint64_t count, uint64_t gradients,
                      int32_t reason, uint64_t counted, uint64_t best) {
  ngd_search *search = bare_search(spec);
  const uint64_t handed_out = tell_all(search, values, count, gradients);
  const ngd_search_info info = info_of(search);
  if (handed_out != counted || info.counted != counted || info.reason != reason || info.best_trial != best)
    fail_msg("%s: %d trials handed out, %d counted, reason %d, best %d", spec, (int)handed_out,
             (int)info.counted, info.reason, (int)info.best_trial);
  ngd_search_destroy(search);
}

static void a_search_ends_by_each_of_its_rules(void **state) {
  (void)state;
  const double falling[] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, flat[] = {5, 4, 4, 4.5, NAN, 4, 3, 2, 1, 0};
  const double slow[] = {10, 9.95, 9.9, 9.85, 9.8, 9.75, 9.7, 9.65, 9.6, 9.55};
  const double failing[] = {NAN, INFINITY, -INFINITY, NAN, 1, 1, 1, 1, 1, 1};
  check_end("search:max_trials=4", falling, 10, 0, NGD_SEARCH_MAX_TRIALS, 4, 3);
  check_end("search:patience=3", falling, 10, 0, NGD_SEARCH_GOES_ON, 10, 9);
  check_end("search:patience=3", flat, 10, 0, NGD_SEARCH_PATIENCE, 5, 1);
  check_end("search:patience=5", flat, 10, 0, NGD_SEARCH_GOES_ON, 10, 9);
  check_end("search:patience=3,min_delta=0.2", slow, 10, 0, NGD_SEARCH_PATIENCE, 4, 3);
  check_end("search:patience=3,min_delta=0.004,relative=1", slow, 10, 0, NGD_SEARCH_GOES_ON, 10, 9);
  check_end("search:patience=3,min_delta=0.02,relative=1", slow, 10, 0, NGD_SEARCH_PATIENCE, 4, 3);
  check_end("search:max_gradients=45,patience=0", falling, 10, 10, NGD_SEARCH_MAX_GRADIENTS, 5, 4);
  check_end("search:patience=4", failing, 10, 0, NGD_SEARCH_PATIENCE, 4, UINT64_MAX);
  check_end("search:patience=3,goal=maximize", falling, 10, 0, NGD_SEARCH_PATIENCE, 4, 0);
  check_end("search:max_seconds=1e-9,max_trials=0,patience=0", falling, 10, 0, NGD_SEARCH_MAX_SECONDS, 1, 0);
}

static void any_number_of_workers_ends_at_the_same_trial(void **state) {
  (void)state;
  const char *specs[] = {
      "search:max_trials=60,patience=12", "search:max_trials=60,patience=0,pruning=median",
      "search:max_trials=200,patience=25,pruning=median,startup_trials=3,parallel=17,warmup_steps=1",
      "search:max_gradients=3000,patience=0,max_trials=0,pruning=median",
      "search:goal=maximize,max_trials=50,patience=0,seed=4,pruning=median"};
  for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
    ngd_search *alone = new_search(specs[s]);
    run_search(alone, 1, 1, 0);
    assert_int_not_equal(info_of(alone).reason, NGD_SEARCH_GOES_ON);
    assert_true(info_of(alone).failed > 0);
    assert_true((info_of(alone).pruned > 0) == (strstr(specs[s], "pruning") != NULL));
    for (uint32_t order = 1; order <= 6; order++) {
      ngd_search *crew = new_search(specs[s]);
      run_search(crew, order <= 2 ? 2 : order <= 4 ? 4 : 16, order, 0);
      same_answer(alone, crew);
      ngd_search_destroy(crew);
    }
    ngd_search_destroy(alone);
  }
}

static void pruning_goes_by_the_median_of_earlier_trials(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = bare_search("search:pruning=median,startup_trials=3,parallel=1,warmup_steps=1");
  /* Reports of steps 1 and 2: the fourth is worse than the median of 1, 2 and 9 at step 2, the fifth is it. */
  const double values[5][2] = {{5, 1}, {5, 2}, {5, 9}, {99, 2.5}, {99, 2}};
  const int32_t stops[] = {0, 0, 0, 1, 0};
  for (int i = 0; i < 5; i++) {
    uint64_t trial;
    int32_t answer, stop;
    check_ok(ngd_search_ask(search, &trial, &answer, &error));
    check_ok(ngd_search_report(search, trial, 1, values[i][0], &stop, &error));
    assert_int_equal(stop, 0);
    check_ok(ngd_search_report(search, trial, 2, values[i][1], &stop, &error));
    assert_int_equal(stop, stops[i]);
    check_ok(ngd_search_tell(search, trial, values[i][1], 1, &error));
    assert_int_equal(trial_of(search, trial).state, stop ? NGD_TRIAL_PRUNED : NGD_TRIAL_FINISHED);
  }
  assert_int_equal(info_of(search).pruned, 1);
  assert_int_equal(info_of(search).stalled, 4);
  ngd_search_destroy(search);
}

static void trials_beyond_the_end_do_not_count(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = bare_search("search:patience=2");
  uint64_t trial;
  int32_t answer, stop;
  for (uint64_t i = 0; i < 5; i++) {
    check_ok(ngd_search_ask(search, &trial, &answer, &error));
    assert_int_equal(trial, i);
  }
  check_ok(ngd_search_tell(search, 4, 0.5, 0, &error)); /* better than all others, and too late */
  check_ok(ngd_search_tell(search, 2, 7, 0, &error));
  check_ok(ngd_search_tell(search, 1, 6, 0, &error));
  assert_int_equal(info_of(search).counted, 0);
  check_ok(ngd_search_tell(search, 0, 5, 0, &error));
  const ngd_search_info info = info_of(search);
  assert_int_equal(info.counted, 3);
  assert_int_equal(info.reason, NGD_SEARCH_PATIENCE);
  assert_int_equal(info.best_trial, 0);
  assert_int_equal(info.running, 1);
  check_ok(ngd_search_report(search, 3, 1, 1, &stop, &error));
  assert_int_equal(stop, 1);
  check_ok(ngd_search_tell(search, 3, 1, 0, &error));
  assert_int_equal(trial_of(search, 3).state, NGD_TRIAL_ABANDONED);
  check_ok(ngd_search_ask(search, &trial, &answer, &error));
  assert_int_equal(answer, NGD_SEARCH_END);
  assert_int_equal(info_of(search).best_trial, 0);
  ngd_search_destroy(search);
}

static void a_slow_trial_makes_others_wait(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = bare_search("search:parallel=3");
  uint64_t trial;
  int32_t answer;
  for (int i = 0; i < 3; i++) check_ok(ngd_search_ask(search, &trial, &answer, &error));
  check_ok(ngd_search_tell(search, 1, 1, 0, &error));
  check_ok(ngd_search_ask(search, &trial, &answer, &error));
  assert_int_equal(answer, NGD_SEARCH_WAIT);
  check_ok(ngd_search_fail(search, 0, "out of memory", 3, &error));
  check_ok(ngd_search_ask(search, &trial, &answer, &error));
  assert_int_equal(answer, NGD_SEARCH_TRIAL);
  assert_int_equal(trial, 3);
  char text[64];
  check_ok(ngd_search_get_message(search, 0, text, sizeof text, NULL, &error));
  assert_string_equal(text, "out of memory");
  assert_int_equal(trial_of(search, 0).state, NGD_TRIAL_FAILED);
  assert_int_equal(trial_of(search, 0).gradients, 3);
  ngd_search_destroy(search);
}

static ngd_importance importance_of(const ngd_search *search, const char *name) {
  ngd_error error;
  ngd_importance importance;
  memset(&importance, 0, sizeof importance);
  importance.struct_size = sizeof importance;
  check_ok(ngd_search_get_importance(search, name, &importance, &error));
  return importance;
}

static void importance_finds_what_matters(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = bare_search("search:max_trials=60,patience=0");
  check_ok(ngd_search_add(search, "matters", "log_uniform:low=1e-4,high=0.1", &error));
  check_ok(ngd_search_add(search, "group", "categorical:values=a|b|c", &error));
  assert_true(isnan(importance_of(search, "matters").correlation));
  for (uint64_t i = 0; i < 60; i++) {
    uint64_t trial;
    int32_t answer;
    check_ok(ngd_search_ask(search, &trial, &answer, &error));
    check_ok(ngd_search_tell(search, trial, i == 7 ? NAN : -value_of(search, trial, "matters"), 0, &error));
  }
  assert_true(fabs(importance_of(search, "matters").correlation + 1) < 1e-12);
  assert_int_equal(importance_of(search, "matters").trials, 59);
  assert_true(fabs(importance_of(search, "matters").chance - 1.959964 / sqrt(58)) < 1e-6);
  assert_true(fabs(importance_of(search, "x").correlation) < importance_of(search, "x").chance);
  assert_true(importance_of(search, "group").correlation < importance_of(search, "group").chance);
  /* sqrt of the 95 % point of chi square with two degrees of freedom, 5.991, over n - 1. */
  assert_true(fabs(importance_of(search, "group").chance - sqrt(5.991 / 58)) < 0.003);
  ngd_search_destroy(search);
}

static void a_category_that_matters_has_the_correlation_ratio_of_its_ranks(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = NULL;
  check_ok(ngd_search_create("search:max_trials=12,patience=0,seed=2", &search, &error));
  check_ok(ngd_search_add(search, "group", "categorical:values=0|1", &error));
  /* Values 0 and 1 alone: the ranks are then as good as the values, and the ratio is exactly 1. */
  for (int i = 0; i < 12; i++) {
    uint64_t trial;
    int32_t answer;
    check_ok(ngd_search_ask(search, &trial, &answer, &error));
    check_ok(ngd_search_tell(search, trial, value_of(search, trial, "group"), 0, &error));
  }
  assert_true(fabs(importance_of(search, "group").correlation - 1) < 1e-12);
  ngd_search_destroy(search);
}

static void wrong_parameters_are_refused(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = new_search("search");
  const struct {
    const char *name, *spec;
    ngd_status status;
    const char *message;
  } cases[] = {
      {"a", "unifrom", NGD_E_OPTION,
       "unknown kind of parameter \"unifrom\"; did you mean \"uniform\"? Known: uniform, log_uniform, integer, "
       "log_integer, categorical"},
      {"a", "uniform:lo=1", NGD_E_OPTION,
       "unknown option \"lo\" for parameter \"a\"; did you mean \"low\"? (column 9)"},
      {"a", "uniform:low=1", NGD_E_RANGE, "parameter \"a\" has nothing to draw from: low is 1 and high is 1"},
      {"a", "integer:low=5,high=4", NGD_E_RANGE,
       "parameter \"a\" has nothing to draw from: low is 5 and high is 4"},
      {"a", "log_uniform:low=0", NGD_E_RANGE,
       "option \"low\" of parameter \"a\" is 0, outside its range (0, 1e+300] (column 13)"},
      {"a", "categorical", NGD_E_RANGE, "parameter \"a\" has an empty value; write values=\"one|two\""},
      {"a", "categorical:values=x|y|x", NGD_E_RANGE, "parameter \"a\" has the value \"x\" twice"},
      {"a", "uniform:when=nothing", NGD_E_RANGE,
       "parameter \"a\" has when=\"nothing\", but it takes name=value|value"},
      {"a", "uniform:when=b=1", NGD_E_RANGE,
       "parameter \"a\" has when=\"b=1\", but no parameter before it has that name"},
      {"a", "uniform:when=rate=1", NGD_E_RANGE,
       "parameter \"a\" cannot depend on \"rate\", whose values are no list; let it depend on a categorical or "
       "an "
       "integer"},
      {"a", "uniform:when=rule=adm", NGD_E_RANGE,
       "parameter \"a\" depends on the value \"adm\" of \"rule\", which that never has: it is "
       "\"categorical:values=sgd|ngd|adam\""},
      {"a", "uniform:when=units=4", NGD_E_RANGE,
       "parameter \"a\" depends on the value \"4\" of \"units\", which that never has: it is "
       "\"log_integer:low=8,high=512\""},
      {"rate", "uniform", NGD_E_STATE, "the space already has a parameter \"rate\""},
      {"a=b", "uniform", NGD_E_RANGE,
       "a parameter cannot be called \"a=b\"; a name has 1 to 200 bytes, none of them a control character, = "
       "or |"},
      {"", "uniform", NGD_E_RANGE,
       "a parameter cannot be called \"\"; a name has 1 to 200 bytes, none of them a control character, = or "
       "|"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_error(ngd_search_add(search, cases[i].name, cases[i].spec, &error), cases[i].status,
                cases[i].message);
  assert_int_equal(info_of(search).parameters, 4);
  ngd_search_destroy(search);
}

static void wrong_calls_are_refused_and_change_nothing(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = NULL;
  uint64_t trial = 0;
  int32_t answer = 0, stop = 0;
  check_error(ngd_search_create("serch", &search, &error), NGD_E_OPTION,
              "unknown kind of search \"serch\"; did you mean \"search\"? Known: search");
  assert_null(search);
  check_ok(ngd_search_create("search:max_trials=0,patience=0", &search, &error));
  check_error(ngd_search_ask(search, &trial, &answer, &error), NGD_E_STATE,
              "the search has no parameter to draw; add some with ngd_search_add");
  check_ok(ngd_search_add(search, "x", "uniform", &error));
  check_error(ngd_search_ask(search, &trial, &answer, &error), NGD_E_STATE,
              "the search would never end; set max_trials, patience, max_gradients or max_seconds");
  check_ok(ngd_search_set(search, "max_trials", 10, &error));
  check_error(ngd_search_set_text(search, "goal", "better", &error), NGD_E_OPTION,
              "option \"goal\" of the search cannot be \"better\"; It takes: minimize, maximize");
  check_error(ngd_search_tell(search, 0, 1, 0, &error), NGD_E_STATE,
              "trial 0 was not handed out; ask for it first");
  check_ok(ngd_search_ask(search, &trial, &answer, &error));
  check_error(ngd_search_set(search, "max_trials", 20, &error), NGD_E_STATE,
              "option \"max_trials\" of the search is fixed once it is in use; set it right after creation");
  check_error(
      ngd_search_add(search, "y", "uniform", &error), NGD_E_STATE,
      "the search is in use: adding a parameter must come before the first trial and before the journal");
  check_ok(ngd_search_report(search, 0, 3, 1, &stop, &error));
  check_error(ngd_search_report(search, 0, 3, 1, &stop, &error), NGD_E_RANGE,
              "trial 0 reports step 3, but its last was 3; steps must grow");
  check_ok(ngd_search_tell(search, 0, 1, 0, &error));
  check_error(ngd_search_tell(search, 0, 0, 0, &error), NGD_E_STATE, "trial 0 has already ended");
  check_error(ngd_search_get_value(search, 0, "X", &(double){0}, &error), NGD_E_NOT_FOUND,
              "the space has no parameter \"X\"; did you mean \"x\"?");
  ngd_trial_info info;
  info.struct_size = sizeof info;
  check_error(ngd_search_get_trial(search, 1, &info, &error), NGD_E_NOT_FOUND,
              "trial 1 was not handed out; 1 were, from 0");
  check_error(ngd_search_get_parameter(search, 1, NULL, 0, NULL, &error), NGD_E_NOT_FOUND,
              "there is no parameter number 1; the space has 1");
  check_error(ngd_search_ask(NULL, &trial, &answer, &error), NGD_E_ARGUMENT,
              "argument \"search\" is NULL, but may not be");
  assert_int_equal(info_of(search).counted, 1);
  assert_true(info_of(search).best_value == 1);
  ngd_search_destroy(search);
  ngd_search_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_have_their_golden_values),
      cmocka_unit_test(draws_follow_their_distributions),
      cmocka_unit_test(a_condition_leaves_a_parameter_out),
      cmocka_unit_test(other_parameters_do_not_change_a_draw),
      cmocka_unit_test(a_search_ends_by_each_of_its_rules),
      cmocka_unit_test(any_number_of_workers_ends_at_the_same_trial),
      cmocka_unit_test(pruning_goes_by_the_median_of_earlier_trials),
      cmocka_unit_test(trials_beyond_the_end_do_not_count),
      cmocka_unit_test(a_slow_trial_makes_others_wait),
      cmocka_unit_test(importance_finds_what_matters),
      cmocka_unit_test(a_category_that_matters_has_the_correlation_ratio_of_its_ranks),
      cmocka_unit_test(wrong_parameters_are_refused),
      cmocka_unit_test(wrong_calls_are_refused_and_change_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
