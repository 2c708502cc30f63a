// Training one trial after another, for a search that runs in another process.
#include "search/worker.h"

#include <sys/prctl.h>

#include <cmath>
#include <csignal>
#include <iostream>
#include <limits>
#include <string>

#include "search/plan.h"

namespace cli {
namespace {

void answer(const Json &json) {
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  if (!std::cout) throw Failure{"the search has ended"};
}

struct Outcome {
  double loss = std::numeric_limits<double>::quiet_NaN(), accuracy = loss;
  uint64_t gradients = 0;
  bool stopped = false;
};

class Trial {
 public:
  Trial(const SearchPlan &plan, const SearchData &data, const Json &request)
      : specs_{request.at("model"), request.at("optimizer"), request.at("trainer")},
        metric_(plan.metric),
        training_(data.training.get()),
        judged_(request.at("rows") == "test" ? data.test.get() : data.held_out.get()),
        reports_(request.at("reports")) {}

  Json evaluate(const Json &seeds) {
    Json losses = Json::array(), accuracies = Json::array();
    try {
      for (const Json &seed : seeds) {
        const Outcome outcome = train(seed.get<uint64_t>());
        losses.push_back(outcome.loss);
        accuracies.push_back(outcome.accuracy);
        if (outcome.stopped) break;
      }
    } catch (const Failure &failure) {
      // What the trial's own values bring about is its failure; anything else is the search's.
      if (failure.status == NGD_OK) throw;
      return {{"failed", failure.message}, {"gradients", gradients_}};
    }
    return {{"losses", losses}, {"accuracies", accuracies}, {"gradients", gradients_}};
  }

 private:
  Outcome train(uint64_t seed) {
    const Model model = create<ngd_model>(ngd_model_create, specs_.model);
    const Optimizer optimizer = create<ngd_optimizer>(ngd_optimizer_create, specs_.optimizer);
    const Trainer trainer = create<ngd_trainer>(ngd_trainer_create, specs_.trainer);
    call(ngd_model_set, model.get(), "seed", static_cast<double>(seed));
    call(ngd_trainer_set, trainer.get(), "seed", static_cast<double>(seed));
    call(ngd_trainer_set, trainer.get(), "progress_seconds", 1e9);
    call(ngd_trainer_start, trainer.get(), model.get(), optimizer.get(), training_, judged_);
    Outcome outcome;
    const uint64_t before = gradients_;
    int32_t running = 1;
    while (running != 0 && !outcome.stopped) {
      call(ngd_trainer_advance, trainer.get(), kSteps, &running);
      auto event = sized<ngd_event>();
      for (int32_t found = 1; !outcome.stopped;) {
        call(ngd_trainer_poll, trainer.get(), &event, &found);
        if (found == 0) break;
        gradients_ = before + event.rows;
        if (event.kind != NGD_EVENT_EPOCH) continue;
        outcome.loss = event.held_out_loss;
        outcome.accuracy = event.held_out_accuracy;
        outcome.stopped = reports_ && told_to_stop(metric_ == "loss" ? outcome.loss : outcome.accuracy);
      }
    }
    outcome.gradients = gradients_ - before;
    return outcome;
  }

  bool told_to_stop(double value) {
    answer({{"step", ++step_}, {"value", value}});
    std::string line;
    if (!std::getline(std::cin, line)) throw Failure{"the search has ended"};
    return line == "stop";
  }

  // So many at a time: a worker whose search has gone need not hear of it sooner.
  static constexpr uint64_t kSteps = 100;

  const Specs specs_;
  const std::string metric_;
  const ngd_dataset *training_, *judged_;
  const bool reports_;
  uint64_t gradients_ = 0, step_ = 0;
};

int work() {
  std::string line;
  if (!std::getline(std::cin, line)) return 0;
  SearchPlan plan;
  SearchData data;
  try {
    plan = plan_of(Json::parse(line));
    data = load_search_data(plan);
  } catch (const Failure &failure) {
    answer({{"error", failure.message}, {"code", failure.exit_code}});
    return failure.exit_code;
  }
  answer({{"ready", true}});
  while (std::getline(std::cin, line)) {
    const Json request = Json::parse(line);
    answer(Trial(plan, data, request).evaluate(request.at("seeds")));
  }
  return 0;
}

}  // namespace

int search_worker() {
  // Ctrl-C is the search's to answer; when it is killed, so are its workers.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return work();
}

}  // namespace cli
