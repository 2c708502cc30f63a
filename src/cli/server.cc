// ngd server: runs a parameter server until it is told to end.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <memory>

#include "allocator.h"
#include "end_signal.h"
#include "handle.h"
#include "verbs.h"

namespace cli {
namespace {

struct Arguments {
  std::string listen, advertise, cluster, data_dir, ack, coordinator, key, authorized, spec, zone;
  uint32_t node = 0, shards = 0, replicas = 0;
  double checkpoint_every = -1, stop_timeout = 60, start_timeout = 10;
  bool trusted_network = false;
  Style style = Style::table;
};

void set_text(ngd_server *server, const char *name, const std::string &value) {
  if (!value.empty()) call(ngd_server_set_text, server, name, value.c_str());
}

void configure(ngd_server *server, const Arguments &arguments) {
  set_text(server, "listen", arguments.listen);
  set_text(server, "advertise", arguments.advertise);
  set_text(server, "cluster", arguments.cluster);
  set_text(server, "data_dir", arguments.data_dir);
  set_text(server, "ack", arguments.ack);
  set_text(server, "coordinator", arguments.coordinator);
  set_text(server, "key", arguments.key);
  set_text(server, "authorized", arguments.authorized);
  if (arguments.node != 0) call(ngd_server_set, server, "node", double{1} * arguments.node);
  if (arguments.shards != 0) call(ngd_server_set, server, "shards", double{1} * arguments.shards);
  set_text(server, "zone", arguments.zone);
  if (arguments.replicas != 0) call(ngd_server_set, server, "replicas", double{1} * arguments.replicas);
  if (arguments.checkpoint_every >= 0)
    call(ngd_server_set, server, "checkpoint_every", arguments.checkpoint_every);
  if (arguments.trusted_network) call(ngd_server_set, server, "trusted_network", 1.0);
}

int serve(const Arguments &arguments) {
  keep_freed_memory();
  EndSignal end;
  const Server server =
      create<ngd_server>(ngd_server_create, arguments.spec.empty() ? "server" : arguments.spec);
  try {
    configure(server.get(), arguments);
  } catch (Failure &failure) {
    failure.exit_code = kExitUsage;
    throw;
  }
  call(ngd_server_start, server.get(), static_cast<int64_t>(arguments.start_timeout * 1000));
  const std::string endpoints = text_of(ngd_server_get_text, server.get(), "endpoints");
  if (arguments.style == Style::json)
    print_json({{"event", "listening"}, {"endpoints", endpoints}});
  else
    fmt::print("listening{}{}\n", arguments.style == Style::plain ? "\t" : "  ", endpoints);
  std::fflush(stdout);

  end.wait();
  if (arguments.style == Style::table)
    fmt::print(stderr, "ngd: ending what is under way; again to end at once\n");
  call(ngd_server_stop, server.get(), static_cast<int64_t>(arguments.stop_timeout * 1000));
  if (arguments.style == Style::json)
    print_json({{"event", "stopped"}});
  else
    fmt::print("stopped\n");
  return 0;
}

}  // namespace

Verb server_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("server", "Run a parameter server until SIGTERM or Ctrl-C");
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  app->add_option("--listen", a.listen,
                  "Addresses: tcp://host:port, ipc:///path; several with commas (default tcp://127.0.0.1:7070)")
      ->type_name("ADDRESSES");
  app->add_option("--advertise", a.advertise,
                  "Address under which others find it (default: the first it listens on)")
      ->type_name("ADDRESS");
  app->add_option("--shards", a.shards,
                  "Parts into which a model is cut whose creator does not say (default 1)")
      ->type_name("N");
  app->add_option("--replicas", a.replicas,
                  "Servers that hold each shard of new models: all but one may die (default 1)")
      ->type_name("N");
  app->add_option("--zone", a.zone,
                  "What fails together with this server; copies of a shard go to different zones")
      ->type_name("NAME");
  app->add_option("--data-dir", a.data_dir,
                  "Directory of checkpoints; without it everything is in memory alone")
      ->type_name("DIR");
  app->add_option("--ack", a.ack,
                  "memory: an update is answered once it has happened; disk: once it is in the log in "
                  "--data-dir, so that "
                  "a crash loses nothing (default memory)")
      ->type_name("memory|disk");
  app->add_option("--node", a.node, "Number of this server in its cluster (default 1)")->type_name("N");
  app->add_option("--cluster", a.cluster, "Name of the cluster (default ngd)")->type_name("NAME");
  app->add_option(
         "--coordinator", a.coordinator,
         "local: alone; local:/DIR shared by the servers of this host; etcd://HOST:PORT,HOST:PORT,HOST:PORT")
      ->type_name("ADDRESS");
  app->add_option("--key", a.key, "Secret key of this server, see ngd keygen; with --authorized")
      ->type_name("FILE");
  app->add_option("--authorized", a.authorized, "Directory of the public keys of those who may connect")
      ->type_name("DIR");
  app->add_flag("--trusted-network", a.trusted_network, "Plain tcp beyond this host is wanted");
  app->add_option("--checkpoint-every", a.checkpoint_every,
                  "Seconds between checkpoints (default: only at the end)")
      ->type_name("SECONDS");
  app->add_option("--stop-timeout", a.stop_timeout,
                  "Seconds for ending what is under way and the last checkpoint (default 60)")
      ->type_name("SECONDS");
  app->add_option("--server", a.spec, "Further options, such as server:apply_threads=8 (ngd options server)")
      ->type_name("SPEC");
  add_output_option(*app, a.style);
  app->footer(
      "Examples:\n  ngd server --listen tcp://127.0.0.1:7070 --data-dir /var/lib/ngd\n"
      "  ngd server --listen tcp://*:7070 --key server --authorized authorized\n\n"
      "SIGTERM and Ctrl-C end what is under way, write a checkpoint, and exit with 0.");
  return {app, "ngd server [--listen ADDRESSES] [--data-dir DIR] [options]; see ngd server --help",
          [arguments] { return serve(*arguments); }};
}

}  // namespace cli
