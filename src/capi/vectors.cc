// The C contract of word vectors: include/ngd/vectors.h.
#include "ngd/vectors.h"

#include <algorithm>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"

using ngd::guard;
using ngd::require;

namespace {

void copy_neighbours(const std::vector<ngd::Neighbour> &best, uint64_t *rows, float *similarities,
                     size_t *found) {
  for (size_t i = 0; i < best.size(); i++) {
    rows[i] = best[i].row;
    if (similarities != nullptr) similarities[i] = best[i].similarity;
  }
  *found = best.size();
}

}  // namespace

ngd_status ngd_vectors_describe(size_t index, ngd_option_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(info, "info");
    ngd::describe_option(ngd::vectors_options(), "the vectors", index, info);
  });
}

ngd_status ngd_vectors_create(const char *spec, ngd_vectors **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    *out = new ngd_vectors{std::make_shared<ngd::Vectors>(spec != nullptr ? spec : "vectors")};
  });
}

void ngd_vectors_destroy(ngd_vectors *vectors) noexcept {
  delete vectors;
}

ngd_status ngd_vectors_set(ngd_vectors *vectors, const char *name, double value, ngd_error *error) noexcept {
  return ngd::set_option(vectors, "vectors", name, value, error);
}

ngd_status ngd_vectors_set_text(ngd_vectors *vectors, const char *name, const char *value,
                                ngd_error *error) noexcept {
  return ngd::set_text_option(vectors, "vectors", name, value, error);
}

ngd_status ngd_vectors_get(const ngd_vectors *vectors, const char *name, double *value,
                           ngd_error *error) noexcept {
  return ngd::get_option(vectors, "vectors", name, value, error);
}

ngd_status ngd_vectors_get_text(const ngd_vectors *vectors, const char *name, char *buffer, size_t capacity,
                                size_t *needed, ngd_error *error) noexcept {
  return ngd::get_text_option(vectors, "vectors", name, buffer, capacity, needed, error);
}

ngd_status ngd_vectors_load(ngd_vectors *vectors, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(path, "path");
    vectors->object->load(path);
  });
}

ngd_status ngd_vectors_append_f32(ngd_vectors *vectors, const char *const *words, const float *values,
                                  size_t count, size_t dimension, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    if (count != 0) {
      require(words, "words");
      require(values, "values");
    }
    vectors->object->append(words, values, count, dimension);
  });
}

ngd_status ngd_vectors_save(const ngd_vectors *vectors, const char *path, const char *format,
                            ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(path, "path");
    require(format, "format");
    vectors->object->save(path, format);
  });
}

ngd_status ngd_vectors_get_info(const ngd_vectors *vectors, ngd_vectors_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(info, "info");
    const ngd::Vectors::Info from = vectors->object->info();
    ngd_vectors_info full{};
    full.words = from.words;
    full.dimension = from.dimension;
    full.bytes = from.bytes;
    full.declared = from.declared;
    full.duplicates = from.duplicates;
    full.skipped = from.skipped;
    full.deviation = from.deviation;
    full.mean_length = from.mean_length;
    ngd::fill_struct(info, full, "ngd_vectors_info");
  });
}

ngd_status ngd_vectors_find(const ngd_vectors *vectors, const char *word, uint64_t *row,
                            ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(word, "word");
    require(row, "row");
    *row = vectors->object->find(word);
  });
}

ngd_status ngd_vectors_get_word(const ngd_vectors *vectors, uint64_t row, char *buffer, size_t capacity,
                                size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    const ngd::VectorTable &table = vectors->object->table();
    if (row >= table.rows())
      ngd::fail(NGD_E_NOT_FOUND, "there is no row ", row, "; there are ", table.rows(), " words");
    ngd::copy_text(table.words()[row], buffer, capacity, needed);
  });
}

ngd_status ngd_vectors_get_rows_f32(const ngd_vectors *vectors, uint64_t first, size_t rows, float *values,
                                    size_t capacity, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    if (rows != 0) require(values, "values");
    const ngd::VectorTable &table = vectors->object->table();
    if (first > table.rows() || rows > table.rows() - first)
      ngd::fail(NGD_E_RANGE, "rows ", first, " to ", first, " + ", rows, " do not all exist; there are ",
                table.rows(), " words");
    if (rows == 0) return;
    if (capacity / table.dimension() < rows)
      ngd::fail(NGD_E_BUFFER, "values has room for ", capacity, " numbers, but ", rows, " rows of ",
                table.dimension(), " need ", rows * table.dimension());
    std::copy_n(table.row(first), rows * table.dimension(), values);
  });
}

ngd_status ngd_vectors_nearest_f32(const ngd_vectors *vectors, const float *query, size_t dimension,
                                   const uint64_t *excluded, size_t excluded_count, size_t count,
                                   uint64_t *rows, float *similarities, size_t *found,
                                   ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(query, "query");
    if (excluded_count != 0) require(excluded, "excluded");
    if (count != 0) require(rows, "rows");
    require(found, "found");
    copy_neighbours(vectors->object->nearest({query, dimension}, {excluded, excluded_count}, count), rows,
                    similarities, found);
  });
}

ngd_status ngd_vectors_neighbours_f32(const ngd_vectors *vectors, const char *word, size_t count,
                                      uint64_t *rows, float *similarities, size_t *found,
                                      ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(word, "word");
    if (count != 0) require(rows, "rows");
    require(found, "found");
    copy_neighbours(vectors->object->neighbours(word, count), rows, similarities, found);
  });
}

ngd_status ngd_vectors_analogy_f32(const ngd_vectors *vectors, const char *first, const char *second,
                                   const char *third, size_t count, uint64_t *rows, float *similarities,
                                   size_t *found, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(first, "first");
    require(second, "second");
    require(third, "third");
    if (count != 0) require(rows, "rows");
    require(found, "found");
    copy_neighbours(vectors->object->analogy(first, second, third, count), rows, similarities, found);
  });
}

ngd_status ngd_vectors_start(ngd_vectors *vectors, const ngd_dataset *texts, ngd_optimizer *optimizer,
                             ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(texts, "texts");
    // A part: what is appended to the dataset later does not change it.
    vectors->object->start(texts->object->slice(0, texts->object->rows()),
                           optimizer == nullptr ? nullptr : optimizer->object);
  });
}

ngd_status ngd_vectors_advance(ngd_vectors *vectors, uint64_t steps, int32_t *running,
                               ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(running, "running");
    *running = vectors->object->advance(steps) ? 1 : 0;
  });
}

ngd_status ngd_vectors_get_progress(const ngd_vectors *vectors, ngd_vectors_progress *progress,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    require(vectors, "vectors");
    require(progress, "progress");
    const ngd::VectorProgress from = vectors->object->progress();
    ngd_vectors_progress full{};
    full.epoch = from.epoch;
    full.epochs = from.epochs;
    full.steps = from.steps;
    full.words = from.words;
    full.words_all = from.words_all;
    full.loss = from.loss;
    full.learning_rate = from.learning_rate;
    full.seconds = from.seconds;
    full.words_per_second = static_cast<double>(from.words) / from.seconds;
    ngd::fill_struct(progress, full, "ngd_vectors_progress");
  });
}

ngd_status ngd_model_set_vectors(ngd_model *model, const ngd_vectors *vectors, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    if (vectors != nullptr && vectors->object->in_training())
      ngd::fail(NGD_E_STATE, "the vectors are in training; train them to their end, or save and load them");
    if (vectors != nullptr && vectors->object->table().rows() == 0)
      ngd::fail(NGD_E_STATE, "there are no words yet; load a file, append words or train them first");
    model->object->set_vectors(vectors == nullptr ? nullptr : vectors->object);
  });
}

ngd_status ngd_model_get_coverage(const ngd_model *model, ngd_vectors_coverage *coverage,
                                  ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(coverage, "coverage");
    const ngd::Coverage from = model->object->coverage();
    ngd_vectors_coverage full{};
    full.words = from.words;
    full.found = from.found;
    full.folded = from.folded;
    full.rows = from.rows;
    full.tokens = from.tokens;
    full.tokens_found = from.tokens_found;
    full.scale = from.scale;
    full.deviation = from.deviation;
    ngd::fill_struct(coverage, full, "ngd_vectors_coverage");
  });
}
