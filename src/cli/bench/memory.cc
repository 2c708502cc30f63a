// Arrays in large pages; random draws; how much memory is left.
#include "bench/memory.h"

#include <sys/mman.h>

#include <atomic>
#include <fstream>
#include <new>
#include <string>
#include <utility>

namespace cli {
namespace {

constexpr size_t kLargePage = size_t{1} << 21;
// Arrays that all begin at the same offset in their pages fall into the same sets of the first cache: each begins
// some lines further than the one before it.
constexpr size_t kStagger = 17 * 64, kPlaces = 16;

size_t next_offset() {
  static std::atomic<size_t> arrays = 0;
  return arrays++ % kPlaces * kStagger;
}

}  // namespace

Floats::Floats(size_t count, Content content) : count_(count) {
  const size_t offset = next_offset();
  bytes_ = (count * sizeof(float) + offset + 2 * kLargePage - 1) / kLargePage * kLargePage;
  mapping_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  const uintptr_t address = (reinterpret_cast<uintptr_t>(mapping_) + kLargePage - 1) / kLargePage * kLargePage;
  data_ = reinterpret_cast<float *>(address + offset);
  madvise(mapping_, bytes_, MADV_HUGEPAGE);  // a wish: without large pages the arrays are there all the same
  fill(content);
}

Floats::Floats(Floats &&other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      bytes_(other.bytes_),
      count_(other.count_),
      data_(other.data_) {}

Floats::~Floats() {
  if (mapping_ != nullptr) munmap(mapping_, bytes_);
}

void Floats::fill(Content content) {
  const float width = content == Content::zeros ? 0.0f : content == Content::parameters ? 1.0f : 0.02f;
  Draws draws(static_cast<uint64_t>(content));
  for (size_t i = 0; i < count_; i++)
    data_[i] = width * (static_cast<float>(draws.next() >> 40) * 0x1p-24f - 0.5f);
}

uint64_t Draws::next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (uint64_t kibibytes = 0; file >> name >> kibibytes; std::getline(file, unit)) {
    if (name == "MemAvailable:") return kibibytes * 1024;
  }
  return 0;
}

}  // namespace cli
