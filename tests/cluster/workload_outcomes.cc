// What the end of an operation tells a client of the workload, and what it then knows.
#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "workload_run.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

void Workload::finished(size_t client, Ticket, const Doing &doing, Outcome outcome) {
  Actor &actor = actors_[client];
  const bool good = outcome.status == NGD_OK;
  switch (doing.job) {
    case Job::open: {
      actor.open = good;
      if (!good) {
        // After a torn checkpoint and a rotten one nothing is left to restore.
        if (rotten() && outcome.text.find("bring back the files") != std::string::npos) return;
        world_.violation(concat("liveness: client ", client, " could not open: ", outcome.text));
        return;
      }
      actor.base = outcome.version;
      std::vector<TensorUpdate> zeros;
      const wire::Buffer buffer(workers_ * numbers_ * sizeof(float));
      std::memset(buffer.data(), 0, buffer.size());
      for (uint32_t t = 0; t < spec_.tensors.size(); t++) {
        if (!table_) zeros.push_back({t, {}, buffer.bytes()});
      }
      ClientSession &session = world_.session(client);
      actor.doing[session.push(wire::UpdateKind::initial, zeros, world_.client_time(client),
                               deadline(client, 300 * kSecond))] = {Job::init, 0, world_.now(), 0};
      return;
    }
    case Job::init:
      if (good) actor.base = std::max(actor.base, outcome.version);
      if (!good) actor.rounds = 1000;  // again
      if (outcome.status == NGD_E_FENCED) {
        world_.session(client).release({"lock", actor.token});
        actor.token = 0;
      }
      return;
    case Job::update:
    case Job::locked_update: {
      UpdateSeen &seen = world_.history.updates[doing.update];
      seen.returned = world_.now();
      if (outcome.seq != 0) seen.seq = outcome.seq;
      seen.acknowledged = good;
      seen.lineage = outcome.lineage;
      seen.version = outcome.version;
      if (good) actor.base = outcome.version;
      if (good && outcome.values_version != 0) {
        if (outcome.values_version < outcome.version && !eventual_)
          world_.violation("I3: what was read with an update is older than it");
        Outcome read = outcome;
        read.version = outcome.values_version;
        note_read(client, doing, read);
      }
      const bool refused =
          outcome.status == NGD_E_CONFLICT || outcome.status == NGD_E_STATE || outcome.status == NGD_E_FENCED;
      if (refused) actor.refused.push_back(seen.number);
      seen.refused = refused;
      if (outcome.status == NGD_E_FENCED) {
        world_.session(client).release({"lock", actor.token});
        actor.token = 0;
      }
      if (outcome.status == NGD_E_STATE) actor.rounds = 1000;
      if (!good) actor.base = 0;
      if (!good && outcome.status != NGD_E_TIMEOUT && outcome.status != NGD_E_LINEAGE &&
          outcome.status != NGD_E_EXPIRED && !refused)
        world_.violation(concat("an update was refused: ", outcome.status, " ", outcome.text));
      return;
    }
    case Job::read:
      if (good) note_read(client, doing, outcome);
      if (good) actor.base = outcome.version;
      // Perhaps the model is empty; by a slow clock the server would have said so later.
      if (outcome.status == NGD_E_STATE || outcome.status == NGD_E_TIMEOUT) actor.rounds = 1000;
      return;
    case Job::version:
      if (good) {
        world_.history.reads.push_back({doing.invoked,
                                        world_.now(),
                                        outcome.lineage,
                                        outcome.version,
                                        true,
                                        static_cast<uint32_t>(client),
                                        {}});
        actor.base = outcome.version;
        if (!outcome.initialised) actor.rounds = 1000;
      }
      return;
    case Job::close:
      actor.closed = true;
      actor.open = false;
      // It goes, whether or not the server heard of it.
      world_.at(world_.now() + 1, [this, client] { world_.crash_client(client); });
      return;
    case Job::lock:
      if (good) {
        actor.token = outcome.done.token;
        world_.session(client).hold({"lock", actor.token});
      }
      return;
    case Job::get: {
      if (!good && outcome.status != NGD_E_NOT_FOUND) return;
      const uint64_t value = good ? std::stoull(text_of(outcome.payload)) : 0;
      if (actor.token == 0) return;
      // With it a setting of the optimizer, which changes nothing here but must be the same on all replicas.
      wire::Command set;
      set.kind = wire::CommandKind::set_value;
      const std::string text = std::to_string(value + 1);
      set.values = {{"counter", text.size(), wire::kAny},
                    {"optimizer.clip_threshold", text.size(), wire::kAny}};
      command(client, Job::set, set, text + text);
      return;
    }
    case Job::set:
      if (good) counter_done_++;
      if (!good && outcome.status != NGD_E_FENCED) counter_unknown_++;
      return;
    case Job::unlock:
      world_.session(client).release({"lock", actor.token});
      actor.token = 0;
      return;
    case Job::partitions:
      actor.parts_left = 1;
      return;
    case Job::claim:
      if (good) {
        actor.part = outcome.done.number;
        actor.part_token = outcome.done.token;
        actor.part_offset = outcome.done.offset;
        const std::string blob = text_of(outcome.payload);
        // The blob is what the owner before wrote with its last progress.
        if (actor.part_offset != 0 && blob != std::to_string(actor.part_offset))
          world_.violation("a partition's blob and offset do not belong together");
      } else if (outcome.status == NGD_E_NOT_FOUND) {
        actor.parts_left = 0;
      }
      return;
    case Job::progress:
      if (good && outcome.done.offset != actor.part_offset)
        world_.violation("a partition's progress was not kept");
      if (outcome.status == NGD_E_FENCED) actor.part_token = 0;
      return;
    case Job::finish:
      actor.part_token = 0;
      return;
  }
}

}  // namespace simulation
