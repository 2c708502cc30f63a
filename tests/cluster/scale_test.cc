// The cluster at a scale that takes seconds, beside its cost model: counts and ratios, all of virtual time.
#include "scale_model.h"

#include <cmath>

#include "test.h"

namespace {

using namespace scale;
using ngd::wire::Consistency;

#define assert_ratio(found, expected, low, high)                                                            \
  do {                                                                                                      \
    const double ratio_ = static_cast<double>(found) / static_cast<double>(expected);                       \
    if (!(ratio_ >= (low) && ratio_ <= (high)))                                                             \
      fail_msg("%s is %.6g, expected %.6g: the ratio %.3f is not between %.2f and %.2f", #found,            \
               static_cast<double>(found), static_cast<double>(expected), ratio_, static_cast<double>(low), \
               static_cast<double>(high));                                                                  \
  } while (false)

Result whole(const Setup &setup) {
  const Result result = run(setup);
  if (!result.complete) fail_msg("the run went wrong: %s", result.trouble.c_str());
  return result;
}

// Where nothing is short of time the model tells how long a step takes, what it carries, and what the root has to do.
void quiet_cluster_is_as_the_model_says(void **) {
  Setup setup;
  setup.shards = 8;
  setup.workers = 10;
  setup.seconds = 1;
  const Result result = whole(setup);
  const Expected model = expected(setup);
  assert_ratio(result.updates_per_s, model.updates_per_s, 0.9, 1.1);
  assert_ratio(result.step_ms.p50, model.step_ms, 0.95, 1.1);
  assert_ratio(result.pull_ms.p50, model.pull_ms, 0.6, 1.6);
  assert_ratio(result.push_ms.p50, model.push_ms, 0.6, 1.6);
  assert_ratio(result.root_in + result.root_out, model.root_messages, 0.75, 1.3);
  assert_ratio(result.root_busy, model.root_busy, 0.7, 1.4);
  assert_ratio(result.worker_out_bytes, model.worker_out_bytes, 0.9, 1.1);
  assert_ratio(result.worker_in_bytes, model.worker_in_bytes, 0.9, 1.1);
}

// A root that has no time left serves as many updates as its processor can, and gets no more to do by that: nobody asks
// again and again.
void busy_root_stays_busy_with_updates(void **) {
  Setup setup;
  setup.shards = 20;
  setup.workers = 120;
  setup.compute_ms = 10;
  setup.seconds = 0.2;
  const Result result = whole(setup);
  const Expected model = expected(setup);
  assert_true(result.root_busy > 0.9);
  // The model is careful: messages that wait for a busy root go together more than it knows.
  assert_ratio(result.updates_per_s, model.updates_per_s, 0.7, 2.2);
  assert_ratio(result.root_in + result.root_out, model.root_messages, 0.4, 1.2);
  // Without words that go together every update would be three messages for each shard, and more.
  assert_true(result.root_in + result.root_out < 2.0 * setup.shards);
}

// All of a round have one version.
void rounds_make_one_version_of_all(void **) {
  Setup setup;
  setup.shards = 4;
  setup.workers = 40;
  setup.consistency = Consistency::bulk;
  setup.rows = 0;
  setup.seconds = 0.5;
  const Result result = whole(setup);
  const Expected model = expected(setup);
  assert_ratio(result.updates_per_s, model.updates_per_s, 0.7, 1.3);
  assert_ratio(result.root_in + result.root_out, model.root_messages, 0.7, 1.4);
}

// A shard's leader dies, and later the root's: all wait for the grace, and go on; also those whose parts the dead had, and
// who would not ask again for long.
void takeovers_take_the_grace(void **) {
  Setup setup;
  setup.shards = 4;
  setup.workers = 20;
  setup.compute_ms = 20;
  setup.seconds = 2;  // by then the copies know that they are in the set
  setup.kills = true;
  const Result result = whole(setup);
  const Expected model = expected(setup);
  assert_ratio(result.shard_pause_s, model.pause_s, 0.8, 1.3);
  assert_ratio(result.root_pause_s, model.pause_s, 0.8, 1.3);
  assert_ratio(result.shard_wait_s, model.pause_s, 0.8, 1.3);
  assert_ratio(result.root_wait_s, model.pause_s, 0.8, 1.3);
}

// The worst of many is what a thousandth of one is.
void quantiles_of_the_last_of_many(void **) {
  const Spread hop = Spread::hop({});
  assert_ratio(hop.quantile(0.5), 0.1, 0.9, 1.1);
  assert_ratio(hop.last_of(1000).quantile(0.5), hop.quantile(std::pow(0.5, 1.0 / 1000)), 0.99, 1.01);
  assert_true(hop.last_of(1000).quantile(0.5) > 10 * hop.quantile(0.5));
  assert_ratio(hop.then(hop).quantile(0.5), 0.2, 0.9, 1.15);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(quiet_cluster_is_as_the_model_says), cmocka_unit_test(busy_root_stays_busy_with_updates),
      cmocka_unit_test(rounds_make_one_version_of_all),     cmocka_unit_test(takeovers_take_the_grace),
      cmocka_unit_test(quantiles_of_the_last_of_many),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
