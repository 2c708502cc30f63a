// The functions of ngd/client.h about which servers have which shards.
#include <algorithm>
#include <array>

#include "base/struct.h"
#include "base/text.h"
#include "capi/client_calls.h"
#include "cluster/placement.h"
#include "wire/limits.h"

namespace {

using ngd::guard;
using ngd::require;
using ngd::cluster::ClientSession;
using ngd::cluster::Outcome;
using ngd::cluster::Time;
using ngd::wire::Arrange;

constexpr ngd::OptionSpec kNode[] = {ngd::integer_option("node", "1", 1, UINT32_MAX, "number of the server")};
constexpr ngd::OptionSpec kCount[] = {
    ngd::integer_option("count", "1", 1, ngd::wire::kReplicas, "servers that are to have each shard")};
constexpr ngd::OptionSpec kMove[] = {
    ngd::integer_option("shard", "0", 0, ngd::wire::kShards, "index of the shard"),
    ngd::text_option("nodes", "", "numbers of the servers, joined by +; the first is to lead")};

struct Kind {
  std::string_view name;
  Arrange::Kind kind;
  ngd::OptionTable options;
};
const std::array<Kind, 5> &kinds() {
  static const std::array<Kind, 5> kAll = {{{"drain", Arrange::Kind::drain, kNode},
                                            {"undrain", Arrange::Kind::undrain, kNode},
                                            {"replicas", Arrange::Kind::replicas, kCount},
                                            {"move", Arrange::Kind::move, kMove},
                                            {"balance", Arrange::Kind::balance, {}}}};
  return kAll;
}

Arrange arrangement(const char *what, const std::string &model) {
  const ngd::SpecText spec = ngd::parse_spec(what);
  std::vector<std::string_view> names;
  for (const Kind &kind : kinds()) {
    names.push_back(kind.name);
    if (kind.name != spec.kind) continue;
    ngd::OptionSet options(kind.options, ngd::concat("arrangement ", ngd::quoted(spec.kind)), spec.kind);
    options.set_all(spec);
    for (size_t i = 0; i < kind.options.size(); i++) {  // there is no default for what is to happen
      if (std::ranges::find(spec.options, kind.options[i].name, &ngd::SpecText::Option::name) ==
          spec.options.end())
        ngd::fail(NGD_E_OPTION, "arrangement ", ngd::quoted(spec.kind), " needs the option ",
                  kind.options[i].name);
    }
    Arrange request;
    request.kind = kind.kind;
    request.model = model;
    if (kind.options.size() == 1 && std::string_view(kind.options[0].name) == "node")
      request.node = static_cast<uint32_t>(options["node"]);
    if (kind.kind == Arrange::Kind::replicas) request.count = static_cast<uint32_t>(options["count"]);
    if (kind.kind != Arrange::Kind::move) return request;
    request.shard = static_cast<uint32_t>(options["shard"]);
    const std::string nodes = options.text("nodes");
    for (const std::string_view one : ngd::split(nodes, '+')) {
      int64_t node = 0;
      if (!ngd::parse_integer(one, node) || node < 1 || node > UINT32_MAX ||
          request.nodes.size() == ngd::wire::kReplicas)
        ngd::fail(NGD_E_OPTION, "option nodes of arrangement \"move\" is ", ngd::quoted(nodes),
                  "; it takes the numbers of 1 to ", ngd::wire::kReplicas, " servers, as in 3+1");
      request.nodes.push_back(static_cast<uint32_t>(node));
    }
    return request;
  }
  ngd::fail_unknown("arrangement", spec.kind, names);
}

std::string list(const std::vector<uint32_t> &numbers) {
  std::string out = "[";
  for (const uint32_t number : numbers) out += ngd::concat(out.size() > 1 ? "," : "", number);
  return out + "]";
}

std::string json_of(const ngd::wire::Map &map) {
  std::string out = ngd::concat("{\"revision\":", map.revision, ",\"servers\":[");
  const char *comma = "";
  for (const ngd::wire::NodePlace &node : map.nodes) {
    out += ngd::concat(comma, "{\"node\":", node.node, ",\"address\":", ngd::json_text(node.address),
                       ",\"zone\":", ngd::json_text(node.zone), ",\"alive\":", node.alive ? "true" : "false",
                       ",\"drained\":", node.drained ? "true" : "false", "}");
    comma = ",";
  }
  out += "],\"models\":[";
  comma = "";
  for (const ngd::wire::ModelPlace &model : map.models) {
    out += ngd::concat(comma, "{\"name\":", ngd::json_text(model.spec.name), ",\"shards\":[");
    comma = "";
    for (size_t index = 0; index < model.shards.size(); index++) {
      const ngd::wire::ShardPlace &shard = model.shards[index];
      out += ngd::concat(comma, "{\"shard\":", index, ",\"epoch\":", shard.epoch, ",\"leader\":", shard.node,
                         ",\"in_sync\":", list(shard.in_sync), ",\"wanted\":", list(shard.replicas),
                         ",\"elements\":", ngd::cluster::elements_of(shard), "}");
      comma = ",";
    }
    out += "]}";
    comma = ",";
  }
  return out + "]}";
}

}  // namespace

ngd_status ngd_client_arrange(ngd_client *client, const char *what, int64_t timeout_ms,
                              ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(what, "what");
    const Arrange request = arrangement(what, client->object->text("model"));
    client->object->call(timeout_ms, [&](ClientSession &session, Time now, Time deadline) {
      return session.arrange(request, now, deadline);
    });
  });
}

ngd_status ngd_client_get_places(ngd_client *client, int64_t timeout_ms, char *buffer, size_t capacity,
                                 size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    const Outcome outcome = client->object->call(
        timeout_ms,
        [](ClientSession &session, Time now, Time deadline) { return session.places(now, deadline); });
    ngd::copy_text(json_of(outcome.map), buffer, capacity, needed);
  });
}
