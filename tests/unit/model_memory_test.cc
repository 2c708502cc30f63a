// Training batches of one size takes memory once.
#include <cstdlib>
#include <new>
#include <span>
#include <vector>

#include "memory_samples.h"
#include "model/model.h"
#include "test.h"

using namespace ngd;

namespace {

size_t allocations = 0;

void training_takes_no_memory_after_the_first_batches(void **) {
  for (const MemorySamples &samples :
       {random_dense(64, 5, 3, 7), random_sparse(64, 5, 3, 8), random_texts(64, 20, 6, 3, 9)}) {
    const auto model = Model::create(samples.features == FeatureKind::text ? "text:word_ngrams=2,buckets=64"
                                                                           : "mlp:hidden=8x8");
    model->prepare(&samples);
    Optimizer optimizer("adam");
    const std::vector<uint64_t> rows = all_rows(samples);
    const std::span<const uint64_t> first(rows.data(), 32), second(rows.data() + 32, 32);
    for (int t = 0; t < 2; t++) {
      model->train_batch(optimizer, samples, first);
      model->train_batch(optimizer, samples, second);
    }
    const size_t before = allocations;
    for (int t = 0; t < 10; t++) {
      model->train_batch(optimizer, samples, first);
      model->train_batch(optimizer, samples, second);
    }
    assert_int_equal(allocations - before, 0);
  }
}

}  // namespace

// Inlined into its callers, free() would look to the compiler like a mistake.
[[gnu::noinline]] void *operator new(size_t size) {
  allocations++;
  void *memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void *memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept {
  std::free(memory);
}

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(training_takes_no_memory_after_the_first_batches),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
