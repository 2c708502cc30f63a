// ngd train --workers: servers and workers on this host, in processes that end with the launcher.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "handle.h"
#include "output.h"
#include "processes.h"
#include "run_record.h"
#include "takeovers.h"

namespace cli {

// Adds --workers and what belongs to it.
void add_cluster_options(CLI::App &app, ClusterCommand &options);

class EmbeddedCluster {
 public:
  // Starts the servers, unless the command names some that run elsewhere.
  EmbeddedCluster(const ClusterCommand &command, const std::string &run);
  // All that servers have written in the run's directory.
  static void remove_servers(const std::string &run);
  ~EmbeddedCluster();
  EmbeddedCluster(const EmbeddedCluster &) = delete;
  EmbeddedCluster &operator=(const EmbeddedCluster &) = delete;

  // Of a run that is not resumed: throws when servers that run elsewhere have begun to train a model of that name.
  static void check_new(const ClusterCommand &command);
  // Makes the runs of `trainer` an observer's.
  void connect(ngd_trainer *trainer);
  // Once the model is on the servers.
  void start_workers();
  // What happened to processes and shards since the last call: to the run's log, and for people. Throws when a process ends
  // again and again.
  std::vector<std::string> news(const ngd_event &event);
  // After a training that ended well nothing is needed any more; after another the servers write what they have.
  void end(bool finished);
  // How many updates were due and how many the servers have made, for people and the log; before the end.
  std::string account();

 private:
  static std::string client_spec(const ClusterCommand &command, uint64_t rank);
  void log(const Json &line) const;
  void drill(const ngd_event &event);
  void make_folder();

  const ClusterCommand command_;
  const std::string run_;
  std::string folder_, addresses_;
  Client client_;
  Processes processes_;
  std::optional<Takeovers> takeovers_;
  std::string drilled_;  // the server that was killed on purpose
  std::chrono::steady_clock::time_point death_{};
  uint64_t rows_ = 0;
  double done_ = 0;  // epochs, with fractions
};

}  // namespace cli
