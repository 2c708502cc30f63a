// The one exception type of the library: a status of the C contract and a message for a person.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "base/text.h"
#include "ngd/error.h"

namespace ngd {

class Error : public std::exception {
 public:
  Error(ngd_status status, std::string message) : status_(status), message_(std::move(message)) {}
  ngd_status status() const { return status_; }
  const char *what() const noexcept override { return message_.c_str(); }

 private:
  ngd_status status_;
  std::string message_;
};

// fail(NGD_E_SHAPE, "expected ", 3, " tensors, got ", count): throws an Error with the joined message.
[[noreturn]] void fail_joined(ngd_status status, std::initializer_list<TextPart> parts);
template <class... Parts>
[[noreturn]] void fail(ngd_status status, const Parts &...parts) {
  fail_joined(status, {TextPart(parts)...});
}

}  // namespace ngd
