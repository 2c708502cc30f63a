// Asks the library about its rules; declares tensors and steps them.
#include "bench/subject.h"

#include <fmt/core.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string_view>

namespace cli {
namespace {

bool is_among(std::string_view choices, std::string_view choice) {
  for (size_t at = 0; at <= choices.size();) {
    const size_t end = std::min(choices.find('|', at), choices.size());
    if (choices.substr(at, end - at) == choice) return true;
    at = end + 1;
  }
  return false;
}

// The bytes of an element: the number in the type's name, counted in bits.
double bytes_of(std::string_view dtype) {
  const size_t digits = dtype.find_first_of("0123456789");
  return digits == std::string_view::npos ? 1 : std::stod(std::string(dtype.substr(digits))) / 8;
}

// A file name of our own for as long as the object lives.
class TemporaryFile {
 public:
  TemporaryFile() : path_((std::filesystem::temp_directory_path() / "ngd-bench-XXXXXX").string()) {
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0) throw Failure{fmt::format("{}: cannot be made: {}", path_, std::strerror(errno))};
    close(descriptor);
  }
  ~TemporaryFile() { std::filesystem::remove(path_, ignored_); }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  const std::string &path() const { return path_; }

 private:
  std::string path_;
  std::error_code ignored_;
};

}  // namespace

std::vector<std::string> all_rules() {
  std::vector<std::string> rules;
  for (size_t index = 0; ngd_optimizer_rule(index) != nullptr; index++)
    rules.push_back(ngd_optimizer_rule(index));
  return rules;
}

bool has_option(const std::string &rule, const std::string &option, const std::string &choice) {
  for (size_t index = 0;; index++) {
    auto info = sized<ngd_option_info>();
    ngd_error error = {};
    const ngd_status status = ngd_optimizer_describe(rule.c_str(), index, &info, &error);
    if (status == NGD_E_NOT_FOUND) return false;
    if (status != NGD_OK) throw Failure{error.message, kExitUsage, status};
    if (option == info.name) return choice.empty() || is_among(info.choices, choice);
  }
}

bool can_use(const std::string &rule, size_t threads) {
  return threads == 1 || has_option(rule, "threads");
}

std::string one_sweep(const std::string &rule) {
  return has_option(rule, "nonfinite", "zero") ? "nonfinite=zero" : "";
}

std::string spec_on(const std::string &rule, size_t threads, std::vector<std::string> options) {
  if (threads > 1) options.insert(options.begin(), fmt::format("threads={}", threads));
  std::string spec = rule;
  for (const std::string &option : options) {
    if (!option.empty()) spec += (spec == rule ? ":" : ",") + option;
  }
  return spec;
}

StateSize state_size(const std::string &spec) {
  constexpr size_t kElements = 1 << 16;  // long enough for what is kept once for a block of elements
  const Floats parameters(kElements, Floats::Content::parameters);
  const Floats gradients(kElements, Floats::Content::gradients);
  Subject subject(spec, 1, {kElements});
  subject.step(parameters, gradients);
  const TemporaryFile file;
  subject.save(file.path());
  ngd_checkpoint *opened = nullptr;
  call(ngd_checkpoint_open, file.path().c_str(), &opened);
  const Checkpoint checkpoint(opened);
  StateSize size;
  for (size_t index = 0; index < ngd_checkpoint_tensor_count(opened); index++) {
    auto info = sized<ngd_tensor_info>();
    call(ngd_checkpoint_tensor, opened, index, &info);
    size.bytes += static_cast<double>(info.elements) * bytes_of(info.dtype) / kElements;
    if (info.elements == kElements && std::string_view(info.dtype) == "F32") size.arrays++;
  }
  return size;
}

Subject::Subject(const std::string &spec, size_t tensors, const std::vector<int64_t> &shape)
    : optimizer_(create<ngd_optimizer>(ngd_optimizer_create, spec)),
      tensors_(tensors),
      elements_(
          static_cast<size_t>(std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()))),
      parameter_list_(tensors),
      gradient_list_(tensors) {
  for (size_t i = 0; i < tensors; i++)
    call(ngd_optimizer_add_f32, optimizer_.get(), fmt::format("w{}", i).c_str(), shape.data(), shape.size());
}

void Subject::list(const Floats &parameters, const Floats &gradients) {
  for (size_t i = 0; i < tensors_; i++) {
    parameter_list_[i] = parameters.data() + i * elements_;
    gradient_list_[i] = gradients.data() + i * elements_;
  }
}

void Subject::step(const Floats &parameters, const Floats &gradients) {
  list(parameters, gradients);
  call(ngd_optimizer_step_f32, optimizer_.get(), parameter_list_.data(), gradient_list_.data(), tensors_);
}

void Subject::sweep(const Floats &parameters, const Floats &gradients) {
  list(parameters, gradients);
  call(ngd_optimizer_sweep_f32, optimizer_.get(), parameter_list_.data(), gradient_list_.data(), nullptr,
       tensors_);
}

void Subject::save(const std::string &path) const {
  call(ngd_optimizer_save, optimizer_.get(), path.c_str());
}

}  // namespace cli
