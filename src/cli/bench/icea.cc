// The command line of ngd bench icea.
#include "bench/icea.h"

#include <cstdlib>
#include <memory>

#include "bench/bench.h"
#include "icea_tasks.h"

namespace cli {

Verb icea_bench(CLI::App &bench) {
  CLI::App *app = bench.add_subcommand("icea", "ICEA: time and memory; with --task, gradients to an accuracy");
  struct Arguments {
    IceaSpeed speed;
    IceaWorth worth;
    std::string tasks;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  app->add_option("--samples", a.speed.samples, "Samples of the buffer (default 10000000)")->type_name("N");
  app->add_option("--batch", a.speed.batch, "Samples recorded and drawn at a time (default 256)")
      ->type_name("N");
  app->add_option("--rounds", a.speed.rounds, "Rounds that are timed (default 2000)")->type_name("N");
  app->add_option("--thread-seconds", a.speed.thread_seconds,
                  "Time of each measurement with threads (default 0.4)")
      ->type_name("SECONDS");
  std::string known;
  for (const IceaTaskPlan &plan : icea_task_plans())
    known += (known.empty() ? "" : "|") + std::string(plan.name);
  app->add_option("--task", a.tasks, "Train on real data instead; several with commas, or all")
      ->type_name(known + "|all");
  const char *folder = std::getenv("NGD_TEST_DATA");
  a.worth.data = folder != nullptr ? folder : "../shared/data";
  app->add_option("--data", a.worth.data,
                  "The folder of the data (default: NGD_TEST_DATA, else ../shared/data)")
      ->type_name("DIR");
  app->add_option("--seeds", a.worth.seeds, "Runs of each method (default 10)")->type_name("N");
  app->add_option("--noise", a.worth.noise, "Share of the training labels to make wrong, such as 0.2")
      ->type_name("SHARE");
  app->add_flag("--own-rates", a.worth.own_rates,
                "Tune the learning rate for each method; else all take that of uniform");
  app->add_option("--spec", a.worth.specs, "A further buffer to try, such as icea:sampler=rank")
      ->type_name("SPEC");
  app->add_option("--svg", a.worth.svg, "Also write the learning curves as an SVG picture")->type_name("FILE");
  add_output_option(*app, a.style);
  app->footer(
      "Example:\n  ngd bench icea\n  ngd bench icea --task letters,mnist\n  ngd bench icea --task mnist "
      "--noise 0.2");
  const auto run = [arguments] {
    Arguments &given = *arguments;
    given.speed.style = given.worth.style = given.style;
    if (given.tasks.empty()) return bench_icea_speed(given.speed);
    std::vector<std::string> &tasks = given.worth.tasks;
    for (size_t begin = 0; begin <= given.tasks.size();) {
      const size_t end = std::min(given.tasks.find(',', begin), given.tasks.size());
      tasks.push_back(given.tasks.substr(begin, end - begin));
      begin = end + 1;
    }
    if (tasks == std::vector<std::string>{"all"}) {
      tasks.clear();
      for (const IceaTaskPlan &plan : icea_task_plans()) tasks.emplace_back(plan.name);
    }
    return bench_icea_worth(given.worth);
  };
  return {app, "ngd bench icea [--task NAME] [options]; see ngd bench icea --help", run};
}

}  // namespace cli
