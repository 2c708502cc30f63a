// Chances by rank, for any distribution whose sums have a closed form and whose terms fall: `rank` and
// `selective_backprop`.
//
//   F(r) = sum of pt over the ranks before r          pt_r = F(r + 1) - F(r)
//   p_r = min(pt_r, limit): the first c ranks are cut to the limit          s = c limit + 1 - F(c)
//
// A draw takes one of the first c evenly, or solves F(r) <= u < F(r + 1) for u from F(c) to 1.
#include <algorithm>
#include <cmath>

#include "icea/sampler.h"

namespace ngd {
namespace {

// pt_r ~ exp(-r ln(pressure) / n): Loshchilov and Hutter 2015, "Online batch selection for faster training of neural
// networks".
class ExponentialRank {
 public:
  ExponentialRank(uint64_t count, double pressure)
      : slope_(std::log(pressure) / static_cast<double>(count)), span_(-std::expm1(-std::log(pressure))) {}
  double before(double rank) const { return -std::expm1(-slope_ * rank) / span_; }
  double rank_at(double sum) const { return -std::log1p(-sum * span_) / slope_; }

 private:
  double slope_, span_;
};

// pt_r ~ the integral of x^power over the percentiles of rank r, x from 1 - (r + 1) / n to 1 - r / n: Jiang et al. 2019,
// "Accelerating deep learning by focusing on the biggest losers".
class PercentileRank {
 public:
  PercentileRank(uint64_t count, double power) : count_(static_cast<double>(count)), power_(power + 1) {}
  double before(double rank) const { return -std::expm1(power_ * std::log1p(-std::min(rank / count_, 1.0))); }
  double rank_at(double sum) const { return -count_ * std::expm1(std::log1p(-sum) / power_); }

 private:
  double count_, power_;
};

template <class Distribution>
class RankSampler final : public Sampler {
 public:
  RankSampler(const HardSet &hard, Distribution distribution, double limit)
      : hard_(hard), distribution_(distribution), limit_(limit) {
    const uint64_t size = hard.size();
    if (size == 0) return;
    uint64_t low = 0, high = size;  // the first rank that is not above the limit
    while (low < high) {
      const uint64_t middle = low + (high - low) / 2;
      if (raw_chance(middle) > limit)
        low = middle + 1;
      else
        high = middle;
    }
    cut_ranks_ = low;
    if (low > 0) above_ = Stretch(hard.ranking(), hard.first_cut(), hard.cut_at(low));
    sum_before_ = low == size ? 1 : before(low);
    mass_above_ = low == 0 ? 0 : static_cast<double>(low) * limit;
    mass_ = mass_above_ + 1 - sum_before_;
  }

  double mass() const override { return mass_; }

  void draw(Random &random, std::span<OrderKey> keys) const override {
    for (OrderKey &key : keys) {
      if (cut_ranks_ == hard_.size() || (cut_ranks_ > 0 && random.uniform() * mass_ < mass_above_)) {
        key = key_at(above_.place_of_number(random.below(cut_ranks_)));
      } else {
        const double sum = sum_before_ + (1 - sum_before_) * random.uniform();
        key = hard_.ranking().key_after(hard_.cut_at(rank_at(sum)));
      }
    }
  }

  double chance(OrderKey key) const override { return std::min(raw_chance(hard_.rank_of(key)), limit_); }

 private:
  double before(uint64_t rank) const { return distribution_.before(static_cast<double>(rank)); }
  double raw_chance(uint64_t rank) const { return before(rank + 1) - before(rank); }
  // Rounding moves the border between two ranks by 1e-13 of their chance.
  uint64_t rank_at(double sum) const {
    const double last = static_cast<double>(hard_.size() - 1);
    return static_cast<uint64_t>(std::clamp(distribution_.rank_at(sum), static_cast<double>(cut_ranks_), last));
  }

  const HardSet &hard_;
  Distribution distribution_;
  double limit_, sum_before_ = 0, mass_above_ = 0, mass_ = 0;
  uint64_t cut_ranks_ = 0;
  Stretch above_;
};

}  // namespace

std::unique_ptr<Sampler> exponential_rank_sampler(const HardSet &hard, double pressure, double limit) {
  return std::make_unique<RankSampler<ExponentialRank>>(
      hard, ExponentialRank(std::max<uint64_t>(hard.size(), 1), pressure), limit);
}

std::unique_ptr<Sampler> percentile_sampler(const HardSet &hard, double power, double limit) {
  return std::make_unique<RankSampler<PercentileRank>>(
      hard, PercentileRank(std::max<uint64_t>(hard.size(), 1), power), limit);
}

}  // namespace ngd
