// What a search is to do: data, what is trained, the space and the rules, from a TOML file; kept in the run directory as JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "handle.h"
#include "output.h"
#include "source.h"

namespace cli {

// What one trial trains. Complete specs.
struct Specs {
  std::string model, optimizer, trainer;
};

struct SearchPlan {
  Source data;
  std::string held_out;  // a share such as "0.2", or a file
  std::string held_out_labels;
  double test = 0;  // share of the data that no trial sees
  uint64_t split_seed = 1;
  Specs base;
  std::string metric = "loss";  // or accuracy
  uint64_t seeds = 1;           // of each trial: 1, 2, ...
  uint64_t confirm = 0;         // further seeds on which the best is compared with the base
  std::string search;           // the spec of ngd_search_create()
  std::vector<std::pair<std::string, std::string>> space;  // names and specs of ngd_search_add()
};

// Throws a Failure of usage that names file, line and key.
SearchPlan read_space(const std::string &path);

Json plan_json(const SearchPlan &plan);
SearchPlan plan_of(const Json &json);  // throws what Json throws

// A search of the plan's space, without a journal.
Search new_search(const SearchPlan &plan);

// The base with a trial's values. Throws a Failure that names the parameter.
Specs specs_of(const SearchPlan &plan, const ngd_search *search, uint64_t trial);

// The training rows, those that trials are judged by, and those that no trial sees (nullptr without `test`).
struct SearchData {
  Dataset training, held_out, test;
};
SearchData load_search_data(const SearchPlan &plan);

}  // namespace cli
