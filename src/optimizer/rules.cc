// The table of rules: adding a rule adds its file and one name here.
#include <vector>

#include "base/error.h"
#include "optimizer/common_options.h"
#include "optimizer/optimizer.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr const RuleEntry *kRules[] = {&kSgd,
                                       &kMomentum,
                                       &kNesterov,
                                       &kAdagrad,
                                       &kAdadelta,
                                       &kRmsprop,
                                       &kAdam,
                                       &kAdamw,
                                       &kAmsgrad,
                                       &kAdamax,
                                       &kNadam,
                                       &kRadam,
                                       &kAdabelief,
                                       &kYogi,
                                       &kQhadam,
                                       &kLion,
                                       &kLars,
                                       &kLamb,
                                       &kScheduleFreeAdamw,
                                       &kAdafactor,
                                       &kMuon,
                                       &kRprop,
                                       &kLbfgs,
                                       &kAsgd,
                                       &kFtrl,
                                       &kNgd};

}  // namespace

const RuleEntry &find_rule(std::string_view name) {
  std::vector<std::string_view> names;
  for (const RuleEntry *rule : kRules) {
    if (name == rule->name) return *rule;
    names.push_back(rule->name);
  }
  fail_unknown("optimizer rule", name, names);
}

const char *rule_name(size_t index) {
  return index < std::size(kRules) ? kRules[index]->name : nullptr;
}

OptionTable rule_options(std::string_view rule) {
  return {find_rule(rule).options, common_options()};
}

}  // namespace ngd
