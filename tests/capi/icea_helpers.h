/* What tests of ICEA buffers share: making one, asking it, training with it. */
#ifndef NGD_ICEA_HELPERS_H
#define NGD_ICEA_HELPERS_H

#include <math.h>

#include "test.h"

static inline ngd_icea *make(const char *spec, uint64_t samples) {
  ngd_error error;
  ngd_icea *icea;
  check_ok(ngd_icea_create(spec, samples, &icea, &error));
  return icea;
}

static inline ngd_icea_info info_of(const ngd_icea *icea) {
  ngd_error error;
  ngd_icea_info info = {.struct_size = sizeof info};
  check_ok(ngd_icea_get_info(icea, &info, &error));
  return info;
}

static inline ngd_icea_sample sample_of(const ngd_icea *icea, uint64_t id) {
  ngd_error error;
  ngd_icea_sample sample = {.struct_size = sizeof sample};
  check_ok(ngd_icea_get_sample(icea, id, &sample, &error));
  return sample;
}

static inline void record_one(ngd_icea *icea, uint64_t id, float loss, int32_t correct) {
  ngd_error error;
  check_ok(ngd_icea_record_f32(icea, &id, &loss, &correct, 1, &error));
}

/* Trains on `batches` drawn batches: what a sample's loss is depends on its number and on time. */
static inline void train(ngd_icea *icea, int batches, size_t size, uint64_t *trace) {
  ngd_error error;
  uint64_t ids[512];
  float weights[512], losses[512];
  int32_t correct[512];
  for (int b = 0; b < batches; b++) {
    check_ok(ngd_icea_draw_f32(icea, size, ids, weights, &error));
    for (size_t i = 0; i < size; i++) {
      losses[i] = (float)(ids[i] * 7919 % 101) / 40 + (float)(b % 3) / 10;
      correct[i] = losses[i] < 1.5f;
      if (trace != NULL) {
        uint32_t bits;
        memcpy(&bits, &weights[i], sizeof bits);
        *trace = (*trace ^ (ids[i] + ((uint64_t)bits << 32))) * 0x100000001B3u;
      }
    }
    check_ok(ngd_icea_record_f32(icea, ids, losses, correct, size, &error));
  }
}

static inline uint64_t trace_of(ngd_icea *icea, int batches) {
  uint64_t trace = 1;
  train(icea, batches, 37, &trace);
  return trace;
}

/* A small generator of the tests' own: splitmix64. */
static inline uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}
static inline double next_uniform(uint64_t *state) {
  return (double)(next_random(state) >> 11) / 9007199254740992.0;
}

#endif
