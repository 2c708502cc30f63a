// Runs a fuzzer without libFuzzer: over files named on the command line, or over made-up inputs of a fixed seed.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  }
  if (argc > 1) return 0;
  ngd::Random random(20, 0);
#ifndef NGD_FUZZ_ROUNDS
#define NGD_FUZZ_ROUNDS 200'000
#endif
  constexpr int kRounds = NGD_FUZZ_ROUNDS;
  for (int round = 0; round < kRounds; round++) {
    std::vector<uint8_t> bytes(random.next() % 400);
    for (uint8_t &byte : bytes)
      byte = static_cast<uint8_t>(random.next() % 4 == 0 ? random.next() : random.next() % 8);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%d inputs\n", kRounds);
  return 0;
}
