// Connecting, agreeing and the operations on servers.
#include "distributed/link.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "store/checksum.h"
#include "train/trainer.h"
#include "wire/fields.h"
#include "wire/limits.h"
#include "wire/table.h"

namespace ngd::distributed {
namespace {

constexpr const char *kSet = "training";    // of partitions
constexpr const char *kTerms = "training";  // the value that says what is trained
constexpr int64_t kFirstConnectMs = 2'000;  // a run begins before its servers do
constexpr int64_t kPatienceMs = 10'000;     // of one operation, above the lease
constexpr size_t kTogether = size_t{256} << 10;
constexpr size_t kCopyGrain = size_t{64} << 10;  // copies of about the same size take turns in the same memory

using nlohmann::ordered_json;

// What a run on servers has of the trainer's options; how often a worker speaks of it is its own matter.
constexpr const char *kShared[] = {"epochs",   "batch_size",   "shuffle",    "icea",       "seed",
                                   "schedule", "warmup_steps", "partitions", "local_steps"};
// These may be said to the client instead.
constexpr const char *kCompress[] = {"compress", "compress_share", "compress_pulls"};

// Rows that came in one run. They go anywhere in memory: so many later ones are asked for while one is copied.
void place_rows(const std::vector<uint32_t> &rows, const std::byte *from, uint64_t width, float *to) {
  constexpr size_t kAhead = 8, kLine = 64 / sizeof(float);
  for (size_t i = 0; i < rows.size(); i++, from += width * sizeof(float)) {
    if (i + kAhead < rows.size()) {
      const float *later = to + rows[i + kAhead] * width;
      for (uint64_t at = 0; at < width; at += kLine) __builtin_prefetch(later + at, 1);
    }
    std::memcpy(to + rows[i] * width, from, width * sizeof(float));
  }
}

}  // namespace

Link::Link(Connection connection, const RunInputs &inputs)
    : connection_(std::move(connection)),
      client_(*connection_.client),
      inputs_(inputs),
      options_(inputs.options),
      optimizer_(inputs.optimizer->options().spec()) {
  if (client_.connected())
    fail(NGD_E_STATE, "the client is connected; a trainer declares the model itself and connects then");
  worker_ = client_.number("worker") != 0;
  bulk_ = client_.text("consistency") == "bulk";
  rank_ = static_cast<uint64_t>(client_.number("rank"));
  // What the client was told itself counts where the trainer says nothing.
  for (const char *name : kCompress)
    compress_.push_back(options_.is_default(name) ? client_.text(name) : options_.text(name));
  lease_ms_ = static_cast<int64_t>(client_.number("lease") * 1000);
  const uint64_t workers = std::max<uint64_t>(1, static_cast<uint64_t>(client_.number("workers")));
  partitions_ = static_cast<uint64_t>(options_["partitions"]);
  if (partitions_ == 0) partitions_ = workers;
  fair_part_ = (partitions_ + workers - 1) / workers;
  if (options_["resume"] != 0 && worker_)
    fail(NGD_E_STATE, "option \"resume\" is the observer's: a worker goes on wherever the servers stand");
  if (!options_.choice("run_directory").empty() && worker_)
    fail(NGD_E_STATE, "a worker keeps no run directory; give it to an observer, whose client has worker=0");
}

Link::~Link() {
  close();
}

int64_t Link::operation_ms() const {
  return std::min(connection_.timeout_ms, lease_ms_ + kPatienceMs);
}

cluster::Outcome Link::run(const Begin &begin, int64_t timeout_ms) {
  return client_.call(timeout_ms == 0 ? operation_ms() : timeout_ms, begin);
}

cluster::Outcome Link::ask(const wire::Query &query) {
  return run([&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
    return session.query(query, now, deadline);
  });
}

std::optional<cluster::Outcome> Link::ask_for_value(const std::string &name) {
  wire::Query query;
  query.name = name;
  try {
    return ask(query);
  } catch (const Error &error) {
    if (error.status() == NGD_E_NOT_FOUND) return std::nullopt;
    throw;
  }
}

cluster::Outcome Link::command(wire::Command command, const std::string &payload) {
  if (command.name.empty()) command.name = kSet;
  return run([&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
    return session.command(command, wire::copied(payload), now, deadline);
  });
}

// --- opening ------------------------------------------------------------------------------------------------------

Shares Link::shares() const {
  Shares::Plan plan;
  plan.rows = inputs_.training->rows();
  plan.batch = static_cast<uint64_t>(options_["batch_size"]);
  plan.partitions = partitions_;
  plan.seed = static_cast<uint64_t>(options_["seed"]);
  plan.shuffle = options_["shuffle"] != 0;
  plan.slices = bulk_;
  plan.fixed = !options_.choice("icea").empty();
  return Shares(plan);
}

uint64_t Link::total_updates() const {
  const Shares all = shares();
  uint64_t updates = bulk_ ? all.steps(0) : 0;
  for (uint64_t p = 0; p < partitions_ && !bulk_; p++) updates += all.steps(p);
  return updates * static_cast<uint64_t>(options_["epochs"]);
}

void Link::declare() {
  if (declared_) return;
  Model &model = *inputs_.model;
  if (!model.prepared()) model.prepare(inputs_.training.get());
  static_cast<void>(model.gradients());  // refuses what servers cannot hold
  OptionSet optimizer = inputs_.optimizer->options();
  const std::string &schedule = options_.choice("schedule");
  if (schedule != "constant" || options_["warmup_steps"] != 0) {
    if (optimizer.choice("schedule") != "constant" || optimizer["schedule_warmup"] != 0)
      fail(NGD_E_STATE, "the trainer has a schedule and the optimizer too; on servers there is one");
    optimizer.unlock();
    optimizer.set_text("schedule", schedule);
    optimizer.set("schedule_warmup", options_["warmup_steps"]);
    optimizer.set("schedule_steps", static_cast<double>(total_updates()));
  }
  transport::Client::Instead mine;
  mine.options = {{"optimizer", optimizer.spec()}, {"aggregate", "sum"}, {"average_rows", "1"}};
  for (size_t i = 0; i < compress_.size(); i++) mine.options.emplace_back(kCompress[i], compress_[i]);
  // What an observer evaluates and writes are the parameters as they are.
  if (!worker_) mine.options.emplace_back("compress_pulls", "none");
  // Of several shards a worker reads each one's newest: in a round of all workers nothing is made meanwhile, and else a
  // common version is not worth asking for.
  mine.options.emplace_back("reads", worker_ ? "newest" : "consistent");
  for (size_t i = 1; i < inputs_.optimizer->groups().size(); i++) {
    const Group &group = inputs_.optimizer->groups()[i];
    mine.groups.push_back({group.name, group.pattern, group.overrides_text()});
  }
  for (const TensorSpec &tensor : model.tensor_specs()) {
    wire::TensorSpec spec;
    spec.name = tensor.name;
    spec.shape = tensor.shape;
    spec.table = tensor.rows;
    mine.tensors.push_back(std::move(spec));
  }
  model_ = std::move(mine);
  declared_ = true;
}

std::string Link::terms() const {
  const Model &model = *inputs_.model;
  const Dataset &data = *inputs_.training;
  OptionSet shared(trainer_options(), "the trainer", "trainer");
  for (const char *name : kShared) shared.set_text(name, options_.text(name));
  shared.set("partitions", static_cast<double>(partitions_));
  for (size_t i = 0; i < compress_.size(); i++) shared.set_text(kCompress[i], compress_[i]);
  StateWriter names;
  std::string all;
  for (const auto *list : {&model.class_names(), &data.vocabulary()}) {
    for (const std::string &name : *list) (all += name) += '\0';
    all += '\1';
  }
  names.text("names", std::move(all));
  const ordered_json record = {{"model", model.options().spec()},
                               {"optimizer", optimizer_},
                               {"trainer", shared.spec()},
                               {"consistency", client_.text("consistency")},
                               {"rows", data.rows()},
                               {"columns", data.columns()},
                               {"names", state_checksum({}, names.texts)}};
  return record.dump();
}

// The first says how it is done; whoever comes later must mean the same.
void Link::agree() {
  const std::string mine = terms();
  wire::Command command;
  command.kind = wire::CommandKind::set_value;
  command.name = kTerms;
  command.expected = 0;
  try {
    this->command(command, mine);
    return;
  } catch (const Error &error) {
    if (error.status() != NGD_E_CONFLICT) throw;
  }
  const std::string theirs = value(kTerms).value_or("");
  if (theirs == mine) return;
  const ordered_json a = ordered_json::parse(mine, nullptr, false),
                     b = ordered_json::parse(theirs, nullptr, false);
  for (const auto &[key, here] : a.items()) {
    const std::string there = b.is_object() && b.contains(key) ? b[key].dump() : "nothing";
    if (here.dump() != there)
      fail(NGD_E_CONFLICT, "the training on the servers is another: its ", key, " is ", there, ", here it is ",
           here.dump(), "; take the same data and options, or another model name");
  }
  fail(NGD_E_CONFLICT, "the training on the servers is another: ", quoted(theirs, 300));
}

void Link::initialise() {
  const auto version = run([](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
    return session.version(now, deadline);
  });
  if (version.initialised) return;
  // This model may have moved on already, if it is the servers that lost everything.
  const std::shared_ptr<Model> fresh = Model::create(inputs_.model->options().spec());
  fresh->prepare(inputs_.training.get());
  const auto tensors = fresh->gradients();
  const auto &specs = fresh->tensor_specs();
  client_.call_borrowing(
      connection_.timeout_ms, [&](cluster::ClientSession &session, const transport::Client::Borrowed &borrowed,
                                  cluster::Time now, cluster::Time deadline) {
        std::vector<cluster::TensorUpdate> updates;
        for (size_t i = 0; i < specs.size(); i++) {
          cluster::TensorUpdate one;
          one.tensor = static_cast<uint32_t>(i);
          if (specs[i].rows) {
            one.rows.resize(static_cast<size_t>(specs[i].shape[0]));
            for (size_t row = 0; row < one.rows.size(); row++) one.rows[row] = static_cast<uint32_t>(row);
          }
          one.values = borrowed.bytes(tensors[i].parameter, element_count(specs[i].shape) * sizeof(float));
          updates.push_back(std::move(one));
        }
        return session.push(wire::UpdateKind::initial, std::move(updates), now, deadline);
      });
}

void Link::open(bool as_worker, int64_t connect_ms) {
  close();
  declare();
  transport::Client::Instead now = model_;
  now.options.emplace_back("worker", as_worker && worker_ ? "1" : "0");
  client_.connect(connection_.addresses, connect_ms == 0 ? operation_ms() : connect_ms, &now);
  open_ = true;
  reads_with_updates_ = client_.model()->shards == 1 && client_.text("consistency") != "stale";
  agree();
  initialise();
  try {
    look();
  } catch (const Error &error) {
    if (error.status() != NGD_E_NOT_FOUND) throw;
    wire::Command command;
    command.kind = wire::CommandKind::partitions;
    command.count = partitions_;
    this->command(command, {});
  }
}

void Link::open_first(bool as_worker, const std::atomic<bool> &cancelled, const std::function<void()> &then) {
  failing_ = std::chrono::steady_clock::now();
  // Short ones first, for the sake of whoever cancels.
  for (int64_t connect_ms = kFirstConnectMs;; connect_ms *= 2) {
    try {
      open(as_worker, std::min(connect_ms, operation_ms()));
      if (then) then();
      went_forward();
      return;
    } catch (const Error &error) {
      close();
      // Of what may pass later on, these two are no wrong use of the trainer here.
      if (!may_retry(error) || error.status() == NGD_E_STATE || error.status() == NGD_E_NOT_FOUND) throw;
      if (cancelled.load(std::memory_order_relaxed))
        fail(NGD_E_CANCELLED, "training was cancelled before it began; until then: ", error.what());
      bear(error);
    }
  }
}

void Link::close() noexcept {
  open_ = false;
  try {
    client_.disconnect(300);
  } catch (const std::exception &) {
    // Whoever is not told finds out by the lease.
  }
}

bool Link::may_retry(const Error &error) {
  switch (error.status()) {
    case NGD_E_TIMEOUT:
    case NGD_E_UNAVAILABLE:
    case NGD_E_LINEAGE:
    case NGD_E_EXPIRED:
    case NGD_E_FENCED:
    case NGD_E_CLOSED:
    case NGD_E_STATE:
    case NGD_E_NOT_FOUND:
      return true;
    default:
      return false;
  }
}

void Link::bear(const Error &error) {
  // From the first failure on: a process that stood still for long has not tried meanwhile.
  const auto now = std::chrono::steady_clock::now();
  const auto waited = now - failing_.value_or(now);
  failing_ = failing_.value_or(now);
  if (waited >= std::chrono::milliseconds(connection_.timeout_ms)) {
    const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
    if (seconds == 0) throw error;
    fail(error.status(), error.what(), "; nothing went forward for ", seconds, " s");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

// --- partitions and values ------------------------------------------------------------------------------------------

Claimed Link::claim(uint64_t number) {
  wire::Command command;
  command.kind = wire::CommandKind::claim;
  command.number = number;
  const cluster::Outcome outcome = this->command(command, {});
  return {outcome.done.number, outcome.done.token, outcome.done.offset, text_of(outcome.payload)};
}

void Link::store(const Claimed &partition, const std::string &blob, bool release) {
  wire::Command command;
  command.kind = release ? wire::CommandKind::yield : wire::CommandKind::progress;
  command.number = partition.number;
  command.token = partition.token;
  command.offset = partition.offset;
  this->command(command, blob);
}

cluster::PartitionSet Link::look() {
  wire::Query query;
  query.kind = wire::QueryKind::partitions;
  query.name = kSet;
  const std::string bytes = text_of(ask(query).payload);
  cluster::PartitionSet set;
  wire::read_bytes(std::as_bytes(std::span(bytes)), "partitions", wire::kDepth, wire::kTablesOfLists, set);
  return set;
}

std::string Link::blob(uint64_t partition) {
  wire::Query query;
  query.kind = wire::QueryKind::blob;
  query.name = kSet;
  query.known = partition;
  return text_of(ask(query).payload);
}

std::optional<std::string> Link::value(const std::string &name) {
  const std::optional<cluster::Outcome> outcome = ask_for_value(name);
  if (!outcome) return std::nullopt;
  return text_of(outcome->payload);
}

std::pair<std::string, uint64_t> Link::changes() {
  const std::optional<cluster::Outcome> outcome = ask_for_value(cluster::kChanges);
  if (!outcome) return {};
  return {text_of(outcome->payload), outcome->done.version};
}

void Link::set_value(const std::string &name, const std::string &text) {
  wire::Command command;
  command.kind = wire::CommandKind::set_value;
  command.name = name;
  this->command(command, text);
}

// --- parameters -----------------------------------------------------------------------------------------------------

void Link::take(const cluster::Outcome &outcome) {
  bytes_in_ += outcome.read_bytes;
  const auto &specs = inputs_.model->tensor_specs();
  const auto steps = inputs_.model->gradients();
  for (const cluster::TensorValues &values : outcome.tensors) {
    const uint64_t size = wire::total_bytes(values.data);
    const bool known = values.tensor < specs.size();
    const uint64_t elements = known ? element_count(specs[values.tensor].shape) : 0;
    const uint64_t width =
        known && specs[values.tensor].rows ? static_cast<uint64_t>(specs[values.tensor].shape[1]) : 1;
    const bool rows = !values.rows.empty();
    const bool fits =
        known &&
        (rows ? size == values.rows.size() * width * sizeof(float) && values.rows.back() < elements / width
              : values.first + values.count <= elements && size == values.count * sizeof(float));
    if (!fits)
      fail(NGD_E_PROTOCOL, "a server answered with ", size, " bytes of tensor ", values.tensor,
           ", which do not fit");
    float *const to = steps[values.tensor].parameter;
    if (rows && values.data.size() == 1) {
      place_rows(values.rows, values.data.front().data, width, to);
      continue;
    }
    // Runs of bytes end anywhere, also within a row.
    uint64_t at = 0;
    for (const wire::Bytes &run : values.data) {
      const std::byte *from = run.data;
      for (uint64_t left = run.size; left > 0;) {
        const uint64_t row_bytes = width * sizeof(float);
        const uint64_t here = rows ? std::min(left, row_bytes - at % row_bytes) : left;
        const uint64_t place =
            rows ? values.rows[at / row_bytes] * row_bytes + at % row_bytes : values.first * sizeof(float) + at;
        std::memcpy(reinterpret_cast<std::byte *>(to) + place, from, here);
        from += here;
        at += here;
        left -= here;
      }
    }
  }
}

std::vector<cluster::TensorQuery> Link::queries(const std::vector<uint32_t> &rows) const {
  const auto &specs = inputs_.model->tensor_specs();
  std::vector<cluster::TensorQuery> queries;
  for (uint32_t i = 0; i < specs.size(); i++) {
    if (!specs[i].rows) queries.push_back({i, {}, false});
    if (specs[i].rows && !rows.empty()) queries.push_back({i, rows, false});
  }
  return queries;
}

uint64_t Link::pull(const std::vector<uint32_t> &rows) {
  const cluster::Outcome outcome =
      run([&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
        return session.pull(queries(rows), 0, now, deadline);
      });
  take(outcome);
  return outcome.version;
}

cluster::Ticket Link::start_pull(const std::vector<uint32_t> &rows) {
  return client_.start(operation_ms(),
                       [&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
                         return session.pull(queries(rows), 0, now, deadline);
                       });
}

uint64_t Link::end_pull(cluster::Ticket ticket) {
  const cluster::Outcome outcome = client_.wait(ticket, 2 * operation_ms());
  take(outcome);
  return outcome.version;
}

uint64_t Link::pull_all() {
  const auto &specs = inputs_.model->tensor_specs();
  std::vector<cluster::TensorQuery> queries;
  for (uint32_t i = 0; i < specs.size(); i++) queries.push_back({i, {}, specs[i].rows});
  const cluster::Outcome outcome =
      run([&](cluster::ClientSession &session, cluster::Time now,
              cluster::Time deadline) { return session.pull(queries, 0, now, deadline); },
          connection_.timeout_ms);
  take(outcome);
  return outcome.version;
}

template <class ToBytes>
std::vector<cluster::TensorUpdate> Link::updates(std::span<const TensorStep<float>> gradients,
                                                 ToBytes to_bytes) {
  const auto &specs = inputs_.model->tensor_specs();
  std::vector<cluster::TensorUpdate> updates;
  for (size_t i = 0; i < specs.size(); i++) {
    cluster::TensorUpdate one;
    one.tensor = static_cast<uint32_t>(i);
    uint64_t count = element_count(specs[i].shape);
    if (specs[i].rows) {
      one.rows.assign(gradients[i].rows.begin(), gradients[i].rows.end());
      if (one.rows.empty()) continue;
      count = one.rows.size() * static_cast<uint64_t>(specs[i].shape[1]);
    }
    one.values = to_bytes(gradients[i].gradient, count * sizeof(float));
    updates.push_back(std::move(one));
  }
  return updates;
}

Link::Pushed Link::ended(const cluster::Outcome &outcome) {
  bytes_out_ += outcome.payload_bytes;
  take(outcome);
  return {outcome.version, outcome.values_version};
}

Link::Pushed Link::push(wire::UpdateKind kind, std::span<const TensorStep<float>> gradients,
                        std::vector<wire::Progress> progress, uint64_t base_version,
                        const std::vector<uint32_t> *then) {
  for (wire::Progress &one : progress) one.set = kSet;
  return ended(client_.call_borrowing(
      operation_ms(), [&](cluster::ClientSession &session, const transport::Client::Borrowed &borrowed,
                          cluster::Time now, cluster::Time deadline) {
        const auto lent = [&](const float *data, size_t bytes) { return borrowed.bytes(data, bytes); };
        return session.push_pull(kind, updates(gradients, lent), std::move(progress),
                                 then == nullptr ? std::vector<cluster::TensorQuery>() : queries(*then), now,
                                 deadline, base_version);
      }));
}

cluster::Ticket Link::start_push(wire::UpdateKind kind, std::span<const TensorStep<float>> gradients,
                                 std::vector<wire::Progress> progress, const std::vector<uint32_t> *then) {
  for (wire::Progress &one : progress) one.set = kSet;
  // Into memory that was used before: fresh pages cost more than the copy. What is short together, so that it travels
  // in one frame.
  std::shared_ptr<std::byte> block;
  size_t room = 0, used = 0;
  const auto copy = [&](const float *data, size_t bytes) {
    if (bytes > room - used) {
      room = (std::max(bytes, kTogether) + kCopyGrain - 1) / kCopyGrain * kCopyGrain;
      block = copies_.take(room);
      used = 0;
    }
    std::byte *to = block.get() + used;
    std::memcpy(to, data, bytes);
    used += bytes;
    return wire::Bytes{block, to, bytes, false};
  };
  return client_.start(
      operation_ms(), [&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
        return session.push_pull(kind, updates(gradients, copy), std::move(progress),
                                 then == nullptr ? std::vector<cluster::TensorQuery>() : queries(*then), now,
                                 deadline, 0);
      });
}

Link::Pushed Link::end_push(cluster::Ticket ticket) {
  return ended(client_.wait(ticket, 2 * operation_ms()));
}

}  // namespace ngd::distributed
