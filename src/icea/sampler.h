// Samplers: how likely each sample of the hard set is, and drawing by those chances.
#pragma once

#include <memory>
#include <span>

#include "base/random.h"
#include "icea/ranking.h"
#include "icea/remover.h"
#include "icea/settings.h"

namespace ngd {

// The hard set: the window of ranks that the remover leaves. Valid while the shards' locks are held.
class HardSet {
 public:
  HardSet(const IceaSettings &settings, const Ranking &ranking, uint64_t samples, OrderKey guess);

  const Ranking &ranking() const { return ranking_; }
  const Cut &first_cut() const { return first_cut_; }
  const Cut &last_cut() const { return last_cut_; }
  uint64_t first_rank() const { return window_.first; }
  uint64_t size() const { return window_.last - window_.first; }
  bool contains(OrderKey key) const { return first_key_ <= key && key < end_key_; }
  OrderKey boundary() const { return boundary_; }  // the guess for the next time

  // The cut behind the first `rank` samples of the hard set.
  Cut cut_at(uint64_t rank) const { return ranking_.at(window_.first + rank); }
  uint64_t rank_of(OrderKey key) const;

 private:
  const Ranking &ranking_;
  RankWindow window_;
  Cut first_cut_, last_cut_;
  OrderKey first_key_ = 0, end_key_ = 0, boundary_ = 0;
};

// With p_i = min(pt_i, limit), s = sum over the hard set of p_i.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual double mass() const = 0;  // s
  // Draws by p_i / s, independently and with replacement; s must be above 0.
  virtual void draw(Random &random, std::span<OrderKey> keys) const = 0;
  virtual double chance(OrderKey key) const = 0;  // p_i of a member
};

// `hard` must outlive it; `samples` is N.
std::unique_ptr<Sampler> make_sampler(const IceaSettings &settings, const HardSet &hard, uint64_t samples);

// One for each family of samplers/; make_sampler() says which option means which. `limit` is boost / N, or infinity.
std::unique_ptr<Sampler> even_sampler(const HardSet &hard, uint64_t count, double limit);
std::unique_ptr<Sampler> weight_sampler(const IceaSettings &settings, const HardSet &hard, uint64_t samples,
                                        double limit);
std::unique_ptr<Sampler> exponential_rank_sampler(const HardSet &hard, double pressure, double limit);
std::unique_ptr<Sampler> percentile_sampler(const HardSet &hard, double power, double limit);

}  // namespace ngd
