// Rows of large tables, and a sweep that clips, steps and clears in one call.
#include <fmt/core.h>

#include <algorithm>

#include "bench/cases.h"
#include "bench/limit.h"
#include "bench/subject.h"
#include "output.h"

namespace cli {
namespace {

using Content = Floats::Content;

constexpr size_t kRowsAStep = 4096;
// Lists of rows, used one after another: so many that no cache holds what they touch.
constexpr size_t kLists = 256;

// One random list of different rows after another, each rising.
class RowLists {
 public:
  explicit RowLists(size_t table_rows) : rows_(kLists * kRowsAStep) {
    Draws draws(table_rows);
    for (size_t list = 0; list < kLists; list++) {
      std::vector<uint32_t> rows;
      while (rows.size() < kRowsAStep) {
        while (rows.size() < kRowsAStep) rows.push_back(static_cast<uint32_t>(draws.below(table_rows)));
        std::sort(rows.begin(), rows.end());
        rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
      }
      std::copy(rows.begin(), rows.end(), rows_.begin() + static_cast<std::ptrdiff_t>(list * kRowsAStep));
    }
  }
  const uint32_t *list(size_t number) const { return rows_.data() + number % kLists * kRowsAStep; }

 private:
  std::vector<uint32_t> rows_;
};

// A table that an optimizer steps row by row, and a loop that reads and writes the same rows of as many arrays.
struct RowArrays {
  RowArrays(const std::string &spec, size_t rows, size_t row_width, size_t state_arrays, size_t threads)
      : width(row_width),
        lists(rows),
        parameters(rows * row_width, Content::parameters),
        gradients(kRowsAStep * row_width, Content::gradients),
        optimizer(create<ngd_optimizer>(ngd_optimizer_create, spec)),
        crew(threads) {
    const int64_t shape[] = {static_cast<int64_t>(rows), static_cast<int64_t>(width)};
    call(ngd_optimizer_add_rows_f32, optimizer.get(), "table", shape, size_t{2});
    for (size_t s = 0; s < state_arrays; s++) state.emplace_back(rows * width, Content::zeros);
  }

  void step() {
    float *const tables[] = {parameters.data()};
    const float *const packed[] = {gradients.data()};
    const uint32_t *const rows[] = {lists.list(steps++)};
    call(ngd_optimizer_step_rows_f32, optimizer.get(), tables, packed, rows, &kRowsAStep, size_t{1});
  }

  void limit_step() {
    float *streams[kMaximumStreams] = {parameters.data()};
    std::transform(state.begin(), state.end(), streams + 1, [](const Floats &array) { return array.data(); });
    const uint32_t *rows = lists.list(limit_steps++);
    crew.run([&](size_t part) {
      add_to_rows(gradients.data(), streams, 1 + state.size(), rows, width, kRowsAStep * part / crew.threads(),
                  kRowsAStep * (part + 1) / crew.threads());
    });
  }

  const size_t width;
  size_t steps = 0, limit_steps = 0;
  RowLists lists;
  Floats parameters, gradients;
  std::vector<Floats> state;
  Optimizer optimizer;
  Crew crew;
};

}  // namespace

void add_rows_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  struct Shape {
    size_t rows, width;
  };
  std::vector<Shape> shapes;
  for (const size_t width : {32, 8}) {
    for (const size_t rows : bench.rows) shapes.push_back({rows, width});
  }
  for (const size_t threads : bench.threads) {
    for (const Shape &shape : shapes) {
      if (!bench.wants("adam") || !can_use("adam", threads)) continue;
      const std::string spec = spec_on("adam", threads, {one_sweep("adam")});
      const size_t arrays = state_size(spec).arrays;
      // The table, the limit's arrays, and the library's state and step number of every row.
      const uint64_t needed = shape.rows * (shape.width * sizeof(float) * (1 + 2 * arrays) + sizeof(uint64_t));
      if (needed > available_memory()) {
        fmt::print(stderr, "ngd: left out: {} rows of {}, which need {}B of memory\n", shape.rows, shape.width,
                   rounded(static_cast<double>(needed), 3));
        continue;
      }
      const auto prepare = [=, burst = bench.burst] {
        const auto table = std::make_shared<RowArrays>(spec, shape.rows, shape.width, arrays, threads);
        // Once through all lists, so that all memory they touch is there.
        for (size_t list = 0; list < kLists; list++) {
          table->step();
          table->limit_step();
        }
        Comparison comparison;
        comparison.spec = spec;
        comparison.bytes = 4 + 8 * static_cast<double>(1 + arrays);
        comparison.ours = burst_of([table] { table->step(); }, burst);
        comparison.against = "limit";
        comparison.other = burst_of([table] { table->limit_step(); }, burst);
        comparison.goal = Goal{1.1};
        return comparison;
      };
      cases.push_back({"rows", fmt::format("adam, {} rows", shape.rows), kRowsAStep, kRowsAStep * shape.width,
                       threads, prepare});
    }
  }
}

void add_clip_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  const size_t size = bench.largest_size();
  for (const size_t threads : bench.threads) {
    if (!bench.wants("adam") || !can_use("adam", threads)) continue;
    const auto prepare = [=, burst = bench.burst] {
      struct Arrays {
        Floats parameters, cleared, gradients;
        Subject clipped, stepped;
      };
      const std::vector<int64_t> shape = {static_cast<int64_t>(size)};
      const std::string clipped = spec_on("adam", threads, {"clip=norm", "zero_gradient=1"});
      const auto arrays = std::shared_ptr<Arrays>(new Arrays{
          Floats(size, Content::parameters), Floats(size, Content::gradients), Floats(size, Content::gradients),
          Subject(clipped, 1, shape), Subject(spec_on("adam", threads, {one_sweep("adam")}), 1, shape)});
      Comparison comparison;
      comparison.spec = clipped;
      // The gradient is read for its norm, read again, and written.
      comparison.bytes = 12 + 8 + 2 * state_size(clipped).bytes;
      comparison.ours = burst_of([arrays] { arrays->clipped.sweep(arrays->parameters, arrays->cleared); },
                                 burst, [arrays] { arrays->cleared.fill(Content::gradients); });
      comparison.against = "plain step";
      comparison.other =
          burst_of([arrays] { arrays->stepped.step(arrays->parameters, arrays->gradients); }, burst);
      comparison.goal = Goal{1.3};
      return comparison;
    };
    cases.push_back({"clip", "adam", 1, size, threads, prepare});
  }
}

}  // namespace cli
