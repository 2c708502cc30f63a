// Chances by weight, in proportion to (E + error_min)^exponent: proportional sampling and prioritised replay.
//
//   pt_i = w_i / W, W = sum over H of w_i          w_i <= limit W: as it is; above: cut to the limit
//   p_i = min(pt_i, limit)                         s = limit |above| + (sum of the other w_i) / W
//
// Weights fall with the rank, so those above the limit are the first of H: drawing takes one of them evenly, or a point
// of the summed weights of the rest.
#include <algorithm>
#include <bit>
#include <cmath>

#include "icea/sampler.h"

namespace ngd {
namespace {

constexpr size_t kBlock = 64;  // places whose memory is fetched at once

class WeightSampler final : public Sampler {
 public:
  WeightSampler(const Weigher &weigher, float largest_score, const HardSet &hard, double limit)
      : weigher_(weigher), limit_(limit) {
    const Stretch all(hard.ranking(), hard.first_cut(), hard.last_cut());
    total_ = static_cast<double>(all.weight());
    if (all.count() == 0) return;
    const Cut cut = cut_above(hard, largest_score);
    above_ = Stretch(hard.ranking(), hard.first_cut(), cut);
    rest_ = Stretch(hard.ranking(), cut, hard.last_cut());
    mass_above_ = above_.count() == 0 ? 0 : static_cast<double>(above_.count()) * limit_;
    mass_ = mass_above_ + static_cast<double>(rest_.weight()) / total_;
  }

  double mass() const override { return mass_; }

  void draw(Random &random, std::span<OrderKey> keys) const override {
    for (size_t done = 0; done < keys.size(); done += kBlock) {
      const auto block = keys.subspan(done, std::min(kBlock, keys.size() - done));
      std::array<Stretch::Place, kBlock> places;
      for (size_t i = 0; i < block.size(); i++) places[i] = place(random);
      for (size_t i = 0; i < block.size(); i++) block[i] = key_at(places[i]);
    }
  }

  double chance(OrderKey key) const override {
    return std::min(static_cast<double>(weigher_(key)) / total_, limit_);
  }

 private:
  // Where the first weight that is not above the limit stands, within the hard set.
  Cut cut_above(const HardSet &hard, float largest_score) const {
    const double bound = limit_ * total_;
    const auto above = [&](uint32_t bits) {
      return static_cast<double>(weigher_.of_score(std::bit_cast<float>(bits))) > bound;
    };
    uint32_t low = 0, high = std::bit_cast<uint32_t>(largest_score) + 1;  // the least score above lies here
    if (!above(high - 1)) return hard.first_cut();
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (above(middle))
        high = middle;
      else
        low = middle + 1;
    }
    if (low == 0) return hard.last_cut();
    Cut cut = hard.ranking().before(order_key(std::bit_cast<float>(low - 1), 0));
    for (size_t i = 0; i < kShards; i++) cut[i] = std::clamp(cut[i], hard.first_cut()[i], hard.last_cut()[i]);
    return cut;
  }

  Stretch::Place place(Random &random) const {
    const bool from_rest =
        above_.count() == 0 || (rest_.count() != 0 && random.uniform() * mass_ >= mass_above_);
    return from_rest ? rest_.place_of_point(random.below(rest_.weight()))
                     : above_.place_of_number(random.below(above_.count()));
  }

  Weigher weigher_;
  double limit_, total_ = 0, mass_ = 0, mass_above_ = 0;
  Stretch above_, rest_;
};

}  // namespace

std::unique_ptr<Sampler> weight_sampler(const IceaSettings &settings, const HardSet &hard, uint64_t samples,
                                        double limit) {
  return std::make_unique<WeightSampler>(Weigher(settings, samples),
                                         static_cast<float>(settings.largest_score()), hard, limit);
}

}  // namespace ngd
