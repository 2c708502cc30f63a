// What coding an update costs, beside copying it: a client's part (residual, rounding, choosing) and a server's (reading).
//
//   coding_speed [NUMBERS]     medians of turns, seconds of the processor; GB/s of float32
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/random.h"
#include "cluster/client_session.h"
#include "cluster/compressor.h"

namespace {

using ngd::cluster::Compressor;
using ngd::wire::Coding;

struct Subject {
  const char *name;
  Coding coding;
  double share;
  std::vector<double> code, decode;
  size_t bytes = 0;
};

// Of the processor: what else runs on the machine counts less then.
double now() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work>
double seconds(Work work) {
  const double begin = now();
  work();
  return now() - begin;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char **arguments) {
  const size_t numbers = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 4 << 20;
  ngd::wire::ModelPlace model;
  model.spec.tensors = {{"w", {static_cast<int64_t>(numbers)}, false, {}}};
  model.shards.resize(1);
  model.shards[0].pieces = {{0, 0, numbers}};
  ngd::cluster::PieceShape shape;
  shape.piece = model.shards[0].pieces[0];
  shape.name = "w";
  std::vector<float> values(numbers), to(numbers);
  ngd::Random random(1, 1);
  for (float &value : values) value = static_cast<float>(random.normal());
  const ngd::wire::Bytes bytes = ngd::wire::copied(std::as_bytes(std::span(values)));
  Subject subjects[] = {{"bf16", Coding::bf16, 0, {}, {}},
                        {"fp16", Coding::fp16, 0, {}, {}},
                        {"8bit", Coding::block8, 0, {}, {}},
                        {"topk 1 %", Coding::sparse, 0.01, {}, {}},
                        {"topk 10 %", Coding::sparse, 0.1, {}, {}}};
  std::vector<Compressor> compressors;
  for (const Subject &one : subjects)
    compressors.emplace_back(ngd::cluster::Compression{one.coding, one.share});
  std::vector<double> copies;
  for (int turn = 0; turn < 11; turn++) {
    copies.push_back(seconds([&] { std::memcpy(to.data(), values.data(), numbers * sizeof(float)); }));
    for (size_t i = 0; i < std::size(subjects); i++) {
      std::vector<ngd::cluster::CodedUpdate> coded;
      const double taken = seconds([&] {
        coded = compressors[i].code(ngd::wire::UpdateKind::gradient, {{0, {}, bytes}}, model);
      });
      if (turn > 0) subjects[i].code.push_back(taken);  // the first makes the residual
      subjects[i].bytes = ngd::wire::total_bytes(coded[0].payload);
      subjects[i].decode.push_back(seconds([&] {
        ngd::cluster::PayloadReader reader(coded[0].payload);
        static_cast<void>(ngd::cluster::decode(coded[0].tensors[0], shape, reader, true));
      }));
    }
  }
  const double size = static_cast<double>(numbers * sizeof(float));
  std::printf("%zu numbers, memcpy %.2f GB/s\n%-10s %10s %12s %12s %14s %12s\n", numbers,
              size / median(copies) / 1e9, "", "a part in", "code GB/s", "of memcpy", "code ms/MB",
              "read ms/MB");
  for (const Subject &one : subjects)
    std::printf("%-10s %10.2f %12.2f %12.2f %14.3f %12.3f\n", one.name, size / static_cast<double>(one.bytes),
                size / median(one.code) / 1e9, median(copies) / median(one.code),
                1e3 * median(one.code) / (size / 1e6), 1e3 * median(one.decode) / (size / 1e6));
  return 0;
}
