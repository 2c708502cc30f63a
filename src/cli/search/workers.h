// The workers of a search: processes of this program, each with one job at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "search/plan.h"

namespace cli {

struct SearchJob {
  uint64_t number = 0;
  Specs specs;
  std::vector<uint64_t> seeds;
  std::string rows = "held_out";  // or test
  bool reports = true;
};

struct JobResult {
  bool failed = false;
  std::string message;                     // why
  std::vector<double> losses, accuracies;  // of each seed
  uint64_t gradients = 0;
};

// What a search does with its jobs. All calls come from within SearchWorkers::work().
struct JobBook {
  // The next job. Nothing: there is none now; ask again when one has ended, unless `more` was set to false.
  std::function<std::optional<SearchJob>(bool &more)> next;
  std::function<bool(const SearchJob &job, uint64_t step, double value)> report;  // true: give it up
  std::function<void(const SearchJob &job, const JobResult &result)> done;
};

class SearchWorkers {
 public:
  // Starts so many, which load the plan's data. Throws the Failure of the first that cannot.
  SearchWorkers(const SearchPlan &plan, size_t count);
  ~SearchWorkers();
  SearchWorkers(const SearchWorkers &) = delete;
  SearchWorkers &operator=(const SearchWorkers &) = delete;

  // Until there are no more jobs and the last has ended. A worker that dies has failed its job, and is replaced. Ctrl-C is a
  // Failure with NGD_E_CANCELLED.
  void work(const JobBook &book);

 private:
  struct Worker;
  void start(Worker &worker);
  void stop(Worker &worker) noexcept;
  void give(Worker &worker, SearchJob job);
  void hear(Worker &worker, const JobBook &book);
  void heard(Worker &worker, const std::string &line, const JobBook &book);
  std::string death(Worker &worker);  // and what it died of

  const std::string plan_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace cli
