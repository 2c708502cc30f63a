// Teams of threads: every thread runs, barriers order, helpers sleep, forks and refusals leave nothing behind.
#include "base/team.h"

#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "raises.h"

using namespace ngd;

namespace {

int creations_left = -1;  // pthread_create is refused after so many; -1 for never

}  // namespace

// In front of the system's.
extern "C" int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                              void *context) {
  if (creations_left == 0) return EAGAIN;
  if (creations_left > 0) creations_left--;
  using Create = int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  return reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, start, context);
}

namespace {

size_t threads_alive() {
  size_t count = 0;
  for ([[maybe_unused]] const auto &task : std::filesystem::directory_iterator("/proc/self/task")) count++;
  return count;
}
size_t alive_at_start = 0;

void sleep_milliseconds(int milliseconds) {
  timespec time = {milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  while (nanosleep(&time, &time) != 0) {
  }
}

// A thread that was joined leaves the kernel's list a moment later.
void check_no_helper_is_left() {
  for (int i = 0; i < 2000 && threads_alive() != alive_at_start; i++) sleep_milliseconds(1);
  assert_int_equal(threads_alive(), alive_at_start);
}

double processor_seconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void every_thread_runs_the_job_once(void **) {
  for (unsigned threads = 0; threads <= 8; threads++) {
    Team team(threads);
    assert_int_equal(team.size(), std::max(threads, 1u));
    std::vector<int> times(team.size());
    for (int round = 1; round <= 300; round++) {
      team.run([&](unsigned thread) noexcept { times[thread]++; });
      // Plain memory: what helpers wrote is visible when run() has returned.
      for (const int count : times) assert_int_equal(count, round);
    }
  }
}

void the_caller_is_thread_zero(void **) {
  Team team(3);
  std::vector<pthread_t> ids(3);
  team.run([&](unsigned thread) noexcept { ids[thread] = pthread_self(); });
  assert_true(pthread_equal(ids[0], pthread_self()));
  assert_false(pthread_equal(ids[1], ids[0]) || pthread_equal(ids[2], ids[0]) || pthread_equal(ids[1], ids[2]));
}

void a_job_is_a_function_and_a_context(void **) {
  Team team(2);
  int seen[2] = {};
  const Team::Job job = [](unsigned thread, void *context) noexcept {
    static_cast<int *>(context)[thread] = 7;
  };
  team.run(job, seen);
  assert_true(seen[0] == 7 && seen[1] == 7);
}

void one_thread_starts_no_thread(void **) {
  creations_left = 0;
  for (const unsigned threads : {0, 1}) {
    Team team(threads);
    team.run([&](unsigned) noexcept { team.barrier(); });
  }
  creations_left = -1;
}

// Each thread writes, then reads what the others wrote before the barrier, many times over: a barrier that let one
// through early would show a stale number, and the thread sanitizer a race.
void nobody_passes_a_barrier_early(void **) {
  for (const unsigned threads : {2, 3, 4, 8}) {
    Team team(threads);
    const int rounds = threads > 2 ? 300 : 3000;
    std::vector<int> values(threads), wrong(threads);
    team.run([&](unsigned thread) noexcept {
      for (int round = 1; round <= rounds; round++) {
        if (thread == static_cast<unsigned>(round) % threads) sched_yield();
        values[thread] = round;
        team.barrier();
        for (const int value : values) wrong[thread] += value != round;
        team.barrier();
      }
    });
    for (const int count : wrong) assert_int_equal(count, 0);
  }
}

void a_run_waits_for_the_slowest_thread(void **) {
  Team team(4);
  for (unsigned slow = 0; slow < 4; slow++) {
    std::vector<int> done(4);
    team.run([&](unsigned thread) noexcept {
      if (thread == slow) sleep_milliseconds(20);
      done[thread] = 1;
    });
    for (const int flag : done) assert_int_equal(flag, 1);
  }
}

void helpers_that_sleep_are_woken(void **) {
  Team team(4);
  int sum = 0;
  for (int round = 0; round < 5; round++) {
    sleep_milliseconds(5);
    std::atomic<int> count = 0;
    team.run([&](unsigned) noexcept { count++; });
    sum += count;
  }
  assert_int_equal(sum, 20);
}

void an_idle_team_burns_no_processor_time(void **) {
  Team team(2);
  team.run([](unsigned) noexcept {});
  const double before = processor_seconds();
  sleep_milliseconds(300);
  assert_true(processor_seconds() - before < 0.05);
}

// A team larger than the machine sleeps at once, since whoever spins keeps another from working: a barrier costs each
// thread less than half of a spin's 20 microseconds.
void more_threads_than_processors_do_not_crawl(void **) {
  const auto threads = 4 * static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
  constexpr int kBarriers = 1000;
  Team team(threads);
  const double before = processor_seconds();
  team.run([&](unsigned) noexcept {
    for (int i = 0; i < kBarriers; i++) team.barrier();
  });
  [[maybe_unused]] const double each = (processor_seconds() - before) / kBarriers / threads;
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  if (each > 10e-6) fail_msg("a barrier took %g microseconds of each thread", 1e6 * each);
#endif
}

void a_team_ends_with_its_threads(void **) {
  for (int i = 0; i < 50; i++) {
    Team idle(4);
    Team used(3);
    used.run([](unsigned) noexcept {});
  }
  check_no_helper_is_left();
}

void a_refused_thread_is_an_error_and_leaves_none_behind(void **) {
  sigset_t mask_before, mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
  for (const int allowed : {0, 2}) {
    creations_left = allowed;
    const std::string text = "thread " + std::to_string(allowed + 2) +
                             " of 4 could not be started: the system has no room for another; ask for fewer";
    check_raises(NGD_E_MEMORY, text, [] { Team team(4); });
    check_no_helper_is_left();
  }
  creations_left = -1;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (int signal = 1; signal < 32; signal++)
    assert_int_equal(sigismember(&mask, signal), sigismember(&mask_before, signal));
}

void helpers_leave_the_hosts_signals_to_the_host(void **) {
  Team team(2);
  std::vector<sigset_t> masks(2);
  team.run([&](unsigned thread) noexcept { pthread_sigmask(SIG_SETMASK, nullptr, &masks[thread]); });
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGALRM, SIGPROF}) {
    assert_int_equal(sigismember(&masks[1], signal), 1);
    assert_int_equal(sigismember(&masks[0], signal), 0);
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    assert_int_equal(sigismember(&masks[1], signal), 0);
}

// The child uses the parent's team and destroys it; the parent's goes on.
void a_forked_child_works_alone(void **) {
  auto team = std::make_unique<Team>(3);
  team->run([](unsigned) noexcept {});
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(60);
    bool good = team->size() == 1;
    int sum = 0;
    team->run([&](unsigned thread) noexcept {
      team->barrier();
      sum += thread == 0 ? 1 : 100;
    });
    good = good && sum == 1;
    team.reset();
    _exit(good ? 0 : 1);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  std::atomic<unsigned> count = 0;
  team->run([&](unsigned) noexcept {
    team->barrier();
    count++;
  });
  assert_int_equal(count, 3);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_thread_runs_the_job_once),
      cmocka_unit_test(the_caller_is_thread_zero),
      cmocka_unit_test(a_job_is_a_function_and_a_context),
      cmocka_unit_test(one_thread_starts_no_thread),
      cmocka_unit_test(nobody_passes_a_barrier_early),
      cmocka_unit_test(a_run_waits_for_the_slowest_thread),
      cmocka_unit_test(helpers_that_sleep_are_woken),
      cmocka_unit_test(an_idle_team_burns_no_processor_time),
      cmocka_unit_test(more_threads_than_processors_do_not_crawl),
      cmocka_unit_test(a_team_ends_with_its_threads),
      cmocka_unit_test(a_refused_thread_is_an_error_and_leaves_none_behind),
      cmocka_unit_test(helpers_leave_the_hosts_signals_to_the_host),
      cmocka_unit_test(a_forked_child_works_alone),
  };
  // The thread sanitizer adds one of its own to the first.
  { Team first(2); }
  sleep_milliseconds(100);
  alive_at_start = threads_alive();
  // A team that hangs must not hang the machine.
  alarm(240);
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
