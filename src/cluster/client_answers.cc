// What the answers to a client's requests make of its operations.
#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "cluster/client_state.h"
#include "cluster/coding.h"
#include "cluster/layout.h"
#include "cluster/payload.h"

namespace ngd::cluster {

using Kind = ClientSession::State::Operation::Kind;
using Step = ClientSession::State::Operation::Step;
using wire::Refused;

namespace {

// The numbers of an answer, in whichever coding they came.
class AnswerReader {
 public:
  AnswerReader(const std::vector<wire::Bytes> &buffers, wire::Coding coding)
      : floats_(buffers), halves_(buffers), coding_(coding) {}
  // The next ones; false when there are fewer.
  bool take(TensorValues &values, uint64_t &bytes) {
    bytes += coded_bytes(coding_, values.count);
    if (coding_ == wire::Coding::float32) return floats_.take(values.count * sizeof(float), values.data);
    const auto data = widened(halves_, coding_, values.count);
    if (data) values.data.push_back(*data);
    return data.has_value();
  }

 private:
  Slices floats_;
  PayloadReader halves_;
  wire::Coding coding_;
};

}  // namespace

void ClientSession::State::receive(Peer from, wire::Message message, Time now) {
  if (from < heard.size()) heard[from] = now;
  if (auto *map = std::get_if<wire::Map>(&message.body)) adopt_map(*map, now);
  if (message.envelope.client != id) return;
  uint32_t index = kNode;
  if (message.envelope.shard != 0) {
    index = index_of(message.envelope.shard);
    if (index == kNode) return;
  }
  const auto place = requests.find({message.envelope.seq, index});
  if (place == requests.end()) return;
  Request &request = place->second;
  if (std::holds_alternative<wire::Staged>(message.body)) {
    const auto *push = std::get_if<wire::Push>(&request.message.body);
    if (push == nullptr || push->attempt != std::get<wire::Staged>(message.body).attempt) return;
    request.held = true;
    // The shard itself sees to it that the root hears of the part; the root alone is asked what became of the update.
    if (index != 0) {
      request.pause = options.retry_us * kPauses;
      request.at = std::max(request.at, now + request.pause);
    }
    return;
  }
  if (const auto *refusal = std::get_if<Refused>(&message.body)) return refused(request, *refusal, now);
  const Request kept = std::move(request);
  requests.erase(place);
  answered(kept, std::move(message), now);
}

void ClientSession::State::answered(const Request &request, wire::Message message, Time now) {
  const Ticket ticket = request.ticket;
  if (std::holds_alternative<wire::Pushed>(message.body) || std::holds_alternative<wire::Point>(message.body))
    latency = latency - latency / 8 + (now - request.since) / 8;
  if (const auto *answer = std::get_if<wire::Opened>(&message.body)) {
    if (lineage != 0 && answer->lineage != lineage)
      untold = !(fail_all(NGD_E_LINEAGE, kWentBack, false, now) || told);
    told = false;
    if (answer->lineage != lineage) {
      version = 0;
      compressor.forget();
    }
    lineage = answer->lineage;
    session_number = answer->session;
    version = std::max(version, answer->version);
    next_seq = std::max(next_seq, answer->last_seq + 1);
    opened = true;
    reopening = false;
    keep_alive_at = now + options.lease_us / 3;
    if (ticket != 0) finish(ticket, NGD_OK, {}, now);
    return start_queued(now);
  }
  const auto place = operations.find(ticket);
  if (place == operations.end()) return;
  Operation &operation = place->second;
  if (auto *map = std::get_if<wire::Map>(&message.body)) {
    if (operation.kind == Kind::server) {
      if (map->revision < map_revision) {  // of a server that has not heard of what this client knows
        Request again = request;
        again.at = now + options.retry_us / 4;
        due(again.at);
        requests.insert_or_assign({again.message.envelope.seq, kNode}, std::move(again));
        return;
      }
      operation.outcome.map = std::move(*map);
      return finish(ticket, NGD_OK, {}, now);
    }
    const bool there = std::ranges::any_of(
        map->models, [&](const wire::ModelPlace &one) { return one.spec.name == options.model; });
    if (there && found) return open_session(ticket, now);
    // Somebody is yet to make it.
    operation.step = Step::finding;
    Request again = request;
    again.message.envelope.seq = read_number();
    again.message.body = wire::GetMap{options.model};
    again.at = now + options.retry_us;
    due(again.at);
    requests.insert_or_assign({again.message.envelope.seq, kNode}, std::move(again));
  } else if (const auto *pushed = std::get_if<wire::Pushed>(&message.body)) {
    update_answered(ticket, operation, *pushed, message.payload, now);
  } else if (const auto *point = std::get_if<wire::Point>(&message.body)) {
    version = std::max(version, point->version);
    if (operation.kind == Kind::version) {
      operation.outcome.version = point->version;
      operation.outcome.initialised = point->initialised;
      return finish(ticket, NGD_OK, {}, now);
    }
    operation.at_version = operation.pinned && point->initialised ? point->version : 0;
    operation.pinned = operation.pinned && point->initialised;
    read_shards(ticket, operation, now);
  } else if (const auto *pulled = std::get_if<wire::Pulled>(&message.body)) {
    if (operation.step == Step::reading) shard_answered(request, operation, *pulled, message.payload, now);
  } else if (auto *done = std::get_if<wire::Done>(&message.body)) {
    operation.outcome.done = std::move(*done);
    version = std::max(version, operation.outcome.done.version);
    operation.outcome.version = operation.outcome.done.version;
    operation.outcome.payload = std::move(message.payload);
    operation.settled = true;
    finish(ticket, NGD_OK, {}, now);
  }
}

// The update has its version; what push_pull read with it comes too, or is read now.
void ClientSession::State::update_answered(Ticket ticket, Operation &operation, const wire::Pushed &pushed,
                                           const std::vector<wire::Bytes> &buffers, Time now) {
  version = std::max(version, pushed.version);
  operation.outcome.version = pushed.version;
  operation.outcome.applied = pushed.applied;
  if (!operation.then_pull) return finish(ticket, NGD_OK, {}, now);
  forget(ticket);
  bytes_under_way -= operation.bytes;
  operation.step = Step::pointing;
  operation.outcome.seq = std::exchange(operation.seq, 0);
  operation.confirm = false;  // all members had a word in the update
  if (pushed.tensors.empty()) {
    start_read(ticket, operation, now);
    return start_queued(now);
  }
  operation.outcome.values_version = pushed.values_version;
  AnswerReader payload(buffers, pushed.coding);
  for (const wire::TensorPart &tensor : pushed.tensors) {
    const wire::Piece *piece = find_piece(model.shards[0].pieces, tensor.tensor);
    const auto query = std::ranges::find(operation.queries, tensor.tensor, &TensorQuery::tensor);
    const bool asked = query != operation.queries.end();
    TensorValues values{tensor.tensor, 0, 0, {}, {}};
    if (piece != nullptr && tensor.rows == 0) {
      values.first = piece->first;
      values.count = piece->count;
    } else if (piece != nullptr && asked && tensor.rows == query->rows.size()) {
      values.rows = query->rows;
      values.count = tensor.rows * static_cast<uint64_t>(model.spec.tensors[tensor.tensor].shape.back());
    }
    if (values.count == 0 || !payload.take(values, operation.outcome.read_bytes))
      return finish(ticket, NGD_E_PROTOCOL, "the values that came with the answer to an update do not fit",
                    now);
    if (asked) operation.outcome.tensors.push_back(std::move(values));
  }
  finish(ticket, NGD_OK, {}, now);
}

// One shard's part of a read.
void ClientSession::State::shard_answered(const Request &request, Operation &operation,
                                          const wire::Pulled &pulled, const std::vector<wire::Bytes> &buffers,
                                          Time now) {
  const Ticket ticket = request.ticket;
  const auto &asked = std::get<wire::Pull>(request.message.body);
  const wire::ShardPlace &shard = model.shards[request.shard];
  version = std::max(version, pulled.version);
  Outcome &outcome = operation.outcome;
  uint64_t &at = operation.kind == Kind::push ? outcome.values_version : outcome.version;
  at = operation.open_parts > 0 && !outcome.tensors.empty() ? std::min(at, pulled.version) : pulled.version;
  AnswerReader payload(buffers, pulled.coding);
  size_t row_part = 0;
  for (const wire::TensorPart &tensor : asked.tensors) {
    const wire::Piece &piece = *find_piece(shard.pieces, tensor.tensor);
    TensorValues values{tensor.tensor, piece.first, piece.count, {}, {}};
    if (tensor.rows > 0) {
      const wire::Bytes &numbers = request.message.payload[row_part++];
      values.rows.resize(tensor.rows);
      std::memcpy(values.rows.data(), numbers.data, numbers.size);
      values.first = 0;
      values.count = tensor.rows * static_cast<uint64_t>(model.spec.tensors[tensor.tensor].shape[1]);
    }
    if (!payload.take(values, outcome.read_bytes))
      return finish(ticket, NGD_E_PROTOCOL, concat("the answer of ", describe(request), " is too short"), now);
    outcome.tensors.push_back(std::move(values));
  }
  if (--operation.open_parts == 0) finish(ticket, NGD_OK, {}, now);
}

void ClientSession::State::refused(Request &request, const Refused &refusal, Time now) {
  const Ticket ticket = request.ticket;
  if (refusal.status == NGD_E_LINEAGE) {
    told |= fail_all(NGD_E_LINEAGE, refusal.text, false, now);
    return reopen(now);
  }
  if (refusal.status == NGD_E_EXPIRED) {
    fail_all(NGD_E_EXPIRED, refusal.text, true, now);
    return reopen(now);
  }
  if (refusal.retry == Refused::Retry::refresh && request.shard != kNode) {
    const wire::ShardPlace &known = model.shards[request.shard];
    if (refusal.epoch > known.epoch && refusal.node != 0)
      return moved(request.shard, refusal.epoch, refusal.node, now);
    // It lives, and another leads, or is about to.
    request.pause = options.retry_us;
    request.at = std::min(request.at, now + options.retry_us);
    due(request.at);
    refresh_map(now);
  }
  const auto place = operations.find(ticket);
  if (place == operations.end()) {
    // The session's own opening: again and again, with its pauses.
    return;
  }
  Operation &operation = place->second;
  operation.outcome.text = refusal.text;
  switch (refusal.retry) {
    case Refused::Retry::later:
      if (request.held) {
        // The shard lost the part, or never had it: send it whole.
        request.held = false;
        request.pause = options.retry_us;
        return transmit(request, now);
      }
      return;
    case Refused::Retry::refresh:
      return;
    case Refused::Retry::attempt:
      if (operation.step != Step::updating || refusal.attempt < operation.attempt) return;
      operation.attempt = refusal.attempt + 1;
      return send_parts(ticket, operation, now);
    case Refused::Retry::never:
      break;
  }
  // The version was let go before the shard was asked: a newer one.
  if (operation.step == Step::reading && operation.pinned && refusal.status == NGD_E_NOT_FOUND) {
    forget(ticket);
    let_go_of_version(operation);
    return start_point(ticket, operation, now);
  }
  operation.settled = true;
  finish(ticket, refusal.status, refusal.text, now);
}

}  // namespace ngd::cluster
