// Reading files through zlib, which unpacks gzip and passes anything else as it is.
#include "data/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include "base/error.h"
#include "data/place.h"

namespace ngd {
namespace {

constexpr unsigned kZlibBuffer = 1 << 18;

std::string errno_text(int number) {
  char buffer[128];
  return strerror_r(number, buffer, sizeof buffer);
}

[[noreturn]] void fail_io(const std::string &path, const char *what, int number) {
  fail(NGD_E_IO, path_text(path), ": cannot ", what, ": ", errno_text(number));
}

// gzerror() gives "<fd:3>: incorrect data check"; the reason is what follows.
std::string reason(std::string_view message) {
  const size_t colon = message.find(": ");
  return std::string(colon == std::string_view::npos ? message : message.substr(colon + 2));
}

}  // namespace

FileReader::FileReader(const std::string &path) : path_(path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) fail_io(path, "open the file", errno);
  struct stat status;
  if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(descriptor);
    fail_io(path, "read the file", EISDIR);
  }
  file_ = gzdopen(descriptor, "rb");
  if (file_ == nullptr) {
    close(descriptor);
    throw std::bad_alloc();
  }
  gzbuffer(file_, kZlibBuffer);
}

FileReader::~FileReader() {
  gzclose_r(file_);
}

size_t FileReader::read(char *into, size_t size) {
  size_t done = 0;
  while (done < size && !ended_) {
    const unsigned wanted = static_cast<unsigned>(std::min<size_t>(size - done, 1 << 30));
    errno = 0;
    const int got = gzread(file_, into + done, wanted);
    const int number = errno;
    if (got > 0) done += static_cast<size_t>(got);
    if (got == static_cast<int>(wanted)) continue;
    ended_ = true;
    int code = Z_OK;
    const char *message = gzerror(file_, &code);
    if (code == Z_ERRNO) fail_io(path_, "read the file", number);
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code == Z_BUF_ERROR)
      damage_ = "the data ends too early";
    else if (code != Z_OK && code != Z_STREAM_END)
      damage_ = reason(message);
  }
  position_ += done;
  return done;
}

}  // namespace ngd
