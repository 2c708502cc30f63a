// Servers that fetch files of checkpoints from each other, because all replicas died and who leads now has not got them.
#include "cluster/fetch.h"
#include "cluster/layout.h"
#include "cluster/parameters.h"
#include "cluster/replica.h"
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::FileFetch;
using ngd::cluster::Manifest;
using ngd::cluster::Replica;
using ngd::cluster::ReplicaRecord;
using wire::UpdateKind;

constexpr size_t kElements = 200'000;  // a file of several parts
constexpr uint32_t kShard = 1;
const wire::ModelSpec kModel = model("momentum:learning_rate=1", {tensor("w", {kElements})});

NodeOptions with_replicas(uint32_t count) {
  NodeOptions options;
  options.replicas = count;
  return options;
}

// Shards of a model on servers, each with its disk. Checkpoints are written when a test says so.
class Disks : public SmallCluster {
 public:
  explicit Disks(size_t servers, uint32_t replicas, const wire::ModelSpec &spec = kModel)
      : SmallCluster(servers, with_replicas(replicas)), spec_(spec) {
    world.run_until(kSecond);  // all have joined
    writer = client(spec);
    assert_int_equal(push(writer, UpdateKind::initial, {std::vector<float>(kElements, 0)}).status, NGD_OK);
    assert_true(until([&] { return in_sync().size() == replicas; }));
  }
  ~Disks() {
    for (const std::string &one : world.violations) print_error("%s\n", one.c_str());
  }
  const ReplicaRecord &record(uint32_t shard = kShard) const { return *world.agreement.record(shard); }
  const std::vector<ngd::cluster::Member> &in_sync() const { return record().in_sync; }
  size_t leader(uint32_t shard = kShard) const { return record(shard).primary.node - 1; }
  bool leads(size_t server, uint32_t shard = kShard) const {
    const auto &node = world.servers[server]->node;
    return node != nullptr && node->shards().contains(shard) && node->shards().at(shard)->ready();
  }
  std::string trouble(size_t server) const {
    const auto &shards = world.servers[server]->node->shards();
    return shards.contains(kShard) ? shards.at(kShard)->trouble() : std::string();
  }
  template <class Condition>
  bool until(Condition condition, Time patience = 20 * kSecond) {
    world.run_until(world.now() + patience, condition);
    return condition();
  }
  void add(float value) {
    assert_int_equal(push(writer, UpdateKind::delta, {std::vector<float>(kElements, value)}).status, NGD_OK);
  }
  // A checkpoint of what was pushed until now, by the server that leads the root.
  Manifest save(size_t server) {
    auto &node = *world.servers[server]->node;
    const ngd::cluster::Shard &root = *node.shards().at(kShard);
    const uint64_t before = root.checkpoints_done();
    node.checkpoint(world.servers[server]->time());
    assert_true(until([&] { return root.checkpoints_done() > before; }));
    const auto manifests = ngd::cluster::read_manifests(world.servers[server]->disk, "data", "m");
    assert_false(manifests.empty());
    return manifests.front();
  }
  // Dies, is put out of the set, and may come again.
  void stop(size_t server) {
    world.crash_server(server);
    assert_true(until([&] { return in_sync().size() == 1 && leads(leader()); }));
  }
  void come(size_t server, size_t members) {
    world.start_server(server);
    assert_true(until([&] { return in_sync().size() == members; }));
  }
  // All cells of the model have the value.
  void holds(float value) {
    Outcome outcome;
    do {
      outcome = pull(writer, {{0, {}, false}});
    } while (outcome.status == NGD_E_LINEAGE);
    if (outcome.status != NGD_OK) fail_msg("%s", outcome.text.c_str());
    for (const float one : values(outcome, 0, kElements)) assert_true(one == value);
  }
  std::string file(uint32_t slot, uint32_t index = 0) const {
    return ngd::cluster::shard_file("data", "m", slot, index, spec_.shards);
  }
  size_t writer = 0;

 private:
  const wire::ModelSpec spec_;
};

void damage(SimulatedDisk &disk, const std::string &path) {
  auto content = disk.files().at(path);
  content[content.size() / 2] ^= std::byte{1};
  disk.put(path, std::move(content));
}

// Two servers, of which the second came in sync after the checkpoint, led, and died. Returns the checkpoint.
Manifest newcomer_leads(Disks &disks, size_t first, size_t second) {
  disks.stop(second);
  disks.world.run_until(disks.world.now() + 11 * kSecond);  // the snapshot that it got is forgotten
  disks.add(3);
  const Manifest manifest = disks.save(first);
  disks.add(4);
  disks.come(second, 2);
  disks.stop(first);
  assert_int_equal(disks.leader(), second);
  disks.world.crash_server(second);
  return manifest;
}

void who_leads_and_has_no_checkpoint_fetches_it(void **) {
  Disks disks(2, 2);
  const size_t first = disks.leader(), second = 1 - first;
  const Manifest manifest = newcomer_leads(disks, first, second);
  SimulatedDisk &disk = disks.world.servers[second]->disk;
  assert_true(disk.files().empty());
  disks.world.start_server(first);
  disks.world.start_server(second);
  assert_true(disks.until([&] { return disks.leads(second); }));
  disks.holds(3);
  // It is kept, for the next time: then the other server is not needed.
  assert_true(disks.until([&] { return disk.files().size() == 2; }));
  assert_int_equal(ngd::cluster::read_manifests(disk, "data", "m").at(0).generation, manifest.generation);
  assert_true(disk.files().at(disks.file(manifest.slot)) ==
              disks.world.servers[first]->disk.files().at(disks.file(manifest.slot)));
  // The next checkpoint goes to the other slot.
  disks.add(1);
  assert_int_equal(disks.save(second).slot, 1 - manifest.slot);
  assert_true(disks.world.violations.empty());
}

void a_full_disk_does_not_keep_it_from_coming_back(void **) {
  Disks disks(2, 2);
  const size_t first = disks.leader(), second = 1 - first;
  newcomer_leads(disks, first, second);
  disks.world.servers[second]->disk.full = true;
  disks.world.start_server(first);
  disks.world.start_server(second);
  assert_true(disks.until([&] { return disks.leads(second); }));
  disks.holds(3);
  assert_true(
      disks.until([&] { return disks.trouble(second).find("could not be kept") != std::string::npos; }));
}

// The newest counts, wherever it is: who leads has an older one.
void an_older_checkpoint_here_does_not_hide_a_newer_one_elsewhere(void **) {
  Disks disks(2, 2);
  const size_t first = disks.leader(), second = 1 - first;
  disks.add(1);
  disks.save(first);
  disks.world.run_until(disks.world.now() + kSecond);
  assert_int_equal(ngd::cluster::read_manifests(disks.world.servers[second]->disk, "data", "m").size(), 1);
  newcomer_leads(disks, first, second);
  disks.world.start_server(first);
  disks.world.start_server(second);
  assert_true(disks.until([&] { return disks.leads(second); }));
  disks.holds(1 + 3);
}

// Of two servers that have it one has it damaged; and who leads has a damaged one itself.
void a_damaged_file_is_taken_from_the_next_server(void **) {
  for (size_t which = 0; which < 2; which++) {
    Disks disks(3, 3);
    const size_t last = disks.leader(), good = (last + 1 + which) % 3, bad = (last + 2 - which) % 3;
    disks.add(5);
    const Manifest manifest = disks.save(last);
    disks.world.run_until(disks.world.now() + kSecond);
    for (size_t server = 0; server < 3; server++) disks.world.crash_server(server);
    damage(disks.world.servers[last]->disk, disks.file(manifest.slot));
    damage(disks.world.servers[bad]->disk, disks.file(manifest.slot));
    for (size_t server = 0; server < 3; server++) disks.world.start_server(server);
    assert_true(disks.until([&] { return disks.leads(last) || disks.leads(good) || disks.leads(bad); }));
    disks.holds(5);
    assert_true(disks.world.violations.empty());
  }
}

// Nobody who is there has the file: the model stays away and says why, until its server comes.
void a_model_that_stayed_away_comes_back_with_the_server_that_has_the_file(void **) {
  Disks disks(2, 2);
  const size_t first = disks.leader(), second = 1 - first;
  disks.add(2);
  const Manifest manifest = disks.save(first);
  disks.world.run_until(disks.world.now() + kSecond);
  disks.stop(first);
  disks.world.crash_server(second);
  damage(disks.world.servers[second]->disk, disks.file(manifest.slot));
  disks.world.start_server(second);
  assert_true(
      disks.until([&] { return disks.trouble(second).find("bring back the files") != std::string::npos; }));
  assert_true(disks.trouble(second).find("do not match its checksum") != std::string::npos);
  assert_true(disks.trouble(second).find("no other server has it") != std::string::npos);
  assert_false(disks.leads(second));
  disks.world.start_server(first);
  assert_true(disks.until([&] { return disks.leads(second); }));
  disks.holds(2);
}

// Each of the shards' leaders lacks its own file.
void every_shard_fetches_its_own_file(void **) {
  wire::ModelSpec spec = kModel;
  spec.shards = 2;
  Disks disks(3, 2, spec);
  disks.add(6);
  disks.save(disks.leader());
  disks.world.run_until(disks.world.now() + kSecond);
  const size_t roots = disks.leader(1), others = disks.leader(2);
  for (size_t server = 0; server < 3; server++) disks.world.crash_server(server);
  for (const auto &[server, index] : {std::pair(roots, 0u), std::pair(others, 1u)}) {
    SimulatedDisk &disk = disks.world.servers[server]->disk;
    assert_int_equal(disk.files().count(disks.file(0, index)), 1);
    disk.remove(disks.file(0, index));
  }
  for (size_t server = 0; server < 3; server++) disks.world.start_server(server);
  assert_true(disks.until([&] { return disks.leads(disks.leader(1), 1) && disks.leads(disks.leader(2), 2); }));
  disks.holds(6);
}

// It has moved, and nobody wrote a checkpoint since: where it was, its files still lie.
void a_server_that_has_the_shard_no_more_still_gives_the_files(void **) {
  Disks disks(2, 1);
  const size_t first = disks.leader(), second = 1 - first;
  disks.add(7);
  disks.save(first);
  disks.world.place_shard("1", {{static_cast<uint32_t>(second + 1)}, true});
  assert_true(disks.until([&] {
    return disks.leader() == second && disks.leads(second) &&
           disks.world.servers[first]->node->shards().empty();
  }));
  disks.world.crash_server(second);
  disks.world.start_server(second);
  assert_true(disks.until([&] { return disks.leads(second); }));
  disks.holds(7);
}

// Who led wrote a file of what was never committed, under the number that its successor gives another checkpoint.
void a_file_of_the_same_number_is_not_taken_for_the_checkpoint(void **) {
  Disks disks(2, 2);
  const size_t first = disks.leader(), second = 1 - first;
  disks.add(8);
  const Manifest manifest = disks.save(first);
  disks.world.run_until(disks.world.now() + kSecond);
  for (const size_t server : {first, second}) disks.world.crash_server(server);
  // As it would lie there: whole, of the same generation, with another content.
  ngd::cluster::Parameters parameters(kModel, ngd::cluster::layout(kModel)[0]);
  ngd::StateWriter writer;
  parameters.save(writer);
  writer.text("generation", std::to_string(manifest.generation));
  ngd::cluster::write_shard(disks.world.servers[first]->disk, disks.file(manifest.slot),
                            ngd::cluster::SavedShard(writer));
  for (const size_t server : {first, second}) disks.world.start_server(server);
  assert_true(disks.until([&] { return disks.leads(first) || disks.leads(second); }));
  disks.holds(8);
}

// Roots whose disk is full decide a checkpoint, which fails, and die: the next must not write over the one that is whole.
void a_whole_checkpoint_stays_until_a_newer_one_is_whole(void **) {
  Disks disks(3, 3);
  disks.add(1);
  const Manifest before = disks.save(disks.leader());
  disks.world.run_until(disks.world.now() + kSecond);
  const auto whole = [&] {
    return std::ranges::any_of(disks.world.servers, [&](const auto &one) {
      const auto manifests = ngd::cluster::read_manifests(one->disk, "data", "m");
      return !manifests.empty() && manifests.front().generation == before.generation;
    });
  };
  for (int deaths = 0; deaths < 3; deaths++) {
    const size_t leader = disks.leader();
    auto &server = *disks.world.servers[leader];
    server.disk.full = true;
    server.node->checkpoint(server.time());
    disks.world.run_until(disks.world.now() + kSecond);
    assert_true(disks.trouble(leader).find("the last checkpoint failed") != std::string::npos);
    disks.world.crash_server(leader);
    server.disk.full = false;
    assert_true(whole());
    assert_true(disks.until([&] { return disks.leader() != leader && disks.leads(disks.leader()); }));
    disks.come(leader, 3);
  }
}

// --- the machine ------------------------------------------------------------------------------------------------------

// A file of several parts on the disks of servers 1 and 2; server 3 asks.
struct Fetching {
  Fetching() : random(1), disk(random) {
    ngd::cluster::Parameters parameters(kModel, ngd::cluster::layout(kModel)[0]);
    ngd::StateWriter writer;
    parameters.save(writer);
    writer.text("generation", "5");
    told = ngd::cluster::write_shard(disk, ngd::cluster::shard_file("data", "m", 1, 0, 1),
                                     ngd::cluster::SavedShard(writer));
    fetch = std::make_unique<FileFetch>(
        "here", wire::Fetch{false, 1, 0, 1, told.checksum, 0}, ngd::cluster::WantedShard{5, nullptr, false},
        told, std::vector<ngd::cluster::KnownServer>{{1, 1, true}, {2, 1, true}}, now);
  }
  void tick() {
    fetch->tick(now,
                [&](uint32_t node, wire::Fetch question) { asked.emplace_back(node, std::move(question)); });
  }
  // The answers of those servers that are not silent.
  void answer(const std::set<uint32_t> &silent) {
    std::vector<std::pair<uint32_t, wire::Fetch>> questions;
    questions.swap(asked);
    for (const auto &[node, question] : questions) {
      if (silent.contains(node)) continue;
      std::vector<wire::Bytes> payload;
      const wire::Fetched found = ngd::cluster::answer_fetch(disk, "data", "m", question, payload);
      parts += found.there ? 1 : 0;
      fetch->answered(node, found, payload, now,
                      [&](uint32_t to, wire::Fetch next) { asked.emplace_back(to, std::move(next)); });
    }
  }
  Seeded random;
  SimulatedDisk disk;
  Time now = kSecond;
  ngd::cluster::ManifestFile told;
  std::unique_ptr<FileFetch> fetch;
  std::vector<std::pair<uint32_t, wire::Fetch>> asked;
  size_t parts = 0;
};

void a_file_comes_part_by_part_from_one_server(void **) {
  Fetching one;
  one.tick();
  while (one.fetch->state() == FileFetch::State::under_way) one.answer({});
  assert_true(one.fetch->state() == FileFetch::State::whole);
  constexpr size_t kPart = size_t{256} << 10;
  assert_int_equal(one.parts, (one.told.bytes + kPart - 1) / kPart + 1);  // the first came from both
  assert_true(one.parts > 3);
  assert_int_equal(one.fetch->take().bytes.size(), one.told.bytes);
}

void a_server_that_falls_silent_is_left_for_another(void **) {
  Fetching one;
  one.tick();
  one.answer({2});  // the first part, from 1
  for (int i = 0; i < 200 && one.fetch->state() == FileFetch::State::under_way; i++) {
    one.now += 100'000;
    one.tick();
    one.answer({1});
  }
  assert_true(one.fetch->state() == FileFetch::State::whole);
}

void nobody_who_answers_is_told_of(void **) {
  Fetching one;
  for (int i = 0; i < 100 && one.fetch->state() == FileFetch::State::under_way; i++) {
    one.tick();
    one.answer({1, 2});
    one.now += 100'000;
  }
  assert_true(one.fetch->state() == FileFetch::State::failed);
  assert_string_equal(one.fetch->why().c_str(), "no other server has it");
}

// Of another name, of another length, damaged, or no question at all.
void answers_tell_only_of_what_is_there(void **) {
  Fetching one;
  std::vector<wire::Bytes> payload;
  const auto there = [&](const wire::Fetch &question) {
    payload.clear();
    return ngd::cluster::answer_fetch(one.disk, "data", "m", question, payload).there;
  };
  assert_true(there({false, 1, 0, 1, one.told.checksum, 0}));
  assert_true(wire::total_bytes(payload) <= size_t{256} << 10);
  assert_false(there({false, 1, 0, 1, "another", 0}));
  assert_false(there({false, 0, 0, 1, one.told.checksum, 0}));
  assert_false(there({false, 1, 1, 1, one.told.checksum, 0}));
  assert_false(there({false, 7, 0, 1, one.told.checksum, 0}));
  assert_false(there({false, 1, 0, 100'000, one.told.checksum, 0}));
  assert_false(there({true, 1, 0, 0, {}, 0}));
  const std::string path = ngd::cluster::shard_file("data", "m", 1, 0, 1);
  for (const size_t length : {0u, 7u, 100u}) {
    auto content = one.disk.files().at(path);
    content.resize(length);
    one.disk.put(path, content);
    assert_false(there({false, 1, 0, 1, one.told.checksum, 0}));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_file_comes_part_by_part_from_one_server),
      cmocka_unit_test(a_server_that_falls_silent_is_left_for_another),
      cmocka_unit_test(nobody_who_answers_is_told_of),
      cmocka_unit_test(answers_tell_only_of_what_is_there),
      cmocka_unit_test(who_leads_and_has_no_checkpoint_fetches_it),
      cmocka_unit_test(a_full_disk_does_not_keep_it_from_coming_back),
      cmocka_unit_test(an_older_checkpoint_here_does_not_hide_a_newer_one_elsewhere),
      cmocka_unit_test(a_damaged_file_is_taken_from_the_next_server),
      cmocka_unit_test(a_model_that_stayed_away_comes_back_with_the_server_that_has_the_file),
      cmocka_unit_test(every_shard_fetches_its_own_file),
      cmocka_unit_test(a_server_that_has_the_shard_no_more_still_gives_the_files),
      cmocka_unit_test(a_file_of_the_same_number_is_not_taken_for_the_checkpoint),
      cmocka_unit_test(a_whole_checkpoint_stays_until_a_newer_one_is_whole),
  };
  return cmocka_run_group_tests_name("checkpoints of other servers", tests, nullptr, nullptr);
}
