// The table of a buffer's options.
#include "icea/settings.h"

#include <string_view>

#include "base/text.h"

namespace ngd {
namespace {

constexpr double kMany = 9007199254740992.0;  // 2^53: every whole number up to here is a double
constexpr double kLarge = 1e9;

// The choices stand in the order of the enumerations.
constexpr const char *kModes = "mix|phase";
constexpr const char *kScores = "loss|miss";
constexpr const char *kSamplers = "proportional|uniform|rank|top_k|selective_backprop|prioritized";
constexpr const char *kRemovers = "least|most|none";

constexpr OptionSpec kOptions[] = {
    choice_option("mode", "mix", kModes, "A share of every batch from the hard set, or batches of it in turn."),
    below_option("rho", "0.5", 0, 1, "Share of a batch that comes from the hard set, before the limit boost."),
    above_option("cap", "0.1", 0, 1, "Largest size of the hard set, as a share of all samples."),
    number_option("boost", "10", 0, kLarge,
                  "Largest chance of a sample within the hard set, in units of 1/N; 0 for no limit."),
    below_option("gamma", "0", 0, 1,
                 "What is left of a score at the next visit; 0 keeps the last error alone."),
    choice_option("score", "loss", kScores, "The error of a visit: the loss, or 1 for a wrong answer."),
    above_option("error_cap", "3", 0, kLarge, "Largest error of a visit that is a loss."),
    number_option("exponent", "1", 0, 64, "Power of the score in a sample's chance; 0 for equal chances."),
    number_option("error_min", "0.01", 0, kLarge, "Scores up to here are learned; added before the power."),
    integer_option("admit", "0", 0, 4294967295.0, "Wrong answers before a sample may be in the hard set."),
    integer_option("quarantine", "3", 0, 4294967295.0,
                   "Wrong answers in a row that set a sample aside; 0 for never."),
    number_option("beta", "0", 0, 1, "Power of the weights 1/(N q); 1 makes the gradient unbiased."),
    number_option("warmup", "1", 0, kLarge, "Epochs of plain shuffled passes at the beginning."),
    integer_option("plain_steps", "8", 0, kMany, "With mode=phase: plain batches in a row."),
    integer_option("hard_steps", "2", 1, kMany, "With mode=phase: batches of the hard set in a row."),
    choice_option("sampler", "proportional", kSamplers,
                  "How the chances within the hard set follow from the scores."),
    choice_option("remover", "least", kRemovers,
                  "What leaves a full hard set: the least score, the most, or nothing (cap has no effect)."),
    above_option("pressure", "100", 1, 1e18,
                 "With sampler=rank: how much likelier the first rank is than the last."),
    integer_option("top", "256", 1, kMany, "With sampler=top_k: how many of the hardest samples."),
    number_option("power", "1", 0, 1000, "With sampler=selective_backprop: power of the percentile."),
    fixed(integer_option("seed", "1", 0, kMany, "Decides the draws.")),
};

// The number of a choice among those of the table.
template <class Choice>
Choice chosen(const OptionSet &options, const char *name, const char *choices) {
  size_t index = 0;
  for (const std::string_view choice : split(choices, '|')) {
    if (choice == options.choice(name)) break;
    index++;
  }
  return static_cast<Choice>(index);
}

uint64_t whole(double value) {
  return static_cast<uint64_t>(value);
}

}  // namespace

std::span<const OptionSpec> icea_options() {
  return kOptions;
}

IceaSettings::IceaSettings(const OptionSet &options)
    : mode(chosen<IceaMode>(options, "mode", kModes)),
      score(chosen<IceaScore>(options, "score", kScores)),
      sampler(chosen<IceaSampler>(options, "sampler", kSamplers)),
      remover(chosen<IceaRemover>(options, "remover", kRemovers)),
      rho(options["rho"]),
      cap(options["cap"]),
      boost(options["boost"]),
      beta(options["beta"]),
      gamma(options["gamma"]),
      error_cap(options["error_cap"]),
      error_min(options["error_min"]),
      exponent(options["exponent"]),
      warmup(options["warmup"]),
      pressure(options["pressure"]),
      power(options["power"]),
      admit(whole(options["admit"])),
      quarantine(whole(options["quarantine"])),
      plain_steps(whole(options["plain_steps"])),
      hard_steps(whole(options["hard_steps"])),
      top(whole(options["top"])),
      seed(whole(options["seed"])) {}

}  // namespace ngd
