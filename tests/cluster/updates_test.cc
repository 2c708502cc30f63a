// Updates and reads through servers: values, gradients, rows, versions, rounds, and what is refused.
#include <algorithm>
#include <cmath>

#include "optimizer/optimizer.h"
#include "small_cluster.h"

namespace {

using namespace simulation;
using wire::UpdateKind;

std::vector<float> ramp(size_t count, float scale = 1) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; i++) values[i] = scale * static_cast<float>(i % 97) - 3;
  return values;
}

void the_first_initial_value_wins(void **) {
  SmallCluster cluster;
  const wire::ModelSpec spec = model("sgd:learning_rate=0.5", {tensor("w", {4})});
  const size_t a = cluster.client(spec), b = cluster.client(spec);
  const Outcome first = cluster.push(a, UpdateKind::initial, {{1, 2, 3, 4}});
  const Outcome second = cluster.push(b, UpdateKind::initial, {{9, 9, 9, 9}});
  assert_true(first.status == NGD_OK && first.applied && first.version == 1);
  assert_true(second.status == NGD_OK && !second.applied && second.version == 1);
  const std::vector<float> seen = SmallCluster::values(cluster.pull(b, {{0, {}, false}}), 0, 4);
  assert_true(seen == (std::vector<float>{1, 2, 3, 4}));
}

// However often it is asked for again meanwhile, and by shards as by the root.
void a_model_without_values_is_told_of(void **) {
  for (const uint32_t shards : {1u, 2u}) {
    for (const bool newest : {false, true}) {
      SmallCluster cluster;
      ClientOptions options;
      options.eventual_reads = newest;
      const size_t a = cluster.client(model("sgd", {tensor("w", {40000})}, shards), options);
      for (const Time patience :
           {kSecond / 5, kSecond * 3 / 10, kSecond / 2, kSecond, 3 * kSecond, 9 * kSecond}) {
        const Time begun = cluster.world.now();
        const Outcome outcome = cluster.wait(
            a, cluster.world.session(a).pull({{0, {}, false}}, 0, cluster.now(a), cluster.now(a) + patience));
        assert_string_equal(outcome.text.c_str(), "the model has no values yet; initialise it first");
        assert_int_equal(outcome.status, NGD_E_STATE);
        assert_true(cluster.world.now() - begun >= patience / 4);
      }
    }
  }
}

void values_deltas_and_gradients_each_make_one_version(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(model("sgd:learning_rate=0.5", {tensor("w", {2})}));
  cluster.push(a, UpdateKind::initial, {{1, 1}});
  assert_int_equal(cluster.push(a, UpdateKind::value, {{4, 6}}).version, 2);
  assert_int_equal(cluster.push(a, UpdateKind::delta, {{1, -1}}).version, 3);
  assert_int_equal(cluster.push(a, UpdateKind::gradient, {{2, 2}}).version, 4);
  const Outcome read = cluster.pull(a, {{0, {}, false}});
  assert_int_equal(read.version, 4);
  assert_true(SmallCluster::values(read, 0, 2) == (std::vector<float>{4, 4}));
}

// Server and local optimizer: the same bits, however many shards.
void gradients_give_the_bits_of_a_local_optimizer(void **) {
  for (const uint32_t shards : {1u, 3u}) {
    SmallCluster cluster(shards == 1 ? 1 : 2);
    const size_t large = 16384 * 5 + 77;
    const size_t a = cluster.client(
        model("adam:learning_rate=0.01",
              {tensor("large", {static_cast<int64_t>(large)}), tensor("small", {3, 5})}, shards));
    std::vector<float> w = ramp(large), s = ramp(15);
    ngd::Optimizer local("adam:learning_rate=0.01");
    const int64_t large_shape[] = {static_cast<int64_t>(large)}, small_shape[] = {3, 5};
    local.add(ngd::Element::f32, "large", large_shape);
    local.add(ngd::Element::f32, "small", small_shape);
    cluster.push(a, UpdateKind::initial, {w, s});
    for (int step = 1; step <= 3; step++) {
      const std::vector<float> gw = ramp(large, 0.1f * static_cast<float>(step)), gs = ramp(15, 0.3f);
      ngd::TensorStep<float> steps[2];
      steps[0].parameter = w.data();
      steps[0].gradient = gw.data();
      steps[1].parameter = s.data();
      steps[1].gradient = gs.data();
      local.step(std::span<const ngd::TensorStep<float>>(steps));
      assert_int_equal(cluster.push(a, UpdateKind::gradient, {gw, gs}).status, NGD_OK);
    }
    const Outcome read = cluster.pull(a, {{0, {}, false}, {1, {}, false}});
    assert_true(SmallCluster::values(read, 0, large) == w);
    assert_true(SmallCluster::values(read, 1, 15) == s);
  }
}

void push_pull_brings_the_values_in_one_round_trip(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(model("sgd:learning_rate=1", {tensor("w", {2})}));
  cluster.push(a, UpdateKind::initial, {{0, 0}});
  const uint64_t before = cluster.world.messages;
  const Outcome both = cluster.wait(
      a, cluster.world.session(a).push_pull(UpdateKind::gradient, {{0, {}, SmallCluster::bytes({-1, -2})}},
                                            {{0, {}, false}}, cluster.now(a), cluster.soon(a)));
  assert_int_equal(both.version, 2);
  assert_int_equal(both.values_version, 2);
  assert_true(SmallCluster::values(both, 0, 2) == (std::vector<float>{1, 2}));
  assert_true(cluster.world.messages - before <= 2);
}

// Rows of tables too, also those that nobody has touched, and in the order of the questions.
void push_pull_brings_rows_in_the_same_answer(void **) {
  SmallCluster cluster;
  wire::TensorSpec table = tensor("t", {1000, 2}, true), other = tensor("u", {50, 3}, true);
  table.initial = {wire::Initial::Kind::constant, 4, 0};
  const size_t a = cluster.client(model("sgd:learning_rate=1", {table, tensor("w", {2}), other}));
  cluster.wait(a, cluster.world.session(a).push(UpdateKind::initial, {{1, {}, SmallCluster::bytes({0, 0})}},
                                                cluster.now(a), cluster.soon(a)));
  std::vector<TensorUpdate> update = {{0, {5, 900}, SmallCluster::bytes({1, 2, 3, 4})},
                                      {1, {}, SmallCluster::bytes({-1, -2})}};
  const uint64_t before = cluster.world.messages;
  const Outcome both = cluster.wait(
      a, cluster.world.session(a).push_pull(UpdateKind::gradient, update,
                                            {{2, {49}, false}, {1, {}, false}, {0, {4, 5, 900}, false}},
                                            cluster.now(a), cluster.soon(a)));
  assert_int_equal(both.status, NGD_OK);
  assert_int_equal(both.values_version, 2);
  assert_true(cluster.world.messages - before <= 2);
  assert_int_equal(both.tensors.size(), 3);
  assert_true(both.tensors[2].rows == (std::vector<uint32_t>{4, 5, 900}));
  const auto values = [&](size_t i) {
    std::vector<float> all(both.tensors[i].count);
    auto *to = reinterpret_cast<std::byte *>(all.data());
    for (const wire::Bytes &part : both.tensors[i].data) to = std::copy_n(part.data, part.size, to);
    return all;
  };
  assert_true(values(0) == (std::vector<float>{0, 0, 0}));
  assert_true(values(1) == (std::vector<float>{1, 2}));
  assert_true(values(2) == (std::vector<float>{4, 4, 3, 2, 1, 0}));
}

// A server that does not know the question answers without; so does one that has done the update before.
void push_pull_reads_on_its_own_where_the_answer_has_nothing(void **) {
  for (const uint32_t shards : {1u, 2u}) {
    SmallCluster cluster(shards);
    const size_t a =
        cluster.client(model("sgd:learning_rate=1", {tensor("t", {1000, 2}, true), tensor("w", {2})}, shards));
    cluster.wait(a, cluster.world.session(a).push(UpdateKind::initial, {{1, {}, SmallCluster::bytes({0, 0})}},
                                                  cluster.now(a), cluster.soon(a)));
    const bool all = shards == 1;  // then with all rows, which no answer carries
    const Outcome both =
        cluster.wait(a, cluster.world.session(a).push_pull(
                            UpdateKind::delta, {{0, {700}, SmallCluster::bytes({1, 2})}},
                            {{0, all ? std::vector<uint32_t>() : std::vector<uint32_t>{3, 700}, all}},
                            cluster.now(a), cluster.soon(a)));
    assert_int_equal(both.status, NGD_OK);
    assert_int_equal(both.version, 2);
    assert_true(both.values_version >= 2);
  }
}

// Readers are not given rows that nobody reads; whoever asks in the end gets them as they are.
void rows_that_nobody_read_for_long_are_there_for_the_first_who_does(void **) {
  for (const uint32_t shards : {1u, 2u}) {
    SmallCluster cluster(shards);
    const wire::ModelSpec spec =
        model("sgd:learning_rate=1", {tensor("t", {1000, 2}, true), tensor("w", {2})}, shards);
    const size_t a = cluster.client(spec), b = cluster.client(spec);
    cluster.wait(a, cluster.world.session(a).push(UpdateKind::initial, {{1, {}, SmallCluster::bytes({0, 0})}},
                                                  cluster.now(a), cluster.soon(a)));
    for (uint32_t i = 0; i < 100; i++) {
      const uint32_t row = 10 * i;
      cluster.wait(a,
                   cluster.world.session(a).push(UpdateKind::delta, {{0, {row}, SmallCluster::bytes({1, 2})}},
                                                 cluster.now(a), cluster.soon(a)));
      if (i != 40 && i != 41 && i != 99) continue;
      const Outcome some = cluster.pull(b, {{0, {5, 10, row}, false}});
      assert_true(SmallCluster::values(some, 0, 6) == (std::vector<float>{0, 0, 1, 2, 1, 2}));
      const Outcome all = cluster.pull(b, {{0, {}, true}});
      const std::vector<float> values = SmallCluster::values(all, 0, 2000);
      for (uint32_t k = 0; k < 1000; k++) assert_true(values[2 * k] == (k % 10 == 0 && k <= row ? 1.0f : 0.0f));
    }
  }
}

void what_cannot_be_read_with_an_update_is_refused_and_the_update_too(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(model("sgd:learning_rate=1", {tensor("t", {10, 2}, true), tensor("w", {2})}));
  cluster.wait(a, cluster.world.session(a).push(UpdateKind::initial, {{1, {}, SmallCluster::bytes({0, 0})}},
                                                cluster.now(a), cluster.soon(a)));
  const Outcome bad = cluster.wait(
      a, cluster.world.session(a).push_pull(UpdateKind::delta, {{1, {}, SmallCluster::bytes({1, 1})}},
                                            {{0, {10}, false}}, cluster.now(a), cluster.soon(a)));
  assert_int_equal(bad.status, NGD_E_SHAPE);
  const Outcome read = cluster.pull(a, {{1, {}, false}});
  assert_true(SmallCluster::values(read, 1, 2) == (std::vector<float>{0, 0}));
}

void a_stated_version_is_waited_for_or_gone(void **) {
  SmallCluster cluster(2);
  const wire::ModelSpec spec = model("sgd:learning_rate=1", {tensor("v", {2}), tensor("w", {2})}, 2);
  const size_t a = cluster.client(spec), b = cluster.client(spec);
  cluster.push(a, UpdateKind::initial, {{0, 0}, {0, 0}});
  const Ticket early =
      cluster.world.session(b).pull({{0, {}, false}, {1, {}, false}}, 2, cluster.now(b), cluster.soon(b));
  assert_true(cluster.pending(b, early, kSecond));
  cluster.push(a, UpdateKind::delta, {{1, 1}, {1, 1}});
  const Outcome read = cluster.wait(b, early);
  assert_int_equal(read.version, 2);
  assert_true(SmallCluster::values(read, 0, 2) == (std::vector<float>{1, 1}));
  cluster.push(a, UpdateKind::delta, {{1, 1}, {1, 1}});
  const Outcome gone = cluster.pull(b, {{0, {}, false}, {1, {}, false}}, 1);
  assert_int_equal(gone.status, NGD_E_NOT_FOUND);
  assert_string_equal(gone.text.c_str(), "version 1 is not held any more; the newest is 3");
}

// Rows begin with what their place says, whoever asks, before and after they are touched, on any number of shards.
void rows_are_created_by_their_initialiser(void **) {
  std::vector<float> expected;
  for (const uint32_t shards : {1u, 4u}) {
    SmallCluster cluster(shards == 1 ? 1 : 3);
    wire::TensorSpec table = tensor("rows", {1'000'000, 8}, true);
    table.initial = {wire::Initial::Kind::normal, 0.5f, 42};
    const size_t a = cluster.client(model("adagrad:learning_rate=0.1", {table}, shards));
    cluster.push(a, UpdateKind::initial, {});
    const std::vector<uint32_t> rows = {0, 7, 250'000, 600'001, 999'999};
    const std::vector<float> fresh = SmallCluster::values(cluster.pull(a, {{0, rows, false}}), 0, 40);
    if (expected.empty()) expected = fresh;
    assert_true(fresh == expected);
    double squares = 0;
    for (const float value : fresh) squares += value * value;
    assert_true(squares > 2 && squares < 30);
    assert_int_equal(cluster.push_rows(a, UpdateKind::delta, 0, {7, 999'999}, std::vector<float>(16, 1)).status,
                     NGD_OK);
    const std::vector<float> touched = SmallCluster::values(cluster.pull(a, {{0, rows, false}}), 0, 40);
    for (size_t i = 0; i < 40; i++) {
      const bool moved = i / 8 == 1 || i / 8 == 4;
      assert_true(touched[i] == (moved ? expected[i] + 1 : expected[i]));
    }
    const Outcome past = cluster.push_rows(a, UpdateKind::delta, 0, {1'000'000}, std::vector<float>(8, 1));
    assert_int_equal(past.status, NGD_E_SHAPE);
  }
}

void the_learning_rate_is_a_value_that_all_shards_follow(void **) {
  SmallCluster cluster(2);
  const size_t a = cluster.client(model("sgd:learning_rate=1", {tensor("v", {1}), tensor("w", {1})}, 2));
  cluster.push(a, UpdateKind::initial, {{0}, {0}});
  cluster.push(a, UpdateKind::gradient, {{-1}, {-1}});
  assert_int_equal(cluster.command(a, named(wire::CommandKind::set_value, "learning_rate"), "0.25").status,
                   NGD_OK);
  cluster.push(a, UpdateKind::gradient, {{-1}, {-1}});
  const Outcome read = cluster.pull(a, {{0, {}, false}, {1, {}, false}});
  assert_true(SmallCluster::values(read, 0, 1)[0] == 1.25f && SmallCluster::values(read, 1, 1)[0] == 1.25f);
  const Outcome bad = cluster.command(a, named(wire::CommandKind::set_value, "learning_rate"), "fast");
  assert_int_equal(bad.status, NGD_E_RANGE);
  assert_string_equal(bad.text.c_str(), "the learning rate \"fast\" is not a number above 0");
}

// One version a round: the mean of all workers; who is dead is not waited for longer than its lease.
void a_round_is_the_mean_of_its_workers(void **) {
  SmallCluster cluster(2);
  const wire::ModelSpec spec = model("sgd:learning_rate=1", {tensor("v", {2}), tensor("w", {2})}, 2);
  ClientOptions options;
  options.consistency = wire::Consistency::bulk;
  options.workers = 2;
  options.lease_us = 2 * kSecond;
  const size_t a = cluster.client(spec, options);
  cluster.push(a, UpdateKind::initial, {{0, 0}, {0, 0}});
  const Ticket alone = cluster.begin_push(a, UpdateKind::gradient, {{-1, -1}, {-1, -1}}, 1);
  assert_true(cluster.pending(a, alone, 5 * kSecond));
  const size_t b = cluster.client(spec, options);
  const Outcome second = cluster.push(b, UpdateKind::gradient, {{-3, -3}, {-3, -3}}, 1);
  const Outcome first = cluster.wait(a, alone);
  assert_true(first.version == 2 && second.version == 2);
  assert_true(SmallCluster::values(cluster.pull(a, {{0, {}, false}}), 0, 2) == (std::vector<float>{2, 2}));
  const Outcome late = cluster.push(b, UpdateKind::gradient, {{0, 0}, {0, 0}}, 1);
  assert_int_equal(late.status, NGD_E_CONFLICT);
  cluster.world.crash_client(b);
  const Time before = cluster.world.now();
  assert_int_equal(cluster.push(a, UpdateKind::gradient, {{-1, -1}, {-1, -1}}, 2).version, 3);
  assert_true(cluster.world.now() - before < 3 * kSecond);
}

void a_worker_waits_for_one_that_is_too_far_behind(void **) {
  SmallCluster cluster;
  const wire::ModelSpec spec = model("sgd:learning_rate=1", {tensor("w", {1})});
  ClientOptions options;
  options.consistency = wire::Consistency::stale;
  options.bound = 2;
  options.workers = 2;
  const size_t a = cluster.client(spec, options), b = cluster.client(spec, options);
  cluster.push(a, UpdateKind::initial, {{0}});
  for (int i = 0; i < 3; i++) cluster.push(a, UpdateKind::gradient, {{-1}});
  const Ticket held = cluster.world.session(a).pull({{0, {}, false}}, 0, cluster.now(a), cluster.soon(a));
  assert_true(cluster.pending(a, held, 2 * kSecond));
  cluster.push(b, UpdateKind::gradient, {{-1}});
  assert_int_equal(cluster.wait(a, held).version, 5);
}

void bad_updates_are_refused_and_change_nothing(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(model("sgd:learning_rate=1", {tensor("v", {2}), tensor("w", {2})}));
  const Outcome none = cluster.push(a, UpdateKind::delta, {{1, 1}, {1, 1}});
  assert_int_equal(none.status, NGD_E_STATE);
  assert_string_equal(none.text.c_str(), "the model has no values yet; initialise it first");
  cluster.push(a, UpdateKind::initial, {{0, 0}, {0, 0}});
  const Outcome nan = cluster.push(a, UpdateKind::delta, {{1, NAN}, {1, 1}});
  assert_int_equal(nan.status, NGD_E_NOT_FINITE);
  assert_string_equal(nan.text.c_str(), "the update of tensor \"v\" holds a NaN or an infinity");
  const Outcome half = cluster.push(a, UpdateKind::gradient, {{1, 1}});
  assert_int_equal(half.status, NGD_E_SHAPE);
  assert_string_equal(
      half.text.c_str(),
      "the update has gradients of some dense tensors, but not of \"w\"; a step needs them all");
  const Outcome size = cluster.push(a, UpdateKind::delta, {{1, 1, 1}});
  assert_int_equal(size.status, NGD_E_SHAPE);
  assert_string_equal(size.text.c_str(), "the values of tensor \"v\" are 12 bytes, but must be 8");
  const Outcome read = cluster.pull(a, {{0, {}, false}, {1, {}, false}});
  assert_int_equal(read.version, 1);
  assert_true(SmallCluster::values(read, 0, 2) == (std::vector<float>{0, 0}));
}

void models_that_cannot_be_are_refused(void **) {
  SmallCluster cluster;
  cluster.client(model("sgd:learning_rate=1", {tensor("w", {2})}));
  const size_t index = cluster.world.add_client();
  ClientOptions options;
  options.addresses = {"sim://0"};
  cluster.world.start_client(index, options);
  const auto refused = [&](const wire::ModelSpec &spec) {
    return cluster.wait(
        index, cluster.world.session(index).create_model(spec, cluster.now(index), cluster.soon(index)));
  };
  assert_int_equal(refused(model("sgd:learning_rate=2", {tensor("w", {2})})).status, NGD_E_CONFLICT);
  wire::ModelSpec spec = model("sgd:learning_rat=2", {tensor("w", {2})});
  spec.name = "other";
  assert_int_equal(refused(spec).status, NGD_E_OPTION);
  spec = model("sgd:clip=norm", {tensor("w", {2})}, 2);
  spec.name = "other";
  const Outcome norm = refused(spec);
  assert_int_equal(norm.status, NGD_E_UNSUPPORTED);
  spec = model("sgd", {tensor("w", {1ll << 41})});
  spec.name = "other";
  assert_int_equal(refused(spec).status, NGD_E_SHAPE);
  spec = model("sgd", {tensor("w", {2})}, 2000);
  spec.name = "other";
  assert_int_equal(refused(spec).status, NGD_E_RANGE);
  spec = model("sgd", {tensor("w", {2})});
  spec.name = "../other";
  assert_int_equal(refused(spec).status, NGD_E_ARGUMENT);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_first_initial_value_wins),
      cmocka_unit_test(a_model_without_values_is_told_of),
      cmocka_unit_test(values_deltas_and_gradients_each_make_one_version),
      cmocka_unit_test(gradients_give_the_bits_of_a_local_optimizer),
      cmocka_unit_test(push_pull_brings_the_values_in_one_round_trip),
      cmocka_unit_test(push_pull_brings_rows_in_the_same_answer),
      cmocka_unit_test(push_pull_reads_on_its_own_where_the_answer_has_nothing),
      cmocka_unit_test(rows_that_nobody_read_for_long_are_there_for_the_first_who_does),
      cmocka_unit_test(what_cannot_be_read_with_an_update_is_refused_and_the_update_too),
      cmocka_unit_test(a_stated_version_is_waited_for_or_gone),
      cmocka_unit_test(rows_are_created_by_their_initialiser),
      cmocka_unit_test(the_learning_rate_is_a_value_that_all_shards_follow),
      cmocka_unit_test(a_round_is_the_mean_of_its_workers),
      cmocka_unit_test(a_worker_waits_for_one_that_is_too_far_behind),
      cmocka_unit_test(bad_updates_are_refused_and_change_nothing),
      cmocka_unit_test(models_that_cannot_be_are_refused),
  };
  return cmocka_run_group_tests_name("cluster updates", tests, nullptr, nullptr);
}
