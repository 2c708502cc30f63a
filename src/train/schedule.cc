// The trainer's schedules by name.
#include "train/schedule.h"

#include "optimizer/schedule.h"

namespace ngd {

double schedule_factor(std::string_view schedule, uint64_t step, uint64_t steps, uint64_t warmup) {
  ScheduleSettings settings;
  settings.kind = schedule_named(schedule);
  settings.steps = steps;
  settings.warmup = warmup;
  return schedule_factor(settings, step);
}

}  // namespace ngd
