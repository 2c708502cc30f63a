// Choosing servers: the least loaded, in a zone that no other copy is in where there is one.
#include "cluster/placement.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "wire/limits.h"

namespace ngd::cluster {

// --- records --------------------------------------------------------------------------------------------------------

std::string place_key(uint32_t shard) {
  return concat("/place/", shard);
}
std::string drain_key(uint32_t node) {
  return concat("/drain/", node);
}

std::string WantedPlace::text() const {
  std::string out = lead ? "lead" : "";
  for (const uint32_t node : nodes) out += concat(out.empty() ? "" : " ", node);
  return out;
}

std::optional<WantedPlace> WantedPlace::parse(const std::string &text) {
  WantedPlace place;
  for (const auto part : split(text, ' ')) {
    int64_t node = 0;
    if (part == "lead" && place.nodes.empty())
      place.lead = true;
    else if (parse_integer(part, node) && node >= 1 && node <= UINT32_MAX)
      place.nodes.push_back(static_cast<uint32_t>(node));
    else
      return std::nullopt;
  }
  if (place.nodes.empty() || place.nodes.size() > wire::kReplicas) return std::nullopt;
  return place;
}

// --- what there is --------------------------------------------------------------------------------------------------

uint64_t elements_of(const wire::ShardPlace &place) {
  uint64_t count = 0;
  for (const wire::Piece &piece : place.pieces) count += piece.count;
  return count;
}

Placement::Placement(const wire::Map &map) : map_(map) {
  for (const wire::NodePlace &node : map.nodes)
    hosts_.push_back({node.node, node.zone, 0, 0, node.alive && !node.drained});
  for (const wire::ModelPlace &model : map.models) {
    for (const wire::ShardPlace &shard : model.shards) {
      Placed one{shard.shard, elements_of(shard), {shard.replicas, shard.lead}};
      if (one.place.nodes.empty()) one.place.nodes.push_back(shard.node);
      for (const uint32_t node : one.place.nodes) {
        if (Host *there = host(node)) there->load += one.elements + 1;
      }
      if (Host *there = host(one.place.nodes.front())) there->led += one.elements + 1;
      placed_.push_back(std::move(one));
    }
  }
}

Placement::Host *Placement::host(uint32_t node) {
  const auto found = std::ranges::find(hosts_, node, &Host::node);
  return found == hosts_.end() ? nullptr : &*found;
}

bool Placement::takes(uint32_t node) const {
  const auto found = std::ranges::find(hosts_, node, &Host::node);
  return found != hosts_.end() && found->takes;
}

bool Placement::zone_taken(const Host &one, const std::vector<uint32_t> &taken) const {
  return !one.zone.empty() && std::ranges::any_of(hosts_, [&](const Host &other) {
    return other.zone == one.zone && other.node != one.node &&
           std::ranges::find(taken, other.node) != taken.end();
  });
}

Placement::Host *Placement::best(const std::vector<uint32_t> &taken) {
  Host *best = nullptr;
  // Of two that are as full, the one that leads less is to lead, and the other to follow: who leads has more to do.
  const auto worth = [&](const Host &one) {
    return std::tuple(zone_taken(one, taken), one.load, taken.empty() ? one.led : ~one.led, one.node);
  };
  for (Host &one : hosts_) {
    if (!one.takes || std::ranges::find(taken, one.node) != taken.end()) continue;
    if (best == nullptr || worth(one) < worth(*best)) best = &one;
  }
  return best;
}

std::vector<uint32_t> Placement::choose(uint64_t elements, size_t count) {
  std::vector<uint32_t> nodes;
  while (nodes.size() < count) {
    Host *next = best(nodes);
    if (next == nullptr) break;
    next->load += elements + 1;
    if (nodes.empty()) next->led += elements + 1;
    nodes.push_back(next->node);
  }
  return nodes;
}

// --- changing it ----------------------------------------------------------------------------------------------------

void Placement::add(Placed &placed, uint32_t node) {
  placed.place.nodes.push_back(node);
  if (Host *there = host(node)) there->load += placed.elements + 1;
}

void Placement::remove(Placed &placed, uint32_t node) {
  std::erase(placed.place.nodes, node);
  if (Host *there = host(node)) there->load -= std::min(there->load, placed.elements + 1);
}

// Copies beyond the count go from zones that have two, then from where there is least room; the first stays.
void Placement::set_count(Placed &placed, size_t count) {
  while (placed.place.nodes.size() > count) {
    uint32_t worst = placed.place.nodes.back();
    std::tuple<bool, uint64_t> most(false, 0);
    for (size_t i = 1; i < placed.place.nodes.size(); i++) {
      const Host *there = host(placed.place.nodes[i]);
      const std::tuple<bool, uint64_t> weight(there == nullptr || zone_taken(*there, placed.place.nodes),
                                              there == nullptr ? UINT64_MAX : there->load);
      if (weight < most) continue;
      most = weight;
      worst = placed.place.nodes[i];
    }
    remove(placed, worst);
  }
  while (placed.place.nodes.size() < count) {
    const Host *next = best(placed.place.nodes);
    if (next == nullptr) break;
    add(placed, next->node);
  }
}

// A copy moves from the fullest server to the emptiest while that makes the fullest less full; then each server leads as
// many shards as it can.
void Placement::balance() {
  for (size_t moves = 0; moves < placed_.size() * wire::kReplicas; moves++) {
    std::vector<Host *> order;
    for (Host &one : hosts_) {
      if (one.takes) order.push_back(&one);
    }
    std::ranges::sort(order, {}, [](const Host *one) { return std::pair(one->load, one->node); });
    if (order.size() < 2) break;
    Host *full = order.back(), *empty = order.front();
    Placed *best_move = nullptr;
    for (Placed &placed : placed_) {
      const auto &nodes = placed.place.nodes;
      if (std::ranges::find(nodes, full->node) == nodes.end() ||
          std::ranges::find(nodes, empty->node) != nodes.end() ||
          empty->load + placed.elements + 1 >= full->load)
        continue;
      std::vector<uint32_t> others = nodes;
      std::erase(others, full->node);
      if (zone_taken(*empty, others) && !zone_taken(*full, others)) continue;
      if (best_move == nullptr || placed.elements > best_move->elements) best_move = &placed;
    }
    if (best_move == nullptr) break;
    std::ranges::replace(best_move->place.nodes, full->node, empty->node);
    full->load -= best_move->elements + 1;
    empty->load += best_move->elements + 1;
  }
  std::vector<std::pair<uint32_t, uint64_t>> leads;
  for (const Host &one : hosts_) leads.emplace_back(one.node, 0);
  const auto led = [&](uint32_t node) -> uint64_t & {
    return std::ranges::find(leads, node, &std::pair<uint32_t, uint64_t>::first)->second;
  };
  for (Placed &placed : placed_) {
    auto &nodes = placed.place.nodes;
    std::erase_if(nodes, [&](uint32_t node) { return host(node) == nullptr; });
    if (nodes.empty()) continue;
    const auto first = std::ranges::min_element(
        nodes, {}, [&](uint32_t node) { return std::tuple(!takes(node), led(node), node); });
    std::rotate(nodes.begin(), first, first + 1);
    led(nodes.front()) += placed.elements + 1;
    placed.place.lead = nodes.size() > 1;
  }
}

std::vector<std::pair<uint32_t, WantedPlace>> Placement::arrange(const wire::Arrange &request) {
  using Kind = wire::Arrange::Kind;
  const std::vector<Placed> before = placed_;
  const wire::ModelPlace *model = nullptr;
  for (const wire::ModelPlace &one : map_.models) {
    if (one.spec.name == request.model) model = &one;
  }
  const auto servers = std::ranges::count_if(hosts_, &Host::takes);
  const auto placed_of = [&](uint32_t shard) -> Placed & {
    return *std::ranges::find(placed_, shard, &Placed::shard);
  };
  if (request.kind == Kind::replicas || request.kind == Kind::move) {
    if (model == nullptr) fail(NGD_E_NOT_FOUND, "there is no model ", quoted(request.model));
  } else if (request.kind != Kind::balance && host(request.node) == nullptr) {
    fail(NGD_E_NOT_FOUND, "the cluster knows no server ", request.node);
  }
  switch (request.kind) {
    case Kind::drain: {
      host(request.node)->takes = false;
      for (Placed &placed : placed_) {
        const size_t count = placed.place.nodes.size();
        if (std::ranges::find(placed.place.nodes, request.node) == placed.place.nodes.end()) continue;
        remove(placed, request.node);
        placed.place.lead = false;
        set_count(placed, count);
        if (placed.place.nodes.empty())
          fail(NGD_E_UNAVAILABLE, "server ", request.node,
               " cannot be drained: no other server lives that could have shard ", placed.shard,
               "; start one first");
      }
      break;
    }
    case Kind::undrain:
      break;
    case Kind::replicas:
      if (request.count < 1 || request.count > wire::kReplicas)
        fail(NGD_E_RANGE, "a shard has 1 to ", wire::kReplicas, " replicas, not ", request.count);
      if (request.count > static_cast<size_t>(servers))
        fail(NGD_E_UNAVAILABLE, request.count,
             " replicas need as many servers that live and are not drained; there are ", servers);
      for (const wire::ShardPlace &shard : model->shards) {
        Placed &placed = placed_of(shard.shard);
        // Who leads now stays.
        const auto leader = std::ranges::find(placed.place.nodes, shard.node);
        if (leader != placed.place.nodes.end()) std::rotate(placed.place.nodes.begin(), leader, leader + 1);
        placed.place.lead = false;
        set_count(placed, request.count);
      }
      break;
    case Kind::move: {
      if (request.shard >= model->shards.size())
        fail(NGD_E_RANGE, "model ", quoted(request.model), " has no shard ", request.shard, "; it has ",
             model->shards.size(), ", counted from 0");
      if (request.nodes.empty()) fail(NGD_E_ARGUMENT, "a shard must be on a server; name at least one");
      for (size_t i = 0; i < request.nodes.size(); i++) {
        const uint32_t node = request.nodes[i];
        if (!takes(node))
          fail(NGD_E_UNAVAILABLE, "server ", node, " is not there, or drained, and cannot have shard ",
               request.shard);
        if (std::find(request.nodes.begin(), request.nodes.begin() + static_cast<ptrdiff_t>(i), node) !=
            request.nodes.begin() + static_cast<ptrdiff_t>(i))
          fail(NGD_E_ARGUMENT, "server ", node, " is named twice");
      }
      placed_of(model->shards[request.shard].shard).place = {request.nodes, true};
      break;
    }
    case Kind::balance:
      balance();
      break;
  }
  std::vector<std::pair<uint32_t, WantedPlace>> changes;
  for (size_t i = 0; i < placed_.size(); i++) {
    if (placed_[i].place != before[i].place) changes.emplace_back(placed_[i].shard, placed_[i].place);
  }
  return changes;
}

}  // namespace ngd::cluster
