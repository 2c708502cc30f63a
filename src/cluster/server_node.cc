// A server's own part: joining, the map, who has which shard.
#include "cluster/server_node.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "cluster/fetch.h"
#include "cluster/placement.h"
#include "cluster/replica.h"
#include "cluster/replica_times.h"
#include "wire/codec.h"
#include "wire/limits.h"

namespace ngd::cluster {
namespace {

constexpr uint64_t kHint = 0;  // no ticket of ours
constexpr const char *kAlive = "/alive/";
constexpr Time kAgainUs = 500'000;
constexpr Time kRefreshUs = 1'000'000;
constexpr Time kWatchUs = 5'000'000;  // whoever asked for the map and waits asks again sooner

// A record that another program wrote, or that is damaged, is left out.
std::optional<wire::Map> map_of(const Record &record) {
  try {
    wire::Body body = wire::decode(wire::type_of(wire::Map{}), std::as_bytes(std::span(record.value)));
    return std::get<wire::Map>(std::move(body));
  } catch (const Error &) {
    return std::nullopt;
  }
}

}  // namespace

std::string record_of(const wire::Map &map) {
  return std::string(wire::encode(map).text());
}

ServerNode::ServerNode(NodeOptions options, Net &net, Disk &disk, Rng &rng, Coordinator &coordinator)
    : options_(std::move(options)), net_(net), disk_(disk), rng_(rng), coordinator_(coordinator) {}

void ServerNode::start(Time now) {
  join(now);
}

// --- joining ------------------------------------------------------------------------------------------------------

void ServerNode::join(Time now) {
  join_at_ = now + kAgainUs;
  join_ticket_ = new_ticket();
  join_writes_ = false;
  coordinator_.announce(concat(kAlive, options_.node), options_.address);
  coordinator_.get(join_ticket_, concat("/node/", options_.node));
}

void ServerNode::refresh(Time now) {
  refresh_at_ = now + kRefreshUs;
  refreshing_ = true;
  hinted_ = false;
  refresh_ticket_ = new_ticket();
  coordinator_.get(refresh_ticket_, "/");
}

void ServerNode::coordinated(const CoordinatorAnswer &answer, Time now) {
  const auto number = static_cast<uint32_t>(answer.ticket >> 32);
  if (number != 0) {
    if (Shard *one = shard(number)) one->coordinated(answer, now);
    return;
  }
  if (answer.ticket == join_ticket_ && !joined_) {
    const std::string key = concat("/node/", options_.node);
    if (!join_writes_) {
      uint64_t revision = 0;
      for (const Record &record : answer.records) {
        if (record.key == key) revision = record.revision;
      }
      wire::Map self;
      self.nodes.push_back({options_.node, revision, options_.address, options_.server_key, options_.zone,
                            false, false, wire::kFeatures});
      join_ticket_ = new_ticket();
      join_writes_ = true;
      coordinator_.cas(join_ticket_, key, revision, record_of(self));
    } else if (answer.done && !answer.records.empty()) {
      // Each life of a server has a higher number than all before it.
      incarnation_ = answer.records.front().revision << kIncarnationBits;
      joined_ = true;
      refresh(now);
    } else {
      join(now);
    }
    return;
  }
  if (answer.ticket == kHint) {
    hinted_ = true;
    if (joined_ && !refreshing_) refresh(now);
    return;
  }
  if (answer.ticket == refresh_ticket_) {
    refreshing_ = false;
    adopt(answer.records, now);
    if (hinted_) refresh(now);
    return;
  }
  if (!arrange_on(answer, now)) place_model(answer, now);
}

void ServerNode::adopt(const std::vector<Record> &records, Time now) {
  wire::Map map;
  for (const Record &record : records) {
    if (record.key.starts_with(kAlive)) continue;  // these go too
    map.revision = std::max(map.revision, record.revision);
    const bool node = record.key.starts_with("/node/");
    if (!node && !(record.key.starts_with("/model/") && !record.key.ends_with("/state"))) continue;
    const auto part = map_of(record);
    if (!part) continue;
    if (node && map.nodes.size() < wire::kNodes)
      map.nodes.insert(map.nodes.end(), part->nodes.begin(), part->nodes.end());
    if (!node && map.models.size() < wire::kModels)
      map.models.insert(map.models.end(), part->models.begin(), part->models.end());
  }
  if (map.revision < map_.revision) return;
  const bool news = map.revision != map_.revision;
  // Each server and shard looks for some of its own: by the thousand, and every second.
  std::unordered_map<std::string_view, const std::string *> values;
  for (const Record &record : records) values.emplace(record.key, &record.value);
  const auto value = [&](const std::string &key) -> const std::string * {
    const auto found = values.find(key);
    return found == values.end() ? nullptr : found->second;
  };
  for (wire::NodePlace &node : map.nodes) {
    node.alive = node.node == options_.node || value(concat(kAlive, node.node)) != nullptr;
    const std::string *drained = value(drain_key(node.node));
    node.drained = drained != nullptr && *drained == "1";
  }
  for (wire::ModelPlace &model : map.models) {
    for (wire::ShardPlace &place : model.shards) {
      if (const std::string *wanted = value(place_key(place.shard))) {
        if (auto known = WantedPlace::parse(*wanted)) {
          place.replicas = std::move(known->nodes);
          place.lead = known->lead;
        }
      }
      const std::string *record = value(replica_key(place.shard));
      const auto led = record == nullptr ? std::nullopt : ReplicaRecord::parse(*record);
      if (!led) continue;
      place.node = led->primary.node;
      place.epoch = led->epoch;
      for (const Member &member : led->in_sync) place.in_sync.push_back(member.node);
    }
  }
  map_ = std::move(map);
  if (news) {
    for (const auto &[peer, one] : watchers_) tell_map(one.from, one.envelope, one.model);
  }
  for (const wire::ModelPlace &model : map_.models) {
    for (uint32_t index = 0; index < model.shards.size(); index++) {
      const wire::ShardPlace &place = model.shards[index];
      const auto names_me = [&](const std::vector<uint32_t> &nodes) {
        return std::ranges::find(nodes, options_.node) != nodes.end();
      };
      const bool here = names_me(place.replicas) || names_me(place.in_sync) || place.node == options_.node;
      if (!here) {
        drop(place.shard);
        continue;
      }
      if (shards_.contains(place.shard)) {
        if (news && on_places_)
          on_places_(place.shard, model);
        else if (news)
          shards_.at(place.shard)->placed(model, now);
        continue;
      }
      auto fresh =
          std::make_unique<Shard>(Shard::Place{model, index, std::max(incarnation_, lives_[place.shard])},
                                  options_, net_, disk_, rng_, coordinator_);
      Shard &added = *fresh;
      shards_.emplace(place.shard, std::move(fresh));
      if (on_shard_) on_shard_(added);
      added.start(now);
    }
  }
}

// Others have it now. Should it come back, that is another life.
void ServerNode::drop(uint32_t number) {
  const auto found = shards_.find(number);
  if (found == shards_.end()) return;
  if (on_drop_) on_drop_(*found->second);
  lives_[number] = found->second->replica().incarnation() + 1;
  shards_.erase(found);
}

const wire::NodePlace *ServerNode::node(uint32_t number) const {
  const auto found = std::ranges::find(map_.nodes, number, &wire::NodePlace::node);
  return found == map_.nodes.end() ? nullptr : &*found;
}

Shard *ServerNode::shard(uint32_t number) {
  const auto found = shards_.find(number);
  return found == shards_.end() ? nullptr : found->second.get();
}

// --- messages -----------------------------------------------------------------------------------------------------

void ServerNode::refuse(const From &from, const wire::Envelope &envelope, ngd_status status,
                        wire::Refused::Retry retry, std::string text) {
  wire::Refused refused;
  refused.status = status;
  refused.retry = retry;
  refused.text = std::move(text);
  net_.send(from.peer, {envelope, std::move(refused), {}});
}

void ServerNode::receive(const From &from, wire::Message message, Time now) {
  const wire::Envelope envelope = message.envelope;
  if (envelope.shard != 0) {
    if (Shard *one = shard(envelope.shard)) return one->receive(from, std::move(message), now);
    if (from.role == Role::server) {  // else it asks again
      if (const auto *asked = std::get_if<wire::Fetch>(&message.body)) answer(from, envelope, *asked);
      return;
    }
    return refuse(from, envelope, NGD_E_UNAVAILABLE, wire::Refused::Retry::refresh,
                  concat("shard ", envelope.shard, " is not on server ", options_.node));
  }
  if (std::holds_alternative<wire::Hello>(message.body)) {
    net_.send(from.peer,
              {envelope, wire::Welcome{options_.node, incarnation_, options_.cluster, map_.revision}, {}});
  } else if (const auto *get = std::get_if<wire::GetMap>(&message.body)) {
    // What was just made or moved elsewhere is known a moment later.
    if (joined_ && now + kRefreshUs > refresh_at_ + kRefreshUs / 10) refresh(now);
    if (get->revision != 0 && (watchers_.size() < wire::kNodes || watchers_.contains(from.peer)))
      watchers_[from.peer] = {from, envelope, get->model, now + kWatchUs};
    if (get->revision == 0 || get->revision < map_.revision) return tell_map(from, envelope, get->model);
    wire::Map nothing_new;
    nothing_new.revision = get->revision;
    net_.send(from.peer, {envelope, std::move(nothing_new), {}});
  } else if (const auto *create = std::get_if<wire::CreateModel>(&message.body)) {
    create_model(from, envelope, *create, now);
  } else if (const auto *arranges = std::get_if<wire::Arrange>(&message.body)) {
    arrange(from, envelope, *arranges, now);
  } else {
    refuse(from, envelope, NGD_E_PROTOCOL, wire::Refused::Retry::never,
           concat("a message of type \"", wire::type_name(wire::type_of(message.body)),
                  "\" is not for the server itself"));
  }
}

// Of a shard that is not here, and may have been.
void ServerNode::answer(const From &from, const wire::Envelope &envelope, const wire::Fetch &fetch) {
  for (const wire::ModelPlace &model : map_.models) {
    if (std::ranges::find(model.shards, envelope.shard, &wire::ShardPlace::shard) == model.shards.end())
      continue;
    std::vector<wire::Bytes> payload;
    wire::Fetched found;
    found.asked = fetch;
    if (options_.durable) found = answer_fetch(disk_, options_.directory, model.spec.name, fetch, payload);
    return net_.send(from.peer, {envelope, std::move(found), std::move(payload)});
  }
}

void ServerNode::tell_map(const From &from, const wire::Envelope &envelope, const std::string &model) {
  wire::Map answer;
  answer.revision = map_.revision;
  answer.nodes = map_.nodes;
  for (const wire::ModelPlace &one : map_.models) {
    if (model.empty() || model == one.spec.name) answer.models.push_back(one);
  }
  net_.send(from.peer, {envelope, std::move(answer), {}});
}

// --- time and jobs --------------------------------------------------------------------------------------------------

void ServerNode::tick(Time now) {
  if (!joined_ && now >= join_at_) join(now);
  if (joined_ && now >= refresh_at_) refresh(now);
  std::erase_if(arrangements_, [&](const auto &one) { return one.second.until <= now; });
  std::erase_if(creations_, [&](const auto &one) { return one.second.until <= now; });
  std::erase_if(watchers_, [&](const auto &one) { return one.second.until <= now; });
  if (shards_apart_) return;
  for (const auto &[number, one] : shards_) {
    if (now >= one->next_wakeup()) one->tick(now);
  }
}

Time ServerNode::next_wakeup() const {
  Time next = joined_ ? refresh_at_ : join_at_;
  if (shards_apart_) return next;
  for (const auto &[number, one] : shards_) next = std::min(next, one->next_wakeup());
  return next;
}

std::shared_ptr<Job> ServerNode::take_job() {
  for (const auto &[number, one] : shards_) {
    if (auto job = one->take_job()) return job;
  }
  return nullptr;
}

void ServerNode::finish(const std::shared_ptr<Job> &job, Time now) {
  if (Shard *one = shard(job->shard)) one->finish(job, now);
}

void ServerNode::checkpoint(Time now) {
  for (const auto &[number, one] : shards_) one->checkpoint(now);
}

size_t ServerNode::checkpoints_pending() const {
  return static_cast<size_t>(
      std::ranges::count_if(shards_, [](const auto &one) { return one.second->checkpoint_pending(); }));
}

}  // namespace ngd::cluster
