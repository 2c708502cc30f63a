// The loops over numbers of updates that are compressed: with coding.cc and compressor.cc around them, which run once a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ngd::cluster {

// to = a + b, within the range of finite numbers.
void add_bounded(const float *a, const float *b, float *to, size_t count);
void subtract(const float *a, const float *b, float *to, size_t count);
// residual += read - pushed; `read` may be null: zeros.
void take_back(float *residual, const float *read, const float *pushed, size_t count);
// Of sixteen-bit floats, infinities to the largest number.
void saturate(uint16_t *numbers, size_t count, uint16_t infinity);

// The places of the `count` numbers of the largest magnitude, rising; of equal ones the first; zeros never.
void largest_places(const float *values, size_t size, size_t count, std::vector<uint64_t> &places);

}  // namespace ngd::cluster
