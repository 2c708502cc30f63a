// Checkpoints: what comes back, into how many shards, and what happens to files that are torn, rotten or missing.
#include "cluster/checkpoint.h"
#include "cluster/layout.h"
#include "cluster/parameters.h"
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::Manifest;
using wire::UpdateKind;

std::vector<float> ramp(size_t count, float scale) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; i++) values[i] = scale * static_cast<float>(i % 61) - 2;
  return values;
}

constexpr size_t kLarge = 16384 * 4 + 100;

wire::ModelSpec mixed(uint32_t shards) {
  wire::TensorSpec table = tensor("rows", {1000, 4}, true);
  table.initial = {wire::Initial::Kind::uniform, 0.5f, 3};
  wire::ModelSpec spec =
      model("adam:learning_rate=0.02",
            {tensor("large", {static_cast<int64_t>(kLarge)}), tensor("large.bias", {7}), table}, shards);
  return spec;
}

std::vector<float> everything(SmallCluster &cluster, size_t client) {
  const Outcome read = cluster.pull(client, {{0, {}, false}, {1, {}, false}, {2, {}, true}});
  assert_int_equal(read.status, NGD_OK);
  std::vector<float> all = SmallCluster::values(read, 0, kLarge);
  for (const uint32_t t : {1u, 2u}) {
    const std::vector<float> more = SmallCluster::values(read, t, t == 1 ? 7 : 4000);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

void step(SmallCluster &cluster, size_t client, float scale) {
  const std::vector<uint32_t> rows = {3, 500, 999};
  std::vector<TensorUpdate> updates = {{0, {}, SmallCluster::bytes(ramp(kLarge, scale))},
                                       {1, {}, SmallCluster::bytes(ramp(7, scale))},
                                       {2, rows, SmallCluster::bytes(ramp(12, scale))}};
  assert_int_equal(
      cluster
          .wait(client, cluster.world.session(client).push(UpdateKind::gradient, updates, cluster.now(client),
                                                           cluster.soon(client)))
          .status,
      NGD_OK);
}

// Two shards are saved; one, two, three and five shards go on from there with the same bits, the optimizer's state included.
void a_checkpoint_goes_on_in_any_number_of_shards(void **) {
  SmallCluster before;
  const size_t a = before.client(mixed(2));
  before.push(a, UpdateKind::initial, {ramp(kLarge, 1), ramp(7, 1), {}});
  step(before, a, 0.1f);
  step(before, a, 0.2f);
  wire::Command set = named(wire::CommandKind::set_value, "epoch");
  assert_int_equal(before.command(a, set, "12").status, NGD_OK);
  assert_int_equal(before.checkpoint(a).status, NGD_OK);
  const std::vector<float> saved = everything(before, a);
  const auto files = before.world.servers[0]->disk.files();
  step(before, a, 0.3f);
  const std::vector<float> next = everything(before, a);

  for (const uint32_t shards : {1u, 2u, 3u, 5u}) {
    SmallCluster after;
    for (const auto &[path, content] : files) after.world.servers[0]->disk.put(path, content);
    const size_t b = after.client(mixed(shards));
    assert_true(everything(after, b) == saved);
    const Outcome version = after.wait(b, after.world.session(b).version(after.now(b), after.soon(b)));
    assert_true(version.lineage == 2 && version.version >= uint64_t{1}
                                                               << 20);  // above all that was ever promised
    step(after, b, 0.3f);
    assert_true(everything(after, b) == next);
    wire::Query query;
    query.name = "epoch";
    const Outcome value = after.wait(b, after.world.session(b).query(query, after.now(b), after.soon(b)));
    assert_int_equal(value.status, NGD_OK);
  }
}

// Pulls and pushes go on while the files are written, and the files hold what was there when the checkpoint began.
void a_checkpoint_stops_nobody(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(mixed(2));
  cluster.push(a, UpdateKind::initial, {ramp(kLarge, 1), ramp(7, 1), {}});
  const std::vector<float> at = everything(cluster, a);
  auto &server = *cluster.world.servers[0];
  server.node->checkpoint(server.time());
  const auto clearing = server.node->take_job();
  assert_non_null(clearing.get());
  clearing->run();
  server.node->finish(clearing, server.time());
  const auto held = server.node->take_job();  // the root's file; its writing takes long
  assert_non_null(held.get());
  step(cluster, a, 0.1f);
  assert_true(everything(cluster, a) != at);
  assert_int_equal(server.node->checkpoints_pending(), 1);
  held->run();
  server.node->finish(held, server.time());
  cluster.world.run_until(cluster.world.now() + 2 * kSecond);
  cluster.push(a, UpdateKind::delta, {});  // lets the world look for jobs
  cluster.world.run_until(cluster.world.now() + 2 * kSecond);
  assert_int_equal(server.node->checkpoints_pending(), 0);
  const auto manifests = ngd::cluster::read_manifests(server.disk, "data", "m");
  assert_int_equal(manifests.size(), 1);
  assert_int_equal(manifests[0].version, 1);

  SmallCluster after;
  for (const auto &[path, content] : server.disk.files()) after.world.servers[0]->disk.put(path, content);
  const size_t b = after.client(mixed(2));
  assert_true(everything(after, b) == at);
}

// --- files ----------------------------------------------------------------------------------------------------------------

// Two shards of a small model and their manifest, as bytes.
struct Saved {
  explicit Saved(uint64_t generation, uint32_t slot, SimulatedDisk &disk) {
    spec = model("momentum:learning_rate=0.1", {tensor("v", {5}), tensor("w", {3})}, 2);
    manifest.slot = slot;
    manifest.generation = generation;
    manifest.version = 10 * generation;
    manifest.lineage = 1;
    manifest.initialised = true;
    const auto pieces = ngd::cluster::layout(spec);
    for (uint32_t index = 0; index < 2; index++) {
      ngd::cluster::Parameters parameters(spec, pieces[index]);
      ngd::StateWriter writer;
      parameters.save(writer);
      writer.text("generation", std::to_string(generation));
      manifest.files.push_back(ngd::cluster::write_shard(
          disk, ngd::cluster::shard_file("data", "m", slot, index, 2), ngd::cluster::SavedShard(writer)));
    }
    ngd::cluster::write_manifest(disk, "data", "m", manifest);
  }
  wire::ModelSpec spec;
  Manifest manifest;
};

// The newest checkpoint of which all can be read; 0: none.
uint64_t readable(SimulatedDisk &disk) {
  for (const Manifest &manifest : ngd::cluster::read_manifests(disk, "data", "m")) {
    try {
      for (uint32_t index = 0; index < 2; index++)
        ngd::cluster::read_shard(disk, ngd::cluster::shard_file("data", "m", manifest.slot, index, 2),
                                 {manifest.generation, &manifest.files[index]});
      return manifest.generation;
    } catch (const ngd::Error &error) {
      assert_int_equal(error.status(), NGD_E_CHECKPOINT);
    }
  }
  return 0;
}

// The server dies at each of its calls to the disk: the older checkpoint is whole, or the newer one.
void a_death_at_any_call_leaves_a_checkpoint(void **) {
  uint64_t calls = 0;
  {
    Seeded random(1);
    SimulatedDisk disk(random);
    const Saved both(1, 0, disk);
    calls = disk.calls;
    assert_true(calls > 15);
  }
  size_t newer = 0;
  for (uint64_t at = 1; at <= calls + 1; at++) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
      Seeded random(seed * 1000 + at);
      SimulatedDisk disk(random);
      const Saved first(1, 0, disk);
      disk.crash_at = disk.calls + at;
      try {
        const Saved second(2, 1, disk);
      } catch (const ngd::Error &error) {
        assert_int_equal(error.status(), NGD_E_IO);
      }
      disk.crash();
      const uint64_t generation = readable(disk);
      assert_true(generation == 1 || generation == 2);
      if (at == calls + 1) assert_int_equal(generation, 2);
      newer += generation == 2 ? 1 : 0;
    }
  }
  assert_true(newer >= 20);
}

void a_full_disk_and_a_failed_sync_are_errors(void **) {
  Seeded random(3);
  SimulatedDisk disk(random);
  const Saved first(1, 0, disk);
  disk.full = true;
  assert_true([&] {
    try {
      const Saved second(2, 1, disk);
    } catch (const ngd::Error &error) {
      return error.status() == NGD_E_IO;
    }
    return false;
  }());
  disk.full = false;
  disk.sync_failure = 1;
  assert_true([&] {
    try {
      const Saved second(2, 1, disk);
    } catch (const ngd::Error &error) {
      return error.status() == NGD_E_IO;
    }
    return false;
  }());
  assert_int_equal(readable(disk), 1);
}

// What was written of it would keep others from the room that they wait for.
void a_checkpoint_that_finds_no_room_leaves_nothing_behind(void **) {
  Seeded random(5);
  SimulatedDisk disk(random);
  const Saved first(1, 0, disk);
  const size_t files = disk.files().size();
  int failed = 0;
  for (uint64_t calls = 1; calls < 12; calls++) {
    disk.full_from = disk.calls + calls;
    try {
      const Saved second(2, 1, disk);
    } catch (const ngd::Error &error) {
      assert_int_equal(error.status(), NGD_E_IO);
      failed++;
    }
    for (const auto &[path, content] : disk.files()) assert_false(path.ends_with(".tmp"));
  }
  assert_true(failed > 3 && disk.files().size() >= files);
}

// Every length of every file, and every bit of it: never taken for a checkpoint, unless nothing of it changed.
void cut_and_flipped_files_are_refused(void **) {
  Seeded random(4);
  SimulatedDisk disk(random);
  const Saved saved(1, 0, disk);
  for (const auto &[path, content] : disk.files()) {
    for (size_t length = 0; length < content.size(); length += path.ends_with("json") ? 1 : 7) {
      disk.put(path, std::vector<std::byte>(content.begin(), content.begin() + static_cast<ptrdiff_t>(length)));
      assert_int_equal(readable(disk), 0);
    }
    for (size_t bit = 0; bit < content.size() * 8; bit += path.ends_with("json") ? 1 : 5) {
      std::vector<std::byte> flipped = content;
      flipped[bit / 8] ^= std::byte(1u << bit % 8);
      disk.put(path, flipped);
      // Blanks that pad a header say nothing; a changed one may turn into another blank.
      if (readable(disk) != 0 && content[bit / 8] != std::byte{' '})
        fail_msg("bit %zu of %s, '%c', is of no account", bit, path.c_str(),
                 static_cast<int>(content[bit / 8]));
    }
    disk.put(path, content);
    assert_int_equal(readable(disk), 1);
  }
}

void both_slots_damaged_is_said_and_not_begun_anew(void **) {
  SmallCluster before;
  const size_t a = before.client(mixed(1));
  before.push(a, UpdateKind::initial, {ramp(kLarge, 1), ramp(7, 1), {}});
  assert_int_equal(before.checkpoint(a).status, NGD_OK);
  SmallCluster after;
  for (auto [path, content] : before.world.servers[0]->disk.files()) {
    if (path.ends_with("safetensors")) content[content.size() / 2] ^= std::byte{1};
    after.world.servers[0]->disk.put(path, content);
  }
  const size_t index = after.world.add_client();
  ClientOptions options;
  options.addresses = {"sim://0"};
  after.world.start_client(index, options);
  const Outcome outcome =
      after.wait(index, after.world.session(index).create_model(mixed(1), after.now(index), after.soon(index)));
  assert_int_equal(outcome.status, NGD_E_TIMEOUT);
  assert_true(outcome.text.find("its contents do not match its checksum") != std::string::npos);
  assert_true(outcome.text.find("remove them all to begin anew") != std::string::npos);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_checkpoint_goes_on_in_any_number_of_shards),
      cmocka_unit_test(a_checkpoint_stops_nobody),
      cmocka_unit_test(a_death_at_any_call_leaves_a_checkpoint),
      cmocka_unit_test(a_full_disk_and_a_failed_sync_are_errors),
      cmocka_unit_test(a_checkpoint_that_finds_no_room_leaves_nothing_behind),
      cmocka_unit_test(cut_and_flipped_files_are_refused),
      cmocka_unit_test(both_slots_damaged_is_said_and_not_begun_anew),
  };
  return cmocka_run_group_tests_name("cluster checkpoints", tests, nullptr, nullptr);
}
