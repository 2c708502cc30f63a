// The status line, and what a training run says on it.
#include "progress.h"

#include <unistd.h>

#include <fmt/core.h>
#include <cmath>
#include <cstdio>

#include "output.h"

namespace cli {
namespace {

constexpr double kFirstLineAfter = 1.0;   // seconds: a short run needs no line
constexpr double kPlainLineEvery = 30.0;  // seconds
constexpr const char *kClearLine = "\r\x1b[K";

std::string progress_text(const ngd_event &event) {
  const double share =
      event.steps == 0 ? 0 : 100.0 * static_cast<double>(event.step) / static_cast<double>(event.steps);
  std::string text =
      fmt::format("epoch {}/{}  {:.0f}%", std::min(event.epoch + 1, event.epochs), event.epochs, share);
  if (std::isfinite(event.loss)) text += fmt::format("  loss {:.4f}", event.loss);
  if (event.rows_per_second > 0) text += fmt::format("  {} samples/s", rounded(event.rows_per_second, 3));
  const std::string left = time_left_text(event.seconds_left);
  return left.empty() ? text : text + "  " + left;
}

}  // namespace

std::string time_left_text(double seconds) {
  if (!std::isfinite(seconds) || seconds <= 0) return "";
  if (seconds < 10) return "less than 10 s left";
  if (seconds < 57.5) return fmt::format("about {:.0f} s left", std::ceil(seconds / 5) * 5);
  const double minutes = std::ceil(seconds / 60 - 0.25);
  if (minutes < 60) return fmt::format("about {:.0f} min left", minutes);
  const double quarters = std::ceil(seconds / 900);
  return fmt::format("about {:.0f} h {:.0f} min left", std::floor(quarters / 4), std::fmod(quarters, 4) * 15);
}

StatusLine::StatusLine(Mode mode)
    : off_(mode == Mode::off),
      rewrites_(mode == Mode::on || (mode == Mode::automatic && is_terminal(STDERR_FILENO))) {}

void StatusLine::show(double elapsed, const std::string &text) {
  if (off_) return;
  if (!rewrites_) {
    if (elapsed - last_plain_ < kPlainLineEvery) return;
    last_plain_ = elapsed;
    fmt::print(stderr, "ngd: {}\n", text);
    return;
  }
  if (elapsed < kFirstLineAfter) return;
  // One short of the width: a full line would make some terminals wrap.
  fmt::print(stderr, "{}{}", kClearLine, text.substr(0, terminal_width(STDERR_FILENO) - 1));
  std::fflush(stderr);
  drawn_ = true;
}

void StatusLine::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "{}", kClearLine);
  std::fflush(stderr);
  drawn_ = false;
}

void Progress::update(const ngd_event &event) {
  if (started_ < 0) started_ = event.seconds;
  line_.show(event.seconds - started_, progress_text(event));
}

}  // namespace cli
