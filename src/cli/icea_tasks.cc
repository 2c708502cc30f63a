// Reading the tasks' data, splitting it by seeds, and training with a buffer in a loop of our own.
#include "icea_tasks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>

#include "bench/memory.h"
#include "source.h"

namespace cli {
namespace {

constexpr size_t kMnistSide = 28, kSmallSide = 8, kMnistRows = 5000, kDigitRows = 1797, kMessages = 4000;
constexpr size_t kCancerColumns = 30;

ngd_dataset_info info_of(const ngd_dataset *dataset) {
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, dataset, &info);
  return info;
}

// The first rows of a file as arrays.
void read_arrays(const Source &source, size_t most, std::vector<float> &features, std::vector<float> &labels,
                 size_t &columns, size_t &classes) {
  const Dataset dataset = load(source);
  const ngd_dataset_info info = info_of(dataset.get());
  const size_t rows = std::min<size_t>(most, info.rows);
  columns = info.columns;
  classes = info.classes;
  features.resize(rows * columns);
  labels.resize(rows);
  call(ngd_dataset_get_rows_f32, dataset.get(), size_t{0}, rows, features.data(), features.size());
  call(ngd_dataset_get_labels_f32, dataset.get(), size_t{0}, rows, labels.data(), labels.size());
}

// 28 x 28 to 8 x 8: two pixels of the border go, then means of 3 x 3.
std::vector<float> made_small(const std::vector<float> &images, size_t rows) {
  std::vector<float> small(rows * kSmallSide * kSmallSide);
  for (size_t row = 0; row < rows; row++) {
    for (size_t y = 0; y < kSmallSide; y++) {
      for (size_t x = 0; x < kSmallSide; x++) {
        float sum = 0;
        for (size_t k = 0; k < 9; k++)
          sum += images[(row * kMnistSide + 2 + 3 * y + k / 3) * kMnistSide + 2 + 3 * x + k % 3];
        small[(row * kSmallSide + y) * kSmallSide + x] = sum / 9;
      }
    }
  }
  return small;
}

// Numbers with commas between, the label last; the first line tells sizes and classes.
void read_cancer(const std::string &path, std::vector<float> &features, std::vector<float> &labels) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const char *at = line.c_str();
    for (size_t column = 0; column <= kCancerColumns; column++) {
      char *end = nullptr;
      (column < kCancerColumns ? features : labels).push_back(std::strtof(at, &end));
      at = end + (*end == ',');
    }
  }
}

std::string class_list(size_t classes) {
  std::string list;
  for (size_t i = 0; i < classes; i++) list += (i == 0 ? "" : ",") + std::to_string(i);
  return list;
}

}  // namespace

const std::vector<IceaTaskPlan> &icea_task_plans() {
  static const std::vector<IceaTaskPlan> kPlans = {{"digits",
                                                    "8 x 8 digits, 64-48-10 relu",
                                                    "mlp:hidden=48,scale=max_abs",
                                                    0.25,
                                                    32,
                                                    1200,
                                                    20,
                                                    {0.95, 0.97},
                                                    {0.85, 0.90},
                                                    {0.003, 0.006, 0.012, 0.024}},
                                                   {"letters",
                                                    "LetterRecognition, 16-64-26 relu",
                                                    "mlp:hidden=64",
                                                    0.25,
                                                    32,
                                                    9000,
                                                    100,
                                                    {0.90, 0.92},
                                                    {0.85, 0.88},
                                                    {0.002, 0.004, 0.008, 0.016}},
                                                   {"mnist",
                                                    "MNIST's test part, 784-48-10 relu",
                                                    "mlp:hidden=48,scale=max_abs",
                                                    0.4,
                                                    32,
                                                    1200,
                                                    30,
                                                    {0.90, 0.91},
                                                    {0.86, 0.88},
                                                    {0.0015, 0.003, 0.006, 0.012}},
                                                   {"cancer",
                                                    "breast cancer, 30-2 softmax",
                                                    "linear:loss=cross_entropy",
                                                    0.25,
                                                    16,
                                                    300,
                                                    3,
                                                    {0.96, 0.972},
                                                    {0.93, 0.95},
                                                    {0.003, 0.01, 0.03, 0.1}},
                                                   {"sms",
                                                    "SMS spam, mean of 8-dimensional words",
                                                    "text:dimension=8",
                                                    0.25,
                                                    32,
                                                    700,
                                                    20,
                                                    {0.98, 0.985},
                                                    {0.95, 0.97},
                                                    {0.015, 0.03, 0.06, 0.12}}};
  return kPlans;
}

IceaTask::IceaTask(const IceaTaskPlan &plan, const std::string &folder) : plan_(plan) {
  const std::filesystem::path place(folder);
  const std::string name = plan.name;
  const auto at = [&](const char *file) { return (place / file).string(); };
  const auto there = [&](const char *file) { return std::filesystem::exists(place / file); };
  const size_t all = std::numeric_limits<size_t>::max();
  if (name == "letters") {
    read_arrays({{at("LetterRecognition.csv")}, "csv:label=lettr", ""}, all, features_, labels_, columns_,
                classes_);
  } else if (name == "digits" && there("digits.csv.gz")) {
    read_arrays({{at("digits.csv.gz")}, "csv:label=64,header=no,label_type=category", ""}, all, features_,
                labels_, columns_, classes_);
    note_ = "scikit-learn's digits";
  } else if (name == "digits" || name == "mnist") {
    read_arrays({{at("t10k-images-idx3-ubyte.gz")}, "idx", at("t10k-labels-idx1-ubyte.gz")},
                name == "mnist" ? kMnistRows : kDigitRows, features_, labels_, columns_, classes_);
    if (name == "digits") {
      features_ = made_small(features_, labels_.size());
      columns_ = kSmallSide * kSmallSide;
      note_ = fmt::format("{} rows of MNIST's test part, made small", labels_.size());
      // Harder than scikit-learn's, for which the plan's targets are.
      plan_.targets[0] = 0.87, plan_.targets[1] = 0.89;
      plan_.noisy_targets[0] = 0.80, plan_.noisy_targets[1] = 0.83;
    }
  } else if (name == "cancer") {
    if (!there("breast_cancer.csv"))
      throw Failure{
          fmt::format("{} is not there; Debian's package python3-sklearn has it, in "
                      "/usr/lib/python3/dist-packages/sklearn/datasets/data",
                      at("breast_cancer.csv"))};
    read_cancer(at("breast_cancer.csv"), features_, labels_);
    columns_ = kCancerColumns;
    classes_ = 2;
  } else {
    std::ifstream file(at("sms.tsv"));
    if (!file) throw Failure{at("sms.tsv") + ": cannot be read"};
    for (std::string line; text_.size() < kMessages && std::getline(file, line);) {
      const size_t tab = line.find('\t');
      if (tab != std::string::npos) text_.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    }
  }
}

IceaTask::Split IceaTask::split(uint64_t seed, double noise) const {
  if (noise > 0 && !text_.empty())
    throw Failure{fmt::format("--noise: the task {} has none", plan_.name), kExitUsage};
  Draws numbers(seed * 1000003 + 17);
  std::vector<size_t> order(rows());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[numbers.next() % i]);

  Split split;
  const auto part = [&](size_t first, size_t last, bool noisy) {
    if (!text_.empty()) {
      Dataset dataset = create<ngd_dataset>(ngd_dataset_create, "text:lowercase=1,punctuation=split");
      for (size_t i = first; i < last; i++)
        call(ngd_dataset_append_text, dataset.get(), text_[order[i]].second.c_str(),
             text_[order[i]].first.c_str());
      if (noisy) split.wrong.resize(last - first);
      return dataset;
    }
    std::vector<float> features, labels;
    for (size_t i = first; i < last; i++) {
      const float *row = features_.data() + order[i] * columns_;
      features.insert(features.end(), row, row + columns_);
      float label = labels_[order[i]];
      const bool wrong = noisy && numbers.uniform() < noise;
      if (wrong)  // any of the other classes
        label = std::fmod(label + 1 + static_cast<float>(numbers.next() % (classes_ - 1)),
                          static_cast<float>(classes_));
      labels.push_back(label);
      if (noisy) split.wrong.push_back(wrong);
    }
    Dataset dataset = create<ngd_dataset>(
        ngd_dataset_create, fmt::format("dense:label_type=category,classes=\"{}\"", class_list(classes_)));
    call(ngd_dataset_append_f32, dataset.get(), features.data(), labels.data(), labels.size(), columns_);
    return dataset;
  };
  split.test = part(0, tested(), false);
  split.training = part(tested(), order.size(), true);
  return split;
}

double IceaTask::Run::gradients_to(double target, const IceaTaskPlan &plan) const {
  for (size_t look = 0; look < accuracy.size(); look++) {
    if (accuracy[look] >= target) return static_cast<double>((look + 1) * plan.watch * plan.batch);
  }
  return std::numeric_limits<double>::infinity();
}

IceaTask::Run IceaTask::run(const Split &data, const std::string &icea_spec, double learning_rate,
                            uint64_t seed) const {
  const Model model = create<ngd_model>(ngd_model_create, plan_.model);
  call(ngd_model_set, model.get(), "seed", static_cast<double>(seed));
  call(ngd_model_prepare, model.get(), data.training.get());
  const Optimizer optimizer = create<ngd_optimizer>(ngd_optimizer_create, "ngd");
  call(ngd_optimizer_set, optimizer.get(), "learning_rate", learning_rate);
  ngd_icea *handle = nullptr;
  call(ngd_icea_create, icea_spec.c_str(), info_of(data.training.get()).rows, &handle);
  const Icea icea(handle);
  call(ngd_icea_set, handle, "seed", static_cast<double>(seed));

  std::vector<uint64_t> rows(plan_.batch);
  std::vector<float> weights(plan_.batch), losses(plan_.batch);
  std::vector<int32_t> correct(plan_.batch);
  Run result;
  for (size_t step = 1; step <= plan_.steps; step++) {
    double loss = 0;
    call(ngd_icea_draw_f32, handle, rows.size(), rows.data(), weights.data());
    call(ngd_model_train_weighted, model.get(), optimizer.get(), data.training.get(), rows.data(),
         weights.data(), rows.size(), losses.data(), correct.data(), &loss);
    if (!std::isfinite(loss)) break;
    call(ngd_icea_record_f32, handle, rows.data(), losses.data(), correct.data(), rows.size());
    if (step % plan_.watch != 0) continue;
    auto metrics = sized<ngd_metrics>();
    call(ngd_model_evaluate, model.get(), data.test.get(), &metrics);
    result.accuracy.push_back(metrics.accuracy);
  }
  // A run that diverged stays at nothing.
  result.accuracy.resize(plan_.steps / plan_.watch, 0);
  for (const double accuracy : result.accuracy)
    result.mean_accuracy += accuracy / static_cast<double>(result.accuracy.size());
  for (size_t i = 1; i <= 3; i++) result.final_accuracy += result.accuracy[result.accuracy.size() - i] / 3;

  auto info = sized<ngd_icea_info>();
  call(ngd_icea_get_info, handle, &info);
  result.hard = info.hard;
  result.quarantined = info.quarantined;
  result.hard_share = static_cast<double>(info.hard_draws) / static_cast<double>(info.draws);
  const auto wrong_share = [&](auto list) {
    size_t count = 0;
    call(list, handle, static_cast<uint64_t *>(nullptr), size_t{0}, &count);
    std::vector<uint64_t> ids(count);
    call(list, handle, ids.data(), ids.size(), &count);
    const auto wrong = std::count_if(ids.begin(), ids.end(), [&](uint64_t id) { return data.wrong[id]; });
    return count == 0 ? std::nan("") : static_cast<double>(wrong) / static_cast<double>(count);
  };
  result.wrong_in_hard = wrong_share(ngd_icea_get_hard_set);
  result.wrong_in_quarantine = wrong_share(ngd_icea_get_quarantine);
  return result;
}

}  // namespace cli
