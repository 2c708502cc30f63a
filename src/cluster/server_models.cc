// What changes the cluster on request: models that are made, shards that are to be elsewhere.
#include <algorithm>

#include "base/error.h"
#include "cluster/layout.h"
#include "cluster/placement.h"
#include "cluster/server_node.h"
#include "wire/limits.h"

namespace ngd::cluster {
namespace {

constexpr Time kAgainUs = 500'000;
constexpr Time kRequestUs = 10'000'000;  // then its client has asked again
constexpr uint64_t kNumbers = 256;       // of shards, for one step of the sequence; the same in all versions

}  // namespace

// --- making models -----------------------------------------------------------------------------------------------------

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
  creations_[ticket] = {from, envelope, request.spec, now + kRequestUs, now + kAgainUs, Step::look, {}};
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
  creation.place = {};
  creation.place.model = static_cast<uint32_t>(last + 1);
  creation.place.spec = creation.spec;
  uint32_t number = static_cast<uint32_t>(last * kNumbers);
  const uint64_t steps = (creation.spec.shards + kNumbers - 1) / kNumbers;
  Placement placement(map_);
  for (std::vector<wire::Piece> &pieces : layout(creation.spec)) {
    wire::ShardPlace place;
    place.shard = ++number;
    place.pieces = std::move(pieces);
    place.replicas = placement.choose(elements_of(place), options_.replicas);
    if (place.replicas.empty())
      return refuse(creation.from, creation.envelope, NGD_E_UNAVAILABLE, wire::Refused::Retry::later,
                    "all servers are drained; start another, or take one back (ngd cluster undrain)");
    place.node = place.replicas.front();
    creation.place.shards.push_back(std::move(place));
  }
  coordinator_.cas(next(Step::number), "/sequence", revision, std::to_string(last + steps));
}

// --- arrangements ---------------------------------------------------------------------------------------------------

void ServerNode::arrange(const From &from, const wire::Envelope &envelope, const wire::Arrange &request,
                         Time now) {
  if (from.role < Role::admin)
    return refuse(from, envelope, NGD_E_ACCESS, wire::Refused::Retry::never,
                  "only a key with the role admin may say which server has what");
  if (!joined_)
    return refuse(from, envelope, NGD_E_UNAVAILABLE, wire::Refused::Retry::later, "the server is starting");
  if (options_.ack_disk && options_.replicas == 1)
    return refuse(from, envelope, NGD_E_UNSUPPORTED, wire::Refused::Retry::never,
                  "with ack=disk and replicas=1 a shard stays where its log is; start the servers with "
                  "replicas=2 or ack=memory to move shards");
  if (arrangements_.size() >= wire::kModels)
    return refuse(from, envelope, NGD_E_LIMIT, wire::Refused::Retry::later, "too many requests are under way");
  const auto same = std::ranges::find_if(arrangements_, [&](const auto &one) {
    return one.second.envelope.client == envelope.client && one.second.envelope.seq == envelope.seq;
  });
  if (same != arrangements_.end()) {  // it came again: from the start, where the coordinator has not answered
    if (now < same->second.again_at) return;
    arrangements_.erase(same);
  }
  const uint64_t ticket = new_ticket();
  arrangements_[ticket] = {from, envelope, request, now + kRequestUs, now + kAgainUs, {}};
  coordinator_.get(ticket, "/");
}

// Looks what is there, and writes what is to be, one record after another. Whoever changed one meanwhile is not overruled:
// it begins anew.
bool ServerNode::arrange_on(const CoordinatorAnswer &answer, Time now) {
  const auto found = arrangements_.find(answer.ticket);
  if (found == arrangements_.end()) return false;
  Arrangement one = std::move(found->second);
  arrangements_.erase(found);
  one.again_at = now + kAgainUs;
  const uint64_t ticket = new_ticket();
  if (!answer.done || !one.planned) {
    if (one.planned) {
      one.planned = one.wrote = one.reads_back = false;
      one.writes.clear();
      arrangements_[ticket] = std::move(one);
      coordinator_.get(ticket, "/");
      return true;
    }
    adopt(answer.records, now);
    const auto write = [&](const std::string &key, std::string value) {
      const auto record = std::ranges::find(answer.records, key, &Record::key);
      const bool there = record != answer.records.end();
      if (!there || record->value != value)
        one.writes.push_back({key, std::move(value), there ? record->revision : 0});
    };
    try {
      const bool drain = one.request.kind == wire::Arrange::Kind::drain;
      const auto changes = Placement(map_).arrange(one.request);
      if (drain || one.request.kind == wire::Arrange::Kind::undrain)
        write(drain_key(one.request.node), drain ? "1" : "0");
      for (const auto &[shard, place] : changes) write(place_key(shard), place.text());
    } catch (const Error &error) {
      refuse(one.from, one.envelope, error.status(), wire::Refused::Retry::never, error.what());
      return true;
    }
    one.planned = true;
  }
  if (one.writes.empty() && one.wrote) {  // so that the answer tells of it
    one.wrote = false;
    one.reads_back = true;
    arrangements_[ticket] = std::move(one);
    coordinator_.get(ticket, "/");
    return true;
  }
  if (one.writes.empty()) {
    if (one.reads_back) adopt(answer.records, now);
    net_.send(one.from.peer, {one.envelope, wire::Map{map_.revision, map_.nodes, map_.models}, {}});
    return true;
  }
  const Record next = std::move(one.writes.back());
  one.writes.pop_back();
  one.wrote = true;
  arrangements_[ticket] = std::move(one);
  coordinator_.cas(ticket, next.key, next.revision, next.value);
  return true;
}

}  // namespace ngd::cluster
