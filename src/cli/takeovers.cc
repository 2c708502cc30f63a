// Asking for the places of shards again and again.
#include "takeovers.h"

#include <algorithm>

#include "connection.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kEvery{100};
constexpr int64_t kPatienceMs = 500;

}  // namespace

Takeovers::Takeovers(const std::string &client_spec, const std::string &addresses, const std::string &model)
    : spec_(client_spec), addresses_(addresses), model_(model), thread_([this] { watch(); }) {}

Takeovers::~Takeovers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  thread_.join();
}

void Takeovers::watch() {
  Client client;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
    }
    try {
      if (client == nullptr) {
        client = create<ngd_client>(ngd_client_create, spec_);
        call(ngd_client_connect, client.get(), addresses_.c_str(), int64_t{2000});
      }
      compare(places_of(client.get(), kPatienceMs).dump());
    } catch (const Failure &failure) {
      // While servers are away nothing can be told.
      if (failure.status != NGD_E_TIMEOUT) client.reset();
    }
    std::this_thread::sleep_for(kEvery);
  }
}

void Takeovers::compare(const std::string &text) {
  const Json places = Json::parse(text);
  const std::lock_guard lock(mutex_);
  for (const Json &model : places["models"]) {
    if (model["name"] != model_) continue;
    for (const Json &shard : model["shards"]) {
      PlaceEvent now;
      now.shard = shard["shard"].get<uint64_t>();
      now.leader = shard["leader"].get<uint64_t>();
      now.epoch = shard["epoch"].get<uint64_t>();
      now.in_sync = shard["in_sync"].get<std::vector<uint64_t>>();
      now.when = Clock::now();
      const auto before = shards_.find(now.shard);
      if (before != shards_.end() && before->second.leader == now.leader &&
          before->second.in_sync == now.in_sync)
        continue;
      now.takeover = before != shards_.end() && before->second.leader != now.leader;
      count_ += now.takeover;
      shards_[now.shard] = now;
      events_.push_back(std::move(now));
    }
  }
}

std::vector<PlaceEvent> Takeovers::events() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

uint64_t Takeovers::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

uint64_t Takeovers::leader(uint64_t shard) const {
  const std::lock_guard lock(mutex_);
  const auto found = shards_.find(shard);
  return found == shards_.end() ? 0 : found->second.leader;
}

bool Takeovers::in_sync(size_t replicas) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(shards_, [&](const auto &one) { return one.second.in_sync.size() >= replicas; });
}

}  // namespace cli
