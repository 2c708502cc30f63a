// The JSON of a run directory.
#include "train/records.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "ngd/version.h"

namespace ngd {
namespace {

using nlohmann::ordered_json;

// Paths may hold any byte; what is not UTF-8 becomes U+FFFD. NaN and infinity become null.
std::string text_of(const ordered_json &record, int indent = -1) {
  return record.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

std::string time_text() {  // UTC, as in RFC 3339
  const std::time_t now = std::time(nullptr);
  std::tm parts;
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

ordered_json data_record(const Dataset &data) {
  return {{"spec", data.options().spec()},
          {"sources", data.sources()},
          {"rows", data.rows()},
          {"columns", data.columns()},
          {"classes", data.class_names().size()}};
}

}  // namespace

std::string config_record(const Model &model, const Optimizer &optimizer, const OptionSet &trainer,
                          const Dataset &training, const Dataset *held_out) {
  // Where the run lies is known to who reads this, and the directory may have been moved.
  OptionSet portable = trainer;
  portable.unlock();
  portable.set_text("run_directory", "");
  portable.set("resume", 0);
  const ordered_json record = {{"format", 1},
                               {"library", ngd_version()},
                               {"model", model.options().spec()},
                               {"optimizer", optimizer.options().spec()},
                               {"trainer", portable.spec()},
                               {"training", data_record(training)},
                               {"held_out", held_out != nullptr ? data_record(*held_out) : ordered_json()}};
  return text_of(record, 2) + "\n";
}

std::string begin_record(const ngd_event &event) {
  return text_of({{"event", "begin"},
                  {"time", time_text()},
                  {"resumed", event.resumed != 0},
                  {"epoch", event.epoch},
                  {"epochs", event.epochs},
                  {"step", event.step},
                  {"steps", event.steps},
                  {"rows", event.rows},
                  {"learning_rate", event.learning_rate}});
}

std::string step_record(const ngd_event &event, double loss) {
  return text_of({{"event", "step"},
                  {"epoch", event.epoch},
                  {"step", event.step},
                  {"rows", event.rows},
                  {"loss", loss},
                  {"learning_rate", event.learning_rate},
                  {"seconds", event.seconds},
                  {"rows_per_second", event.rows_per_second}});
}

std::string epoch_record(const ngd_event &event, bool icea) {
  ordered_json record = {{"event", "epoch"},
                         {"epoch", event.epoch},
                         {"step", event.step},
                         {"rows", event.rows},
                         {"loss", event.loss},
                         {"held_out_loss", event.held_out_loss},
                         {"held_out_accuracy", event.held_out_accuracy},
                         {"majority", event.majority},
                         {"learning_rate", event.learning_rate},
                         {"skipped", event.skipped},
                         {"seconds", event.seconds},
                         {"rows_per_second", event.rows_per_second}};
  if (icea) {
    record["hard_set"] = event.hard_set;
    record["quarantined"] = event.quarantined;
    record["hard_share"] = event.hard_share;
  }
  return text_of(record);
}

std::string warning_record(const ngd_event &event) {
  return text_of(
      {{"event", "warning"}, {"epoch", event.epoch}, {"step", event.step}, {"message", event.message}});
}

std::string settings_record(const ngd_event &event, uint64_t version, const std::string &settings) {
  return text_of({{"event", "settings"},
                  {"time", time_text()},
                  {"step", event.step},
                  {"version", version},
                  {"learning_rate", event.learning_rate},
                  {"settings", settings}});
}

std::string checkpoint_record(const ngd_event &event) {
  return text_of({{"event", "checkpoint"}, {"epoch", event.epoch}, {"step", event.step}, {"path", event.path}});
}

std::string end_record(const ngd_event &event, const char *reason, const char *message) {
  return text_of({{"event", "end"},
                  {"time", time_text()},
                  {"reason", reason},
                  {"epoch", event.epoch},
                  {"step", event.step},
                  {"rows", event.rows},
                  {"seconds", event.seconds},
                  {"message", message}});
}

}  // namespace ngd
