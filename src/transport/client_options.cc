// The table of a client's options.
#include "transport/client.h"

namespace ngd::transport {
namespace {

constexpr OptionSpec kOptions[] = {
    fixed(
        text_option("model", "default",
                    "name of the model on the servers; empty: of none, to tell and arrange where shards are")),
    fixed(text_option("optimizer", "sgd:learning_rate=0.01",
                      "rule that the servers apply to gradients, as a spec; for a new model")),
    fixed(
        integer_option("shards", "0", 0, 1024, "parts into which a new model is cut; 0: as the server is set")),
    fixed(choice_option("aggregate", "mean", "mean|sum",
                        "bulk: the gradients of a round are averaged or added; for a new model")),
    fixed(
        flag_option("average_rows", "0",
                    "bulk: 1: of a round's deltas each row of a table is averaged over those that have it; all "
                    "else is added; for a new model")),
    fixed(choice_option(
        "consistency", "asynchronous", "asynchronous|stale|bulk",
        "updates one by one; the same, no worker more than bound ahead; or one step a round of all workers")),
    fixed(integer_option("bound", "4", 0, 1e9, "stale: updates that a worker may be ahead of the slowest")),
    fixed(integer_option("workers", "0", 0, 1e6,
                         "bulk and stale: begin when so many workers have come; 0: do not wait")),
    fixed(integer_option("rank", "0", 0, 65535,
                         "bulk: place of this worker's gradient in the sum of a round; 0: by chance")),
    fixed(flag_option("worker", "1", "0: reads, values and locks alone; nobody waits for this client")),
    fixed(choice_option("reads", "consistent", "consistent|newest",
                        "of several shards: at one common version, or the newest of each without asking")),
    fixed(choice_option("read", "lease", "lease|confirm",
                        "how the primary of a replicated shard knows that it still leads: by the replicas' "
                        "lease, or by asking them; values, and all reads under a lock, always ask")),
    fixed(choice_option(
        "compress", "none", "none|bf16|fp16|8bit|topk",
        "how gradients and deltas travel: as float32; in 2 bytes a number; in 1; or only the largest. "
        "What that leaves out is added to the next ones")),
    fixed(choice_option("compress_pulls", "none", "none|bf16|fp16",
                        "how parameters that are read travel: as float32, or rounded to 2 bytes a number")),
    fixed(above_option("compress_share", "0.01", 0, 0.5,
                       "topk: share of the numbers of each tensor that is sent")),
    fixed(number_option("lease", "10", 0.1, 600, "seconds of silence after which a worker counts as dead")),
    fixed(number_option("retry", "0.2", 0.01, 60,
                        "seconds before a request without an answer is repeated for the first time")),
    fixed(text_option("key", "", "file of this client's secret key (ngd keygen); encrypts tcp")),
    fixed(
        text_option("server_key", "", "public key of the servers: 40 characters, or the name of a .key file")),
    fixed(flag_option("trusted_network", "0", "1: plain tcp beyond this host is wanted")),
    fixed(
        integer_option("io_threads", "1", 1, 64, "threads of ZeroMQ; one moves some 4 GB/s, 1 GB/s encrypted")),
    fixed(integer_option("heartbeat_ms", "1000", 50, 60000,
                         "pause between heartbeats; a server silent for three is gone")),
    fixed(integer_option("linger_ms", "200", 0, 60000, "how long disconnecting waits for messages to go out")),
};

}  // namespace

OptionTable client_options() {
  return kOptions;
}

}  // namespace ngd::transport
