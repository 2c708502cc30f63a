// Real data of three kinds, and a training loop that looks at the accuracy every few steps.
#include "bench/tasks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <utility>

#include "bench/memory.h"
#include "source.h"

namespace cli {
namespace {

// Batches of rows in an order drawn anew for each epoch; a batch never spans two.
class Batches {
 public:
  Batches(uint64_t rows, size_t batch, uint64_t seed) : rows_(rows), batch_(batch), draws_(seed) {
    std::iota(rows_.begin(), rows_.end(), uint64_t{0});
  }
  std::pair<const uint64_t *, size_t> next() {
    if (at_ == 0) shuffle();
    const size_t count = std::min(batch_, rows_.size() - at_);
    const uint64_t *first = rows_.data() + at_;
    at_ = (at_ + count) % rows_.size();
    return {first, count};
  }

 private:
  void shuffle() {
    for (size_t i = rows_.size() - 1; i > 0; i--) std::swap(rows_[i], rows_[draws_.below(i + 1)]);
  }

  std::vector<uint64_t> rows_;
  size_t batch_, at_ = 0;
  Draws draws_;
};

ngd_metrics measure(const ngd_model *model, const ngd_dataset *dataset) {
  auto metrics = sized<ngd_metrics>();
  call(ngd_model_evaluate, model, dataset, &metrics);
  return metrics;
}

Model prepared_model(const Task &task, uint64_t seed) {
  Model model = create<ngd_model>(ngd_model_create, task.plan.model);
  call(ngd_model_set, model.get(), "seed", static_cast<double>(seed));
  call(ngd_model_prepare, model.get(), task.training.get());
  return model;
}

// The model that a rule with averages of its own means: a copy of the trained one with the averaged parameters. For
// other rules the trained one.
class Averaged {
 public:
  Averaged(const Task &task, const ngd_model *trained, const ngd_optimizer *optimizer)
      : task_(task), trained_(trained), optimizer_(optimizer) {}

  const ngd_model *now() {
    std::vector<std::vector<float>> parameters, averages;
    std::vector<const float *> from;
    std::vector<float *> to;
    for (size_t i = 0; i < ngd_model_tensor_count(trained_); i++) {
      auto info = sized<ngd_tensor_info>();
      call(ngd_model_tensor, trained_, i, &info);
      averages.emplace_back(info.elements);
      from.push_back(parameters.emplace_back(info.elements).data());
      to.push_back(averages.back().data());
      call(ngd_model_get_tensor_f32, trained_, i, parameters.back().data(), parameters.back().size());
    }
    ngd_error error = {};
    const ngd_status status = ngd_optimizer_average_f32(optimizer_, from.data(), to.data(), to.size(), &error);
    if (status == NGD_E_STATE) return trained_;  // it keeps no average
    if (status != NGD_OK) throw Failure{error.message, kExitFailed, status};
    if (copy_ == nullptr) copy_ = prepared_model(task_, 0);
    for (size_t i = 0; i < averages.size(); i++) {
      // An average that is not finite is no model; the trained one is as bad.
      if (ngd_model_set_tensor_f32(copy_.get(), i, to[i], averages[i].size(), &error) != NGD_OK)
        return trained_;
    }
    return copy_.get();
  }

 private:
  const Task &task_;
  const ngd_model *trained_;
  const ngd_optimizer *optimizer_;
  Model copy_;
};

}  // namespace

std::vector<TaskPlan> task_plans() {
  return {
      {"digits", "MNIST's test part, 784-48-10 relu", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
       "idx", "mlp:hidden=48,scale=max_abs", 0.7, 32, 600, 10, 2000, 0.90, 240},
      {"letters", "LetterRecognition, 16-64-26 relu", "LetterRecognition.csv", "", "csv:label=lettr",
       "mlp:hidden=64", 0.2, 64, 800, 10, 2000, 0.85, 50},
      {"spam", "SMS Spam Collection, mean of 10-dimensional words", "sms.tsv", "",
       "text:lowercase=1,punctuation=split", "text:dimension=10", 0.3, 32, 400, 5, 1000, 0.97, 60}};
}

Task load_task(const TaskPlan &plan, const std::string &folder) {
  const std::filesystem::path place(folder);
  Source source = {{(place / plan.file).string()}, plan.format, ""};
  if (*plan.labels != '\0') source.labels = (place / plan.labels).string();
  const Dataset all = load(source);
  ngd_dataset *rest = nullptr, *held_out = nullptr;
  call(ngd_dataset_split, all.get(), plan.held_out, uint64_t{1}, &rest, &held_out);
  Task task = {plan, Dataset(rest), Dataset(held_out), nullptr};
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, held_out, &info);
  ngd_dataset *watched = nullptr;
  call(ngd_dataset_slice, held_out, size_t{0}, static_cast<size_t>(std::min<uint64_t>(plan.rows, info.rows)),
       &watched);
  task.watched.reset(watched);
  return task;
}

TaskRun run_task(const Task &task, const std::string &spec, double learning_rate, uint64_t seed, bool watch) {
  const TaskPlan &plan = task.plan;
  const Model model = prepared_model(task, seed);
  const Optimizer optimizer = create<ngd_optimizer>(ngd_optimizer_create, spec);
  call(ngd_optimizer_set, optimizer.get(), "learning_rate", learning_rate);
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, task.training.get(), &info);

  TaskRun run;
  Averaged averaged(task, model.get(), optimizer.get());
  Batches batches(info.rows, plan.batch, seed);
  for (size_t step = 1; step <= plan.steps; step++) {
    const auto [rows, count] = batches.next();
    double loss = 0;
    call(ngd_model_train_batch, model.get(), optimizer.get(), task.training.get(), rows, count, &loss);
    if (!std::isfinite(loss)) {
      run.loss = std::numeric_limits<double>::infinity();
      break;
    }
    if (watch && run.reached == 0 && step % plan.watch == 0 &&
        measure(averaged.now(), task.watched.get()).accuracy >= plan.target)
      run.reached = step;
  }
  if (watch) run.accuracy = measure(averaged.now(), task.held_out.get()).accuracy;
  if (std::isfinite(run.loss)) run.loss = measure(averaged.now(), task.training.get()).loss;
  if (!std::isfinite(run.loss)) run.loss = std::numeric_limits<double>::infinity();
  return run;
}

}  // namespace cli
