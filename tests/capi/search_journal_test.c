/* The journal of a random search: going on after an end and after kill -9, extending, damage, threads.
 *
 * NGD_TEST_SEARCH_KILLS says how many times a search is killed (5). */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "search_helpers.h"

static const char *kSpec = "search:max_trials=60,patience=0,pruning=median,parallel=8";
static char path[] = "/tmp/ngd-search-XXXXXX";

static int new_path(void **state) {
  (void)state;
  strcpy(path + strlen(path) - 6, "XXXXXX");
  const int descriptor = mkstemp(path);
  if (descriptor < 0) return -1;
  close(descriptor);
  return unlink(path);
}

static int remove_path(void **state) {
  (void)state;
  unlink(path);
  return 0;
}

static ngd_search *journaled(const char *spec) {
  ngd_error error;
  ngd_search *search = new_search(spec);
  check_ok(ngd_search_open_journal(search, path, &error));
  return search;
}

static char *read_path(size_t *length) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *text = calloc(1, 1 << 20);
  *length = fread(text, 1, (1 << 20) - 1, file);
  fclose(file);
  return text;
}

static void write_path(const char *text, size_t length) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, length, file), length);
  fclose(file);
}

static void a_search_goes_on_with_its_journal(void **state) {
  (void)state;
  ngd_search *whole = new_search(kSpec);
  const int tells = run_search(whole, 1, 1, 0);
  int parts = 0, told = 0;
  for (;; parts++) { /* seven tells at a time, by another number of workers each time */
    ngd_search *search = journaled(kSpec);
    const int now = run_search(search, 1 + parts % 5, (uint32_t)parts, 7);
    told += now;
    const int ended = info_of(search).reason != NGD_SEARCH_GOES_ON;
    if (ended) same_answer(whole, search);
    ngd_search_destroy(search);
    if (ended) break;
  }
  assert_in_range(parts, 7, 12);
  assert_int_equal(told, tells);
  ngd_search_destroy(whole);
}

/* Starts a process that goes on with the search; kills it after so many microseconds, or waits for it. Returns 1 when it was
 * killed, 0 when it had ended well. */
static int go_on_and_kill(uint32_t order, int64_t microseconds) {
  const pid_t child = fork();
  if (child == 0) {
    ngd_search *search = journaled(kSpec);
    run_search(search, 4, order, 0);
    _exit(info_of(search).reason == NGD_SEARCH_MAX_TRIALS ? 0 : 1);
  }
  assert_true(child > 0);
  int status = 0;
  if (microseconds >= 0) {
    usleep((useconds_t)microseconds);
    kill(child, SIGKILL);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return 1;
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return 0;
}

static int64_t now_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void a_search_killed_at_any_moment_ends_with_the_same_answer(void **state) {
  (void)state;
  const char *wanted = getenv("NGD_TEST_SEARCH_KILLS");
  const int kills = wanted != NULL ? atoi(wanted) : 5;
  ngd_search *whole = new_search(kSpec);
  run_search(whole, 1, 1, 0);
  const int64_t begun = now_microseconds();
  assert_int_equal(go_on_and_kill(1, -1), 0);
  const int64_t duration = now_microseconds() - begun;
  unlink(path);
  uint32_t random = 99;
  int killed = 0, searches = 0;
  for (; killed < kills; searches++) {
    assert_true(searches < 100 + 10 * kills);
    uint32_t part = 1;
    while (go_on_and_kill(part, (int64_t)(next_random(&random) % (uint32_t)duration))) part++;
    killed += (int)part - 1;
    ngd_error error;
    ngd_search *search = NULL;
    check_ok(ngd_search_load(path, &search, &error));
    same_answer(whole, search);
    ngd_search_destroy(search);
    unlink(path);
  }
  print_message("killed %d times in %d searches\n", killed, searches);
  ngd_search_destroy(whole);
}

static void any_cut_of_the_journal_ends_with_the_same_answer(void **state) {
  (void)state;
  const char *spec = "search:max_trials=12,pruning=median,startup_trials=2,parallel=3";
  ngd_search *whole = journaled(spec);
  run_search(whole, 3, 1, 0);
  ngd_search_destroy(whole);
  whole = new_search(spec);
  run_search(whole, 1, 1, 0);
  size_t length = 0;
  char *text = read_path(&length);
  for (size_t cut = 0; cut < length; cut += 1 + length / 150) { /* within lines, and between them */
    write_path(text, cut);
    ngd_search *search = journaled(spec);
    run_search(search, 2, (uint32_t)cut, 0);
    same_answer(whole, search);
    ngd_search_destroy(search);
  }
  free(text);
  ngd_search_destroy(whole);
}

static void a_search_can_be_extended_and_looked_at(void **state) {
  (void)state;
  ngd_error error;
  ngd_search *search = journaled("search:max_trials=10"), *looked_at = NULL;
  run_search(search, 4, 3, 0);
  check_ok(ngd_search_load(path, &looked_at, &error)); /* while the other is open */
  same_answer(search, looked_at);
  uint64_t trial;
  int32_t answer;
  check_error(ngd_search_ask(looked_at, &trial, &answer, &error), NGD_E_STATE,
              "the search was loaded to be looked at; it hands out no trials");
  check_error(ngd_search_add(looked_at, "y", "uniform", &error), NGD_E_STATE,
              "the search was loaded to be looked at; adding a parameter needs one of its own");
  char text[200];
  check_ok(ngd_search_get_text(looked_at, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, "search:max_trials=10");
  check_ok(ngd_search_get_parameter(looked_at, 2, text, sizeof text, NULL, &error));
  assert_string_equal(text, "delta");
  check_ok(ngd_search_get_spec(looked_at, "delta", text, sizeof text, NULL, &error));
  assert_string_equal(text, "uniform:low=1,high=2,when=\"rule=ngd\"");
  ngd_search_destroy(looked_at);
  ngd_search_destroy(search);

  ngd_search *longer = journaled("search:max_trials=25,patience=0");
  assert_int_equal(info_of(longer).counted, 10);
  run_search(longer, 2, 1, 0);
  ngd_search *whole = new_search("search:max_trials=25,patience=0");
  run_search(whole, 1, 1, 0);
  same_answer(whole, longer);
  ngd_search_destroy(longer);
  ngd_search_destroy(whole);
}

static void a_message_that_is_no_text_does_not_damage_the_journal(void **state) {
  (void)state;
  ngd_error error;
  uint64_t trial;
  int32_t answer;
  char text[64];
  ngd_search *search = journaled(kSpec), *looked_at = NULL;
  check_ok(ngd_search_ask(search, &trial, &answer, &error));
  check_ok(ngd_search_fail(search, trial, "bad \xff\xfe \"bytes\"\n", 0, &error));
  check_ok(ngd_search_load(path, &looked_at, &error));
  check_ok(ngd_search_get_message(looked_at, trial, text, sizeof text, NULL, &error));
  assert_string_equal(text, "bad \xef\xbf\xbd\xef\xbf\xbd \"bytes\"\n");
  ngd_search_destroy(looked_at);
  ngd_search_destroy(search);
}

static void refused(ngd_status status, const char *expected) {
  ngd_error error;
  size_t length = 0, after = 0;
  char *before = read_path(&length), message[700];
  snprintf(message, sizeof message, expected, path);
  ngd_search *search = new_search(kSpec);
  check_error(ngd_search_open_journal(search, path, &error), status, message);
  char *now = read_path(&after);
  assert_int_equal(length, after);
  assert_memory_equal(before, now, length);
  assert_int_equal(info_of(search).trials, 0);
  check_ok(ngd_search_add(search, "still free", "uniform", &error));
  free(before);
  free(now);
  ngd_search_destroy(search);
}

static void what_is_no_journal_of_the_search_is_refused(void **state) {
  (void)state;
  ngd_error error;
  write_path("my notes", 8);
  refused(NGD_E_CHECKPOINT, "\"%s\" is no journal of a search");
  write_path("my notes\n", 9);
  refused(NGD_E_CHECKPOINT, "\"%s\" is no journal of a search: line 1: it is no JSON object");
  write_path("{\"format\":2}\n", 13);
  refused(NGD_E_CHECKPOINT, "\"%s\" is no journal of a search: line 1: its format is another than 1");
  write_path("{}\n", 3);
  refused(NGD_E_CHECKPOINT, "\"%s\" is no journal of a search: line 1: it has no \"format\"");
  unlink(path);

  ngd_search *search = journaled("search:seed=2,max_trials=3,parallel=8,pruning=median");
  run_search(search, 1, 1, 0);
  refused(NGD_E_STATE,
          "the journal \"%s\" is in use by another search; wait for its end, or take another file");
  ngd_search_destroy(search);
  search = new_search(kSpec);
  assert_int_equal(ngd_search_open_journal(search, path, &error), NGD_E_CHECKPOINT);
  assert_non_null(strstr(error.message, "seed=2"));
  assert_non_null(strstr(error.message, "; only where it ends may differ"));
  ngd_search_destroy(search);
  unlink(path);

  search = journaled(kSpec);
  ngd_search_destroy(search);
  search = NULL;
  check_ok(ngd_search_create(kSpec, &search, &error));
  check_ok(ngd_search_add(search, "x", "uniform", &error));
  assert_int_equal(ngd_search_open_journal(search, path, &error), NGD_E_CHECKPOINT);
  assert_non_null(strstr(error.message, "is of a search with another space; give the same parameters"));
  ngd_search_destroy(search);
  check_error(ngd_search_load("/tmp/no such file", &search, &error), NGD_E_IO,
              "cannot read the journal \"/tmp/no such file\": No such file or directory");
  assert_null(search);
}

/* Puts `line` after the first `keep` lines of a good journal, and the rest behind it. */
static void with_line(const char *text, int keep, const char *line) {
  const char *rest = text;
  for (int i = 0; i < keep; i++) rest = strchr(rest, '\n') + 1;
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fwrite(text, 1, (size_t)(rest - text), file);
  fputs(line, file);
  fputs(rest, file);
  fclose(file);
}

static void damage_is_told_by_its_line(void **state) {
  (void)state;
  ngd_search *search = journaled(kSpec);
  run_search(search, 1, 1, 3);
  ngd_search_destroy(search);
  size_t length = 0;
  char *text = read_path(&length);
  const struct {
    const char *line, *message;
  } cases[] = {
      {"{\"event\":\"ask\"\n", "the journal \"%s\" is damaged: line 3: it is no JSON object"},
      {"{\"event\":\"ask\",\"trial\":-1,\"seconds\":0}\n",
       "the journal \"%s\" is damaged: line 3: \"trial\" is no whole number"},
      {"{\"event\":\"report\",\"trial\":0,\"step\":1,\"value\":\"x\"}\n",
       "the journal \"%s\" is damaged: line 3: \"value\" is no number"},
      {"{\"event\":\"ask\",\"trial\":5,\"seconds\":0}\n",
       "the journal \"%s\" is damaged: line 3: trial 5 comes too early"},
      {"{\"event\":\"report\",\"trial\":4,\"step\":1,\"value\":1}\n",
       "the journal \"%s\" is damaged: line 3: trial 4 was not running"},
      {"{\"event\":\"dance\",\"trial\":4}\n", "the journal \"%s\" is damaged: line 3: its event is none"},
      {"{\"event\":\"tell\",\"trial\":0,\"state\":\"good\",\"value\":1,\"gradients\":0,\"took\":0,\"seconds\":"
       "0}\n",
       "the journal \"%s\" is damaged: line 3: its state is none"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    with_line(text, 2, cases[i].line);
    refused(NGD_E_CHECKPOINT, cases[i].message);
  }
  free(text);
}

static void a_full_disk_is_an_error_and_not_a_lost_trial(void **state) {
  (void)state;
  ngd_error error;
  const int full = open("/dev/full", O_WRONLY);
  if (full < 0) skip();
  close(full);
  ngd_search *search = new_search(kSpec);
  assert_int_equal(ngd_search_open_journal(search, "/dev/full", &error), NGD_E_IO);
  uint64_t trial;
  int32_t answer;
  check_ok(ngd_search_ask(search, &trial, &answer, &error)); /* without a journal it goes on */
  ngd_search_destroy(search);
}

typedef struct crew {
  ngd_search *search;
  int told;
} crew;

static void *work(void *argument) {
  crew *mine = argument;
  ngd_error error;
  for (;;) {
    uint64_t trial;
    int32_t answer = 0, stop = 0;
    if (ngd_search_ask(mine->search, &trial, &answer, &error) != NGD_OK || answer == NGD_SEARCH_END)
      return NULL;
    if (answer == NGD_SEARCH_WAIT) {
      usleep(100);
      continue;
    }
    for (uint64_t step = 1; step <= 5 && !stop; step++) {
      if (ngd_search_report(mine->search, trial, step, loss_at(mine->search, trial, step), &stop, &error) !=
          NGD_OK)
        return NULL;
    }
    const uint64_t steps = trial_of(mine->search, trial).reports;
    if (ngd_search_tell(mine->search, trial, loss_of(mine->search, trial), 10 * steps, &error) != NGD_OK)
      return NULL;
    mine->told++;
  }
}

static void threads_share_a_search(void **state) {
  (void)state;
  ngd_search *alone = new_search(kSpec), *shared = journaled(kSpec);
  const int tells = run_search(alone, 1, 1, 0);
  pthread_t threads[4];
  crew crews[4];
  int told = 0;
  for (int i = 0; i < 4; i++) {
    crews[i] = (crew){shared, 0};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &crews[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    told += crews[i].told;
  }
  assert_int_equal(told, tells);
  same_answer(alone, shared);
  ngd_search_destroy(alone);
  ngd_search_destroy(shared);
}

#define with_path(test) cmocka_unit_test_setup_teardown(test, new_path, remove_path)

int main(void) {
  const struct CMUnitTest tests[] = {
      with_path(a_search_goes_on_with_its_journal),
      with_path(a_search_killed_at_any_moment_ends_with_the_same_answer),
      with_path(any_cut_of_the_journal_ends_with_the_same_answer),
      with_path(a_search_can_be_extended_and_looked_at),
      with_path(a_message_that_is_no_text_does_not_damage_the_journal),
      with_path(what_is_no_journal_of_the_search_is_refused),
      with_path(damage_is_told_by_its_line),
      with_path(a_full_disk_is_an_error_and_not_a_lost_trial),
      with_path(threads_share_a_search),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
