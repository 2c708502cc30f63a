// A server's own part: joining, the map, making models.
#include "cluster/server_node.h"

#include <algorithm>

#include "base/error.h"
#include "cluster/layout.h"
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
constexpr Time kCreationUs = 10'000'000;
constexpr Time kWatchUs = 5'000'000;  // whoever asked for the map and waits asks again sooner

std::string record_of(const wire::Map &map) {
  return std::string(wire::encode(map).text());
}

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
      self.nodes.push_back({options_.node, revision, options_.address, options_.server_key});
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
  place_model(answer, now);
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
  for (wire::ModelPlace &model : map.models) {
    for (wire::ShardPlace &place : model.shards) {
      const std::string key = replica_key(place.shard);
      const auto record = std::ranges::find(records, key, &Record::key);
      const auto led = record == records.end() ? std::nullopt : ReplicaRecord::parse(record->value);
      if (!led) continue;
      place.node = led->primary.node;
      place.epoch = led->epoch;
    }
  }
  map_ = std::move(map);
  if (news) {
    for (const auto &[peer, one] : watchers_) tell_map(one.from, one.envelope, one.model);
  }
  for (const wire::ModelPlace &model : map_.models) {
    for (uint32_t index = 0; index < model.shards.size(); index++) {
      const wire::ShardPlace &place = model.shards[index];
      const bool here = place.node == options_.node ||
                        std::ranges::find(place.replicas, options_.node) != place.replicas.end();
      if (!here) continue;
      if (shards_.contains(place.shard)) {
        if (news && on_places_)
          on_places_(place.shard, model);
        else if (news)
          shards_.at(place.shard)->placed(model, now);
        continue;
      }
      auto fresh = std::make_unique<Shard>(Shard::Place{model, index, incarnation_}, options_, net_, disk_,
                                           rng_, coordinator_);
      Shard &added = *fresh;
      shards_.emplace(place.shard, std::move(fresh));
      if (on_shard_) on_shard_(added);
      added.start(now);
    }
  }
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
    if (from.role == Role::server) return;  // it asks again
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
  } else {
    refuse(from, envelope, NGD_E_PROTOCOL, wire::Refused::Retry::never,
           concat("a message of type \"", wire::type_name(wire::type_of(message.body)),
                  "\" is not for the server itself"));
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

// --- making models --------------------------------------------------------------------------------------------------

void ServerNode::create_model(const From &from, const wire::Envelope &envelope,
                              const wire::CreateModel &request, Time now) {
  if (from.role < Role::worker)
    return refuse(from, envelope, NGD_E_ACCESS, wire::Refused::Retry::never,
                  "the key may read, but make no model");
  if (!joined_)
    return refuse(from, envelope, NGD_E_UNAVAILABLE, wire::Refused::Retry::later, "the server is starting");
  try {
    check_model(request.spec);
  } catch (const Error &error) {
    return refuse(from, envelope, error.status(), wire::Refused::Retry::never, error.what());
  }
  if (creations_.size() >= wire::kModels)
    return refuse(from, envelope, NGD_E_LIMIT, wire::Refused::Retry::later, "too many models are being made");
  const auto same = std::ranges::find_if(creations_, [&](const auto &one) {
    return one.second.envelope.client == envelope.client && one.second.spec.name == request.spec.name;
  });
  if (same != creations_.end()) {  // it came again: from the start, where the coordinator has not answered
    if (now < same->second.again_at) return;
    creations_.erase(same);
  }
  const uint64_t ticket = new_ticket();
  creations_[ticket] = {from, envelope, request.spec, now + kCreationUs, now + kAgainUs, Step::look, {}};
  coordinator_.get(ticket, "/");
}

void ServerNode::tell_made(const Creation &creation, const wire::ModelPlace &model, uint64_t revision) {
  net_.send(creation.from.peer, {creation.envelope, wire::Map{revision, map_.nodes, {model}}, {}});
}

// One step of a creation is done: look what is there, take a number, write the record.
void ServerNode::place_model(const CoordinatorAnswer &answer, Time now) {
  const auto found = creations_.find(answer.ticket);
  if (found == creations_.end()) return;
  Creation creation = std::move(found->second);
  creations_.erase(found);
  const auto next = [&](Step step) {
    creation.step = step;
    creation.again_at = now + kAgainUs;
    const uint64_t ticket = new_ticket();
    creations_[ticket] = creation;
    return ticket;
  };
  if (creation.step == Step::write) {
    refresh(now);
    if (!answer.done) return coordinator_.get(next(Step::look), "/");
    return tell_made(creation, creation.place,
                     answer.records.empty() ? map_.revision : answer.records.front().revision);
  }
  if (creation.step == Step::number) {
    if (!answer.done) return coordinator_.get(next(Step::look), "/");
    wire::Map record;
    record.models.push_back(creation.place);
    const std::string key = concat("/model/", creation.spec.name);
    return coordinator_.cas(next(Step::write), key, 0, record_of(record));
  }
  adopt(answer.records, now);
  for (const wire::ModelPlace &model : map_.models) {
    if (model.spec.name != creation.spec.name) continue;
    if (!same_model(model.spec, creation.spec))
      return refuse(
          creation.from, creation.envelope, NGD_E_CONFLICT, wire::Refused::Retry::never,
          concat("there is a model ", quoted(model.spec.name),
                 " already, with other tensors, shards or another optimizer; give the same, or another name"));
    return tell_made(creation, model, map_.revision);
  }
  if (map_.models.size() >= wire::kModels)
    return refuse(creation.from, creation.envelope, NGD_E_LIMIT, wire::Refused::Retry::never,
                  concat("the cluster has ", map_.models.size(), " models already, which is the most"));
  uint64_t last = 0, revision = 0;
  for (const Record &record : answer.records) {
    int64_t value = 0;
    if (record.key != "/sequence") continue;
    revision = record.revision;
    if (parse_integer(record.value, value) && value > 0) last = static_cast<uint64_t>(value);
  }
  // Shards go to the servers that live and have the fewest elements.
  std::map<uint32_t, uint64_t> load;
  for (const wire::NodePlace &one : map_.nodes) {
    const std::string alive = concat(kAlive, one.node);
    if (one.node == options_.node ||
        std::ranges::find(answer.records, alive, &Record::key) != answer.records.end())
      load[one.node] = 0;
  }
  for (const wire::ModelPlace &model : map_.models) {
    for (const wire::ShardPlace &place : model.shards) {
      for (const wire::Piece &piece : place.pieces) {
        if (load.contains(place.node)) load[place.node] += piece.count;
      }
    }
  }
  creation.place = {};
  creation.place.model = static_cast<uint32_t>(last + 1);
  creation.place.spec = creation.spec;
  uint32_t number = static_cast<uint32_t>(last * wire::kShards);
  for (std::vector<wire::Piece> &pieces : layout(creation.spec)) {
    wire::ShardPlace place;
    place.shard = ++number;
    place.node = std::ranges::min_element(load, {}, [](const auto &one) { return one.second; })->first;
    // Its copies go to the next.
    std::vector<std::pair<uint64_t, uint32_t>> order;
    for (const auto &[node, elements] : load) order.emplace_back(node == place.node ? 0 : elements + 1, node);
    std::ranges::sort(order);
    for (size_t i = 0; i < order.size() && i < options_.replicas; i++) {
      place.replicas.push_back(order[i].second);
      load[order[i].second]++;
      for (const wire::Piece &piece : pieces) load[order[i].second] += piece.count;
    }
    place.pieces = std::move(pieces);
    creation.place.shards.push_back(std::move(place));
  }
  coordinator_.cas(next(Step::number), "/sequence", revision, std::to_string(last + 1));
}

// --- time and jobs --------------------------------------------------------------------------------------------------

void ServerNode::tick(Time now) {
  if (!joined_ && now >= join_at_) join(now);
  if (joined_ && now >= refresh_at_) refresh(now);
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
