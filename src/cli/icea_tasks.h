// The tasks of `ngd bench icea --task`: real data, a model, a rate to find, and one run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "handle.h"

namespace cli {

struct IceaTaskPlan {
  const char *name, *about;
  const char *model;
  double test_share;           // of the rows
  size_t batch, steps, watch;  // rows a step; steps a run, and between two looks at the accuracy
  double targets[2];           // accuracies whose time of arrival is told, of clean labels
  double noisy_targets[2];     // and with 20 % wrong ones
  double rates[4];             // learning rates to choose from
};

const std::vector<IceaTaskPlan> &icea_task_plans();

// A task with its data in memory.
class IceaTask {
 public:
  // Throws a Failure when the data are not in the folder.
  IceaTask(const IceaTaskPlan &plan, const std::string &folder);

  const IceaTaskPlan &plan() const { return plan_; }
  const std::string &note() const { return note_; }  // which data were taken, where there is a choice
  size_t rows() const { return text_.empty() ? labels_.size() : text_.size(); }
  size_t tested() const { return static_cast<size_t>(static_cast<double>(rows()) * plan_.test_share); }

  // The data of a seed: rows drawn by it to test on; of the others so many labels made wrong.
  struct Split {
    Dataset training, test;
    std::vector<bool> wrong;  // by row of `training`
  };
  Split split(uint64_t seed, double noise) const;

  struct Run {
    std::vector<double> accuracy;  // at each look
    double final_accuracy = 0;     // mean of the last three
    double mean_accuracy = 0;
    uint64_t quarantined = 0, hard = 0;
    double wrong_in_hard = 0, wrong_in_quarantine = 0;  // shares
    double hard_share = 0;
    // Samples with gradient until the target was first met; infinity for never.
    double gradients_to(double target, const IceaTaskPlan &plan) const;
  };
  Run run(const Split &data, const std::string &icea_spec, double learning_rate, uint64_t seed) const;

 private:
  IceaTaskPlan plan_;
  std::string note_;
  size_t columns_ = 0, classes_ = 0;
  std::vector<float> features_, labels_;
  std::vector<std::pair<std::string, std::string>> text_;  // label and words
};

}  // namespace cli
