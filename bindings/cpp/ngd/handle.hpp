// What every class of the C++ binding needs: errors, options, calls that throw, and the owner of a handle.
#pragma once

#include <ngd.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ngd {
// The library has classes of these names inside; the inline namespace keeps the two apart in a static link.
inline namespace cpp {

// A failed call: what() says what was wrong, where, why and how to mend it.
class Error : public std::runtime_error {
 public:
  Error(ngd_status status, const std::string &message) : std::runtime_error(message), status_(status) {}
  ngd_status status() const noexcept { return status_; }
  const char *name() const noexcept { return ngd_status_name(status_); }  // "NGD_E_DATA"

 private:
  ngd_status status_;
};

// One option of a kind of handle.
struct Option {
  std::string name, help, default_text;
  std::vector<std::string> choices;
  double default_number = 0, minimum = 0, maximum = 0;
  bool minimum_excluded = false, maximum_excluded = false, fixed = false;
  int32_t type = 0;  // one of the NGD_OPTION_ numbers
};

// A tensor of an optimizer, a model or a checkpoint.
struct TensorInfo {
  std::string name, dtype;
  std::vector<int64_t> shape;
  size_t elements = 0;
};

using Shape = std::initializer_list<int64_t>;
template <class T>
concept Element = std::same_as<T, float> || std::same_as<T, double>;

// How long calls wait for servers when nobody says.
inline constexpr std::chrono::milliseconds kTimeout = std::chrono::seconds(10);

namespace detail {

// check(ngd_optimizer_save, handle, path): adds the error argument, throws what it reports.
template <class Function, class... Arguments>
void check(Function *function, Arguments... arguments) {
  ngd_error error;
  const ngd_status status = function(arguments..., &error);
  if (status != NGD_OK) throw Error(status, error.message);
}

// The text as the C contract takes it, which would end at the first NUL.
inline const char *text(const std::string &value) {
  if (value.find('\0') != std::string::npos) throw Error(NGD_E_ARGUMENT, "a text holds a NUL character");
  return value.c_str();
}

template <class Function, class... Arguments>
std::string read_text(Function *function, Arguments... arguments) {
  size_t needed = 0;
  check(function, arguments..., nullptr, size_t{0}, &needed);
  std::string result(needed, '\0');
  check(function, arguments..., result.data(), needed, nullptr);
  result.resize(needed - 1);
  return result;
}

// Text that may have grown since its size was told: read(buffer, capacity, &needed, &error) is tried until it fits.
template <class Read>
std::string read_changing(Read read) {
  std::string result(4096, '\0');
  size_t needed = 0;
  for (bool fits = false; !fits;) {
    ngd_error error;
    const ngd_status status = read(result.data(), result.size(), &needed, &error);
    if (status != NGD_OK && status != NGD_E_BUFFER) throw Error(status, error.message);
    fits = status == NGD_OK;
    if (!fits) result.resize(needed);
  }
  result.resize(needed - 1);
  return result;
}

template <class Struct>
Struct sized() {
  Struct result{};
  result.struct_size = sizeof result;
  return result;
}

inline std::vector<std::string> names(const char *(*function)(size_t) noexcept) {
  std::vector<std::string> result;
  while (const char *name = function(result.size())) result.emplace_back(name);
  return result;
}

// All that describe(index, info, error) tells, until it answers NGD_E_NOT_FOUND.
template <class Describe>
std::vector<Option> options(Describe describe) {
  std::vector<Option> result;
  ngd_error error;
  while (true) {
    auto info = sized<ngd_option_info>();
    const ngd_status status = describe(result.size(), &info, &error);
    if (status == NGD_E_NOT_FOUND) return result;
    if (status != NGD_OK) throw Error(status, error.message);
    Option option{info.name, info.help, info.default_text, {}, info.default_number, info.minimum, info.maximum};
    option.minimum_excluded = info.minimum_excluded != 0;
    option.maximum_excluded = info.maximum_excluded != 0;
    option.fixed = info.fixed != 0;
    option.type = info.type;
    for (std::string_view rest = info.choices; !rest.empty();) {
      const size_t end = rest.find('|');
      option.choices.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    result.push_back(std::move(option));
  }
}

template <class Raw, class Function>
std::vector<TensorInfo> tensors(const Raw *handle, size_t count, Function *function) {
  std::vector<TensorInfo> result;
  for (size_t index = 0; index < count; index++) {
    auto info = sized<ngd_tensor_info>();
    check(function, handle, index, &info);
    result.push_back({info.name, info.dtype, {info.shape, info.shape + info.rank}, info.elements});
  }
  return result;
}

// The functions of a handle that has options, so that Handle is written once.
#define NGD_CPP_FUNCTIONS(name)                             \
  struct name##_functions {                                 \
    static constexpr auto create = ngd_##name##_create;     \
    static constexpr auto destroy = ngd_##name##_destroy;   \
    static constexpr auto set = ngd_##name##_set;           \
    static constexpr auto set_text = ngd_##name##_set_text; \
    static constexpr auto get = ngd_##name##_get;           \
    static constexpr auto get_text = ngd_##name##_get_text; \
  }
NGD_CPP_FUNCTIONS(optimizer);
NGD_CPP_FUNCTIONS(dataset);
NGD_CPP_FUNCTIONS(model);
NGD_CPP_FUNCTIONS(trainer);
NGD_CPP_FUNCTIONS(icea);
NGD_CPP_FUNCTIONS(vectors);
NGD_CPP_FUNCTIONS(search);
NGD_CPP_FUNCTIONS(server);
NGD_CPP_FUNCTIONS(client);
#undef NGD_CPP_FUNCTIONS

// Owns a handle; creation from a spec, and options by name.
template <class Raw, class Functions>
class Handle {
 public:
  Raw *raw() const noexcept { return handle_.get(); }

  // Numbers, flags and texts; whole numbers go as text, so that they also suit options that take text.
  template <class Value>
  void set(const std::string &name, const Value &value) {
    if constexpr (std::is_same_v<Value, bool>) {
      detail::check(Functions::set, raw(), text(name), value ? 1.0 : 0.0);
    } else if constexpr (std::is_integral_v<Value>) {
      detail::check(Functions::set_text, raw(), text(name), std::to_string(value).c_str());
    } else if constexpr (std::is_floating_point_v<Value>) {
      detail::check(Functions::set, raw(), text(name), static_cast<double>(value));
    } else {
      detail::check(Functions::set_text, raw(), text(name), text(std::string(value)));
    }
  }
  double get(const std::string &name) const {
    double value = 0;
    detail::check(Functions::get, raw(), text(name), &value);
    return value;
  }
  std::string get_text(const std::string &name) const {
    return read_text(Functions::get_text, raw(), text(name));
  }
  // The kind and every option that differs from its default, in the form that the constructor takes.
  std::string spec() const { return get_text("spec"); }
  std::string kind() const {
    const std::string whole = spec();
    return whole.substr(0, whole.find(':'));
  }

 protected:
  explicit Handle(const std::string &spec) {
    Raw *made = nullptr;
    detail::check(Functions::create, text(spec), &made);
    handle_.reset(made);
  }
  explicit Handle(Raw *handle) : handle_(handle) {}

 private:
  struct Destroy {
    void operator()(Raw *handle) const noexcept { Functions::destroy(handle); }
  };
  std::unique_ptr<Raw, Destroy> handle_;
};

}  // namespace detail

inline std::string version() {
  return ngd_version();
}

}  // namespace cpp
}  // namespace ngd
