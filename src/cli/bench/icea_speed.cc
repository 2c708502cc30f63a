// The buffer's time beside that of a null kernel, its memory, and threads.
//
// The null kernel makes, in a table as large as the buffer, three random reads and writes for each recorded sample (its
// scores; the place it leaves; the place it takes) and one random read for each drawn one, each at an address that
// depends on what was read before. Nothing else: no search, no order, no sums. Buffer and kernel take turns.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "bench/clock.h"
#include "bench/icea.h"
#include "bench/memory.h"
#include "handle.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Batch {
  explicit Batch(size_t size) : ids(size), losses(size), weights(size), correct(size) {}
  // Losses as training has them: many small ones, few large.
  void fill(Draws &numbers, uint64_t samples) {
    for (size_t i = 0; i < ids.size(); i++) {
      ids[i] = numbers.next() % samples;
      set_loss(i, numbers);
    }
  }
  void set_loss(size_t i, Draws &numbers) {
    losses[i] = static_cast<float>(-0.7 * std::log(numbers.uniform() + 1e-9));
    correct[i] = losses[i] < 1;
  }
  void record(ngd_icea *icea) const {
    call(ngd_icea_record_f32, icea, ids.data(), losses.data(), correct.data(), ids.size());
  }
  void draw(ngd_icea *icea) { call(ngd_icea_draw_f32, icea, ids.size(), ids.data(), weights.data()); }

  std::vector<uint64_t> ids;
  std::vector<float> losses, weights;
  std::vector<int32_t> correct;
};

class NullKernel {
 public:
  explicit NullKernel(uint64_t bytes) : table_(bytes / sizeof(uint64_t)) {
    Draws numbers(7);
    for (uint64_t &value : table_) value = numbers.next();
  }
  uint64_t run(size_t batch, uint64_t start) {
    uint64_t at = start;
    for (size_t i = 0; i < 3 * batch; i++) {
      uint64_t &place = table_[index(at)];
      at ^= place;
      place = at + i;
    }
    for (size_t i = 0; i < batch; i++) at ^= table_[index(at)] + i;
    return at;
  }
  // The same without writes, so that several threads may.
  uint64_t read(size_t batch, uint64_t start) const {
    uint64_t at = start;
    for (size_t i = 0; i < 4 * batch; i++) at ^= table_[index(at)] + i;
    return at;
  }

 private:
  size_t index(uint64_t at) const {
    return static_cast<size_t>(static_cast<unsigned __int128>(at * 0x9E3779B97F4A7C15) * table_.size() >> 64);
  }
  std::vector<uint64_t> table_;
};

// Every sample visited once, in batches.
double fill(ngd_icea *icea, uint64_t samples) {
  Draws numbers(1);
  const auto start = Clock::now();
  for (uint64_t first = 0; first < samples; first += 4096) {
    Batch batch(std::min<uint64_t>(4096, samples - first));
    for (size_t i = 0; i < batch.ids.size(); i++) {
      batch.ids[i] = first + i;
      batch.set_loss(i, numbers);
    }
    batch.record(icea);
  }
  return seconds_since(start);
}

// Batches a second that so many recording and drawing threads do together, in about `seconds`.
struct Rates {
  double records = 0, draws = 0;
};
Rates run_threads(ngd_icea *icea, const IceaSpeed &bench, size_t recorders, size_t drawers, double seconds) {
  std::atomic<bool> go{false}, stop{false};
  std::vector<std::thread> threads;
  std::vector<uint64_t> counts(recorders + drawers);
  for (size_t t = 0; t < counts.size(); t++) {
    threads.emplace_back([&, t] {
      Draws numbers(t + 100);
      Batch batch(bench.batch);
      uint64_t count = 0;
      while (!go) std::this_thread::yield();
      for (; !stop; count++) {
        if (t < recorders) {
          batch.fill(numbers, bench.samples);
          batch.record(icea);
        } else {
          batch.draw(icea);
        }
      }
      counts[t] = count;
    });
  }
  const auto start = Clock::now();
  go = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread &thread : threads) thread.join();
  const double passed = seconds_since(start);
  Rates rates;
  for (size_t t = 0; t < counts.size(); t++)
    (t < recorders ? rates.records : rates.draws) += static_cast<double>(counts[t]) / passed;
  return rates;
}

// What the machine gives at this moment: reads of the null kernel by two threads, as a multiple of one's.
double machine_scaling(const NullKernel &kernel, size_t batch, double seconds) {
  double rates[2];
  for (const size_t threads : {1, 2}) {
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> count{0}, sink{0};
    std::vector<std::thread> running;
    for (size_t t = 0; t < threads; t++) {
      running.emplace_back([&, t] {
        uint64_t at = t;
        while (!stop) {
          at = kernel.read(batch, at);
          count++;
        }
        sink ^= at;
      });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (std::thread &thread : running) thread.join();
    rates[threads - 1] = static_cast<double>(count);
  }
  return rates[1] / rates[0];
}

}  // namespace

int bench_icea_speed(const IceaSpeed &bench) {
  ngd_icea *handle = nullptr;
  call(ngd_icea_create, "icea:warmup=0", bench.samples, &handle);
  const Icea icea(handle);
  const double fill_seconds = fill(handle, bench.samples);

  auto info = sized<ngd_icea_info>();
  call(ngd_icea_get_info, static_cast<const ngd_icea *>(handle), &info);
  NullKernel kernel(info.bytes);
  Draws numbers(2);
  Batch batch(bench.batch);
  std::vector<double> records, draws, nulls, ratios;
  uint64_t at = 1;
  for (size_t round = 0; round < bench.rounds; round++) {
    batch.fill(numbers, bench.samples);
    const auto start = Clock::now();
    batch.record(handle);
    const auto recorded = Clock::now();
    batch.draw(handle);
    const auto drawn = Clock::now();
    at = kernel.run(bench.batch, at);
    nulls.push_back(seconds_since(drawn));
    records.push_back(std::chrono::duration<double>(recorded - start).count());
    draws.push_back(std::chrono::duration<double>(drawn - recorded).count());
    ratios.push_back((records.back() + draws.back()) / nulls.back());
  }
  if (at == 0) fmt::print(stderr, "ngd: the kernel was run\n");  // so that it is
  call(ngd_icea_get_info, static_cast<const ngd_icea *>(handle), &info);
  const auto microseconds = [](const std::vector<double> &values) {
    return number_cell(1e6 * median_of(values), 1);
  };
  const double samples = static_cast<double>(bench.samples);
  struct Field {
    const char *key, *title;
    Cell cell;
  };
  std::vector<Field> fields = {
      {"samples", "samples", integer_cell(bench.samples)},
      {"batch", "batch", integer_cell(bench.batch)},
      {"bytes_per_sample", "bytes a sample", number_cell(static_cast<double>(info.bytes) / samples, 2)},
      {"first_visit_nanoseconds", "first visits, ns each", number_cell(1e9 * fill_seconds / samples, 0)},
      {"record_microseconds", "record, us", microseconds(records)},
      {"draw_microseconds", "draw, us", microseconds(draws)},
      {"null_microseconds", "null kernel, us", microseconds(nulls)},
      {"ratio", "record + draw / null kernel", number_cell(median_of(ratios), 2)}};

  // Threads, in turns, so that a busy moment of the machine meets all.
  std::vector<double> machine, pairs, fours, recorders, drawers;
  for (int turn = 0; turn < 5; turn++) {
    const double seconds = bench.thread_seconds;
    const Rates record_one = run_threads(handle, bench, 1, 0, seconds),
                draw_one = run_threads(handle, bench, 0, 1, seconds);
    const auto work = [&](const Rates &rates) {  // in units of one thread
      return rates.records / record_one.records + rates.draws / draw_one.draws;
    };
    recorders.push_back(work(run_threads(handle, bench, 2, 0, seconds)));
    drawers.push_back(work(run_threads(handle, bench, 0, 2, seconds)));
    pairs.push_back(work(run_threads(handle, bench, 1, 1, seconds)));
    fours.push_back(work(run_threads(handle, bench, 2, 2, seconds)));
    machine.push_back(machine_scaling(kernel, bench.batch, seconds));
  }
  fields.insert(fields.end(),
                {{"processors", "processors", integer_cell(std::thread::hardware_concurrency())},
                 {"two_recording", "2 recording, times one thread", number_cell(median_of(recorders), 2)},
                 {"two_drawing", "2 drawing, times one thread", number_cell(median_of(drawers), 2)},
                 {"one_of_each", "1 recording + 1 drawing", number_cell(median_of(pairs), 2)},
                 {"two_of_each", "2 recording + 2 drawing", number_cell(median_of(fours), 2)},
                 {"two_null", "null kernel, 2 threads", number_cell(median_of(machine), 2)}});
  if (bench.style == Style::json) {
    Json document;
    for (const Field &field : fields) document[field.key] = field.cell.value;
    print_json(document);
    return 0;
  }
  std::vector<std::pair<std::string, Cell>> lines;
  for (const Field &field : fields)
    lines.emplace_back(bench.style == Style::table ? field.title : field.key, field.cell);
  print_fields(bench.style, lines);
  return 0;
}

}  // namespace cli
