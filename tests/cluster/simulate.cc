// Replays one seed, or runs many: simulate --seed N [--trace] [--mutant M] [--scenario S] [--replicas K] [--power] [--aim A] | --seeds FROM COUNT
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "workload.h"

int main(int count, char **arguments) {
  simulation::Run run;
  uint64_t from = 1, seeds = 1;
  bool quiet = false;
  for (int i = 1; i < count; i++) {
    const auto number = [&] { return i + 1 < count ? std::strtoull(arguments[++i], nullptr, 10) : 0; };
    if (std::strcmp(arguments[i], "--seed") == 0) {
      from = number();
    } else if (std::strcmp(arguments[i], "--seeds") == 0) {
      from = number();
      seeds = number();
      quiet = true;
    } else if (std::strcmp(arguments[i], "--mutant") == 0) {
      run.mutant = static_cast<ngd::cluster::Mutant>(number());
    } else if (std::strcmp(arguments[i], "--scenario") == 0) {
      run.scenario = static_cast<simulation::Scenario>(number());
    } else if (std::strcmp(arguments[i], "--replicas") == 0) {
      run.replicas = static_cast<unsigned>(number());
    } else if (std::strcmp(arguments[i], "--moves") == 0) {
      run.moves = true;
    } else if (std::strcmp(arguments[i], "--reads") == 0) {
      run.reads = static_cast<simulation::Reads>(number());
    } else if (std::strcmp(arguments[i], "--wild-clocks") == 0) {
      run.wild_clocks = true;
    } else if (std::strcmp(arguments[i], "--compress") == 0) {
      run.compress = true;
    } else if (std::strcmp(arguments[i], "--power") == 0) {
      run.power = true;
    } else if (std::strcmp(arguments[i], "--aim") == 0) {
      run.aim = static_cast<simulation::Aim>(number());
    } else if (std::strcmp(arguments[i], "--trace") == 0) {
      run.trace = true;
    } else {
      std::fprintf(stderr,
                   "usage: simulate [--seed N | --seeds FROM COUNT] [--trace] [--mutant M] [--scenario S] "
                   "[--replicas K] [--moves] [--reads R] [--wild-clocks] [--compress] [--power] [--aim A]\n");
      return 2;
    }
  }
  uint64_t bad = 0, messages = 0, faults = 0, updates = 0, digests = 0, fetches = 0, resumptions = 0;
  for (uint64_t seed = from; seed < from + seeds; seed++) {
    run.seed = seed;
    const simulation::Result result = simulation::run(run);
    if (run.trace) std::fputs(result.trace.c_str(), stdout);
    if (!quiet || !result.violations.empty())
      std::printf("seed %llu: %s, trace %016llx\n", static_cast<unsigned long long>(seed),
                  result.summary.c_str(), static_cast<unsigned long long>(result.hash));
    for (size_t i = 0; i < result.violations.size() && i < 5; i++)
      std::printf("  %s\n", result.violations[i].c_str());
    bad += result.violations.empty() ? 0 : 1;
    messages += result.messages;
    faults += result.faults;
    updates += result.updates;
    digests += result.digests;
    fetches += result.fetches;
    resumptions += result.resumptions;
  }
  if (quiet)
    std::printf(
        "%llu seeds, %llu bad, %llu updates, %llu messages, %llu faults, %llu digests compared, %llu files "
        "fetched, %llu resumptions from disks\n",
        static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(bad),
        static_cast<unsigned long long>(updates), static_cast<unsigned long long>(messages),
        static_cast<unsigned long long>(faults), static_cast<unsigned long long>(digests),
        static_cast<unsigned long long>(fetches), static_cast<unsigned long long>(resumptions));
  return bad == 0 ? 0 : 1;
}
