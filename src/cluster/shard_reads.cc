// Reads of a shard: pulls that are answered, or wait for the version that they want.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "cluster/coding.h"
#include "cluster/shard_state.h"
#include "wire/codec.h"
#include "wire/table.h"

namespace ngd::cluster {

using wire::Refused;

void Shard::State::pull(const From &from, const wire::Envelope &envelope, const wire::Pull &pull,
                        std::vector<wire::Bytes> payload, Time now) {
  if (!fresh_request(from, envelope, pull.lineage)) return;
  WaitingPull one{from, envelope, pull, std::move(payload), now + std::min(pull.wait_us, wire::kWaitUsMax), 0};
  if (pull.confirm) one.asked = ask_members(now);
  if (!rows_shown && asks_for_rows(pull)) {
    if (read_present(one)) return;
    publish();
  }
  if (try_pull(one, now)) return;
  std::erase_if(waiting, [&](const WaitingPull &other) {
    const bool again = other.envelope.client == envelope.client && other.envelope.seq == envelope.seq;
    // Who asks again does not wait longer for it: its own time goes on.
    if (again) one.until = std::min(one.until, other.until);
    return again;
  });
  if (waiting.size() >= options.limits.waiting)
    return refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later,
                  concat(where(), " holds too many reads back"));
  wakeup = std::min(wakeup, one.until);
  waiting.push_back(std::move(one));
}

bool Shard::State::try_pull(const WaitingPull &one, Time now) {
  wire::Pull pull = one.pull;
  if (options.mutant == Mutant::pin_ignored && pull.version <= version) pull.version = 0;
  if (options.mutant == Mutant::stale_read && stale != nullptr && stale->initialised && pull.version == 0) {
    wire::Message message{one.envelope, {}, {}};
    wire::Pulled pulled;
    pulled.version = stale->version;
    if (!stale->read(pull.tensors, one.payload, pulled.tensors, message.payload)) {
      message.body = std::move(pulled);
      send_to(one.from.peer, std::move(message), one.asked);
      return true;
    }
  }
  if (options.mutant == Mutant::lineage_ignored) pull.lineage = lineage;
  if (one.asked == 0 && one.until > now && replica->lease(now) <= now) return false;
  if (auto message = published.answer(one.envelope, pull, one.payload)) {
    send_to(one.from.peer, std::move(*message), one.asked);
    return true;
  }
  // Of the newest version readers may still be shown the rows: it is not gone.
  const auto shown = published.newest();
  if (shown != nullptr && shown->initialised && pull.version != 0 && pull.version < shown->version) {
    refuse(one.from.peer, one.envelope, NGD_E_NOT_FOUND, Refused::Retry::never,
           concat("version ", pull.version, " is not held any more; the newest is ", shown->version),
           one.asked);
    return true;
  }
  if (one.until > now) return false;
  if (!initialised && pull.version == 0 &&
      pull.min_version == 0)  // else it has values, and this shard is behind
    refuse(one.from.peer, one.envelope, NGD_E_STATE, Refused::Retry::never,
           "the model has no values yet; initialise it first", one.asked);
  else
    refuse(one.from.peer, one.envelope, NGD_E_TIMEOUT, Refused::Retry::never,
           concat(where(), " has version ", version, " and was asked for ",
                  std::max(pull.version, pull.min_version)));
  return true;
}

void Shard::State::serve_pulls(Time now) {
  for (size_t left = waiting.size(); left > 0; left--) {
    WaitingPull one = std::move(waiting.front());
    waiting.pop_front();
    if (try_pull(one, now)) continue;
    wakeup = std::min(wakeup, one.until);
    waiting.push_back(std::move(one));
  }
}

// The answer waits until it is certain; readers may not see the version yet.
void Shard::State::read(const Wanted &wanted, wire::Pushed &pushed, std::vector<wire::Bytes> &payload) const {
  pushed.values_version = version;
  std::vector<wire::TensorPart> parts = wanted.parts;
  if (wanted.all_dense) {
    for (const PieceShape &shape : *latest->pieces) {
      if (!shape.table) parts.push_back({shape.piece.tensor, 0, false});
    }
  }
  // What is short follows rows in one run: a frame of its own costs more than the copy.
  size_t bytes = 0;
  for (const wire::TensorPart &part : parts) bytes += parameters->bytes_beside(part);
  const wire::Buffer buffer(bytes);
  std::byte *to = buffer.data();
  size_t row = 0;
  for (const wire::TensorPart &part : parts) {
    const size_t here = parameters->bytes_beside(part);
    if (part.rows != 0)
      parameters->copy_rows(part.tensor, std::span(wanted.rows).subspan(row, part.rows),
                            reinterpret_cast<float *>(to));
    row += part.rows;
    std::vector<wire::Bytes> dense;
    if (part.rows == 0) latest->read({part}, {}, pushed.tensors, dense);
    if (part.rows != 0) pushed.tensors.push_back(part);
    if (here == 0) {
      payload.insert(payload.end(), dense.begin(), dense.end());
      continue;
    }
    size_t at = 0;
    for (const wire::Bytes &run : dense) {
      std::memcpy(to + at, run.data, run.size);
      at += run.size;
    }
    payload.push_back(buffer.bytes().slice(static_cast<size_t>(to - buffer.data()), here));
    to += here;
  }
  pushed.coding = wanted.coding;
  if (wanted.coding != wire::Coding::float32) payload = narrowed(payload, wanted.coding);
}

}  // namespace ngd::cluster
