// Seeds of the simulated cluster, the same run twice, planted mistakes in the protocol and in histories.
#include <cstdio>
#include <cstdlib>

#include "history.h"
#include "workload.h"

#include "test.h"

namespace {

using ngd::cluster::Mutant;
using simulation::Aim;
using simulation::History;
using simulation::Scenario;

// Every seed draws its own faults; a seed that failed once is replayed by `simulate --seed N --trace`.
void thousand_seeds_keep_the_invariants(void **) {
  const char *count = std::getenv("NGD_SEEDS");
  const uint64_t seeds = count != nullptr ? std::strtoull(count, nullptr, 10) : 1000;
  uint64_t updates = 0, faults = 0, crashes = 0, checkpoints = 0, lineages = 0, resumptions = 0, fetches = 0;
  for (uint64_t seed = 0; seed < seeds; seed++) {
    const simulation::Result result = simulation::run({seed, Mutant::none, {}, false});
    for (const std::string &one : result.violations)
      print_error("seed %llu: %s\n", static_cast<unsigned long long>(seed), one.c_str());
    if (!result.violations.empty())
      fail_msg("replay it: simulate --seed %llu --trace", static_cast<unsigned long long>(seed));
    updates += result.updates;
    faults += result.faults;
    crashes += result.crashes;
    checkpoints += result.checkpoints;
    lineages += result.lineages;
    resumptions += result.resumptions;
    fetches += result.fetches;
  }
  print_message(
      "%llu seeds: %llu updates, %llu faults, %llu server deaths, %llu lineages, %llu resumptions, %llu "
      "checkpoints, %llu files fetched\n",
      static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(updates),
      static_cast<unsigned long long>(faults), static_cast<unsigned long long>(crashes),
      static_cast<unsigned long long>(lineages), static_cast<unsigned long long>(resumptions),
      static_cast<unsigned long long>(checkpoints), static_cast<unsigned long long>(fetches));
  // A run in which nothing happens would pass too.
  assert_true(updates > 20 * seeds && faults > 4 * seeds && crashes * 2 > seeds && checkpoints > seeds &&
              lineages > seeds + seeds / 8 && resumptions * 12 > seeds && fetches > seeds / 100);
}

void hundred_seeds_replay_byte_for_byte(void **) {
  for (uint64_t seed = 5000; seed < 5100; seed++) {
    const simulation::Result first = simulation::run({seed, Mutant::none, {}, true});
    const simulation::Result second = simulation::run({seed, Mutant::none, {}, true});
    assert_true(first.trace.size() > 1000);
    assert_true(first.trace == second.trace);
    assert_int_equal(first.hash, second.hash);
  }
}

// The first seed below 1,000 that shows the mistake, with an invariant whose text begins so.
void caught(Mutant mutant, const char *invariant, simulation::Run run = {}) {
  run.mutant = mutant;
  for (run.seed = 0; run.seed < 1000; run.seed++) {
    for (const std::string &one : simulation::run(run).violations) {
      if (one.starts_with(invariant))
        return print_message("caught by seed %llu: %s\n", static_cast<unsigned long long>(run.seed),
                             one.c_str());
    }
  }
  fail_msg("no seed below 1000 shows the planted mistake %d as %s", static_cast<int>(mutant), invariant);
}

// Runs in which one story is told again and again.
simulation::Run told(Aim aim, unsigned replicas, std::optional<Scenario> scenario = {}) {
  simulation::Run run;
  run.aim = aim;
  run.replicas = replicas;
  run.scenario = scenario;
  // A read that asks the members needs no lease.
  if (scenario == Scenario::single) run.reads = simulation::Reads::lease;
  return run;
}

void stories_keep_the_invariants(void **) {
  uint64_t faults = 0;
  for (size_t aim = 0; aim < simulation::kAims; aim++) {
    simulation::Run run = told(static_cast<Aim>(aim), 0);
    for (run.seed = 0; run.seed < 24; run.seed++) {
      run.replicas = 2 + static_cast<unsigned>(run.seed % 3);
      const simulation::Result result = simulation::run(run);
      for (const std::string &one : result.violations)
        fail_msg("simulate --seed %llu --replicas %u --aim %zu: %s", static_cast<unsigned long long>(run.seed),
                 run.replicas, aim, one.c_str());
      faults += result.faults;
    }
  }
  assert_true(faults > 24 * simulation::kAims);
}

void an_update_applied_twice_is_caught(void **) {
  caught(Mutant::no_dedup, "I4");
}
void updates_known_by_number_alone_are_caught(void **) {
  caught(Mutant::dedup_by_seq_alone, "I6");
}
void an_answer_before_the_update_is_caught(void **) {
  caught(Mutant::early_answer, "I6");
}
void a_stale_read_is_caught(void **) {
  caught(Mutant::stale_read, "I3");
}
void rows_that_are_kept_back_and_read_all_the_same_are_caught(void **) {
  caught(Mutant::hidden_rows, "I");
}
void an_update_that_counts_twice_in_its_round_is_caught(void **) {
  caught(Mutant::aggregate_twice, "I4");
}
void an_unchecked_token_is_caught(void **) {
  caught(Mutant::token_unchecked, "I8");
}
void a_torn_checkpoint_that_is_taken_is_caught(void **) {
  caught(Mutant::torn_checkpoint, "I");
}
void an_update_of_one_shard_alone_is_caught(void **) {
  caught(Mutant::one_shard_only, "I7");
}
void a_bound_that_nobody_keeps_is_caught(void **) {
  caught(Mutant::no_staleness, "stale");
}
void waiting_for_the_dead_is_caught(void **) {
  caught(Mutant::lease_forever, "liveness");
}
void an_old_lineage_that_passes_is_caught(void **) {
  caught(Mutant::lineage_ignored, "I");
}
void a_partition_of_two_owners_is_caught(void **) {
  caught(Mutant::two_owners, "I8");
}
void a_pull_of_mixed_versions_is_caught(void **) {
  caught(Mutant::pin_ignored, "I7");
}

void an_answer_before_the_log_is_on_the_disk_is_caught(void **) {
  caught(Mutant::answer_before_sync, "I");
}
void a_restart_that_forgets_what_it_did_is_caught(void **) {
  caught(Mutant::replay_forgets, "I4");
}
void a_torn_record_that_is_taken_is_caught(void **) {
  caught(Mutant::torn_record, "I");
}

void a_commit_before_all_have_it_is_caught(void **) {
  caught(Mutant::early_commit, "I");
}
void a_member_put_out_without_the_coordinator_is_caught(void **) {
  caught(Mutant::shrink_alone, "I");
}
void an_answer_before_the_commit_is_caught(void **) {
  caught(Mutant::no_hold, "I");
}
void a_snapshot_without_what_was_done_is_caught(void **) {
  caught(Mutant::half_snapshot, "I");
}
void a_snapshot_without_locks_is_caught(void **) {
  caught(Mutant::volatile_locks, "I9");
}
void entries_of_an_epoch_that_is_over_are_caught(void **) {
  caught(Mutant::no_fence, "I1", told(Aim::old_primary, 3, Scenario::single));
}
void answers_without_a_lease_are_caught(void **) {
  caught(Mutant::no_lease, "I3", told(Aim::old_primary, 2, Scenario::single));
}
void words_of_an_earlier_life_are_caught(void **) {
  caught(Mutant::no_incarnation, "I", told(Aim::dead_candidate, 2));
}
void a_learner_that_does_not_count_is_caught(void **) {
  caught(Mutant::early_add, "I1", told(Aim::addition, 2));
}
void a_learner_before_the_inherited_log_is_caught(void **) {
  caught(Mutant::early_join, "I1", told(Aim::unready, 4));
}
void a_primary_before_it_is_ready_is_caught(void **) {
  caught(Mutant::read_before_ready, "I3", told(Aim::commit, 3));
}
void entries_that_are_not_cut_are_caught(void **) {
  caught(Mutant::no_cut, "I", told(Aim::tail, 3));
}
void versions_that_are_shown_early_are_caught(void **) {
  caught(Mutant::publish_early, "I", told(Aim::old_primary, 2, Scenario::single));
}
void decisions_that_a_new_root_has_not_are_caught(void **) {
  caught(Mutant::decisions_lost, "liveness", told(Aim::decisions, 2, Scenario::sharded));
}
void a_primary_that_answers_after_it_named_another_is_caught(void **) {
  caught(Mutant::hand_over_and_answer, "I3", told(Aim::hand_over, 2, Scenario::single));
}
void an_entry_carried_out_twice_is_caught(void **) {
  caught(Mutant::replay_twice, "I9");
}
void memory_that_changes_by_itself_is_caught(void **) {
  caught(Mutant::flipped_bit, "I9");
}

// Leases cannot be trusted there, and are not: every read asks the members.
void reads_that_ask_are_right_under_wild_clocks(void **) {
  uint64_t reads = 0;
  for (uint64_t seed = 0; seed < 300; seed++) {
    simulation::Run run{seed, Mutant::none, {}, false, 2 + static_cast<unsigned>(seed % 2)};
    run.reads = simulation::Reads::confirm;
    run.wild_clocks = true;
    const simulation::Result result = simulation::run(run);
    for (const std::string &one : result.violations)
      fail_msg("simulate --seed %llu --replicas %u --reads 2 --wild-clocks: %s",
               static_cast<unsigned long long>(seed), run.replicas, one.c_str());
    reads += result.reads;
  }
  assert_true(reads > 300 * 10);
}
void a_read_that_asks_nobody_is_caught(void **) {
  simulation::Run run;
  run.replicas = 3;
  run.reads = simulation::Reads::confirm;
  run.wild_clocks = true;
  caught(Mutant::no_confirm, "I3", run);
}

// Replicas on disks, whose servers all die at once, again and again: what was answered for is there, in the same lineage.
simulation::Run power(unsigned replicas) {
  simulation::Run run;
  run.replicas = replicas;
  run.power = true;
  return run;
}

void replicas_on_disks_outlive_the_death_of_all(void **) {
  uint64_t resumptions = 0, lineages = 0;
  for (uint64_t seed = 0; seed < 200; seed++) {
    simulation::Run run = power(2 + static_cast<unsigned>(seed % 2));
    run.seed = seed;
    const simulation::Result result = simulation::run(run);
    for (const std::string &one : result.violations)
      fail_msg("simulate --seed %llu --replicas %u --power: %s", static_cast<unsigned long long>(seed),
               run.replicas, one.c_str());
    resumptions += result.resumptions;
    lineages += result.lineages;
  }
  print_message("%llu resumptions, %llu lineages\n", static_cast<unsigned long long>(resumptions),
                static_cast<unsigned long long>(lineages));
  assert_true(resumptions > 200 && lineages < 200 + 20);
}
void an_answer_before_the_disks_of_all_replicas_have_it_is_caught(void **) {
  caught(Mutant::answer_before_sync, "I", power(2));
}
void a_replica_that_leads_from_an_old_disk_is_caught(void **) {
  caught(Mutant::stranger_resumes, "I", power(3));
}
void a_replica_that_begins_anew_beside_full_disks_is_caught(void **) {
  caught(Mutant::begin_despite_disks, "I", power(2));
}

// --- the checks themselves --------------------------------------------------------------------------------------------

// Two workers with three updates each, one after another, and reads between: nothing wrong.
History good_history() {
  History history;
  history.workers = 2;
  history.numbers = 3;
  history.lineages = {{1, 0, 0, 0}};
  history.decided.push_back({1, 1, {}});
  uint64_t time = 100, version = 1;
  std::vector<float> cells(6);
  for (uint32_t number = 0; number < 3; number++) {
    for (uint32_t worker = 0; worker < 2; worker++) {
      const simulation::ClientId client{worker + 1, 7};
      simulation::UpdateSeen update;
      update.worker = worker;
      update.number = number;
      update.client = client;
      update.seq = number + 1;
      update.invoked = time;
      update.returned = time + 5;
      update.acknowledged = true;
      update.lineage = 1;
      update.version = ++version;
      history.updates.push_back(update);
      history.decided.push_back({1, version, {{client, number + 1}}});
      cells[worker * 3 + number] = 1;
      history.reads.push_back({time + 6, time + 8, 1, version, true, worker, {cells, cells}});
      time += 10;
    }
  }
  return history;
}

template <class Spoil>
void found(const char *invariant, Spoil spoil) {
  History history = good_history();
  spoil(history);
  const auto findings = simulation::check(history);
  bool there = false;
  for (const std::string &one : findings) there |= one.starts_with(invariant);
  if (!there)
    fail_msg("a planted mistake was not found as %s; %zu findings, first: %s", invariant, findings.size(),
             findings.empty() ? "none" : findings[0].c_str());
}

void a_good_history_passes(void **) {
  for (const std::string &one : simulation::check(good_history())) fail_msg("%s", one.c_str());
}

void planted_bad_histories_are_found(void **) {
  size_t planted = 0;
  const auto plant = [&](const char *invariant, auto spoil) {
    found(invariant, spoil);
    planted++;
  };
  for (size_t i = 0; i < 6; i++) {
    // Lost, doubled, misnumbered, out of order; each of the six updates and reads.
    plant("I6", [=](History &h) { h.decided.erase(h.decided.begin() + 1 + static_cast<ptrdiff_t>(i)); });
    plant("I4", [=](History &h) { h.decided.push_back({1, 50, h.decided[1 + i].entries}); });
    plant("I6", [=](History &h) { h.updates[i].version += 20; });
    plant("I6", [=](History &h) { h.updates[i].refused = true; });
    plant("I4", [=](History &h) { h.reads[i].tensors[0][i / 2 + i % 2 * 3] = 2; });
    plant("I7", [=](History &h) { h.reads[i].tensors[1][i / 2 + i % 2 * 3] = 0; });
    plant("I3", [=](History &h) {
      for (auto &tensor : h.reads[i].tensors) tensor[i / 2 + i % 2 * 3] = 0;
    });
    plant("I3", [=](History &h) { h.reads[i].version--; });
    if (i < 5) plant("I3", [=](History &h) { std::swap(h.updates[i].version, h.updates[i + 1].version); });
    if (i < 5) plant("I2", [=](History &h) { h.updates[i + 1].version = h.updates[i].version; });
  }
  for (size_t i = 0; i < 6; i++) {
    // A restart that lost the updates from the i-th on.
    plant("I1", [=](History &h) {
      h.durable = true;
      h.lineages.push_back({2, 100, 1, 1 + i});
    });
  }
  plant("I5", [](History &h) { h.lineages.push_back({1, 20, 0, 0}); });
  plant("I5", [](History &h) { h.lineages.push_back({2, 3, 1, 3}); });
  plant("I5", [](History &h) { std::swap(h.decided[2], h.decided[4]); });
  assert_true(planted >= 50);
}

void tokens_that_go_back_are_found(void **) {
  assert_int_equal(simulation::check_tokens({{"a", 1}, {"b", 9}, {"a", 2}, {"a", 2}}).size(), 0);
  assert_int_equal(simulation::check_tokens({{"a", 1}, {"a", 3}, {"b", 9}, {"a", 2}}).size(), 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_good_history_passes),
      cmocka_unit_test(planted_bad_histories_are_found),
      cmocka_unit_test(tokens_that_go_back_are_found),
      cmocka_unit_test(thousand_seeds_keep_the_invariants),
      cmocka_unit_test(hundred_seeds_replay_byte_for_byte),
      cmocka_unit_test(an_update_applied_twice_is_caught),
      cmocka_unit_test(updates_known_by_number_alone_are_caught),
      cmocka_unit_test(an_answer_before_the_update_is_caught),
      cmocka_unit_test(a_stale_read_is_caught),
      cmocka_unit_test(rows_that_are_kept_back_and_read_all_the_same_are_caught),
      cmocka_unit_test(an_update_that_counts_twice_in_its_round_is_caught),
      cmocka_unit_test(an_unchecked_token_is_caught),
      cmocka_unit_test(a_torn_checkpoint_that_is_taken_is_caught),
      cmocka_unit_test(an_update_of_one_shard_alone_is_caught),
      cmocka_unit_test(a_bound_that_nobody_keeps_is_caught),
      cmocka_unit_test(waiting_for_the_dead_is_caught),
      cmocka_unit_test(an_old_lineage_that_passes_is_caught),
      cmocka_unit_test(a_partition_of_two_owners_is_caught),
      cmocka_unit_test(a_pull_of_mixed_versions_is_caught),
      cmocka_unit_test(a_commit_before_all_have_it_is_caught),
      cmocka_unit_test(a_member_put_out_without_the_coordinator_is_caught),
      cmocka_unit_test(an_answer_before_the_commit_is_caught),
      cmocka_unit_test(a_snapshot_without_what_was_done_is_caught),
      cmocka_unit_test(a_snapshot_without_locks_is_caught),
      cmocka_unit_test(stories_keep_the_invariants),
      cmocka_unit_test(entries_of_an_epoch_that_is_over_are_caught),
      cmocka_unit_test(answers_without_a_lease_are_caught),
      cmocka_unit_test(words_of_an_earlier_life_are_caught),
      cmocka_unit_test(a_learner_that_does_not_count_is_caught),
      cmocka_unit_test(a_learner_before_the_inherited_log_is_caught),
      cmocka_unit_test(a_primary_before_it_is_ready_is_caught),
      cmocka_unit_test(entries_that_are_not_cut_are_caught),
      cmocka_unit_test(versions_that_are_shown_early_are_caught),
      cmocka_unit_test(decisions_that_a_new_root_has_not_are_caught),
      cmocka_unit_test(a_primary_that_answers_after_it_named_another_is_caught),
      cmocka_unit_test(an_entry_carried_out_twice_is_caught),
      cmocka_unit_test(memory_that_changes_by_itself_is_caught),
      cmocka_unit_test(reads_that_ask_are_right_under_wild_clocks),
      cmocka_unit_test(a_read_that_asks_nobody_is_caught),
      cmocka_unit_test(replicas_on_disks_outlive_the_death_of_all),
      cmocka_unit_test(an_answer_before_the_disks_of_all_replicas_have_it_is_caught),
      cmocka_unit_test(a_replica_that_leads_from_an_old_disk_is_caught),
      cmocka_unit_test(a_replica_that_begins_anew_beside_full_disks_is_caught),
      cmocka_unit_test(an_answer_before_the_log_is_on_the_disk_is_caught),
      cmocka_unit_test(a_restart_that_forgets_what_it_did_is_caught),
      cmocka_unit_test(a_torn_record_that_is_taken_is_caught),
  };
  return cmocka_run_group_tests_name("cluster simulation", tests, nullptr, nullptr);
}
