// The C contract of checkpoints: include/ngd/checkpoint.h.
#include "ngd/checkpoint.h"

#include <algorithm>
#include <iterator>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"

using ngd::guard;
using ngd::require;

namespace {

const ngd::SafetensorsIndex::Tensor &tensor_at(const ngd_checkpoint *checkpoint, size_t index) {
  const auto &tensors = checkpoint->object->tensors();
  if (index >= tensors.size())
    ngd::fail(NGD_E_NOT_FOUND, "the checkpoint has ", tensors.size(), " tensors; there is no tensor number ",
              index);
  return tensors[index];
}

}  // namespace

ngd_status ngd_checkpoint_open(const char *path, ngd_checkpoint **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(path, "path");
    *out = new ngd_checkpoint{std::make_shared<ngd::SafetensorsIndex>(path)};
  });
}

void ngd_checkpoint_destroy(ngd_checkpoint *checkpoint) noexcept {
  delete checkpoint;
}

size_t ngd_checkpoint_tensor_count(const ngd_checkpoint *checkpoint) noexcept {
  return checkpoint == nullptr ? 0 : checkpoint->object->tensors().size();
}

ngd_status ngd_checkpoint_tensor(const ngd_checkpoint *checkpoint, size_t index, ngd_tensor_info *info,
                                 ngd_error *error) noexcept {
  return guard(error, [&] {
    require(checkpoint, "checkpoint");
    require(info, "info");
    const ngd::SafetensorsIndex::Tensor &tensor = tensor_at(checkpoint, index);
    ngd_tensor_info full = {};
    full.name = tensor.name.c_str();
    full.dtype = tensor.dtype.c_str();
    full.elements = tensor.elements;
    full.rank = tensor.shape.size();
    std::copy(tensor.shape.begin(), tensor.shape.end(), full.shape);
    ngd::fill_struct(info, full, "ngd_tensor_info");
  });
}

ngd_status ngd_checkpoint_read_f64(const ngd_checkpoint *checkpoint, size_t index, double *values, size_t count,
                                   ngd_error *error) noexcept {
  return guard(error, [&] {
    require(checkpoint, "checkpoint");
    require(values, "values");
    const ngd::SafetensorsIndex::Tensor &tensor = tensor_at(checkpoint, index);
    if (count != tensor.elements)
      ngd::fail(NGD_E_SHAPE, "tensor ", ngd::quoted(tensor.name), " has ", tensor.elements,
                " elements, but count is ", count);
    checkpoint->object->read_f64(index, {values, count});
  });
}

size_t ngd_checkpoint_text_count(const ngd_checkpoint *checkpoint) noexcept {
  return checkpoint == nullptr ? 0 : checkpoint->object->texts().size();
}

ngd_status ngd_checkpoint_text(const ngd_checkpoint *checkpoint, size_t index, const char **key,
                               const char **text, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(checkpoint, "checkpoint");
    require(key, "key");
    require(text, "text");
    const auto &texts = checkpoint->object->texts();
    if (index >= texts.size())
      ngd::fail(NGD_E_NOT_FOUND, "the checkpoint has ", texts.size(),
                " metadata entries; there is no entry number ", index);
    const auto entry = std::next(texts.begin(), static_cast<std::ptrdiff_t>(index));
    *key = entry->first.c_str();
    *text = entry->second.c_str();
  });
}
