// ICEA: a buffer that knows which samples are still hard, and brings them back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// Scores of samples, and what decides which come next. Any number of threads may record and draw at once.
class Icea : public detail::Handle<ngd_icea, detail::icea_functions> {
 public:
  struct Drawn {
    std::vector<uint64_t> ids;
    std::vector<float> weights;  // to multiply each loss with
  };
  // What is known of samples that follow each other: for another buffer, or to look at.
  struct Scores {
    std::vector<float> scores;
    std::vector<uint32_t> seen, errors, miss_runs;
  };

  explicit Icea(uint64_t samples, const std::string &spec = "icea") : Handle(made(samples, spec)) {}
  static Icea load(const std::string &path) {
    Icea icea(0);
    detail::check(ngd_icea_load, icea.raw(), detail::text(path));
    return icea;
  }
  static std::vector<Option> describe() { return detail::options(ngd_icea_describe); }
  std::vector<Option> options() const { return describe(); }

  Drawn draw(size_t count) {
    Drawn drawn = {std::vector<uint64_t>(count), std::vector<float>(count)};
    draw(drawn.ids, drawn.weights);
    return drawn;
  }
  void draw(std::span<uint64_t> ids, std::span<float> weights) {
    same_count("weights", weights.size(), ids.size());
    detail::check(ngd_icea_draw_f32, raw(), ids.size(), ids.data(), weights.data());
  }
  // Losses without weights; `correct` is 0 for a wrong answer. Without it no answer counts as wrong.
  void record(std::span<const uint64_t> ids, std::span<const float> losses,
              std::span<const int32_t> correct = {}) {
    if (!losses.empty()) same_count("losses", losses.size(), ids.size());
    if (!correct.empty()) same_count("correct", correct.size(), ids.size());
    detail::check(ngd_icea_record_f32, raw(), ids.data(), losses.empty() ? nullptr : losses.data(),
                  correct.empty() ? nullptr : correct.data(), ids.size());
  }

  ngd_icea_info info() const {
    auto info = detail::sized<ngd_icea_info>();
    detail::check(ngd_icea_get_info, raw(), &info);
    return info;
  }
  ngd_icea_sample sample(uint64_t id) const {
    auto sample = detail::sized<ngd_icea_sample>();
    detail::check(ngd_icea_get_sample, raw(), id, &sample);
    return sample;
  }
  std::vector<uint64_t> quarantine() const { return list(ngd_icea_get_quarantine); }
  std::vector<uint64_t> hard_set() const { return list(ngd_icea_get_hard_set); }  // the hardest first

  void resize(uint64_t samples) { detail::check(ngd_icea_resize, raw(), samples); }
  void reset() { detail::check(ngd_icea_reset, raw()); }
  Scores export_scores(uint64_t first, size_t count) const {
    Scores scores = {std::vector<float>(count), std::vector<uint32_t>(count), std::vector<uint32_t>(count),
                     std::vector<uint32_t>(count)};
    detail::check(ngd_icea_export, raw(), first, count, scores.scores.data(), scores.seen.data(),
                  scores.errors.data(), scores.miss_runs.data());
    return scores;
  }
  void import_scores(uint64_t first, const Scores &scores) {
    const size_t count = scores.scores.size();
    for (const auto *counts : {&scores.seen, &scores.errors, &scores.miss_runs})
      same_count("an array of counts", counts->size(), count);
    detail::check(ngd_icea_import, raw(), first, count, scores.scores.data(), scores.seen.data(),
                  scores.errors.data(), scores.miss_runs.data());
  }
  void save(const std::string &path) const { detail::check(ngd_icea_save, raw(), detail::text(path)); }

 private:
  friend class Trainer;
  struct Adopt {};
  Icea(Adopt, ngd_icea *handle) : Handle(handle) {}
  static ngd_icea *made(uint64_t samples, const std::string &spec) {
    ngd_icea *handle = nullptr;
    detail::check(ngd_icea_create, detail::text(spec), samples, &handle);
    return handle;
  }
  static void same_count(const char *what, size_t count, size_t ids) {
    if (count != ids)
      throw Error(NGD_E_SHAPE, std::string(what) + " has " + std::to_string(count) +
                                   " entries, but there are " + std::to_string(ids) + " samples");
  }
  template <class Function>
  std::vector<uint64_t> list(Function *function) const {
    size_t needed = 0;
    detail::check(function, raw(), nullptr, size_t{0}, &needed);
    ngd_error error;
    while (true) {
      std::vector<uint64_t> ids(needed);
      const ngd_status status = function(raw(), ids.data(), ids.size(), &needed, &error);
      if (status == NGD_E_BUFFER) continue;  // another thread recorded in between
      if (status != NGD_OK) throw Error(status, error.message);
      ids.resize(needed);
      return ids;
    }
  }
};

}  // namespace cpp
}  // namespace ngd
