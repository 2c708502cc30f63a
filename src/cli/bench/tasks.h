// The tasks of `ngd bench rules`: real data, a model, and how a run on it goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "handle.h"

namespace cli {

// What a task is, before its data are read.
struct TaskPlan {
  const char *name, *about;
  const char *file, *labels, *format;  // in the folder of data; labels: a second file, or ""
  const char *model;
  double held_out;      // share of the rows
  size_t batch, steps;  // rows a step, steps a run
  size_t watch, rows;   // between looks at the accuracy: steps; at a look: held-out rows
  double target;        // the accuracy whose time of arrival is told
  double cost;          // microseconds of a step, about: for the estimate of the time left
};

std::vector<TaskPlan> task_plans();

struct Task {
  TaskPlan plan;
  Dataset training, held_out, watched;  // watched: the first rows of held_out

  double run_cost() const { return static_cast<double>(plan.steps) * plan.cost; }
};

// Reads the data. Throws a Failure when they are not there.
Task load_task(const TaskPlan &plan, const std::string &folder);

// How a run ended.
struct TaskRun {
  double loss = 0;      // of the training rows, after the last step; infinity when the run diverged
  double accuracy = 0;  // of the held-out rows, 0 to 1
  size_t reached = 0;   // the first look at which the target was reached, in steps; 0 for never
};

// Trains a new model. The seed decides the first parameters and the order of the rows, whatever the rule.
// Without `watch` only the loss is measured.
TaskRun run_task(const Task &task, const std::string &spec, double learning_rate, uint64_t seed, bool watch);

}  // namespace cli
