// Word vectors: read, look up, find neighbours, train, write.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ngd/dataset.hpp"
#include "ngd/handle.hpp"
#include "ngd/model.hpp"
#include "ngd/optimizer.hpp"

namespace ngd {
inline namespace cpp {

// Words and a vector for each. Several threads may look words up at once.
class Vectors : public detail::Handle<ngd_vectors, detail::vectors_functions> {
 public:
  struct Neighbour {
    std::string word;
    float similarity = 0;
  };

  explicit Vectors(const std::string &spec = "vectors") : Handle(spec) {}
  static Vectors load(const std::string &path, const std::string &spec = "vectors") {
    Vectors vectors(spec);
    detail::check(ngd_vectors_load, vectors.raw(), detail::text(path));
    return vectors;
  }
  static std::vector<Option> describe() { return detail::options(ngd_vectors_describe); }
  std::vector<Option> options() const { return describe(); }

  // `values` holds a row for each word.
  void append(const std::vector<std::string> &words, std::span<const float> values) {
    std::vector<const char *> texts;
    for (const std::string &word : words) texts.push_back(detail::text(word));
    if (words.empty() || values.size() % words.size() != 0)
      throw Error(NGD_E_SHAPE, std::to_string(values.size()) + " values are no table of " +
                                   std::to_string(words.size()) + " words");
    detail::check(ngd_vectors_append_f32, raw(), texts.data(), values.data(), words.size(),
                  values.size() / words.size());
  }
  // "word2vec_text", "word2vec_binary" or "safetensors".
  void save(const std::string &path, const std::string &format) const {
    detail::check(ngd_vectors_save, raw(), detail::text(path), detail::text(format));
  }

  ngd_vectors_info info() const {
    auto info = detail::sized<ngd_vectors_info>();
    detail::check(ngd_vectors_get_info, raw(), &info);
    return info;
  }
  uint64_t find(const std::string &word) const {
    uint64_t row = 0;
    detail::check(ngd_vectors_find, raw(), detail::text(word), &row);
    return row;
  }
  std::string word(uint64_t row) const { return detail::read_text(ngd_vectors_get_word, raw(), row); }
  std::vector<float> rows(uint64_t first, size_t count) const {
    std::vector<float> values(count * info().dimension);
    detail::check(ngd_vectors_get_rows_f32, raw(), first, count, values.data(), values.size());
    return values;
  }
  std::vector<float> vector(const std::string &word) const { return rows(find(word), 1); }

  std::vector<Neighbour> neighbours(const std::string &word, size_t count) const {
    return found(count, ngd_vectors_neighbours_f32, detail::text(word));
  }
  // What is to `third` as `second` is to `first`.
  std::vector<Neighbour> analogy(const std::string &first, const std::string &second, const std::string &third,
                                 size_t count) const {
    return found(count, ngd_vectors_analogy_f32, detail::text(first), detail::text(second),
                 detail::text(third));
  }
  std::vector<Neighbour> nearest(std::span<const float> query, size_t count,
                                 std::span<const uint64_t> excluded = {}) const {
    return found(count, ngd_vectors_nearest_f32, query.data(), query.size(), excluded.data(), excluded.size());
  }

  // Training: start, then advance until it answers false; looking up and saving are allowed in between.
  void start(const Dataset &texts) { detail::check(ngd_vectors_start, raw(), texts.raw(), nullptr); }
  void start(const Dataset &texts, Optimizer &optimizer) {
    detail::check(ngd_vectors_start, raw(), texts.raw(), optimizer.raw());
  }
  bool advance(uint64_t steps) {
    int32_t running = 0;
    detail::check(ngd_vectors_advance, raw(), steps, &running);
    return running != 0;
  }
  ngd_vectors_progress progress() const {
    auto progress = detail::sized<ngd_vectors_progress>();
    detail::check(ngd_vectors_get_progress, raw(), &progress);
    return progress;
  }

 private:
  template <class Function, class... Arguments>
  std::vector<Neighbour> found(size_t count, Function *function, Arguments... arguments) const {
    std::vector<uint64_t> rows(count);
    std::vector<float> similarities(count);
    size_t number = 0;
    detail::check(function, raw(), arguments..., count, rows.data(), similarities.data(), &number);
    std::vector<Neighbour> result;
    for (size_t i = 0; i < number; i++) result.push_back({word(rows[i]), similarities[i]});
    return result;
  }
};

// Has a text model begin with word vectors when it is prepared; coverage_of() then tells how many words had one.
inline void set_vectors(Model &model, const Vectors &vectors) {
  detail::check(ngd_model_set_vectors, model.raw(), vectors.raw());
}
inline ngd_vectors_coverage coverage_of(const Model &model) {
  auto coverage = detail::sized<ngd_vectors_coverage>();
  detail::check(ngd_model_get_coverage, model.raw(), &coverage);
  return coverage;
}

}  // namespace cpp
}  // namespace ngd
