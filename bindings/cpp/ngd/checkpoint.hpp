// Checkpoints: a look into any safetensors file.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// An open safetensors file.
class Checkpoint {
 public:
  explicit Checkpoint(const std::string &path) {
    ngd_checkpoint *made = nullptr;
    detail::check(ngd_checkpoint_open, detail::text(path), &made);
    handle_.reset(made);
  }
  ngd_checkpoint *raw() const noexcept { return handle_.get(); }
  std::vector<TensorInfo> tensors() const {
    return detail::tensors(raw(), ngd_checkpoint_tensor_count(raw()), ngd_checkpoint_tensor);
  }
  std::vector<double> read(size_t index) const {
    auto info = detail::sized<ngd_tensor_info>();
    detail::check(ngd_checkpoint_tensor, raw(), index, &info);
    std::vector<double> values(info.elements);
    detail::check(ngd_checkpoint_read_f64, raw(), index, values.data(), values.size());
    return values;
  }
  std::vector<std::pair<std::string, std::string>> texts() const {
    std::vector<std::pair<std::string, std::string>> result;
    for (size_t index = 0; index < ngd_checkpoint_text_count(raw()); index++) {
      const char *key = nullptr, *value = nullptr;
      detail::check(ngd_checkpoint_text, raw(), index, &key, &value);
      result.emplace_back(key, value);
    }
    return result;
  }

 private:
  struct Destroy {
    void operator()(ngd_checkpoint *handle) const noexcept { ngd_checkpoint_destroy(handle); }
  };
  std::unique_ptr<ngd_checkpoint, Destroy> handle_;
};

}  // namespace cpp
}  // namespace ngd
