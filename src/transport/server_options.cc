// The table of a server's options.
#include "transport/server_options.h"

namespace ngd::transport {
namespace {

constexpr OptionSpec kOptions[] = {
    fixed(text_option(
        "listen", "tcp://127.0.0.1:7070",
        "addresses to listen on, separated by commas: tcp://host:port, ipc:///path, inproc://name")),
    fixed(text_option("advertise", "",
                      "address under which others find this server; empty: the first it listens on")),
    fixed(integer_option("node", "1", 1, 256,
                         "number of this server, unlike those of all others of the cluster")),
    fixed(text_option("cluster", "ngd", "name of the cluster")),
    fixed(text_option("data_dir", "",
                      "directory of checkpoints and records; empty: everything is in memory alone")),
    fixed(text_option(
        "coordinator", "local:",
        "local: for one server; local:/path for several of one host; etcd://host:port,host:port,host:port")),
    fixed(integer_option("shards", "1", 1, 1024, "parts into which a model is cut whose creator does not say")),
    fixed(
        integer_option("apply_threads", "2", 1, 256, "threads that apply updates; each has shards of its own")),
    fixed(
        integer_option("io_threads", "1", 1, 64, "threads of ZeroMQ; one moves some 4 GB/s, 1 GB/s encrypted")),
    fixed(choice_option(
        "ack", "memory", "memory|disk",
        "an update is answered when it has happened in memory, or when its record is on the disk; of "
        "replicas, in the memory or on the disk of all that are in sync")),
    fixed(number_option("log_bytes", "1073741824", 1048576, 1e15,
                        "ack=disk: size of a shard's log at which a checkpoint is written by itself")),
    number_option("checkpoint_every", "0", 0, 1e6, "seconds between checkpoints; 0: only when asked"),
    integer_option("checkpoint_versions", "0", 0, 9e15, "versions between checkpoints; 0: only when asked"),
    fixed(text_option("key", "", "file of this server's secret key (ngd keygen); encrypts and authorizes tcp")),
    fixed(text_option("authorized", "", "directory of the public keys (*.key) of those who may connect")),
    fixed(flag_option("trusted_network", "0",
                      "1: plain tcp beyond this host, and ipc in directories of others, are wanted")),
    fixed(number_option("client_bytes", "33554432", 65536, 1e12, "bytes under way to or from one client")),
    fixed(number_option("server_bytes", "1073741824", 1048576, 1e13, "bytes under way of all clients")),
    fixed(integer_option("sessions", "10000", 1, 1000000, "sessions of a model, and connections")),
    fixed(integer_option("heartbeat_ms", "1000", 50, 60000,
                         "pause between heartbeats; a peer silent for three is gone")),
    fixed(integer_option("replicas", "1", 1, 16,
                         "servers that hold each shard of new models, as far as there are so many")),
    fixed(text_option(
        "zone", "",
        "what fails together with this server (rack, room); copies of a shard go to different ones")),
    fixed(integer_option("min_in_sync", "1", 1, 16,
                         "replicas that must be there for anything to be answered; fewer, and clients wait")),
    fixed(integer_option("linger_ms", "500", 0, 60000, "how long stopping waits for answers to go out")),
};

}  // namespace

OptionTable server_options() {
  return kOptions;
}

}  // namespace ngd::transport
