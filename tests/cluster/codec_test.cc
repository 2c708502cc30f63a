// Messages to bytes and back, and bytes that are no messages.
#include "wire/codec.h"
#include "seeded.h"
#include "wire/limits.h"

#include "raises.h"
#include "test.h"

namespace {

using namespace ngd::wire;
using simulation::Seeded;

// One of each body with something in every field.
std::vector<Body> samples() {
  ModelSpec spec;
  spec.name = "model";
  spec.optimizer = "adam:learning_rate=0.1";
  spec.groups = {{"g", "*.bias", "weight_decay=0"}};
  spec.tensors = {{"w", {3, 4}, false, {}}, {"t", {100, 8}, true, {Initial::Kind::normal, 0.5f, 9}}};
  spec.shards = 2;
  spec.aggregate_sum = true;
  spec.average_rows = true;
  const ModelPlace place{
      3, 2, spec, {{4, 1, 7, {{0, 0, 12}}, {}, {}, false}, {5, 2, 7, {{1, 0, 800}}, {2, 1}, {2}, true}}};
  Push push;
  push.kind = UpdateKind::delta;
  push.attempt = 2;
  push.after = 5;
  push.base_version = 6;
  push.lineage = 7;
  push.pull = push.poll = true;
  push.tokens = {{"lock", 99}};
  push.tensors = {{0, 0, false}, {1, 3, true}};
  push.session = 8;
  push.wanted = {{1, 2, false}};
  push.wanted_rows = {4, 90};
  Command command;
  command.kind = CommandKind::claim;
  command.name = "data";
  command.number = kAny;
  command.expected = 4;
  command.exclusive = false;
  command.tokens = {{"a", 1}, {"b", 2}};
  Decision decision;
  decision.kind = Decision::Kind::seal;
  decision.number = 4;
  decision.version = 9;
  decision.update = UpdateKind::value;
  decision.aggregate = true;
  decision.entries = {{{1, 2}, 3, 4, 5}, {{6, 7}, 8, 9, 10}};
  decision.seal = {"lock", 77};
  decision.rate = 0.25;
  Restore restore;
  restore.lineage = 3;
  restore.slot = 1;
  restore.initialised = true;
  restore.seals = {{"l", 4}};
  restore.saved = {{5, "sum"}, {6, "other"}};
  return {Hello{},
          Welcome{1, 2, "cluster", 3},
          GetMap{"model", 7},
          Map{5, {{1, 2, "tcp://host:1", "key", "zone", true, true}}, {place}},
          CreateModel{spec},
          Open{Consistency::stale, 3, 4, false, 5},
          Opened{1, 2, 3, true, 4},
          KeepAlive{},
          Alive{9},
          Close{},
          push,
          Pushed{4, false, 5, {{1, 2, false}}},
          Pull{1, 2, 3, 4, {{0, 0, false}}},
          Pulled{6, {{0, 0, false}, {1, 4, false}}},
          ReadPoint{false, 1, 2, true},
          Point{3, 4, true},
          ReadDone{5},
          command,
          Query{QueryKind::status, "x", 4, 5, 6},
          Done{1, 2, 3, 4, "text"},
          Staged{1, 2, 3, 4, {{{}, 5, 6, 7}, {{}, 8, 9, 10}}},
          Dropped{5, 6, 7},
          Decide{2, {decision, decision}},
          Applied{1, 2, 3},
          Announce{1, 2, 3},
          restore,
          Restored{1, 2, 3, NGD_E_IO, "why"},
          Saved{1, 2, 3, 4, "sum", NGD_E_IO, "why"},
          Refused{NGD_E_FENCED, Refused::Retry::attempt, 1, 2, 3, "because", 4},
          Append{1, 2, 3, 4, 5, 6, 7, {{8, 9, 10}, {11, 12, 13}}},
          Appended{1, 2, 3, 4},
          Join{1, 2, 3, 4, 5},
          Transfer{1, 2, 3, 4, 5, 6, 7},
          Arrange{Arrange::Kind::move, 1, "model", 2, 3, {4, 5}},
          Handed{6},
          Fetch{true, 1, 2, 3, "sum", 4},
          Fetched{{false, 1, 2, 3, "sum", 4}, true, 5}};
}

void every_body_survives_the_way_through_bytes(void **) {
  const std::vector<Body> bodies = samples();
  assert_int_equal(bodies.size(), kTypes);
  for (size_t i = 0; i < bodies.size(); i++) {
    assert_int_equal(type_of(bodies[i]), i + 1);
    assert_string_not_equal(type_name(type_of(bodies[i])), "unknown");
    const Bytes bytes = encode(bodies[i]);
    const Body back = decode(type_of(bodies[i]), bytes.span());
    // Equal bytes: every field came through; and not the bytes of an empty one.
    assert_true(encode(back).text() == bytes.text());
  }
  const auto push = std::get<Push>(decode(type_of(Push{}), encode(bodies[10]).span()));
  assert_true(push.kind == UpdateKind::delta && push.after == 5 && push.session == 8 &&
              push.tokens[0].token == 99 && push.tensors[1].all_rows);
  const auto command = std::get<Command>(decode(type_of(Command{}), encode(Command{}).span()));
  assert_true(command.expected == kAny && command.exclusive);
}

// Whatever a peer sends: decoded, or refused with NGD_E_PROTOCOL.
void tolerates(uint8_t type, std::span<const std::byte> bytes, size_t &refused) {
  try {
    decode(type, bytes);
  } catch (const ngd::Error &error) {
    assert_int_equal(error.status(), NGD_E_PROTOCOL);
    refused++;
  }
}

void truncated_flipped_and_random_bytes_are_harmless(void **) {
  size_t refused = 0, tried = 0;
  Seeded random(1);
  for (const Body &body : samples()) {
    const Bytes good = encode(body);
    const uint8_t type = type_of(body);
    for (size_t length = 0; length < good.size; length++, tried++)
      tolerates(type, good.span().first(length), refused);
    for (size_t bit = 0; bit < good.size * 8; bit++, tried++) {
      std::vector<std::byte> bytes(good.span().begin(), good.span().end());
      bytes[bit / 8] ^= std::byte(1u << bit % 8);
      tolerates(type, bytes, refused);
    }
    for (int i = 0; i < 300; i++, tried++) {
      std::vector<std::byte> bytes(8 + random.below(200));
      for (std::byte &byte : bytes) byte = std::byte(random.below(random.chance(0.5) ? 256 : 16));
      tolerates(type, bytes, refused);
      // The bytes of another type.
      tolerates(static_cast<uint8_t>(1 + random.below(kTypes)), good.span(), refused);
    }
  }
  assert_true(refused > tried / 10 && refused < 2 * tried);
}

void impossible_contents_are_named(void **) {
  check_raises(NGD_E_PROTOCOL, "there is no message of type 0", [] { decode(0, {}); });
  check_raises(NGD_E_PROTOCOL, "there is no message of type 200", [] { decode(200, {}); });
  check_raises(NGD_E_PROTOCOL, "a message of type \"open\" has 0 control bytes; 8 to 4194304 are possible",
               [] { decode(type_of(Open{}), {}); });
  Push push;
  push.tokens.resize(kTokens + 1);
  check_raises(NGD_E_PROTOCOL, "a message of type \"push\" is malformed: a list is too long",
               [&] { decode(type_of(push), encode(push).span()); });
  GetMap map{std::string(300, 'x')};
  assert_true(std::get<GetMap>(decode(type_of(map), encode(map).span())).model.size() == kTextBytes);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_body_survives_the_way_through_bytes),
      cmocka_unit_test(truncated_flipped_and_random_bytes_are_harmless),
      cmocka_unit_test(impossible_contents_are_named),
  };
  return cmocka_run_group_tests_name("messages", tests, nullptr, nullptr);
}
