// Settings of the optimizer that are changed while clients push: on all shards at one version, after takeovers, restarts and reads
// of a log too, with the bits of an optimizer that was set at that step; and what is refused.
#include "cluster/settings.h"
#include "optimizer/optimizer.h"
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::Change;
using ngd::cluster::change_at;
using ngd::cluster::changes_of;
using wire::CommandKind;
using wire::UpdateKind;

constexpr size_t kElements = 16384 * 2 + 50;  // so that both shards have some
constexpr const char *kOptimizer = "adam:learning_rate=0.03125";
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::vector<float> ramp(size_t count, float scale) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; i++) values[i] = scale * static_cast<float>(i % 53) - 1;
  return values;
}

// Servers, and beside them an optimizer in this process that is set at the same steps.
struct Both {
  explicit Both(size_t servers, const NodeOptions &options = {}, const char *optimizer = kOptimizer)
      : cluster(servers, options), local(optimizer), values(ramp(kElements, 1)) {
    const int64_t shape[] = {static_cast<int64_t>(kElements)};
    local.add(ngd::Element::f32, "w", shape);
    cluster.world.run_until(kSecond);
    client = cluster.client(model(optimizer, {tensor("w", {static_cast<int64_t>(kElements)})}, 2));
    assert_int_equal(cluster.push(client, UpdateKind::initial, {values}).status, NGD_OK);
  }
  void push(size_t times) {
    for (size_t i = 0; i < times; i++) {
      const std::vector<float> gradient = ramp(kElements, 0.01f * static_cast<float>(++steps));
      ngd::TensorStep<float> step;
      step.parameter = values.data();
      step.gradient = gradient.data();
      local.step(std::span<const ngd::TensorStep<float>>(&step, 1));
      const Outcome pushed = cluster.push(client, UpdateKind::gradient, {gradient});
      if (pushed.status != NGD_OK) fail_msg("%s", pushed.text.c_str());
      version = pushed.version;
    }
  }
  Outcome set(const Pairs &pairs) {
    wire::Command command;
    command.kind = CommandKind::set_value;
    std::string payload;
    for (const auto &[name, text] : pairs) {
      command.values.push_back({name, text.size(), wire::kAny});
      payload += text;
    }
    return cluster.command(client, command, payload);
  }
  void set_both(const Pairs &pairs) {
    const Outcome outcome = set(pairs);
    if (outcome.status != NGD_OK) fail_msg("%s", outcome.text.c_str());
    assert_int_equal(outcome.done.offset, version + 1);
    for (const auto &[name, text] : pairs) local.set_text(name.substr(name.find('.') + 1), text);
  }
  std::string value(const std::string &name) {
    wire::Query query;
    query.name = name;
    const Outcome outcome = cluster.wait(
        client, cluster.world.session(client).query(query, cluster.now(client), cluster.soon(client)));
    return text_of(outcome.payload);
  }
  void check_same() {
    const Outcome read = cluster.pull(client, {{0, {}, false}});
    assert_int_equal(read.status, NGD_OK);
    assert_true(SmallCluster::values(read, 0, kElements) == values);
  }

  SmallCluster cluster;
  ngd::Optimizer local;
  std::vector<float> values;
  size_t client = 0, steps = 0;
  uint64_t version = 1;
};

const Pairs kFirst = {
    {"learning_rate", "0.125"}, {"optimizer.beta1", "0.5"}, {"optimizer.weight_decay", "0.25"}};

void several_settings_count_from_one_version_on_all_shards(void **) {
  Both both(2);
  both.push(3);
  both.set_both(kFirst);
  assert_string_equal(both.value("optimizer.changes").c_str(),
                      "5 learning_rate=0.125,beta1=0.5,weight_decay=0.25\n");
  both.push(3);
  both.check_same();
  both.set_both({{"optimizer.beta1", "0.75"}});
  both.push(2);
  both.check_same();
  assert_string_equal(both.value("optimizer.changes").c_str(),
                      "5 learning_rate=0.125,beta1=0.5,weight_decay=0.25\n"
                      "8 learning_rate=0.125,beta1=0.75,weight_decay=0.25\n");
}

void what_the_optimizer_would_refuse_is_refused(void **) {
  Both both(1);
  const auto refused = [&](const Pairs &pairs, ngd_status status, const std::string &text) {
    const Outcome outcome = both.set(pairs);
    assert_int_equal(outcome.status, status);
    assert_string_equal(outcome.text.c_str(), text.c_str());
  };
  refused({{"optimizer.beta1", "1"}}, NGD_E_RANGE,
          "option \"beta1\" of rule \"adam\" is 1, outside its range [0, 1)");
  refused({{"optimizer.beta1", "high"}}, NGD_E_RANGE,
          "the value \"optimizer.beta1\" would be \"high\", which is not a number");
  const Outcome unknown = both.set({{"optimizer.beta3", "0.5"}});
  assert_int_equal(unknown.status, NGD_E_OPTION);
  assert_non_null(
      strstr(unknown.text.c_str(), "unknown option \"beta3\" for rule \"adam\"; did you mean \"beta"));
  const Outcome fixed = both.set({{"optimizer.threads", "3"}});
  assert_int_equal(fixed.status, NGD_E_UNSUPPORTED);
  assert_non_null(strstr(fixed.text.c_str(), "cannot change while it trains; these can: beta1, beta2"));
  refused({{"learning_rate", "-1"}}, NGD_E_RANGE, "the learning rate \"-1\" is not a number above 0");
  refused({{"optimizer.changes", "1"}}, NGD_E_ACCESS,
          "the value \"optimizer.changes\" is written by the servers");
  // One is bad: none is set.
  refused({{"learning_rate", "0.5"}, {"x", "1"}, {"optimizer.beta2", "7"}}, NGD_E_RANGE,
          "option \"beta2\" of rule \"adam\" is 7, outside its range [0, 1)");
  assert_string_equal(both.value("learning_rate").c_str(), "");
  assert_string_equal(both.value("x").c_str(), "");
  assert_string_equal(both.value("optimizer.changes").c_str(), "");
  both.push(2);
  both.check_same();
}

// Damping needs the norm of all gradients, which no shard has; a rule is refused what its slots were not made for.
void what_shards_cannot_do_is_refused(void **) {
  Both damped(1, {}, "ngd:trust=none");
  const Outcome damping = damped.set({{"optimizer.damp", "0.5"}});
  assert_int_equal(damping.status, NGD_E_UNSUPPORTED);
  const Outcome penalty = damped.set({{"optimizer.grad_penalty", "0.5"}});
  assert_int_equal(penalty.status, NGD_E_UNSUPPORTED);
  Both slots(1, {}, "rmsprop");
  const Outcome momentum = slots.set({{"optimizer.momentum", "0.5"}});
  assert_int_equal(momentum.status, NGD_E_STATE);
  assert_string_equal(
      momentum.text.c_str(),
      "option \"momentum\" of rule \"rmsprop\" is fixed once it is in use; set it right after creation");
}

NodeOptions with_replicas(uint32_t count) {
  NodeOptions options;
  options.replicas = count;
  options.digest_every = 2;
  return options;
}

// The settings go on under another leader, with the same bits, and replicas that come back have them.
void settings_outlive_a_takeover(void **) {
  Both both(3, with_replicas(3));
  both.cluster.world.run_until(both.cluster.world.now() + 5 * kSecond);
  both.push(2);
  both.set_both(kFirst);
  both.push(2);
  for (size_t server = 0; server < 3; server++) {
    both.cluster.world.crash_server(server);
    both.push(2);
    both.cluster.world.start_server(server);
    both.cluster.world.run_until(both.cluster.world.now() + 20 * kSecond);
    both.push(2);
    both.check_same();
  }
  both.set_both({{"optimizer.weight_decay", "0"}, {"optimizer.beta2", "0.9"}});
  both.push(4);
  both.check_same();
  uint64_t compared = 0;
  for (const auto &server : both.cluster.world.servers) {
    for (const auto &[number, shard] : server->node->shards()) {
      assert_int_equal(shard->replica().record().in_sync.size(), 3);
      assert_int_equal(shard->differences(), 0);
      compared += shard->digests();
    }
  }
  assert_in_range(compared, 4, 1000);
}

// What came after the checkpoint is gone, settings too; what was before it counts again.
void a_restart_goes_back_to_the_settings_of_its_checkpoint(void **) {
  Both both(1);
  both.push(2);
  both.set_both(kFirst);
  both.push(2);
  assert_int_equal(both.cluster.checkpoint(both.client).status, NGD_OK);
  const auto files = both.cluster.world.servers[0]->disk.files();
  assert_int_equal(both.set({{"optimizer.beta1", "0.1"}}).status, NGD_OK);

  for (const uint32_t shards : {2u, 1u, 3u}) {
    SmallCluster after;
    for (const auto &[path, content] : files) after.world.servers[0]->disk.put(path, content);
    const size_t b = after.client(model(kOptimizer, {tensor("w", {static_cast<int64_t>(kElements)})}, shards));
    std::vector<float> values = both.values;
    ngd::Optimizer local(kOptimizer);
    ngd::StateWriter writer;
    both.local.save(writer);
    ngd::StateReader reader;
    reader.tensors = writer.tensors;
    reader.texts = writer.texts;
    local.load(reader);
    const std::vector<float> gradient = ramp(kElements, 0.5f);
    ngd::TensorStep<float> step;
    step.parameter = values.data();
    step.gradient = gradient.data();
    local.step(std::span<const ngd::TensorStep<float>>(&step, 1));
    assert_int_equal(after.push(b, UpdateKind::gradient, {gradient}).status, NGD_OK);
    const Outcome read = after.pull(b, {{0, {}, false}});
    assert_true(SmallCluster::values(read, 0, kElements) == values);
  }
}

void settings_are_in_the_log(void **) {
  NodeOptions options;
  options.ack_disk = true;
  Both both(1, options);
  both.push(2);
  both.set_both(kFirst);
  both.push(2);
  assert_int_equal(both.cluster.checkpoint(both.client).status, NGD_OK);
  both.push(1);
  both.set_both({{"optimizer.beta1", "0.1"}, {"optimizer.weight_decay", "0.5"}});
  both.push(2);
  both.cluster.world.crash_server(0);
  both.cluster.world.start_server(0);
  both.push(2);
  both.check_same();
}

// Clients of the simulator have keys of their own; tests/capi/cluster_test.c lends a token to a client of the same key.
void a_token_is_not_lent_to_another_key(void **) {
  Both both(1);
  const wire::ModelSpec spec = model(kOptimizer, {tensor("w", {static_cast<int64_t>(kElements)})}, 2);
  const size_t other = both.cluster.client(spec);
  const Outcome granted = both.cluster.command(other, named(CommandKind::lock, "model"));
  both.cluster.world.session(both.client).hold({"model", granted.done.token});
  assert_int_equal(both.set({{"learning_rate", "0.25"}}).status, NGD_E_FENCED);
  both.cluster.world.session(both.client).release({"model", granted.done.token});
  both.set_both({{"learning_rate", "0.5"}});
}

void the_change_of_a_version_is_found(void **) {
  const std::string text = "5 learning_rate=0.125,beta1=0.5\n8 beta1=0.75\n9 \n";
  assert_int_equal(changes_of(text).size(), 3);
  assert_int_equal(change_at(text, 4).version, 0);
  assert_true(change_at(text, 4).settings == ngd::cluster::Settings{});
  assert_true(change_at(text, 5).settings.rate == 0.125 && change_at(text, 7).settings.options == "beta1=0.5");
  assert_true(change_at(text, 8).settings.rate == 0 && change_at(text, 8).settings.options == "beta1=0.75");
  assert_int_equal(change_at(text, 1000).version, 9);
  assert_string_equal(change_at(text, 1000).settings.text().c_str(), "");
  // What nothing was made with is not told; old changes are forgotten.
  std::string long_text;
  for (uint64_t version = 1; version <= 100; version++)
    long_text = ngd::cluster::with_change(long_text, version, {static_cast<double>(version), ""});
  long_text = ngd::cluster::with_change(long_text, 100, {0.5, "beta1=0.5"});
  assert_int_equal(changes_of(long_text).size(), 32);
  assert_string_equal(change_at(long_text, 100).settings.text().c_str(), "learning_rate=0.5,beta1=0.5");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(several_settings_count_from_one_version_on_all_shards),
      cmocka_unit_test(what_the_optimizer_would_refuse_is_refused),
      cmocka_unit_test(what_shards_cannot_do_is_refused),
      cmocka_unit_test(settings_outlive_a_takeover),
      cmocka_unit_test(a_restart_goes_back_to_the_settings_of_its_checkpoint),
      cmocka_unit_test(settings_are_in_the_log),
      cmocka_unit_test(a_token_is_not_lent_to_another_key),
      cmocka_unit_test(the_change_of_a_version_is_found),
  };
  return cmocka_run_group_tests_name("cluster settings", tests, nullptr, nullptr);
}
