// Bodies as FlatBuffers tables, by the one description of their fields.
#include "wire/codec.h"

#include "base/error.h"
#include "wire/fields.h"
#include "wire/table.h"

namespace ngd::wire {
namespace {

constexpr const char *kNames[] = {"hello",    "welcome",    "get_map",    "map",     "create_model", "open",
                                  "opened",   "keep_alive", "alive",      "close",   "push",         "pushed",
                                  "pull",     "pulled",     "read_point", "point",   "read_done",    "command",
                                  "query",    "done",       "staged",     "dropped", "decide",       "applied",
                                  "announce", "restore",    "restored",   "saved",   "refused",      "append",
                                  "appended", "join",       "transfer",   "arrange", "handed"};
static_assert(std::size(kNames) == kTypes);

bool has_lists(uint8_t type) {
  return type == type_of(Map{}) || type == type_of(CreateModel{}) || type == type_of(Push{}) ||
         type == type_of(Pushed{}) || type == type_of(Pull{}) || type == type_of(Pulled{}) ||
         type == type_of(Decide{}) || type == type_of(Append{}) || type == type_of(Staged{});
}

template <size_t I = 0>
Body body_of(size_t index) {
  if constexpr (I + 1 < std::variant_size_v<Body>) {
    if (index != I) return body_of<I + 1>(index);
  }
  return Body(std::in_place_index<I>);
}

}  // namespace

uint8_t type_of(const Body &body) {
  return static_cast<uint8_t>(body.index() + 1);
}

const char *type_name(uint8_t type) {
  return type >= 1 && type <= kTypes ? kNames[type - 1] : "unknown";
}

Bytes encode(const Body &body) {
  return std::visit([](const auto &value) { return write_bytes(value); }, body);
}

Body decode(uint8_t type, std::span<const std::byte> control) {
  if (type < 1 || type > kTypes) fail(NGD_E_PROTOCOL, "there is no message of type ", type);
  const char *name = type_name(type);
  if (control.size() < 8 || control.size() > kControlBytes)
    fail(NGD_E_PROTOCOL, "a message of type \"", name, "\" has ", control.size(), " control bytes; 8 to ",
         kControlBytes, " are possible");
  Body body = body_of(type - 1);
  std::visit(
      [&](auto &value) {
        read_bytes(control, name, kDepth, has_lists(type) ? kTablesOfLists : kTables, value);
      },
      body);
  return body;
}

}  // namespace ngd::wire
