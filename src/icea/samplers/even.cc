// Equal chances for the first k of the hard set: `uniform` (all of it) and `top_k`.
//
//   pt_i = 1 / k for rank < k, else 0          p_i = min(1 / k, limit), s = k p_i
#include <algorithm>

#include "icea/sampler.h"

namespace ngd {
namespace {

class EvenSampler final : public Sampler {
 public:
  EvenSampler(const HardSet &hard, uint64_t count, double limit) {
    if (count == 0) return;
    const Cut last = count == hard.size() ? hard.last_cut() : hard.cut_at(count);
    end_key_ = hard.ranking().key_after(last);
    first_ = Stretch(hard.ranking(), hard.first_cut(), last);
    chance_ = std::min(1 / static_cast<double>(count), limit);
    mass_ = static_cast<double>(count) * chance_;
  }

  double mass() const override { return mass_; }
  void draw(Random &random, std::span<OrderKey> keys) const override {
    for (OrderKey &key : keys) key = key_at(first_.place_of_number(random.below(first_.count())));
  }
  double chance(OrderKey key) const override { return key < end_key_ ? chance_ : 0; }

 private:
  Stretch first_;
  OrderKey end_key_ = 0;
  double chance_ = 0, mass_ = 0;
};

}  // namespace

std::unique_ptr<Sampler> even_sampler(const HardSet &hard, uint64_t count, double limit) {
  return std::make_unique<EvenSampler>(hard, std::min(count, hard.size()), limit);
}

}  // namespace ngd
