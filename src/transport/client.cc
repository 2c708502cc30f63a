// The handle of a client: its options and tensors, connecting and disconnecting.
#include <algorithm>
#include <chrono>

#include "transport/client_state.h"
#include "transport/reach.h"
#include "wire/limits.h"

namespace ngd::transport {
namespace {

constexpr cluster::Time kLookAround = 10'000;  // between looks whether anybody is there
constexpr int64_t kReasonMs = 500;             // to find out why nobody answers

wire::Coding coding_of(const std::string &word) {
  return word == "bf16"   ? wire::Coding::bf16
         : word == "fp16" ? wire::Coding::fp16
         : word == "8bit" ? wire::Coding::block8
         : word == "topk" ? wire::Coding::sparse
                          : wire::Coding::float32;
}

cluster::ClientOptions session_options(const OptionSet &options) {
  cluster::ClientOptions session;
  session.model = options.text("model");
  const std::string &consistency = options.choice("consistency");
  session.consistency = consistency == "bulk"    ? wire::Consistency::bulk
                        : consistency == "stale" ? wire::Consistency::stale
                                                 : wire::Consistency::asynchronous;
  session.bound = static_cast<uint32_t>(options["bound"]);
  session.workers = static_cast<uint32_t>(options["workers"]);
  session.worker = options["worker"] != 0;
  session.rank = static_cast<uint16_t>(options["rank"]);
  session.eventual_reads = options.choice("reads") == "newest";
  session.confirm_reads = options.choice("read") == "confirm";
  session.compression.coding = coding_of(options.choice("compress"));
  session.pulls = coding_of(options.choice("compress_pulls"));
  session.compression.share = options["compress_share"];
  session.lease_us = static_cast<cluster::Time>(options["lease"] * 1e6);
  session.retry_us = static_cast<cluster::Time>(options["retry"] * 1e6);
  return session;
}

void add_to(std::vector<wire::TensorSpec> &tensors, wire::TensorSpec tensor) {
  if (tensor.name.empty() || tensor.name.size() > wire::kTextBytes)
    fail(NGD_E_ARGUMENT, "the name of a tensor has 1 to ", wire::kTextBytes, " bytes");
  if (tensor.shape.size() > wire::kRank)
    fail(NGD_E_SHAPE, "tensor ", quoted(tensor.name), " has more than ", wire::kRank, " dimensions");
  if (tensor.table && tensor.shape.size() != 2)
    fail(NGD_E_SHAPE, "table ", quoted(tensor.name), " needs two sizes: rows and their width");
  element_count(tensor.shape);
  for (const wire::TensorSpec &other : tensors) {
    if (other.name == tensor.name) fail(NGD_E_ARGUMENT, "there is a tensor ", quoted(tensor.name), " already");
  }
  tensors.push_back(std::move(tensor));
}

}  // namespace

Client::Client(std::string_view spec) : state_(std::make_unique<State>()) {
  state_->read_spec(spec);
}

Client::~Client() {
  // A fork has none of the threads: what they share is left alone.
  if (!state_->owner.here()) {
    static_cast<void>(state_.release());
    return;
  }
  try {
    disconnect(static_cast<int64_t>(state_->options["linger_ms"]));
  } catch (const std::exception &) {
  }
}

void Client::set(std::string_view name, double value) {
  state_->set(name, value);
}
void Client::set_text(std::string_view name, std::string_view value) {
  state_->set_text(name, value);
}
double Client::number(std::string_view name) const {
  return state_->number(name);
}
std::string Client::text(std::string_view name) const {
  return state_->text(name);
}

void Client::add(wire::TensorSpec tensor) {
  state_->check_idle();
  add_to(state_->spec.tensors, std::move(tensor));
}

void Client::add_group(wire::GroupSpec group) {
  state_->check_idle();
  state_->spec.groups.push_back(std::move(group));
}

void Client::connect(const std::string &addresses, int64_t timeout_ms, const Instead *instead) {
  state_->check_idle();
  State &s = *state_;
  const cluster::Time deadline = deadline_of(timeout_ms);
  std::vector<Address> list = parse_addresses(addresses);
  // Any server will do: clients begin at different ones.
  std::rotate(list.begin(), list.begin() + static_cast<ptrdiff_t>(s.rng.next() % list.size()), list.end());

  std::unique_lock lock(s.mutex);
  if (!s.settled(lock, deadline)) fail(NGD_E_TIMEOUT, "another thread is disconnecting the client still");
  s.need_no_session();  // another thread may have been faster
  OptionSet told = s.options;
  wire::ModelSpec spec = s.spec;
  if (instead != nullptr) {
    for (const auto &[name, value] : instead->options) told.set_text(name, value);
    spec.groups = instead->groups;
    spec.tensors.clear();
    for (const wire::TensorSpec &tensor : instead->tensors) add_to(spec.tensors, tensor);
  }
  cluster::ClientOptions options = session_options(told);
  for (const Address &address : list) options.addresses.push_back(address.text);
  const std::string key = told.text("key"), server_key = told.text("server_key");
  s.keys = key.empty() ? KeyPair() : read_key_pair(key);
  s.server_key = server_key.empty() ? std::string() : read_public_key(server_key);
  if (key.empty() != server_key.empty())
    fail(NGD_E_ARGUMENT, "options key and server_key go together: who encrypts must know whom it speaks to");
  s.trusted_network = told["trusted_network"] != 0;
  for (const Address &address : list) check_plain(address, !key.empty(), s.trusted_network);
  s.sockets.heartbeat_ms = static_cast<int>(told["heartbeat_ms"]);
  s.sockets.linger_ms = static_cast<int>(told["linger_ms"]);
  spec.name = told.text("model");
  spec.optimizer = told.text("optimizer");
  spec.shards = static_cast<uint32_t>(told["shards"]);
  spec.aggregate_sum = told.choice("aggregate") == "sum";
  spec.average_rows = told["average_rows"] != 0;
  s.context = std::make_shared<Context>(static_cast<int>(told["io_threads"]));
  s.session = std::make_unique<cluster::ClientSession>(std::move(options), s, s.rng);
  s.stop = false;
  s.bulk = told.choice("consistency") == "bulk";
  s.seen = 0;
  s.trouble.clear();
  s.heard = false;
  const auto end = [&] {
    s.lines.clear();
    s.session.reset();
    s.model.reset();
    s.context.reset();
  };
  try {
    const cluster::Time now = now_us();
    const cluster::Ticket ticket = !spec.tensors.empty() ? s.session->create_model(spec, now, deadline)
                                   : spec.name.empty()   ? s.session->places(now, deadline)
                                                         : s.session->open(now, deadline);
    const cluster::Outcome outcome = s.wait(lock, ticket, deadline + 1'000'000);
    if (outcome.status == NGD_E_TIMEOUT && !s.heard && s.trouble.empty())
      fail(outcome.status, "no server answered within ", timeout_ms,
           " ms: ", why_unanswered(list, !key.empty(), std::min<int64_t>(timeout_ms, kReasonMs) * 1000));
    if (outcome.status != NGD_OK)
      fail(outcome.status, outcome.text, s.trouble.empty() ? "" : "; last trouble: ", s.trouble);
    if (const wire::ModelPlace *place = s.session->model())
      s.model = std::make_shared<const Model>(Model{place->spec.tensors, place->shards.size()});
    s.thread = Thread("ngd-client", [&s] { s.run(); });
  } catch (...) {
    end();
    throw;
  }
  s.options.lock();
}

bool Client::connected() const {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  return state_->session != nullptr;
}

void Client::disconnect(int64_t timeout_ms) {
  state_->check_owner();
  State &s = *state_;
  const cluster::Time deadline = deadline_of(timeout_ms);
  const auto left = [&s](const void *) {
    const std::lock_guard lock(s.mutex);
    s.leaving = false;
    s.changed.notify_all();
  };
  std::unique_ptr<const void, decltype(left)> leaving(nullptr, left);
  {
    std::unique_lock lock(s.mutex);
    if (s.leaving) return static_cast<void>(s.settled(lock, deadline));
    if (s.session == nullptr) return;
    s.leaving = true;
    leaving.reset(&s);
    // Where nobody is there any more, nobody has to be told.
    const auto alone = [&s] {
      return std::ranges::none_of(s.lines, [](const auto &line) {
        return line.second.channel != nullptr && line.second.channel->peer_is_there();
      });
    };
    if (!alone()) {
      const cluster::Ticket ticket = s.session->close(now_us(), deadline);
      for (bool told = false; !told;) {
        try {
          s.wait(lock, ticket, std::min(deadline, now_us() + kLookAround));
          told = true;
        } catch (const Error &error) {
          told = error.status() != NGD_E_TIMEOUT || now_us() >= deadline || alone();
        }
      }
    }
    s.stop = true;
    s.bell.ring();
    s.changed.notify_all();
  }
  s.thread.join();
  std::unique_lock lock(s.mutex);
  // Those who still wait find the client stopped.
  while (s.pumping || s.polling || s.waiting > 0) {
    s.bell.ring();
    s.changed.notify_all();
    s.changed.wait_for(lock, std::chrono::milliseconds(1));
  }
  s.lines.clear();
  s.session.reset();
  s.model.reset();
  s.context.reset();
  s.tickets.clear();
  std::map<cluster::Ticket, std::unique_ptr<Gate>> gates;
  gates.swap(s.gates);
  lock.unlock();
  for (const auto &[ticket, gate] : gates) gate->wait(now_us() + kLongest);
  lock.lock();
  s.options.unlock();
}

std::shared_ptr<const Client::Model> Client::model() const {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  static_cast<void>(state_->need_session());
  if (state_->model == nullptr)
    fail(NGD_E_STATE, "the client names no model; it can only tell and arrange where shards are");
  return state_->model;
}

}  // namespace ngd::transport
