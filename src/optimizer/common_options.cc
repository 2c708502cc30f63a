// The table of the options that every optimizer has.
#include "optimizer/common_options.h"

#include "optimizer/schedule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    choice_option(
        "nonfinite", "skip", "skip|error|zero",
        "What a NaN or infinite gradient does: skip and count the step, or fail, neither changing anything; "
        "or count as zero, element by element, which saves reading the gradients twice."),
    choice_option(
        "clip", "none", "none|value|norm|group_norm|adaptive",
        "Limits gradients: each element, the norm over all tensors, the norm over each group, or the norm of "
        "each row against that of its parameters."),
    above_option("clip_threshold", "1", 0, kInfinity,
                 "The limit of clip; for adaptive the share of the parameters' norm (0.01 is usual)."),
    above_option("loss_scale", "1", 0, kInfinity,
                 "What the loss was multiplied by: gradients are divided by it. Moves by itself when dynamic."),
    flag_option(
        "loss_scale_dynamic", "0",
        "Halve loss_scale (by loss_scale_factor) when a step is skipped, raise it after loss_scale_interval "
        "good steps."),
    above_option("loss_scale_factor", "2", 1, kInfinity, "By what a dynamic loss_scale moves."),
    integer_option("loss_scale_interval", "2000", 1, 1e9, "Good steps before a dynamic loss_scale is raised."),
    integer_option("accumulate", "1", 1, 1e6,
                   "Calls of step that make one real step, on the mean of their gradients."),
    flag_option("zero_gradient", "0",
                "Set gradients to zero after they were read, where the call may write them."),
    choice_option(
        "average", "none", "none|ema|swa|lookahead",
        "Keeps an average of the parameters: exponential, equal-weight (SWA), or Lookahead's slow weights."),
    below_option("average_decay", "0.999", 0, 1, "average=ema: what is kept of the average in a step."),
    integer_option("average_start", "0", 0, 1e15, "Steps before ema and swa begin."),
    integer_option("average_interval", "0", 0, 1e9,
                   "Steps between updates of the average; 0 is 1 for ema and swa, 5 for lookahead."),
    number_option("lookahead_alpha", "0.5", 0, 1,
                  "average=lookahead: how far the slow weights follow the fast ones."),
    choice_option("copy", "none", "none|bf16|f16", "Number format of the copies that a sweep writes."),
    fixed(choice_option(
        "state", "same", "same|bf16|8bit",
        "How moments are kept: as the parameters, or in fewer bits. Sums and counts stay as they are.")),
    flag_option(
        "stochastic_rounding", "1",
        "Round packed moments and bf16 parameters at random, so that small changes are not lost on average."),
    fixed(flag_option("master", "0", "Keep float32 parameters inside beside bf16 or f16 ones.")),
    integer_option("seed", "0", 0, 9007199254740992.0, "Of the random rounding."),
    integer_option(
        "threads", "1", 0, 256,
        "Threads of a step, the calling one included; 0 is one per CPU. Any number gives the same bits."),
    choice_option("schedule", "constant", kScheduleNames, "How learning_rate changes over the steps."),
    integer_option(
        "schedule_steps", "0", 0, 1e15,
        "Steps of the whole schedule, warm-up included; needed by polynomial, linear, cosine, one_cycle."),
    integer_option("schedule_warmup", "0", 0, 1e15,
                   "Steps in which the rate rises from near 0, before any schedule."),
    integer_option("schedule_interval", "1000", 1, 1e15,
                   "step: steps between falls; cosine_restarts: the first period."),
    text_option("schedule_milestones", "", "multi_step: rising step numbers, separated by blanks."),
    number_option("schedule_gamma", "0.1", 0, 1, "step, multi_step, exponential, plateau: factor of a fall."),
    number_option("schedule_power", "1", 0, 100, "polynomial: the power."),
    number_option("schedule_minimum", "0", 0, 1,
                  "Share of the rate that no schedule goes below after its warm-up."),
    integer_option("schedule_multiplier", "1", 1, 1000,
                   "cosine_restarts: each period is so many times the last."),
    number_option("schedule_rise", "0.3", 0, 1, "one_cycle: share of the steps in which the rate rises."),
    number_option("schedule_start_divisor", "25", 1, 1e12, "one_cycle: the first rate is the rate over this."),
    number_option("schedule_end_divisor", "10000", 1, 1e12, "one_cycle: the last rate is the first over this."),
    integer_option("schedule_patience", "10", 0, 1e9,
                   "plateau: reports without improvement that are put up with."),
    integer_option("schedule_cooldown", "0", 0, 1e9, "plateau: reports after a fall that are not judged."),
    number_option("schedule_threshold", "0.0001", 0, 1, "plateau: relative improvement that counts."),
};

}  // namespace

std::span<const OptionSpec> common_options() {
  return kOptions;
}

}  // namespace ngd
