// What the unit tests share: cmocka as C++ can include it, errors with their exact text, scratch directories.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" {
#include <cmocka.h>
}
// cmocka's macro would swallow ngd::fail.
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#include "base/error.h"

// Runs `body`, which must throw ngd::Error with that status; returns its message.
template <class Body>
std::string message_of(ngd_status status, Body &&body) {
  try {
    body();
  } catch (const ngd::Error &error) {
    if (error.status() != status) fail_msg("status %d: %s", error.status(), error.what());
    return error.what();
  }
  fail_msg("no error");
  return {};
}

// A directory of its own for each test, removed at the end.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "ngd-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail_msg("cannot make %s", name.c_str());
    path_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  std::string operator/(const std::string &name) const { return path_ + "/" + name; }
  const std::string &path() const { return path_; }
  size_t file_count() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

inline std::string file_text(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}
