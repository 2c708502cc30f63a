// Cutting a stream of bytes into lines.
#include "data/line_reader.h"

#include <cstring>

#include "base/error.h"
#include "data/place.h"

namespace ngd {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

LineReader::LineReader(const std::string &path, uint64_t max_line_bytes)
    : path_(path), limit_(max_line_bytes), file_(path), buffer_(kBufferBytes) {
  while (end_ < 3 && fill()) {
  }
  if (end_ >= 3 && std::memcmp(buffer_.data(), "\xEF\xBB\xBF", 3) == 0) begin_ = 3;
}

// Reads more behind what is in the buffer, which slides to the front or grows when it is full. False at the
// end.
bool LineReader::fill() {
  if (ended_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  const size_t got = file_.read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  ended_ = got == 0;
  return got > 0;
}

// Drops the rest of a line that is over the limit.
bool LineReader::skip_long_line() {
  too_long_ = true;
  do {
    const void *found = std::memchr(buffer_.data() + begin_, '\n', end_ - begin_);
    if (found != nullptr) {
      begin_ = static_cast<size_t>(static_cast<const char *>(found) - buffer_.data()) + 1;
      return true;
    }
    begin_ = end_;
  } while (fill());
  return true;
}

bool LineReader::next(std::string_view &line) {
  too_long_ = false;
  line = {};
  size_t searched = 0;
  for (;;) {
    const size_t available = end_ - begin_;
    const char *start = buffer_.data() + begin_;
    const void *found = std::memchr(start + searched, '\n', available - searched);
    if (found != nullptr) {
      line = {start, static_cast<size_t>(static_cast<const char *>(found) - start)};
      begin_ += line.size() + 1;
      break;
    }
    searched = available;
    if (available > limit_ && available - limit_ > 1) {  // one more than the limit may be a CR
      line_number_++;
      return skip_long_line();
    }
    if (fill()) continue;
    if (!file_.damage().empty())
      fail(NGD_E_DATA, place_text(path_, line_number_ + 1, 1), "found damaged gzip data after ",
           file_.position(), " unpacked bytes (", file_.damage(),
           "), expected the rest of the file (copy or download the file again)");
    if (available == 0) return false;
    line = {buffer_.data() + begin_, available};
    begin_ = end_;
    break;
  }
  line_number_++;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.size() > limit_) {
    too_long_ = true;
    line = {};
  }
  return true;
}

}  // namespace ngd
