// ngd cluster: which server has what, and changing that while everybody works.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "cluster_page.h"
#include "connection.h"
#include "progress.h"
#include "verbs.h"

namespace cli {
namespace {

struct Arguments {
  ConnectionOptions connection;
  uint32_t node = 0, count = 0, shard = 0;
  std::vector<uint32_t> nodes;
  double wait = 600;
  std::string page = "127.0.0.1:7080";
  bool no_wait = false;
  Style style = Style::table;
};

std::string numbers(const Json &list) {
  std::string out;
  for (const Json &one : list) out += fmt::format("{}{}", out.empty() ? "" : " ", one.get<uint32_t>());
  return out.empty() ? "-" : out;
}

int show(Arguments &arguments) {
  const Client client = connect_to_servers(arguments.connection);
  const Json all = places_of(client.get(), arguments.connection.timeout_ms());
  if (arguments.style == Style::json) {
    print_json(all);
    return 0;
  }
  Table servers({{"server", "server"},
                 {"state", "state", false},
                 {"leads", "leads"},
                 {"copies", "copies"},
                 {"elements", "elements"},
                 {"zone", "zone", false},
                 {"address", "address", false}});
  Table shards({{"model", "model", false},
                {"shard", "shard"},
                {"leader", "leader"},
                {"in_sync", "in sync", false},
                {"wanted", "wanted", false},
                {"epoch", "epoch"},
                {"elements", "elements"}});
  for (const Json &server : all["servers"]) {
    const auto node = server["node"].get<uint32_t>();
    uint64_t leads = 0, copies = 0, elements = 0;
    for (const Json &model : all["models"]) {
      for (const Json &shard : model["shards"]) {
        leads += shard["leader"] == node;
        if (std::ranges::find(shard["in_sync"], Json(node)) == shard["in_sync"].end()) continue;
        copies++;
        elements += shard["elements"].get<uint64_t>();
      }
    }
    const bool alive = server["alive"].get<bool>();
    std::string state = alive ? "alive" : "away";
    if (server["drained"].get<bool>()) state += ", drained";
    servers.add({integer_cell(node), text_cell(state), integer_cell(leads), integer_cell(copies),
                 integer_cell(elements), text_cell(server["zone"].get<std::string>()),
                 text_cell(server["address"].get<std::string>())});
  }
  for (const Json &model : all["models"]) {
    for (const Json &shard : model["shards"])
      shards.add({text_cell(model["name"].get<std::string>()), integer_cell(shard["shard"].get<uint64_t>()),
                  integer_cell(shard["leader"].get<uint64_t>()), text_cell(numbers(shard["in_sync"])),
                  text_cell(numbers(shard["wanted"])), integer_cell(shard["epoch"].get<uint64_t>()),
                  integer_cell(shard["elements"].get<uint64_t>())});
  }
  servers.print(arguments.style);
  if (arguments.style == Style::table) fmt::print("\n");
  shards.print(arguments.style);
  return 0;
}

// Whether a server answers and has all that it is to have, so that the next one may be stopped.
int ready(Arguments &arguments) {
  const Client client = connect_to_servers(arguments.connection);
  const Json all = places_of(client.get(), arguments.connection.timeout_ms());
  const auto has = [&](const Json &list) {
    return std::ranges::find(list, Json(arguments.node)) != list.end();
  };
  const bool known = std::ranges::any_of(all["servers"], [&](const Json &server) {
    return server["node"] == arguments.node && server["alive"].get<bool>();
  });
  if (!known) throw Failure{fmt::format("server {} is not there, or not heard of yet", arguments.node)};
  uint64_t shards = 0;
  for (const Json &model : all["models"]) {
    for (const Json &shard : model["shards"]) {
      if (!has(shard["wanted"])) continue;
      shards++;
      if (!has(shard["in_sync"]))
        throw Failure{fmt::format("server {} does not have shard {} of {} in sync yet", arguments.node,
                                  shard["shard"].get<uint64_t>(), model["name"].get<std::string>())};
    }
  }
  print_fields(arguments.style, {{"server", integer_cell(arguments.node)}, {"shards", integer_cell(shards)}});
  return 0;
}

struct Standing {
  size_t shards = 0, placed = 0;
};

// A shard is where it is to be when those in sync are those that are wanted.
Standing standing(const Json &all) {
  Standing now;
  for (const Json &model : all["models"]) {
    for (const Json &shard : model["shards"]) {
      auto there = shard["in_sync"].get<std::vector<uint32_t>>(),
           wanted = shard["wanted"].get<std::vector<uint32_t>>();
      std::ranges::sort(there);
      std::ranges::sort(wanted);
      now.shards++;
      now.placed += there == wanted;
    }
  }
  return now;
}

int arrange(Arguments &arguments, const std::string &what, bool of_model) {
  const Client client = of_model ? connect(arguments.connection) : connect_to_servers(arguments.connection);
  const auto began = std::chrono::steady_clock::now();
  call(ngd_client_arrange, client.get(), what.c_str(), arguments.connection.timeout_ms());
  StatusLine line(arguments.style == Style::table ? StatusLine::Mode::automatic : StatusLine::Mode::off);
  Standing now = standing(places_of(client.get(), arguments.connection.timeout_ms()));
  const size_t to_do = now.shards - now.placed;
  double elapsed = 0;
  while (!arguments.no_wait && now.placed < now.shards) {
    elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (elapsed > arguments.wait)
      throw Failure{
          fmt::format("after {:.0f} s {} of {} shards are not where they are to be; they go on moving, see ngd "
                      "cluster show",
                      elapsed, now.shards - now.placed, now.shards)};
    const size_t done = to_do - std::min(to_do, now.shards - now.placed);
    std::string text = fmt::format("{} of {} shards have moved", done, to_do);
    if (done > 0)
      text += ", " + time_left_text(elapsed / static_cast<double>(done) * static_cast<double>(to_do - done));
    line.show(elapsed, text);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    now = standing(places_of(client.get(), arguments.connection.timeout_ms()));
  }
  line.clear();
  elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (arguments.style == Style::json) {
    print_json({{"shards", now.shards}, {"in_place", now.placed}, {"seconds", elapsed}});
    return 0;
  }
  print_fields(arguments.style, {{"shards", integer_cell(now.shards)},
                                 {"in_place", integer_cell(now.placed)},
                                 {"seconds", number_cell(elapsed, 1)}});
  return 0;
}

int page(Arguments &arguments) {
  const Client client = connect(arguments.connection);
  ClusterWatch watch(arguments.connection.model);
  return serve_cluster_page(arguments.page, watch, [&] {
    try {
      auto info = sized<ngd_client_info>();
      // Not for longer than a takeover takes: the page is to tell of it.
      call(ngd_client_get_info, client.get(), int64_t{3000}, &info);
      const Json all = places_of(client.get(), arguments.connection.timeout_ms());
      const double now =
          std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
      watch.seen(now, all, info.version, info.lineage, info.sessions - 1, info.workers);
    } catch (const Failure &failure) {
      watch.failed(failure.message);
    }
  });
}

}  // namespace

Verb cluster_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("cluster", "Tell and change which servers have which shards");
  app->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  const auto add = [&](const char *name, const char *about) {
    CLI::App *one = app->add_subcommand(name, about);
    add_connection_options(*one, a.connection);
    add_output_option(*one, a.style);
    const std::string_view word = name;
    if (word != "show" && word != "page" && word != "ready") {
      one->add_option("--wait", a.wait, "Seconds to wait until it has happened (default 600)")
          ->type_name("SECONDS");
      one->add_flag("--no-wait", a.no_wait, "Return when it is written down");
    }
    return one;
  };
  CLI::App *showing = add("show", "Servers, and where each shard is");
  CLI::App *asking = add("ready", "Exit with 0 if a server answers and has all its shards in sync");
  asking->add_option("server", a.node, "Its number")->required()->type_name("NODE");
  CLI::App *serving =
      add("page", "Serve a live page of the cluster, and /metrics for Prometheus, until Ctrl-C");
  serving->add_option("--page", a.page, "Where a browser finds it (default 127.0.0.1:7080; port 0: any)")
      ->type_name("HOST:PORT");
  CLI::App *draining = add("drain", "Take all shards of all models from a server, before it is switched off");
  draining->add_option("server", a.node, "Its number")->required()->type_name("NODE");
  CLI::App *undraining = add("undrain", "Let it have shards again");
  undraining->add_option("server", a.node, "Its number")->required()->type_name("NODE");
  CLI::App *counting = add("replicas", "Keep each shard of the model on so many servers");
  counting->add_option("count", a.count, "How many")->required()->type_name("K");
  CLI::App *moving = add("move", "Put a shard of the model on these servers; the first leads");
  moving->add_option("shard", a.shard, "Its index, from 0")->required()->type_name("SHARD");
  moving->add_option("servers", a.nodes, "Their numbers")->required()->type_name("NODE...");
  CLI::App *balancing = add("balance", "Even out what servers have, and what they lead");
  app->footer(
      "Examples:\n  ngd cluster show --model mnist\n  ngd cluster drain --model mnist 3\n"
      "  ngd cluster replicas --model mnist 2\n  ngd cluster move --model mnist 0 2 3");
  const auto run = [arguments, showing, asking, serving, draining, undraining, counting, moving, balancing] {
    if (showing->parsed()) return show(*arguments);
    if (asking->parsed()) return ready(*arguments);
    if (serving->parsed()) return page(*arguments);
    if (draining->parsed()) return arrange(*arguments, fmt::format("drain:node={}", arguments->node), false);
    if (undraining->parsed())
      return arrange(*arguments, fmt::format("undrain:node={}", arguments->node), false);
    if (counting->parsed())
      return arrange(*arguments, fmt::format("replicas:count={}", arguments->count), true);
    if (balancing->parsed()) return arrange(*arguments, "balance", false);
    std::string nodes;
    for (const uint32_t node : arguments->nodes) nodes += fmt::format("{}{}", nodes.empty() ? "" : "+", node);
    (void)moving;
    return arrange(*arguments, fmt::format("move:shard={},nodes={}", arguments->shard, nodes), true);
  };
  return {app,
          "ngd cluster show|ready|page|drain|undrain|replicas|move|balance [options]; see ngd cluster --help",
          run};
}

}  // namespace cli
