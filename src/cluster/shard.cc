// Messages to a shard: parts of updates, decisions, pulls.
#include "cluster/shard.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "cluster/coding.h"
#include "cluster/shard_state.h"
#include "wire/codec.h"
#include "wire/table.h"

namespace ngd::cluster {

using wire::Decision;
using wire::Refused;

Shard::State::State(Place the_place, const NodeOptions &the_options, Net &the_net, Disk &the_disk, Rng &the_rng,
                    Coordinator &the_coordinator)
    : place(std::move(the_place)),
      options(the_options),
      net(the_net),
      disk(the_disk),
      rng(the_rng),
      coordinator(the_coordinator) {
  const size_t shards = place.model.shards.size();
  if (place.index == 0) root = std::make_unique<Root>(static_cast<uint32_t>(shards), options, *this);
  const wire::ShardPlace &mine = place.model.shards[place.index];
  std::vector<uint32_t> nodes = mine.replicas;
  if (nodes.empty()) nodes.push_back(mine.node);
  std::unique_ptr<ReplicaDisk> memory;
  if (options.ack_disk && options.replicas > 1)
    memory = std::make_unique<ReplicaDisk>(disk, log_folder(), concat("replica-", place.index, "-of-", shards));
  replica = std::make_unique<Replica>(mine.shard, std::move(nodes), place.incarnation, options, *this,
                                      coordinator, std::move(memory));
  incarnations.resize(shards);
  restored_shards.resize(shards);
  restore_at.resize(shards);
}

std::string Shard::State::log_folder() const {
  return model_directory(options.directory, place.model.spec.name) + "/log";
}

std::string Shard::State::where() const {
  return concat("shard ", place.index, " of model ", quoted(place.model.spec.name));
}

// --- sending ----------------------------------------------------------------------------------------------------

void Shard::State::send_to(Peer peer, wire::Message message, Time asked) {
  message.envelope.epoch = place.model.shards[place.index].epoch;
  Held held_message;
  held_message.to = peer;
  held_message.asked = asked;
  held_message.message = std::move(message);
  hold(std::move(held_message));
}

void Shard::State::send_to_shard(uint32_t to, wire::Envelope envelope, wire::Body body) {
  const wire::ShardPlace &target = place.model.shards[to];
  envelope.shard = target.shard;
  envelope.epoch = target.epoch;
  Held message;
  message.to = target.node;
  message.message = {envelope, std::move(body), {}};
  hold(std::move(message));
}

void Shard::State::refuse(Peer peer, const wire::Envelope &envelope, ngd_status status, Refused::Retry retry,
                          std::string text, Time asked) {
  Refused refused;
  refused.status = status;
  refused.retry = retry;
  refused.lineage = lineage;
  refused.text = std::move(text);
  send_to(peer, {envelope, std::move(refused), {}}, asked);
}

// Whether the shard can look at a request of a client at all; else it is refused.
bool Shard::State::fresh_request(const From &from, const wire::Envelope &envelope, uint64_t request_lineage) {
  if (!leading) {
    Refused refused;
    refused.status = NGD_E_UNAVAILABLE;
    refused.retry = Refused::Retry::refresh;
    refused.epoch = replica->record().epoch;
    refused.node = replica->record().primary.node;
    refused.text = concat(where(), " ", replica->trouble());
    net.send(from.peer, {envelope, std::move(refused), {}});
    return false;
  }
  if (!replica->enough()) {
    Refused refused;
    refused.status = NGD_E_UNAVAILABLE;
    refused.retry = Refused::Retry::later;
    refused.lineage = lineage;
    refused.text = concat(where(), " has ", replica->record().in_sync.size(), " of the ", options.min_in_sync,
                          " replicas in sync that it must have");
    net.send(from.peer, {envelope, std::move(refused), {}});
    return false;
  }
  if (!ready) {
    refuse(from.peer, envelope, NGD_E_UNAVAILABLE, Refused::Retry::later,
           concat(where(), trouble.empty() ? " is starting" : ": " + trouble));
    return false;
  }
  if (envelope.epoch != 0 && envelope.epoch < place.model.shards[place.index].epoch) {
    Refused refused;
    refused.status = NGD_E_UNAVAILABLE;
    refused.retry = Refused::Retry::refresh;
    refused.epoch = place.model.shards[place.index].epoch;
    refused.node = options.node;
    refused.text = concat(where(), " has a newer place");
    send_to(from.peer, {envelope, std::move(refused), {}}, 0);
    return false;
  }
  if (request_lineage < lineage && options.mutant != Mutant::lineage_ignored) {
    refuse(from.peer, envelope, NGD_E_LINEAGE, Refused::Retry::never,
           concat("the model went back to a checkpoint (lineage ", lineage, ", you know ", request_lineage,
                  "); open it again and look at what it holds"));
    return false;
  }
  if (request_lineage > lineage) {
    refuse(from.peer, envelope, NGD_E_UNAVAILABLE, Refused::Retry::later,
           concat(where(), " has not come to lineage ", request_lineage, " yet"));
    return false;
  }
  return true;
}

// --- the machine ----------------------------------------------------------------------------------------------------

Shard::Shard(Place place, const NodeOptions &options, Net &net, Disk &disk, Rng &rng, Coordinator &coordinator)
    : state_(std::make_unique<State>(std::move(place), options, net, disk, rng, coordinator)) {}

Shard::~Shard() = default;

void Shard::start(Time now) {
  state_->start(now);
}

void Shard::receive(const From &from, wire::Message message, Time now) {
  state_->receive(from, std::move(message), now);
  state_->rest(now);
}

// All that was logged has been carried out.
void Shard::State::rest(Time now) {
  log_digest(now);
  replica->send_appended(now);
}

void Shard::State::receive(const From &from, wire::Message message, Time now) {
  State &s = *this;
  s.clock = now;
  const wire::Envelope &envelope = message.envelope;
  const bool server = from.role == Role::server;
  if (server) {
    if (const auto *asked = std::get_if<wire::Fetch>(&message.body)) return s.answer(from, envelope, *asked);
    if (s.replica->receive(from, message, now)) return;
    if (!s.leading) return;  // who sent it looks for the one that leads
    if (const auto *came = std::get_if<wire::Fetched>(&message.body)) {
      if (envelope.epoch == s.replica->record().epoch) s.fetched(from, *came, message.payload, now);
      return;
    }
    // Only one that leads speaks so.
    if (std::holds_alternative<wire::Decide>(message.body) ||
        std::holds_alternative<wire::Restore>(message.body))
      s.place.model.shards[0].node = static_cast<uint32_t>(from.peer);
    if (const auto *decide = std::get_if<wire::Decide>(&message.body)) return s.decide(*decide, now);
    if (const auto *restore = std::get_if<wire::Restore>(&message.body)) return s.restore(*restore, now);
    if (const auto *dropped = std::get_if<wire::Dropped>(&message.body)) {
      if (dropped->lineage != s.lineage) return;
      const UpdateKey key{envelope.client, dropped->user, envelope.seq};
      if (s.staged(key) != nullptr)
        s.append(LogKind::dropped,
                 wire::write_bytes(DroppedEntry{key.client, key.user, key.seq, dropped->attempt}).span());
      return s.drop(key, dropped->attempt);
    }
    if (s.root == nullptr) return;
    if (const auto *staged = std::get_if<wire::Staged>(&message.body)) {
      if (staged->lineage == s.lineage && s.ready && staged->index < s.place.model.shards.size()) {
        s.root->staged(staged->index, {envelope.client, staged->user, envelope.seq}, staged->attempt, now);
        for (const wire::Staged::Part &part : staged->more)
          if (s.ready) s.root->staged(staged->index, {part.client, part.user, part.seq}, part.attempt, now);
      }
    } else if (const auto *applied = std::get_if<wire::Applied>(&message.body)) {
      if (applied->lineage == s.lineage && s.ready) s.root->applied(applied->index, applied->number, now);
    } else if (const auto *announce = std::get_if<wire::Announce>(&message.body)) {
      s.announced(*announce, from, now);
    } else if (const auto *restored = std::get_if<wire::Restored>(&message.body)) {
      s.restored(*restored, now);
    } else if (const auto *saved = std::get_if<wire::Saved>(&message.body)) {
      s.saved(*saved, now);
    }
    s.watch_ceiling(now);
    return;
  }
  if (!s.leading) {
    s.fresh_request(from, envelope, 0);
    return;
  }
  const bool changes =
      std::holds_alternative<wire::Push>(message.body) || std::holds_alternative<wire::Command>(message.body);
  if (changes && s.journal != nullptr && s.journal->backlog() > s.options.limits.shard_bytes / 4)
    return s.refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later,
                    concat(s.where(), " waits for its disk",
                           s.journal->trouble().empty() ? "" : ": " + s.journal->trouble()));
  if (const auto *push = std::get_if<wire::Push>(&message.body)) {
    s.push(from, envelope, *push, message.payload, now);
    return s.watch_ceiling(now);
  }
  if (const auto *pull = std::get_if<wire::Pull>(&message.body))
    return s.pull(from, envelope, *pull, std::move(message.payload), now);
  if (s.root == nullptr)
    return s.refuse(from.peer, envelope, NGD_E_PROTOCOL, Refused::Retry::refresh,
                    concat(s.where(), " is not the root; a message of type \"",
                           wire::type_name(wire::type_of(message.body)), "\" belongs there"));
  const uint64_t any = s.lineage;
  if (const auto *open = std::get_if<wire::Open>(&message.body)) {
    if (s.fresh_request(from, envelope, any)) s.root->open(from, envelope, *open, now);
  } else if (std::holds_alternative<wire::KeepAlive>(message.body)) {
    if (s.fresh_request(from, envelope, any)) s.root->keep_alive(from, envelope, now);
  } else if (std::holds_alternative<wire::Close>(message.body)) {
    if (s.fresh_request(from, envelope, any)) s.root->close(from, envelope, now);
  } else if (auto *command = std::get_if<wire::Command>(&message.body)) {
    if (s.fresh_request(from, envelope, command->lineage))
      s.root->command(from, envelope, std::move(*command), message.payload, now);
  } else if (const auto *query = std::get_if<wire::Query>(&message.body)) {
    if (s.fresh_request(from, envelope, query->lineage)) s.root->query(from, envelope, *query, now);
  } else if (const auto *point = std::get_if<wire::ReadPoint>(&message.body)) {
    if (s.fresh_request(from, envelope, point->lineage)) s.root->read_point(from, envelope, *point, now);
  } else if (const auto *done = std::get_if<wire::ReadDone>(&message.body)) {
    if (s.ready) s.root->read_done(envelope, done->version, now);
  } else {
    s.refuse(from.peer, envelope, NGD_E_PROTOCOL, Refused::Retry::never,
             concat("a client may not send a message of type \"", wire::type_name(wire::type_of(message.body)),
                    "\""));
  }
  s.watch_ceiling(now);
}

void Shard::coordinated(const CoordinatorAnswer &answer, Time now) {
  state_->clock = now;
  state_->replica->answered(answer, now);
  if (state_->leading) state_->record_answer(answer, now);
  state_->rest(now);
}

void Shard::placed(const wire::ModelPlace &model, Time now) {
  state_->clock = now;
  state_->placed(model, now);
  state_->rest(now);
}

void Shard::tick(Time now) {
  state_->clock = now;
  state_->tick(now);
  state_->rest(now);
}

Time Shard::next_wakeup() const {
  const State &s = *state_;
  const Time next = std::min({s.wakeup, s.untold_at, s.replica->next_wakeup()});
  return s.root != nullptr && s.ready && s.leading ? std::min(next, s.root->next_wakeup()) : next;
}

std::shared_ptr<Job> Shard::take_job() {
  State &s = *state_;
  if (s.journal != nullptr) {
    if (auto job = s.journal->take_job()) {
      job->shard = number();
      return job;
    }
  }
  if (s.replica->disk() != nullptr) {
    if (auto job = s.replica->disk()->take_job()) {
      job->shard = number();
      return job;
    }
  }
  if (s.job_running || s.jobs.empty() || s.clock < s.job_again) return nullptr;
  s.job_running = true;
  return s.jobs.front();
}

void Shard::finish(const std::shared_ptr<Job> &job, Time now) {
  State &s = *state_;
  s.clock = now;
  if (job->log) {
    s.log_done(static_cast<const LogJob &>(*job), now);
    if (s.replica->disk() != nullptr) s.rest(now);
    return;
  }
  s.job_running = false;
  if (s.jobs.empty() || s.jobs.front() != job) return;
  if (s.tries_again(static_cast<const SaveJob &>(*job), now)) return;
  s.jobs.pop_front();
  if (s.leading) s.job_done(static_cast<const SaveJob &>(*job), now);
  s.rest(now);
}

void Shard::checkpoint(Time now) {
  state_->clock = now;
  if (state_->root != nullptr && state_->leading) state_->start_checkpoint(now);
  state_->rest(now);
}

bool Shard::checkpoint_pending() const {
  return state_->checkpointing;
}
uint64_t Shard::kept_checkpoint() const {
  return state_->kept;
}

uint64_t Shard::checkpoints_done() const {
  return state_->checkpoints_done;
}
const Published &Shard::published() const {
  return state_->published;
}
std::shared_ptr<const Published> Shard::readers() const {
  return state_->readers;
}
uint32_t Shard::number() const {
  return state_->place.model.shards[state_->place.index].shard;
}
bool Shard::ready() const {
  return state_->ready && state_->leading;
}
uint64_t Shard::version() const {
  return state_->version;
}
uint64_t Shard::lineage() const {
  return state_->lineage;
}
uint64_t Shard::digests() const {
  return state_->digests;
}
uint64_t Shard::differences() const {
  return state_->differences;
}
uint64_t Shard::staged_bytes() const {
  return state_->staged_bytes;
}
uint64_t Shard::unsynced_bytes() const {
  const ReplicaDisk *memory = state_->replica->disk();
  return (state_->journal == nullptr ? 0 : state_->journal->backlog()) +
         (memory == nullptr ? 0 : memory->backlog());
}
std::string Shard::trouble() const {
  if (!state_->trouble.empty()) return state_->trouble;
  if (state_->journal != nullptr && !state_->journal->trouble().empty()) return state_->journal->trouble();
  return state_->difference.empty() ? state_->warning : state_->difference;
}
const Replica &Shard::replica() const {
  return *state_->replica;
}
std::string Shard::doing() const {
  const State &s = *state_;
  std::string text =
      concat(s.leading ? "leads" : "follows", s.ready ? ", ready" : "", ", lineage ", s.lineage, ", version ",
             s.version, ", decision ", s.number, ", staged ", s.staged_parts.size());
  text +=
      concat(", log ", s.replica->committed(), "/", s.replica->last(), ", epoch ", s.replica->record().epoch,
             ", phase ", static_cast<int>(s.phase), " ", s.trouble, " ", s.replica->trouble());
  if (s.root != nullptr) text += " " + s.root->doing();
  return text;
}
uint32_t Shard::digest() {
  return state_->digest();
}
Root *Shard::root() {
  return state_->root.get();
}
void Shard::observe(LogObserver *observer) {
  state_->observer = observer;
  if (state_->root != nullptr) state_->root->observe(observer);
}

}  // namespace ngd::cluster
