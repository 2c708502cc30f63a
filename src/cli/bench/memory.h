// Arrays for benchmarks: in large pages where the system gives them, all there before anything is timed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cli {

class Floats {
 public:
  enum class Content {
    zeros,
    parameters,  // uniform in [-0.5, 0.5)
    gradients    // uniform in [-0.01, 0.01)
  };
  Floats(size_t count, Content content);
  ~Floats();
  Floats(Floats &&other) noexcept;
  Floats(const Floats &) = delete;
  Floats &operator=(const Floats &) = delete;
  Floats &operator=(Floats &&) = delete;

  float *data() const { return data_; }
  size_t size() const { return count_; }
  void fill(Content content);

 private:
  void *mapping_;
  size_t bytes_, count_;
  float *data_;
};

// Random numbers for what benchmarks draw: SplitMix64 (Steele, Lea and Flood 2014), one stream a seed.
class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}
  uint64_t next();
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0, 1)
  uint64_t below(uint64_t end) { return static_cast<uint64_t>(uniform() * static_cast<double>(end)); }

 private:
  uint64_t state_;
};

// Bytes of memory that programs can still have; 0 when the system does not tell.
uint64_t available_memory();

}  // namespace cli
