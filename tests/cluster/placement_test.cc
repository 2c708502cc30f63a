// Who is to have which shard: new models, servers that are drained, other numbers of copies, room and zones.
#include "cluster/placement.h"

#include <map>
#include <set>

#include "base/error.h"

#include "test.h"

namespace {

using namespace ngd::cluster;
namespace wire = ngd::wire;
using Kind = wire::Arrange::Kind;

// Servers 1 to n, in zones "a", "b", ... of `per_zone` each; per_zone = 0: without.
wire::Map servers(uint32_t count, uint32_t per_zone = 0) {
  wire::Map map;
  for (uint32_t i = 0; i < count; i++) {
    wire::NodePlace node;
    node.node = i + 1;
    node.alive = true;
    if (per_zone != 0) node.zone = std::string(1, static_cast<char>('a' + i / per_zone));
    map.nodes.push_back(node);
  }
  return map;
}

void add_model(wire::Map &map, const std::string &name, const std::vector<uint64_t> &elements, size_t copies) {
  wire::ModelPlace model;
  model.spec.name = name;
  Placement placement(map);
  for (size_t i = 0; i < elements.size(); i++) {
    wire::ShardPlace shard;
    shard.shard = static_cast<uint32_t>(map.models.size() * 100 + i + 1);
    shard.pieces = {{0, 0, elements[i]}};
    shard.replicas = placement.choose(elements[i], copies);
    shard.node = shard.replicas.front();
    model.shards.push_back(shard);
  }
  map.models.push_back(model);
}

void carry_out(wire::Map &map, const wire::Arrange &request) {
  for (const auto &[number, place] : Placement(map).arrange(request)) {
    for (wire::ModelPlace &model : map.models) {
      for (wire::ShardPlace &shard : model.shards) {
        if (shard.shard != number) continue;
        shard.replicas = place.nodes;
        shard.lead = place.lead;
        shard.node = place.nodes.front();
      }
    }
  }
}

std::map<uint32_t, uint64_t> loads(const wire::Map &map) {
  std::map<uint32_t, uint64_t> load;
  for (const wire::ModelPlace &model : map.models) {
    for (const wire::ShardPlace &shard : model.shards) {
      for (const uint32_t node : shard.replicas) load[node] += elements_of(shard);
    }
  }
  return load;
}

bool valid(const wire::Map &map, size_t copies) {
  for (const wire::ModelPlace &model : map.models) {
    for (const wire::ShardPlace &shard : model.shards) {
      if (std::set<uint32_t>(shard.replicas.begin(), shard.replicas.end()).size() != copies ||
          shard.replicas.size() != copies)
        return false;
    }
  }
  return true;
}

ngd_status refused(const wire::Map &map, const wire::Arrange &request) {
  try {
    Placement(map).arrange(request);
  } catch (const ngd::Error &error) {
    return error.status();
  }
  return NGD_OK;
}

void records_are_read_as_they_were_written(void **) {
  const WantedPlace place{{3, 1, 2}, true};
  assert_true(WantedPlace::parse(place.text()) == place);
  assert_true(WantedPlace::parse("7") == (WantedPlace{{7}, false}));
  for (const char *bad : {"", "lead", "0", "1 x", "1 lead", "-2", "1  2"})
    assert_false(WantedPlace::parse(bad).has_value());
}

void copies_go_where_there_is_room_and_to_other_zones(void **) {
  wire::Map map = servers(4, 2);
  add_model(map, "m", {100, 100, 100, 100}, 2);
  assert_true(valid(map, 2));
  for (const auto &[node, load] : loads(map)) assert_int_equal(load, 200);
  for (const wire::ShardPlace &shard : map.models[0].shards)
    assert_true((shard.replicas[0] <= 2) != (shard.replicas[1] <= 2));
  // With one zone left they share it.
  map.nodes[2].alive = map.nodes[3].alive = false;
  add_model(map, "n", {10}, 2);
  assert_int_equal(map.models[1].shards[0].replicas.size(), 2);
}

void a_drained_server_has_nothing_and_gets_nothing(void **) {
  wire::Map map = servers(4);
  add_model(map, "m", {100, 200, 300, 400, 500}, 2);
  carry_out(map, {Kind::drain, 2, {}, 0, 0, {}});
  assert_true(valid(map, 2));
  assert_int_equal(loads(map).count(2), 0);
  map.nodes[1].drained = true;
  add_model(map, "n", {100, 100, 100, 100}, 3);
  assert_int_equal(loads(map).count(2), 0);
  assert_int_equal(refused(map, {Kind::drain, 9, {}, 0, 0, {}}), NGD_E_NOT_FOUND);
  // The last one that has a shard keeps it.
  wire::Map alone = servers(1);
  add_model(alone, "m", {100}, 1);
  assert_int_equal(refused(alone, {Kind::drain, 1, {}, 0, 0, {}}), NGD_E_UNAVAILABLE);
}

void the_number_of_copies_changes_and_the_leader_stays(void **) {
  wire::Map map = servers(5);
  add_model(map, "m", {100, 200, 300}, 2);
  const wire::Map before = map;
  carry_out(map, {Kind::replicas, 0, "m", 0, 4, {}});
  assert_true(valid(map, 4));
  carry_out(map, {Kind::replicas, 0, "m", 0, 1, {}});
  assert_true(valid(map, 1));
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(map.models[0].shards[i].node, before.models[0].shards[i].node);
  assert_int_equal(refused(map, {Kind::replicas, 0, "m", 0, 6, {}}), NGD_E_UNAVAILABLE);
  assert_int_equal(refused(map, {Kind::replicas, 0, "m", 0, 0, {}}), NGD_E_RANGE);
  assert_int_equal(refused(map, {Kind::replicas, 0, "x", 0, 1, {}}), NGD_E_NOT_FOUND);
}

void a_shard_moves_to_the_servers_that_are_named(void **) {
  wire::Map map = servers(4);
  add_model(map, "m", {100, 100}, 2);
  carry_out(map, {Kind::move, 0, "m", 1, 0, {4, 3, 2}});
  assert_true((map.models[0].shards[1].replicas == std::vector<uint32_t>{4, 3, 2}));
  assert_true(map.models[0].shards[1].lead);
  assert_int_equal(refused(map, {Kind::move, 0, "m", 2, 0, {4}}), NGD_E_RANGE);
  assert_int_equal(refused(map, {Kind::move, 0, "m", 1, 0, {}}), NGD_E_ARGUMENT);
  assert_int_equal(refused(map, {Kind::move, 0, "m", 1, 0, {1, 1}}), NGD_E_ARGUMENT);
  assert_int_equal(refused(map, {Kind::move, 0, "m", 1, 0, {7}}), NGD_E_UNAVAILABLE);
}

// Not only copies: who leads a shard has more to do than who follows.
void each_server_leads_as_many_shards_of_a_new_model(void **) {
  for (const uint32_t count : {2, 3, 4, 10}) {
    wire::Map map = servers(count);
    add_model(map, "m", std::vector<uint64_t>(count, 100), 2);
    std::map<uint32_t, int> leads;
    for (const wire::ShardPlace &shard : map.models[0].shards) leads[shard.replicas.front()]++;
    assert_int_equal(leads.size(), count);
  }
}

void balance_evens_out_and_then_changes_nothing(void **) {
  wire::Map map = servers(2);
  add_model(map, "m", {100, 200, 300, 400, 500, 600}, 2);
  for (wire::NodePlace node : servers(4).nodes) {
    if (node.node > 2) map.nodes.push_back(node);
  }
  carry_out(map, {Kind::balance, 0, {}, 0, 0, {}});
  assert_true(valid(map, 2));
  const auto load = loads(map);
  assert_int_equal(load.size(), 4);
  for (const auto &[node, elements] : load) assert_in_range(elements, 900, 1200);  // 4200 in all
  std::map<uint32_t, int> leads;
  for (const wire::ShardPlace &shard : map.models[0].shards) leads[shard.replicas.front()]++;
  assert_true(leads.size() >= 3);
  assert_true(Placement(map).arrange({Kind::balance, 0, {}, 0, 0, {}}).empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(records_are_read_as_they_were_written),
      cmocka_unit_test(copies_go_where_there_is_room_and_to_other_zones),
      cmocka_unit_test(each_server_leads_as_many_shards_of_a_new_model),
      cmocka_unit_test(a_drained_server_has_nothing_and_gets_nothing),
      cmocka_unit_test(the_number_of_copies_changes_and_the_leader_stays),
      cmocka_unit_test(a_shard_moves_to_the_servers_that_are_named),
      cmocka_unit_test(balance_evens_out_and_then_changes_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
