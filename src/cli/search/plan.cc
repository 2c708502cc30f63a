// The plan of a search: a trial's specs, its data, and the plan as JSON. search_space.cc reads the TOML file.
#include "search/plan.h"

#include <fmt/core.h>

#include <algorithm>

#include "run_record.h"

namespace cli {
namespace {

// The option "kind" of a part that a parameter may also choose, such as optimizer.rule.
std::string kind_key(const std::string &part) {
  return part == "optimizer" ? "rule" : "kind";
}

std::string kind_of(const std::string &spec) {
  return spec.substr(0, spec.find(':'));
}

template <class T, class Create, class Set, class Get>
std::string applied(const std::string &part, std::string spec, const SearchPlan &plan, const ngd_search *search,
                    uint64_t trial, Create create_handle, Set set_text, Get get_text) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto &[name, unused] : plan.space) {
    if (name.rfind(part + ".", 0) != 0) continue;
    const std::string value = text_of(ngd_search_get_value_text, search, trial, name.c_str());
    if (value.empty()) continue;  // left out by its condition
    const std::string option = name.substr(part.size() + 1);
    // Of another kind the base's options mean nothing.
    if (option == kind_key(part))
      spec = value == kind_of(spec) ? spec : value;
    else
      values.emplace_back(option, value);
  }
  const Handle<T> handle = create<T>(create_handle, spec);
  for (const auto &[option, value] : values) {
    try {
      call(set_text, handle.get(), option.c_str(), value.c_str());
    } catch (const Failure &failure) {
      throw Failure{fmt::format("parameter \"{}.{}\": {}", part, option, failure.message), kExitUsage,
                    failure.status};
    }
  }
  return text_of(get_text, handle.get(), "spec");
}

}  // namespace

Search new_search(const SearchPlan &plan) {
  Search search = create<ngd_search>(ngd_search_create, plan.search);
  for (const auto &[name, spec] : plan.space) {
    try {
      call(ngd_search_add, search.get(), name.c_str(), spec.c_str());
    } catch (Failure &failure) {
      failure.exit_code = kExitUsage;
      throw;
    }
  }
  return search;
}

Specs specs_of(const SearchPlan &plan, const ngd_search *search, uint64_t trial) {
  return {applied<ngd_model>("model", plan.base.model, plan, search, trial, ngd_model_create,
                             ngd_model_set_text, ngd_model_get_text),
          applied<ngd_optimizer>("optimizer", plan.base.optimizer, plan, search, trial, ngd_optimizer_create,
                                 ngd_optimizer_set_text, ngd_optimizer_get_text),
          applied<ngd_trainer>("trainer", plan.base.trainer, plan, search, trial, ngd_trainer_create,
                               ngd_trainer_set_text, ngd_trainer_get_text)};
}

SearchData load_search_data(const SearchPlan &plan) {
  SearchData data;
  data.training = load(plan.data);
  const auto split = [&](double share, uint64_t seed, Dataset &out) {
    ngd_dataset *rest = nullptr, *part = nullptr;
    call(ngd_dataset_split, data.training.get(), share, seed, &rest, &part);
    data.training.reset(rest);
    out.reset(part);
  };
  if (plan.test > 0) split(plan.test, plan.split_seed + 1, data.test);
  if (const auto share = fraction(plan.held_out)) {
    split(*share, plan.split_seed, data.held_out);
  } else {
    data.held_out = load({{plan.held_out}, plan.data.format, plan.held_out_labels});
  }
  return data;
}

Json plan_json(const SearchPlan &plan) {
  Json space = Json::array();
  for (const auto &[name, spec] : plan.space) space.push_back({{"name", name}, {"spec", spec}});
  return {{"data", plan.data.files},
          {"format", plan.data.format},
          {"labels", plan.data.labels},
          {"held_out", plan.held_out},
          {"held_out_labels", plan.held_out_labels},
          {"test", plan.test},
          {"split_seed", plan.split_seed},
          {"model", plan.base.model},
          {"optimizer", plan.base.optimizer},
          {"trainer", plan.base.trainer},
          {"metric", plan.metric},
          {"seeds", plan.seeds},
          {"confirm", plan.confirm},
          {"search", plan.search},
          {"space", space}};
}

SearchPlan plan_of(const Json &json) {
  SearchPlan plan;
  json.at("data").get_to(plan.data.files);
  json.at("format").get_to(plan.data.format);
  json.at("labels").get_to(plan.data.labels);
  json.at("held_out").get_to(plan.held_out);
  json.at("held_out_labels").get_to(plan.held_out_labels);
  json.at("test").get_to(plan.test);
  json.at("split_seed").get_to(plan.split_seed);
  json.at("model").get_to(plan.base.model);
  json.at("optimizer").get_to(plan.base.optimizer);
  json.at("trainer").get_to(plan.base.trainer);
  json.at("metric").get_to(plan.metric);
  json.at("seeds").get_to(plan.seeds);
  json.at("confirm").get_to(plan.confirm);
  json.at("search").get_to(plan.search);
  for (const Json &parameter : json.at("space"))
    plan.space.emplace_back(parameter.at("name").get<std::string>(), parameter.at("spec").get<std::string>());
  return plan;
}

}  // namespace cli
