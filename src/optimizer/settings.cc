// Reading the common options.
#include "optimizer/settings.h"

#include <sched.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"

namespace ngd {
namespace {

// The place of an option's choice in the list of its names.
template <class Enum, size_t kCount>
Enum choice(const OptionSet &options, const char *name, const std::string_view (&names)[kCount]) {
  return static_cast<Enum>(std::ranges::find(names, options.choice(name)) - names);
}

uint64_t count(const OptionSet &options, const char *name) {
  return static_cast<uint64_t>(options[name]);
}

// The CPUs that this process may use.
unsigned cpu_count() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

}  // namespace

Settings::Settings(const OptionSet &options)
    : nonfinite(choice<NonFinite>(options, "nonfinite", {"skip", "error", "zero"})),
      loss_scale_dynamic(options["loss_scale_dynamic"] != 0),
      zero_gradient(options["zero_gradient"] != 0),
      stochastic_rounding(options["stochastic_rounding"] != 0),
      master(options["master"] != 0),
      loss_scale(options["loss_scale"]),
      loss_scale_factor(options["loss_scale_factor"]),
      loss_scale_interval(count(options, "loss_scale_interval")),
      accumulate(count(options, "accumulate")),
      average(choice<Average>(options, "average", {"none", "ema", "swa", "lookahead"})),
      average_decay(options["average_decay"]),
      lookahead_alpha(options["lookahead_alpha"]),
      average_start(count(options, "average_start")),
      average_interval(count(options, "average_interval")),
      copy(choice<CopyFormat>(options, "copy", {"none", "bf16", "f16"})),
      state(choice<StateFormat>(options, "state", {"same", "bf16", "8bit"})),
      seed(count(options, "seed")),
      threads(static_cast<unsigned>(options["threads"])) {
  if (threads == 0) threads = cpu_count();
  if (average_interval == 0) average_interval = average == Average::lookahead ? 5 : 1;
}

ScheduleSettings schedule_settings(const OptionSet &options) {
  ScheduleSettings settings;
  settings.kind = schedule_named(options.choice("schedule"));
  settings.steps = count(options, "schedule_steps");
  settings.warmup = count(options, "schedule_warmup");
  settings.minimum = options["schedule_minimum"];
  settings.gamma = settings.factor = options["schedule_gamma"];
  settings.interval = count(options, "schedule_interval");
  settings.power = options["schedule_power"];
  settings.multiplier = count(options, "schedule_multiplier");
  settings.rise = options["schedule_rise"];
  settings.start_divisor = options["schedule_start_divisor"];
  settings.end_divisor = options["schedule_end_divisor"];
  settings.patience = count(options, "schedule_patience");
  settings.cooldown = count(options, "schedule_cooldown");
  settings.threshold = options["schedule_threshold"];
  for (const std::string_view word : split(options.choice("schedule_milestones"), ' ')) {
    if (word.empty()) continue;
    int64_t step = 0;
    if (!parse_integer(word, step) || step < 1 ||
        (!settings.milestones.empty() && static_cast<uint64_t>(step) <= settings.milestones.back()))
      fail(NGD_E_RANGE, "option \"schedule_milestones\" is ", quoted(options.choice("schedule_milestones")),
           "; it takes rising step numbers from 1, separated by blanks");
    settings.milestones.push_back(static_cast<uint64_t>(step));
  }
  const bool ends = settings.kind == Schedule::polynomial || settings.kind == Schedule::linear ||
                    settings.kind == Schedule::cosine || settings.kind == Schedule::one_cycle;
  if (ends && settings.steps <= settings.warmup)
    fail(NGD_E_RANGE, "schedule=", options.choice("schedule"),
         " needs schedule_steps above schedule_warmup, but they are ", settings.steps, " and ", settings.warmup,
         "; set schedule_steps first, to the steps of the whole run");
  return settings;
}

ClipSettings::ClipSettings(const OptionSet &options)
    : clip(choice<Clip>(options, "clip", {"none", "value", "norm", "group_norm", "adaptive"})),
      threshold(options["clip_threshold"]) {}

}  // namespace ngd
