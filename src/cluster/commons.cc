// Values, partitions and barriers.
#include "cluster/commons.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "wire/limits.h"

namespace ngd::cluster {
namespace {

template <class List>
auto place_of(List &list, const std::string &name) {
  return std::ranges::lower_bound(list, name, {},
                                  [](const auto &one) -> const std::string & { return one.name; });
}

std::string canonical(std::string_view text) {
  double number = 0;
  parse_number(text, number);
  return number_text(number);
}

}  // namespace

Reply refusal(ngd_status status, std::string text) {
  Reply reply;
  reply.status = status;
  reply.text = std::move(text);
  return reply;
}

// --- values -----------------------------------------------------------------------------------------------------

const Value *Values::find(const std::string &name) const {
  const auto found = place_of(values, name);
  return found != values.end() && found->name == name ? &*found : nullptr;
}

Settings Values::settings() const {
  Settings settings;
  if (const Value *rate = find(std::string(kRate)); rate != nullptr) parse_number(rate->bytes, settings.rate);
  for (auto one = place_of(values, std::string(kSettingPrefix));
       one != values.end() && one->name.starts_with(kSettingPrefix); ++one) {
    if (one->name != kChanges)
      settings.options +=
          concat(settings.options.empty() ? "" : ",", one->name.substr(kSettingPrefix.size()), "=", one->bytes);
  }
  return settings;
}

Reply Values::refused(const One &one) const {
  const Value *old = find(one.name);
  const uint64_t version = old != nullptr ? old->version : 0;
  if (one.name.empty()) return refusal(NGD_E_ARGUMENT, "a value needs a name");
  if (one.text.size() > wire::kValueBytes)
    return refusal(NGD_E_LIMIT, concat("value ", quoted(one.name), " would have ", one.text.size(),
                                       " bytes; at most ", wire::kValueBytes, " are possible"));
  if (one.expected != wire::kAny && one.expected != version)
    return refusal(NGD_E_CONFLICT, concat("value ", quoted(one.name), " has version ", version, ", not ",
                                          one.expected, "; get it and try again"));
  double number = 0;
  if (one.name == kRate && !(parse_number(one.text, number) && number > 0 && std::isfinite(number)))
    return refusal(NGD_E_RANGE, concat("the learning rate ", quoted(one.text), " is not a number above 0"));
  if (one.name == kChanges)
    return refusal(NGD_E_ACCESS, concat("the value ", quoted(one.name), " is written by the servers"));
  if (is_setting(one.name) && !parse_number(one.text, number))
    return refusal(NGD_E_RANGE, concat("the value ", quoted(one.name), " would be ", quoted(one.text),
                                       ", which is not a number"));
  return {};
}

uint64_t Values::put(const std::string &name, std::string_view text) {
  auto place = place_of(values, name);
  if (place == values.end() || place->name != name) place = values.insert(place, {name, 0, {}});
  bytes += text.size() - place->bytes.size();
  place->bytes = text;
  return ++place->version;
}

Reply Values::set(const wire::Command &command, std::string_view payload, const wire::ModelSpec &model,
                  uint64_t next) {
  std::vector<One> all;
  if (command.values.empty()) {
    all.push_back({command.name, payload, command.expected});
  } else {
    for (const wire::NamedValue &one : command.values) {
      if (one.bytes > payload.size())
        return refusal(NGD_E_PROTOCOL, "the payload is shorter than the values that it is to hold");
      all.push_back({one.name, payload.substr(0, one.bytes), one.expected});
      payload.remove_prefix(one.bytes);
    }
  }
  // What they would be is tried on a copy of those that are concerned.
  uint64_t sum = bytes, fresh = 0;
  Values trial;
  bool of_optimizer = false;
  for (const One &one : all) {
    if (Reply reply = refused(one); reply.status != NGD_OK) return reply;
    const Value *old = find(one.name);
    sum += one.text.size() - (old != nullptr ? old->bytes.size() : 0);
    fresh += old == nullptr ? 1 : 0;
    of_optimizer = of_optimizer || is_setting(one.name);
  }
  if (sum > wire::kCommonsBytes)
    return refusal(NGD_E_LIMIT,
                   concat("the values of a model have at most ", wire::kCommonsBytes, " bytes together"));
  if (values.size() + fresh > wire::kValues)
    return refusal(NGD_E_LIMIT, concat("the model has ", values.size(), " values already; at most ",
                                       wire::kValues, " are possible"));
  Reply reply;
  if (of_optimizer) {
    for (const Value &one : values) {
      if (is_setting(one.name)) trial.put(one.name, one.bytes);
    }
    for (const One &one : all) {
      if (is_setting(one.name)) trial.put(one.name, canonical(one.text));
    }
    try {
      check_settings(model, trial.settings());
    } catch (const Error &error) {
      return refusal(error.status(), error.what());
    }
  }
  for (const One &one : all)
    reply.done.number = put(one.name, is_setting(one.name) ? canonical(one.text) : std::string(one.text));
  if (of_optimizer) {
    const Value *changes = find(kChanges);
    put(kChanges, with_change(changes == nullptr ? "" : changes->bytes, next, settings()));
    reply.done.offset = next;
  }
  return reply;
}

// --- partitions -------------------------------------------------------------------------------------------------

PartitionSet *Partitions::find(const std::string &name) {
  const auto found = place_of(sets, name);
  return found != sets.end() && found->name == name ? &*found : nullptr;
}

const PartitionSet *Partitions::set_named(const std::string &name) const {
  const auto found = place_of(sets, name);
  return found != sets.end() && found->name == name ? &*found : nullptr;
}

bool Partitions::owns(const wire::Progress &progress, const wire::ClientId &client) const {
  const PartitionSet *set = set_named(progress.set);
  if (set == nullptr || progress.number >= set->partitions.size()) return false;
  const Partition &one = set->partitions[progress.number];
  return one.owner == client && one.token == progress.token;
}

void Partitions::advance(const wire::Progress &progress) {
  Partition &one = find(progress.set)->partitions[progress.number];
  one.offset = progress.offset;
  one.note = progress.note;
  if (!progress.finish) return;
  one.finished = true;
  one.owner = {};
}

Reply Partitions::open(const wire::Command &command) {
  PartitionSet *set = find(command.name);
  if (set == nullptr) {
    size_t all = 0;
    for (const PartitionSet &one : sets) all += one.partitions.size();
    if (command.count < 1 || command.count > wire::kPartitions - all)
      return refusal(NGD_E_LIMIT, concat("a set of ", command.count, " partitions is not possible: 1 to ",
                                         wire::kPartitions, ", less ", all, " that the model has"));
    PartitionSet fresh;
    fresh.name = command.name;
    fresh.pass = 1;
    fresh.partitions.resize(command.count);
    set = &*sets.insert(place_of(sets, command.name), std::move(fresh));
  } else if (set->partitions.size() != command.count) {
    return refusal(NGD_E_CONFLICT, concat("set ", quoted(command.name), " has ", set->partitions.size(),
                                          " partitions, not ", command.count));
  } else if (std::ranges::all_of(set->partitions, &Partition::finished)) {
    set->pass++;
    for (Partition &one : set->partitions) {
      one.finished = false;
      one.offset = 0;
    }
  }
  Reply reply;
  reply.done.number = set->pass;
  return reply;
}

Reply Partitions::claim(PartitionSet &set, const wire::Command &command, const wire::ClientId &client,
                        uint64_t token, bool two_owners) {
  const auto free = [&](const Partition &one) {
    return !one.finished && (two_owners || one.owner == wire::ClientId());
  };
  size_t number = command.number;
  if (command.number == wire::kAny) {
    number = static_cast<size_t>(std::ranges::find_if(set.partitions, free) - set.partitions.begin());
    if (number == set.partitions.size()) {
      if (std::ranges::all_of(set.partitions, &Partition::finished))
        return refusal(NGD_E_NOT_FOUND, concat("all partitions of ", quoted(set.name),
                                               " are finished; open the set again for a new pass"));
      return refusal(NGD_E_UNAVAILABLE,
                     concat("all unfinished partitions of ", quoted(set.name), " have an owner"));
    }
  }
  Partition &one = set.partitions[number];
  if (!free(one))
    return refusal(NGD_E_CONFLICT, concat("partition ", number, " of ", quoted(set.name),
                                          one.finished ? " is finished" : " has an owner"));
  one.owner = client;
  one.token = token;
  Reply reply;
  reply.done.number = number;
  reply.done.token = token;
  reply.done.offset = one.offset;
  reply.payload = wire::copied(one.blob);
  return reply;
}

Reply Partitions::apply(const wire::Command &command, const wire::ClientId &client, std::string blob,
                        uint64_t token, bool two_owners) {
  if (command.name.empty()) return refusal(NGD_E_ARGUMENT, "a set of partitions needs a name");
  if (command.kind == wire::CommandKind::partitions) return open(command);
  PartitionSet *set = find(command.name);
  if (set == nullptr)
    return refusal(NGD_E_NOT_FOUND, concat("there is no set of partitions ", quoted(command.name)));
  const bool any = command.kind == wire::CommandKind::claim && command.number == wire::kAny;
  if (!any && command.number >= set->partitions.size())
    return refusal(NGD_E_RANGE, concat("set ", quoted(command.name), " has ", set->partitions.size(),
                                       " partitions, no number ", command.number));
  if (command.kind == wire::CommandKind::claim) return claim(*set, command, client, token, two_owners);
  Partition &one = set->partitions[command.number];
  // Who finished it may still leave a blob.
  const bool last_words =
      one.finished && one.token == command.token && command.kind == wire::CommandKind::progress;
  if (!last_words && (one.owner != client || one.token != command.token))
    return refusal(NGD_E_FENCED, concat("partition ", command.number, " of ", quoted(command.name),
                                        " belongs to another by now; claim one again"));
  if (blob.size() > wire::kValueBytes)
    return refusal(NGD_E_LIMIT,
                   concat("a partition's blob has at most ", wire::kValueBytes, " bytes, not ", blob.size()));
  if (bytes + blob.size() - one.blob.size() > wire::kCommonsBytes)
    return refusal(NGD_E_LIMIT, concat("the blobs of a model's partitions have at most ", wire::kCommonsBytes,
                                       " bytes together"));
  if (command.kind != wire::CommandKind::finish) {
    bytes += blob.size() - one.blob.size();
    if (!last_words) one.offset = command.offset;
    one.blob = std::move(blob);
  }
  if (command.kind == wire::CommandKind::finish) one.finished = true;
  if (command.kind != wire::CommandKind::progress) one.owner = {};
  Reply reply;
  reply.done.number = command.number;
  reply.done.offset = one.offset;
  return reply;
}

void Partitions::remove(const wire::ClientId &client) {
  for (PartitionSet &set : sets) {
    for (Partition &one : set.partitions) {
      if (one.owner == client) one.owner = {};
    }
  }
}

// --- barriers ---------------------------------------------------------------------------------------------------

Reply Barriers::arrive(const wire::Command &command, const Arrival &arrival) {
  auto place = place_of(barriers, command.name);
  if (place == barriers.end() || place->name != command.name) {
    if (barriers.size() >= wire::kValues) return refusal(NGD_E_LIMIT, "the model has too many barriers");
    Barrier fresh;
    fresh.name = command.name;
    place = barriers.insert(place, std::move(fresh));
  }
  if (place->arrived.empty()) place->count = command.count;
  if (place->count != command.count)
    return refusal(NGD_E_CONFLICT, concat("barrier ", quoted(command.name), " waits for ", place->count,
                                          " clients, not ", command.count));
  if (place->arrived.size() >= wire::kWaiters)
    return refusal(NGD_E_LIMIT, "too many clients wait at the barrier");
  place->arrived.push_back(arrival);
  Reply reply;
  reply.final = false;
  return reply;
}

bool Barriers::cancel(const Arrival &arrival) {
  for (Barrier &barrier : barriers) {
    if (std::erase_if(barrier.arrived, [&](const Arrival &one) {
          return one.client == arrival.client && one.seq == arrival.seq;
        }) != 0)
      return true;
  }
  return false;
}

void Barriers::remove(const wire::ClientId &client) {
  for (Barrier &barrier : barriers)
    std::erase_if(barrier.arrived, [&](const Arrival &one) { return one.client == client; });
}

std::vector<Barriers::Barrier> Barriers::open(
    const std::function<bool(const std::vector<Arrival> &)> &all_workers) {
  std::vector<Barrier> opened;
  for (Barrier &barrier : barriers) {
    if (barrier.arrived.empty()) continue;
    if (barrier.count != 0 ? barrier.arrived.size() < barrier.count : !all_workers(barrier.arrived)) continue;
    barrier.opened++;
    opened.push_back(barrier);
    barrier.arrived.clear();
  }
  return opened;
}

}  // namespace ngd::cluster
