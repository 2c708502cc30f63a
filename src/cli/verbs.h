// The verbs of the program: each adds its options to the command line and returns what runs it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "output.h"

namespace cli {

// What every verb has: its part of the command line, one line of usage, and the work; run() returns the exit
// code.
struct Verb {
  CLI::App *app;
  std::string usage;
  std::function<int()> run;
};

Verb train_verb(CLI::App &program);
Verb predict_verb(CLI::App &program);
Verb eval_verb(CLI::App &program);
Verb inspect_verb(CLI::App &program);
Verb options_verb(CLI::App &program);
Verb bench_verb(CLI::App &program);
Verb plot_verb(CLI::App &program);
Verb icea_verb(CLI::App &program);
Verb search_verb(CLI::App &program);
Verb server_verb(CLI::App &program);
Verb worker_verb(CLI::App &program);
Verb client_verb(CLI::App &program);
Verb cluster_verb(CLI::App &program);
Verb status_verb(CLI::App &program);
Verb keygen_verb(CLI::App &program);
Verb bench_verb(CLI::App &program);
Verb vectors_verb(CLI::App &program);
Verb version_verb(CLI::App &program);

// Adds -o / --output.
void add_output_option(CLI::App &app, Style &style);

}  // namespace cli
