// Changing samples and keeping the tree, and the counts, at what the samples say.
#include "icea/shard.h"

#include <algorithm>

namespace ngd {

Shard::Shard(const IceaSettings &settings, const Weigher &weigher, size_t index,
             std::vector<ScoredSample> samples)
    : samples_(std::move(samples)), tree_(weigher) {
  std::vector<OrderKey> keys;
  const auto competes = [&](const ScoredSample &sample) { return eligible(settings, sample); };
  keys.reserve(static_cast<size_t>(std::ranges::count_if(samples_, competes)));
  uint64_t id = index;
  for (const ScoredSample &sample : samples_) {
    if (competes(sample)) keys.push_back(order_key(standing(settings, sample), id));
    seen_ += sample.seen != 0;
    quarantined_ += ngd::quarantined(settings, sample);
    id += kShards;
  }
  std::ranges::sort(keys);
  tree_.build(keys, weigher);
}

void Shard::promise(size_t changes) {
  tree_.reserve(promised_ + changes);
  promised_ += changes;
}

template <class Change>
void Shard::change(const IceaSettings &settings, uint64_t id, Change change) {
  ScoredSample &sample = samples_[id / kShards];
  const bool was_in = eligible(settings, sample);
  const OrderKey old_key = order_key(standing(settings, sample), id);
  seen_ -= sample.seen != 0;
  quarantined_ -= ngd::quarantined(settings, sample);
  change(sample);
  seen_ += sample.seen != 0;
  quarantined_ += ngd::quarantined(settings, sample);
  const bool is_in = eligible(settings, sample);
  const OrderKey key = order_key(standing(settings, sample), id);
  if (was_in && is_in && key == old_key) return;
  if (was_in) tree_.erase(old_key);
  if (is_in) tree_.insert(key);
}

void Shard::record(const IceaSettings &settings, std::span<const Visit> visits) {
  constexpr size_t kBlock = OrderedTree::kFetched / 2;
  for (size_t done = 0; done < visits.size(); done += kBlock) {
    const auto block = visits.subspan(done, std::min(kBlock, visits.size() - done));
    // Where the samples of the block stand, and where they will.
    OrderKey keys[OrderedTree::kFetched];
    size_t count = 0;
    for (const Visit &one : block) {
      ScoredSample sample = samples_[one.id / kShards];
      if (eligible(settings, sample)) keys[count++] = order_key(standing(settings, sample), one.id);
      visit(settings, one.loss, one.correct, sample);
      if (eligible(settings, sample)) keys[count++] = order_key(standing(settings, sample), one.id);
    }
    tree_.prefetch({keys, count});
    for (const Visit &one : block)
      change(settings, one.id, [&](ScoredSample &sample) { visit(settings, one.loss, one.correct, sample); });
  }
}

void Shard::put(const IceaSettings &settings, uint64_t id, const ScoredSample &known) {
  change(settings, id, [&](ScoredSample &sample) { sample = known; });
}

}  // namespace ngd
