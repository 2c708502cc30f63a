// Operations of a client: how each becomes requests, and how it ends.

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "cluster/client_state.h"
#include "cluster/layout.h"
#include "wire/limits.h"

namespace ngd::cluster {

using Kind = ClientSession::State::Operation::Kind;
using Step = ClientSession::State::Operation::Step;

namespace {

constexpr Time kUnseenUs = 600'000'000;
constexpr uint64_t kBytesUnderWay = uint64_t{32} << 20;  // above one update

// Of an update that was sent and ends so: it has not changed anything, and will not.
bool happened_not(ngd_status status) {
  return status != NGD_OK && status != NGD_E_TIMEOUT && status != NGD_E_CANCELLED && status != NGD_E_EXPIRED &&
         status != NGD_E_LINEAGE;
}

}  // namespace

ClientSession::State::State(ClientOptions the_options, Net &the_net, Rng &the_rng)
    : options(std::move(the_options)),
      net(the_net),
      rng(the_rng),
      id{the_rng.next() | 1, the_rng.next()},
      compressor(options.compression) {
  if (options.rank != 0) id.high = (id.high >> 16) | uint64_t{options.rank} << 48;
  for (const std::string &address : options.addresses) peer_of(address);
}

Ticket ClientSession::State::begin(Operation operation, Time now) {
  const Ticket ticket = ++last_ticket;
  due(operation.deadline);
  for (const Held &one : held) operation.tokens.push_back(one.token);
  operation.confirm = options.confirm_reads || !held.empty();
  operations.emplace(ticket, std::move(operation));
  queue.push_back(ticket);
  start_queued(now);
  return ticket;
}

void ClientSession::State::start_queued(Time now) {
  // In their order: one that must wait holds back those behind it.
  while (!queue.empty()) {
    const Ticket ticket = queue.front();
    const auto place = operations.find(ticket);
    if (place != operations.end() && !start(ticket, place->second, now)) return;
    if (!queue.empty() && queue.front() == ticket) queue.pop_front();
  }
}

// False: not yet.
bool ClientSession::State::start(Ticket ticket, Operation &operation, Time now) {
  if (operation.kind == Kind::open) {
    if (operation.create) {
      operation.step = Step::creating;
      request(ticket, read_number(), kNode, wire::CreateModel{operation.spec}, {}, now);
    } else {
      find_model(ticket, now);
    }
    return true;
  }
  if (options.model.empty() && operation.kind == Kind::close) {
    finish(ticket, NGD_OK, {}, now);
    return true;
  }
  if (options.model.empty() && operation.kind != Kind::server) {
    finish(ticket, NGD_E_STATE, "the client names no model; it can only tell and arrange where shards are",
           now);
    return true;
  }
  if (!opened && !options.model.empty()) return false;
  if (untold && !operation.silent && operation.kind != Kind::close) {
    untold = false;
    finish(ticket, NGD_E_LINEAGE, kWentBack, now);
    return true;
  }
  const bool numbered = operation.kind == Kind::push || operation.kind == Kind::command;
  if (numbered && outstanding() >= wire::kWindow) return false;
  switch (operation.kind) {
    case Kind::push: {
      std::string text;
      if (!check_tensors(operation, text)) {
        finish(ticket, NGD_E_SHAPE, std::move(text), now);
        return true;
      }
      if (bytes_under_way > 0 && bytes_under_way + operation.bytes > kBytesUnderWay) return false;
      if (operation.then_pull && !room_to_read(operation)) return false;
      start_update(ticket, operation, now);
      break;
    }
    case Kind::pull: {
      std::string text;
      if (!check_tensors(operation, text)) {
        finish(ticket, NGD_E_SHAPE, std::move(text), now);
        return true;
      }
      if (!room_to_read(operation)) return false;
      start_read(ticket, operation, now);
      break;
    }
    case Kind::version:
      start_point(ticket, operation, now);
      break;
    case Kind::command: {
      operation.step = Step::asking;
      operation.seq = next_seq++;
      operation.command.lineage = lineage;
      operation.command.session = session_number;
      operation.command.tokens = operation.tokens;
      std::vector<wire::Bytes> payload;
      if (operation.payload.size > 0) payload.push_back(operation.payload);
      request(ticket, operation.seq, 0, operation.command, std::move(payload), now);
      break;
    }
    case Kind::query:
      operation.step = Step::asking;
      operation.query.lineage = lineage;
      request(ticket, read_number(), 0, operation.query, {}, now);
      break;
    case Kind::server:
      operation.step = Step::asking;
      request(ticket, read_number(), kNode, operation.to_server, {}, now);
      break;
    case Kind::close:
      operation.step = Step::asking;
      request(ticket, read_number(), 0, wire::Close{}, {}, now);
      break;
    case Kind::open:
      break;
  }
  return true;
}

size_t ClientSession::State::outstanding() const {
  uint64_t oldest = next_seq;
  for (const auto &[ticket, operation] : operations) {
    if (operation.seq != 0) oldest = std::min(oldest, operation.seq);
  }
  return next_seq - oldest;
}

// More than the servers send at a time to one client would only be asked for again and again.
bool ClientSession::State::room_to_read(Operation &operation) {
  const uint64_t bytes = answer_bytes(operation);
  if (bytes_reading > 0 && bytes_reading + bytes > kBytesUnderWay) return false;
  operation.reading = bytes;
  bytes_reading += bytes;
  return true;
}

uint64_t ClientSession::State::answer_bytes(const Operation &operation) const {
  uint64_t bytes = 0;
  for (const TensorQuery &query : operation.queries) {
    const wire::TensorSpec &spec = model.spec.tensors[query.tensor];
    const bool whole = !spec.table || query.all_rows;
    bytes += sizeof(float) *
             (whole ? element_count(spec.shape) : query.rows.size() * static_cast<uint64_t>(spec.shape[1]));
  }
  return bytes;
}

bool ClientSession::State::check_tensors(const Operation &operation, std::string &text) const {
  const auto spec = [&](uint32_t tensor, size_t rows) -> const wire::TensorSpec * {
    if (tensor >= model.spec.tensors.size()) {
      text = concat("there is no tensor number ", tensor, "; the model has ", model.spec.tensors.size());
      return nullptr;
    }
    const wire::TensorSpec &one = model.spec.tensors[tensor];
    if (rows == 0 || one.table) return &one;
    text = concat("tensor ", quoted(one.name), " is no table, and has no rows to choose from");
    return nullptr;
  };
  const auto check_rows = [&](const wire::TensorSpec &one, const std::vector<uint32_t> &rows) {
    for (size_t i = 0; i < rows.size(); i++) {
      if (rows[i] < static_cast<uint64_t>(one.shape[0]) && (i == 0 || rows[i] > rows[i - 1])) continue;
      text = concat("rows of table ", quoted(one.name), " must rise and lie below ", one.shape[0],
                    ", but number ", i, " is ", rows[i]);
      return false;
    }
    return true;
  };
  for (const TensorUpdate &update : operation.tensors) {
    const wire::TensorSpec *one = spec(update.tensor, update.rows.size());
    if (one == nullptr || !check_rows(*one, update.rows)) return false;
    const uint64_t count =
        one->table ? update.rows.size() * static_cast<uint64_t>(one->shape[1]) : element_count(one->shape);
    if (update.values.size == count * sizeof(float)) continue;
    text = concat("the values of tensor ", quoted(one->name), " are ", update.values.size,
                  " bytes, but must be ", count * sizeof(float));
    return false;
  }
  for (const TensorQuery &query : operation.queries) {
    const wire::TensorSpec *one = spec(query.tensor, query.rows.size());
    if (one == nullptr || !check_rows(*one, query.rows)) return false;
  }
  return true;
}

// --- updates ------------------------------------------------------------------------------------------------------

void ClientSession::State::start_update(Ticket ticket, Operation &operation, Time now) {
  operation.step = Step::updating;
  operation.seq = next_seq++;
  bytes_under_way += operation.bytes;
  code(operation);
  send_parts(ticket, operation, now);
}

// Once: what is sent again is the same, and the residuals have gone on.
void ClientSession::State::code(Operation &operation) {
  if (!compressor.takes(operation.update, operation.tensors)) return;
  operation.coded = compressor.code(operation.update, operation.tensors, model);
  if (!servers_decode()) operation.plain = Compressor::plain(operation.coded, model);
}

bool ClientSession::State::servers_decode() const {
  const auto decodes = [&](uint32_t number) {
    const auto node = std::ranges::find(nodes, number, &wire::NodePlace::node);
    return node != nodes.end() && (node->features & wire::kCodedUpdates) != 0;
  };
  return std::ranges::all_of(model.shards, [&](const wire::ShardPlace &place) {
    return decodes(place.node) && std::ranges::all_of(place.replicas, decodes) &&
           std::ranges::all_of(place.in_sync, decodes);
  });
}

// The newest update before this one that has no answer: the root keeps their order.
uint64_t ClientSession::State::after_of(uint64_t seq) const {
  uint64_t after = 0;
  for (const auto &[ticket, operation] : operations) {
    if (operation.kind == Kind::push && operation.step == Step::updating && operation.seq < seq)
      after = std::max(after, operation.seq);
  }
  return after;
}

bool ClientSession::State::ask_with_update(const Operation &operation, wire::Push &push) const {
  if (operation.queries.empty() || model.shards.size() != 1 || options.consistency == wire::Consistency::stale)
    return false;
  size_t rows = 0;
  bool tables = false;
  for (const TensorQuery &query : operation.queries) {
    if (query.all_rows) return false;
    tables |= model.spec.tensors[query.tensor].table;
    rows += query.rows.size();
  }
  if (rows > wire::kWantedRows) return false;
  push.pulls = options.pulls;
  push.pull = !tables;
  if (push.pull) return true;
  for (const TensorQuery &query : operation.queries) {
    if (query.rows.empty() && model.spec.tensors[query.tensor].table) continue;
    push.wanted.push_back({query.tensor, static_cast<uint32_t>(query.rows.size()), false});
    push.wanted_rows.insert(push.wanted_rows.end(), query.rows.begin(), query.rows.end());
  }
  return true;
}

void ClientSession::State::send_parts(Ticket ticket, Operation &operation, Time now) {
  for (uint32_t index = 0; index < model.shards.size(); index++) {
    const wire::ShardPlace &shard = model.shards[index];
    wire::Push push;
    push.kind = operation.update;
    push.attempt = operation.attempt;
    push.after = after_of(operation.seq);
    push.base_version = operation.base_version;
    push.lineage = lineage;
    push.session = session_number;
    if (operation.then_pull) ask_with_update(operation, push);
    push.tokens = operation.tokens;
    if (index == 0) push.progress = operation.progress;
    std::vector<wire::Bytes> payload;
    if (!operation.coded.empty()) {
      const CodedUpdate &coded = (operation.plain.empty() ? operation.coded : operation.plain)[index];
      push.tensors = coded.tensors;
      payload = coded.payload;
    }
    for (const TensorUpdate &update : operation.tensors) {
      if (!operation.coded.empty()) break;
      const wire::Piece *piece = find_piece(shard.pieces, update.tensor);
      if (piece == nullptr) continue;
      const wire::TensorSpec &spec = model.spec.tensors[update.tensor];
      if (!spec.table) {
        push.tensors.push_back({update.tensor, 0, false});
        payload.push_back(update.values.slice(piece->first * sizeof(float), piece->count * sizeof(float)));
        continue;
      }
      const auto width = static_cast<uint64_t>(spec.shape[1]);
      const auto [first, count] = rows_in(update.rows, *piece, width);
      if (count == 0) continue;
      push.tensors.push_back({update.tensor, static_cast<uint32_t>(count), false});
      payload.push_back(wire::copied(std::as_bytes(std::span(update.rows).subspan(first, count))));
      payload.push_back(update.values.slice(first * width * sizeof(float), count * width * sizeof(float)));
    }
    if (operation.attempt == 0) operation.outcome.payload_bytes += wire::total_bytes(payload);
    requests.erase({operation.seq, index});
    request(ticket, operation.seq, index, std::move(push), std::move(payload), now);
  }
}

// --- reads --------------------------------------------------------------------------------------------------------

void ClientSession::State::start_read(Ticket ticket, Operation &operation, Time now) {
  const bool gated = options.worker && options.consistency == wire::Consistency::stale;
  const bool common = model.shards.size() > 1 && !options.eventual_reads;
  if (operation.version == 0 && (gated || common)) return start_point(ticket, operation, now);
  operation.at_version = operation.version;
  read_shards(ticket, operation, now);
}

void ClientSession::State::start_point(Ticket ticket, Operation &operation, Time now) {
  operation.step = Step::pointing;
  wire::ReadPoint point;
  point.pin = operation.kind != Kind::version && model.shards.size() > 1 && !options.eventual_reads;
  point.lineage = lineage;
  point.confirm = operation.confirm;
  operation.pinned = point.pin;
  operation.pin_id = read_number();
  request(ticket, operation.pin_id, 0, point, {}, now);
}

void ClientSession::State::read_shards(Ticket ticket, Operation &operation, Time now) {
  operation.step = Step::reading;
  operation.outcome.tensors.clear();
  operation.outcome.read_bytes = 0;
  operation.open_parts = 0;
  for (uint32_t index = 0; index < model.shards.size(); index++) {
    wire::Pull pull;
    pull.version = operation.at_version;
    pull.min_version = operation.at_version == 0 ? version : 0;
    pull.lineage = lineage;
    pull.coding = options.pulls;
    // A certain version is the same wherever it is read.
    pull.confirm = operation.confirm && operation.at_version == 0;
    std::vector<wire::Bytes> payload;
    for (const TensorQuery &query : operation.queries) {
      const wire::Piece *piece = find_piece(model.shards[index].pieces, query.tensor);
      if (piece == nullptr) continue;
      const wire::TensorSpec &spec = model.spec.tensors[query.tensor];
      if (!spec.table || query.all_rows) {
        pull.tensors.push_back({query.tensor, 0, spec.table});
        continue;
      }
      const auto [first, count] = rows_in(query.rows, *piece, static_cast<uint64_t>(spec.shape[1]));
      if (count == 0) continue;
      pull.tensors.push_back({query.tensor, static_cast<uint32_t>(count), false});
      payload.push_back(wire::copied(std::as_bytes(std::span(query.rows).subspan(first, count))));
    }
    if (pull.tensors.empty()) continue;
    operation.open_parts++;
    request(ticket, read_number(), index, std::move(pull), std::move(payload), now);
  }
  if (operation.open_parts == 0) finish(ticket, NGD_OK, {}, now);
}

// --- ends ---------------------------------------------------------------------------------------------------------

// Without it the root would keep the version for its readers as long as it keeps any.
void ClientSession::State::let_go_of_version(const Operation &operation) {
  if (!operation.pinned || operation.step != Step::reading || !opened) return;
  wire::Message done{
      {id, operation.pin_id, 0, model.shards[0].shard}, wire::ReadDone{operation.at_version}, {}};
  if (const auto peer = peer_of_node(model.shards[0].node)) net.send(*peer, std::move(done));
}

// Its caller is told, but nobody would ever unlock what is granted after that, or is not given back: the request goes on
// until the servers have said what became of it.
bool ClientSession::State::goes_on_unseen(Ticket ticket, Operation &operation, ngd_status status,
                                          const std::string &text, Time now) {
  const wire::CommandKind command = operation.command.kind;
  const bool lock = operation.kind == Kind::command && operation.seq != 0 &&
                    (command == wire::CommandKind::lock || command == wire::CommandKind::unlock);
  if (!lock || operation.silent || operation.settled || (status != NGD_E_TIMEOUT && status != NGD_E_CANCELLED))
    return false;
  Outcome outcome;
  outcome.status = status;
  outcome.text = text;
  outcome.lineage = lineage;
  outcome.seq = operation.seq;
  outcome.version = version;
  outcomes.emplace(ticket, std::move(outcome));
  operation.silent = true;
  operation.deadline = now + kUnseenUs;
  due(operation.deadline);
  // Where it has not come yet it need not wait any more.
  if (const auto request = requests.find({operation.seq, 0}); request != requests.end())
    std::get<wire::Command>(request->second.message.body).wait_us = 0;
  return true;
}

void ClientSession::State::finish(Ticket ticket, ngd_status status, std::string text, Time now) {
  const auto place = operations.find(ticket);
  if (place == operations.end()) return;
  Operation &operation = place->second;
  if (goes_on_unseen(ticket, operation, status, text, now)) return;
  forget(ticket);
  if (operation.kind == Kind::push && operation.step == Step::updating) bytes_under_way -= operation.bytes;
  if (!operation.coded.empty() && operation.step == Step::updating && happened_not(status))
    compressor.undo(operation.update, operation.tensors, operation.coded, model);
  bytes_reading -= operation.reading;
  let_go_of_version(operation);
  Outcome outcome = std::move(operation.outcome);
  outcome.lineage = lineage;
  if (operation.seq != 0) outcome.seq = operation.seq;
  outcome.status = status;
  outcome.text = std::move(text);
  if (operation.step == Step::queued) std::erase(queue, ticket);
  if (operation.kind == Kind::close && status == NGD_OK) {
    opened = false;
    closed = true;
  }
  if (ticket == opener) {
    opener = 0;
    if (!opened && reopening) open_session(0, now);
  }
  if (outcome.version == 0) outcome.version = version;
  const bool unseen = operation.silent && operation.kind == Kind::command && operation.settled;
  const bool given_back = unseen && operation.command.kind == wire::CommandKind::unlock;
  if (given_back) drop_token(operation.command.name, operation.command.token);
  const bool granted = unseen && operation.command.kind == wire::CommandKind::lock && status == NGD_OK;
  Operation unlock;
  if (granted) {
    unlock.kind = Kind::command;
    unlock.silent = true;
    unlock.command.kind = wire::CommandKind::unlock;
    unlock.command.name = operation.command.name;
    unlock.command.token = outcome.done.token;
    unlock.deadline = now + kUnseenUs;
  }
  const bool silent = operation.silent;
  operations.erase(place);
  if (!silent) outcomes.emplace(ticket, std::move(outcome));
  if (granted) begin(std::move(unlock), now);
  if (!queue.empty() && queue.front() != ticket) start_queued(now);
}

// Whether there was one that its caller hears of.
bool ClientSession::State::fail_all(ngd_status status, const std::string &text, bool updates_only, Time now) {
  std::vector<Ticket> tickets;
  for (const auto &[ticket, operation] : operations) {
    const bool numbered = operation.kind == Kind::push || operation.kind == Kind::command;
    if (operation.kind != Kind::open && operation.step != Step::queued && (numbered || !updates_only))
      tickets.push_back(ticket);
  }
  bool reported = false;
  for (const Ticket ticket : tickets) {
    if (const auto one = operations.find(ticket); one != operations.end()) reported |= !one->second.silent;
    finish(ticket, status, text, now);
  }
  return reported;
}
}  // namespace ngd::cluster
