// The hard set as a window of ranks, and the table of samplers.
#include "icea/sampler.h"

#include <limits>

namespace ngd {

HardSet::HardSet(const IceaSettings &settings, const Ranking &ranking, uint64_t samples, OrderKey guess)
    : ranking_(ranking), window_(kept_ranks(settings, ranking.size(), samples)) {
  first_cut_ = window_.first == 0 ? ranking.begin() : ranking.at(window_.first, guess);
  last_cut_ = window_.last == ranking.size() ? ranking.end() : ranking.at(window_.last, guess);
  first_key_ = window_.first == 0 ? 0 : ranking.key_after(first_cut_);
  end_key_ = ranking.key_after(last_cut_);
  boundary_ = window_.first == 0 ? end_key_ : first_key_;
}

uint64_t HardSet::rank_of(OrderKey key) const {
  uint64_t rank = 0;
  for (const uint64_t count : ranking_.before(key)) rank += count;
  return rank - window_.first;
}

std::unique_ptr<Sampler> make_sampler(const IceaSettings &settings, const HardSet &hard, uint64_t samples) {
  const double limit = settings.boost == 0 ? std::numeric_limits<double>::infinity()
                                           : settings.boost / static_cast<double>(samples);
  switch (settings.sampler) {
    case IceaSampler::uniform:
      return even_sampler(hard, hard.size(), limit);
    case IceaSampler::top_k:
      return even_sampler(hard, settings.top, limit);
    case IceaSampler::rank:
      return exponential_rank_sampler(hard, settings.pressure, limit);
    case IceaSampler::selective_backprop:
      return percentile_sampler(hard, settings.power, limit);
    case IceaSampler::proportional:
    case IceaSampler::prioritized:
      break;
  }
  return weight_sampler(settings, hard, samples, limit);
}

}  // namespace ngd
