// The C contract of ICEA buffers: include/ngd/icea.h.
#include "ngd/icea.h"

#include <algorithm>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"
#include "icea/settings.h"
#include "train/run_directory.h"

using ngd::guard;
using ngd::require;

namespace {

// Two-call lists: writes `needed`, copies when there is room, throws NGD_E_BUFFER when capacity is too small and not 0.
void copy_list(const std::vector<uint64_t> &list, uint64_t *ids, size_t capacity, size_t *needed) {
  if (capacity != 0) require(ids, "ids");
  if (needed != nullptr) *needed = list.size();
  if (capacity == 0) return;
  if (capacity < list.size())
    ngd::fail(NGD_E_BUFFER, "ids has room for ", capacity, " numbers, but there are ", list.size());
  std::copy(list.begin(), list.end(), ids);
}

}  // namespace

ngd_status ngd_icea_describe(size_t index, ngd_option_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(info, "info");
    ngd::describe_option(ngd::icea_options(), "the buffer", index, info);
  });
}

ngd_status ngd_icea_create(const char *spec, uint64_t samples, ngd_icea **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    *out = new ngd_icea{std::make_shared<ngd::Icea>(spec != nullptr ? spec : "icea", samples)};
  });
}

void ngd_icea_destroy(ngd_icea *icea) noexcept {
  delete icea;
}

ngd_status ngd_icea_set(ngd_icea *icea, const char *name, double value, ngd_error *error) noexcept {
  return ngd::set_option(icea, "icea", name, value, error);
}

ngd_status ngd_icea_set_text(ngd_icea *icea, const char *name, const char *value, ngd_error *error) noexcept {
  return ngd::set_text_option(icea, "icea", name, value, error);
}

ngd_status ngd_icea_get(const ngd_icea *icea, const char *name, double *value, ngd_error *error) noexcept {
  return ngd::get_option(icea, "icea", name, value, error);
}

ngd_status ngd_icea_get_text(const ngd_icea *icea, const char *name, char *buffer, size_t capacity,
                             size_t *needed, ngd_error *error) noexcept {
  return ngd::get_text_option(icea, "icea", name, buffer, capacity, needed, error);
}

ngd_status ngd_icea_resize(ngd_icea *icea, uint64_t samples, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    icea->object->resize(samples);
  });
}

ngd_status ngd_icea_record_f32(ngd_icea *icea, const uint64_t *ids, const float *losses, const int32_t *correct,
                               size_t count, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    if (count != 0) require(ids, "ids");
    icea->object->record({ids, count}, losses, correct);
  });
}

ngd_status ngd_icea_draw_f32(ngd_icea *icea, size_t count, uint64_t *ids, float *weights,
                             ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    require(ids, "ids");
    icea->object->draw({ids, count}, weights);
  });
}

ngd_status ngd_icea_get_info(const ngd_icea *icea, ngd_icea_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    require(info, "info");
    const ngd::IceaInfo from = icea->object->info();
    ngd_icea_info full{};
    full.samples = from.samples;
    full.seen = from.seen;
    full.hard = from.hard;
    full.capacity = from.capacity;
    full.quarantined = from.quarantined;
    full.records = from.records;
    full.batches = from.batches;
    full.draws = from.draws;
    full.hard_draws = from.hard_draws;
    full.bytes = from.bytes;
    full.hard_mass = from.hard_mass;
    full.plain = from.plain;
    full.warming = from.warming;
    ngd::fill_struct(info, full, "ngd_icea_info");
  });
}

ngd_status ngd_icea_get_sample(const ngd_icea *icea, uint64_t id, ngd_icea_sample *sample,
                               ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    require(sample, "sample");
    const ngd::IceaSample from = icea->object->sample(id);
    ngd_icea_sample full{};
    full.seen = from.sample.seen;
    full.errors = from.sample.errors;
    full.miss_run = from.sample.miss_run;
    full.score = static_cast<double>(from.sample.score);
    full.probability = from.probability;
    full.hard = from.hard;
    full.quarantined = from.quarantined;
    ngd::fill_struct(sample, full, "ngd_icea_sample");
  });
}

ngd_status ngd_icea_get_quarantine(const ngd_icea *icea, uint64_t *ids, size_t capacity, size_t *needed,
                                   ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    copy_list(icea->object->quarantine(), ids, capacity, needed);
  });
}

ngd_status ngd_icea_get_hard_set(const ngd_icea *icea, uint64_t *ids, size_t capacity, size_t *needed,
                                 ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    copy_list(icea->object->hard_set(), ids, capacity, needed);
  });
}

ngd_status ngd_icea_reset(ngd_icea *icea, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    icea->object->reset();
  });
}

ngd_status ngd_icea_export(const ngd_icea *icea, uint64_t first, size_t count, float *scores, uint32_t *seen,
                           uint32_t *errors, uint32_t *miss_runs, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    icea->object->copy_out(first, count, {scores, seen, errors, miss_runs});
  });
}

ngd_status ngd_icea_import(ngd_icea *icea, uint64_t first, size_t count, const float *scores,
                           const uint32_t *seen, const uint32_t *errors, const uint32_t *miss_runs,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    if (count != 0) {
      require(scores, "scores");
      require(seen, "seen");
      require(errors, "errors");
      require(miss_runs, "miss_runs");
    }
    icea->object->copy_in(first, count, {scores, seen, errors, miss_runs});
  });
}

ngd_status ngd_icea_save(const ngd_icea *icea, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    require(path, "path");
    ngd::StateWriter writer;
    ngd::SavedIcea saved;
    writer.prefix = "icea.";
    icea->object->save(writer, saved);
    ngd::write_safetensors(path, writer);
  });
}

ngd_status ngd_icea_load(ngd_icea *icea, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(icea, "icea");
    require(path, "path");
    const ngd::SafetensorsFile file(ngd::checkpoint_path(path));
    ngd::StateReader reader = file.reader();
    reader.prefix = "icea.";
    icea->object->load(reader);
  });
}
