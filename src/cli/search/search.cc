// ngd search: random search over the options of model, optimizer and trainer, in a run directory that can be resumed.
#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "progress.h"
#include "search/pictures.h"
#include "search/plan.h"
#include "search/report.h"
#include "search/worker.h"
#include "search/workers.h"
#include "verbs.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr const char *kPlanFile = "search.json", *kJournalFile = "journal.jsonl",
                     *kConfirmFile = "confirm.json";
constexpr uint64_t kTriedBeforehand = 64;        // trials whose specs are made once before any work
constexpr uint64_t kFirstConfirmSeed = 1000001;  // past all that trials may have

struct Arguments {
  std::string space, run, resumed, reported;
  std::optional<uint64_t> max_trials, patience;
  size_t workers = 0;
  bool worker = false;
  Style style = Style::table;
};

std::string in(const std::string &run, const char *name) {
  return (fs::path(run) / name).string();
}

void write_json(const std::string &path, const Json &json) {
  const std::string temporary = path + ".tmp";
  std::ofstream file(temporary, std::ios::binary);
  file << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  std::error_code code;
  if (file) fs::rename(temporary, path, code);
  if (!file || code) throw Failure{path + ": cannot be written"};
}

SearchPlan read_plan(const std::string &run) {
  const std::string path = in(run, kPlanFile);
  std::ifstream file(path);
  if (!file) throw Failure{fmt::format("{}: no search: {} cannot be read", run, kPlanFile)};
  try {
    return plan_of(Json::parse(file));
  } catch (const Json::exception &error) {
    throw Failure{fmt::format("{}: damaged: {}", path, error.what())};
  }
}

SearchPlan new_plan(const Arguments &arguments) {
  SearchPlan plan = read_space(arguments.space);
  if (fs::exists(in(arguments.run, kPlanFile)))
    throw Failure{
        fmt::format("{} already holds a search; go on with it by --resume {}, or choose another directory",
                    arguments.run, arguments.run)};
  // An option that a space names but no trial can take is told now.
  const Search search = new_search(plan);
  for (uint64_t trial = 0; trial < kTriedBeforehand; trial++) specs_of(plan, search.get(), trial);
  std::error_code code;
  fs::create_directories(arguments.run, code);
  if (code) throw Failure{fmt::format("{}: cannot be made: {}", arguments.run, code.message())};
  write_json(in(arguments.run, kPlanFile), plan_json(plan));
  return plan;
}

std::optional<Confirmation> read_confirmation(const std::string &run, const SearchReport &report) {
  std::ifstream file(in(run, kConfirmFile));
  if (!file) return {};
  try {
    const Json json = Json::parse(file);
    if (json.at("trial") != report.info.best_trial) return {};  // of a search that went on
    return Confirmation{json.at("rows"), json.at("base"), json.at("best")};
  } catch (const Json::exception &) {
    return {};
  }
}

double mean(const std::vector<double> &values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

class SearchRun {
 public:
  SearchRun(const Arguments &arguments, SearchPlan plan)
      : arguments_(arguments), plan_(std::move(plan)), line_(StatusLine::Mode::automatic) {
    search_ = new_search(plan_);
    if (arguments.max_trials)
      call(ngd_search_set_text, search_.get(), "max_trials", std::to_string(*arguments.max_trials).c_str());
    if (arguments.patience)
      call(ngd_search_set_text, search_.get(), "patience", std::to_string(*arguments.patience).c_str());
    call(ngd_search_open_journal, search_.get(), in(arguments.run, kJournalFile).c_str());
  }

  SearchReport run() {
    if (info().reason == NGD_SEARCH_GOES_ON) {
      workers().work({[this](bool &more) { return next(more); },
                      [this](const SearchJob &job, uint64_t step, double value) {
                        int32_t stop = 0;
                        call(ngd_search_report, search_.get(), job.number, step, value, &stop);
                        return stop != 0;
                      },
                      [this](const SearchJob &job, const JobResult &result) { tell(job, result); }});
    }
    SearchReport report = report_of(plan_, search_.get());
    report.confirmation = read_confirmation(arguments_.run, report);
    if (plan_.confirm > 0 && report.best && !report.confirmation) report.confirmation = confirm(report);
    line_.clear();
    return report;
  }

 private:
  ngd_search_info info() const {
    auto info = sized<ngd_search_info>();
    call(ngd_search_get_info, search_.get(), &info);
    return info;
  }

  SearchWorkers &workers() {
    if (workers_ == nullptr) workers_ = std::make_unique<SearchWorkers>(plan_, arguments_.workers);
    return *workers_;
  }

  std::optional<SearchJob> next(bool &more) {
    uint64_t trial = 0;
    int32_t answer = 0;
    call(ngd_search_ask, search_.get(), &trial, &answer);
    more = answer != NGD_SEARCH_END;
    if (answer != NGD_SEARCH_TRIAL) return {};
    SearchJob job;
    job.number = trial;
    job.specs = specs_of(plan_, search_.get(), trial);
    for (uint64_t seed = 1; seed <= plan_.seeds; seed++) job.seeds.push_back(seed);
    return job;
  }

  const std::vector<double> &values_of(const JobResult &result) const {
    return plan_.metric == "loss" ? result.losses : result.accuracies;
  }

  void tell(const SearchJob &job, const JobResult &result) {
    if (result.failed)
      call(ngd_search_fail, search_.get(), job.number, result.message.c_str(), result.gradients);
    else
      call(ngd_search_tell, search_.get(), job.number, mean(values_of(result)), result.gradients);
    const ngd_search_info now = info();
    line_.show(now.seconds, now.best_trial == UINT64_MAX
                                ? fmt::format("{} trials", now.counted)
                                : fmt::format("{} trials  best {:.4g} (trial {})  {} without improvement",
                                              now.counted, now.best_value, now.best_trial, now.stalled));
  }

  // Jobs are numbered 2 i for the base and 2 i + 1 for the best, on seed i.
  Confirmation confirm(const SearchReport &report) {
    Confirmation confirmation = {plan_.test > 0 ? "test" : "held_out", {}, {}};
    confirmation.base.resize(plan_.confirm, std::numeric_limits<double>::quiet_NaN());
    confirmation.best = confirmation.base;
    uint64_t number = 0;
    workers().work({[&](bool &more) {
                      SearchJob job;
                      job.number = number++;
                      more = number < 2 * plan_.confirm;
                      job.specs = job.number % 2 == 0 ? plan_.base : *report.best;
                      job.seeds = {kFirstConfirmSeed + job.number / 2};
                      job.rows = confirmation.rows;
                      job.reports = false;
                      return std::optional<SearchJob>(job);
                    },
                    [](const SearchJob &, uint64_t, double) { return false; },
                    [&](const SearchJob &job, const JobResult &result) {
                      if (result.failed) return;
                      (job.number % 2 == 0 ? confirmation.base : confirmation.best)[job.number / 2] =
                          values_of(result).front();
                    }});
    write_json(in(arguments_.run, kConfirmFile), {{"trial", report.info.best_trial},
                                                  {"rows", confirmation.rows},
                                                  {"base", confirmation.base},
                                                  {"best", confirmation.best}});
    return confirmation;
  }

  const Arguments &arguments_;
  const SearchPlan plan_;
  StatusLine line_;
  Search search_;
  std::unique_ptr<SearchWorkers> workers_;
};

// A look at a search, which may still run.
SearchReport look_at(const std::string &run, const SearchPlan &plan) {
  ngd_search *handle = nullptr;
  call(ngd_search_load, in(run, kJournalFile).c_str(), &handle);
  const Search search(handle);
  SearchReport report = report_of(plan, search.get());
  report.confirmation = read_confirmation(run, report);
  return report;
}

int search(Arguments arguments) {
  if (arguments.worker) return search_worker();
  const int ways = !arguments.space.empty() + !arguments.resumed.empty() + !arguments.reported.empty();
  if (ways != 1) throw Failure{"give one of --space FILE, --resume RUN and --report RUN", kExitUsage};
  if (!arguments.space.empty() && arguments.run.empty())
    throw Failure{"--run is required: the directory that the search is kept in", kExitUsage};
  if (arguments.space.empty() && !arguments.run.empty())
    throw Failure{"--run is for a new search; --resume and --report name their own", kExitUsage};
  if (arguments.workers == 0)
    arguments.workers = std::min<size_t>(16, std::max<size_t>(1, std::thread::hardware_concurrency()));
  if (!arguments.resumed.empty()) arguments.run = arguments.resumed;
  if (!arguments.reported.empty()) arguments.run = arguments.reported;

  const SearchPlan plan = arguments.space.empty() ? read_plan(arguments.run) : new_plan(arguments);
  SearchReport report;
  try {
    report = arguments.reported.empty() ? SearchRun(arguments, plan).run() : look_at(arguments.run, plan);
  } catch (Failure &failure) {
    if (failure.status == NGD_E_CANCELLED)
      failure.message += "\nngd: to go on: ngd search --resume " + arguments.run;
    throw;
  }
  if (report.best) write_pictures(arguments.run, report);
  write_json(in(arguments.run, "report.json"), report_json(report));
  print_report(report, plan, arguments.run, arguments.style);
  return 0;
}

}  // namespace

Verb search_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("search", "Search for good options by random trials, side by side");
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  app->add_option("--space", a.space, "What to search, on which data, and when to stop: a TOML file")
      ->type_name("FILE");
  app->add_option("--run", a.run, "The directory of a new search: plan, journal, report, pictures")
      ->type_name("DIR");
  app->add_option("--resume", a.resumed, "Go on with a search; trials that had ended are not run again")
      ->type_name("RUN");
  app->add_option("--report", a.reported, "Tell what a search has found, also while it runs")->type_name("RUN");
  app->add_option("--workers", a.workers,
                  "Processes that run trials (default: as many as processors, at most 16)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  app->add_option("--max-trials", a.max_trials, "In place of the search's own max_trials")->type_name("N");
  app->add_option("--patience", a.patience, "In place of the search's own patience")->type_name("N");
  app->add_flag("--worker", a.worker, "Run trials for another process")->group("");
  add_output_option(*app, a.style);
  app->footer(
      "Example of a file letters.toml:\n"
      "  [data]\n"
      "  file = \"letters.csv\"\n"
      "  format = \"csv:label=lettr\"\n"
      "  held_out = 0.2\n"
      "  [train]\n"
      "  model = \"mlp\"\n"
      "  optimizer = \"ngd\"\n"
      "  trainer = \"trainer:epochs=5\"\n"
      "  seeds = 3\n"
      "  [search]\n"
      "  max_trials = 40\n"
      "  [space.optimizer]\n"
      "  learning_rate = { kind = \"log_uniform\", low = 1e-4, high = 0.1 }\n"
      "  [space.model]\n"
      "  hidden = { kind = \"categorical\", values = [\"32\", \"64\", \"128\"] }\n"
      "Then:\n"
      "  ngd search --space letters.toml --run letters-search\n"
      "  ngd search --resume letters-search --max-trials 80");
  return {app, "ngd search --space FILE --run DIR, or ngd search --resume RUN, or ngd search --report RUN",
          [arguments] { return search(*arguments); }};
}

}  // namespace cli
