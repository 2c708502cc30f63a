/**
 * @file search.h
 * @brief Random search over hyper-parameters: ask for a trial, evaluate it in any way, tell the result.
 *
 * A search knows a space of parameters. It hands out trials (a value for each parameter), takes their results, knows when to
 * stop, and keeps a journal from which it goes on after a crash. What a trial does is the caller's: a model of this library,
 * another program, a measurement on another machine.
 *
 * @code{.c}
 * ngd_search *search = NULL;
 * ngd_search_create("search:max_trials=40,patience=20", &search, &error);
 * ngd_search_add(search, "rate", "log_uniform:low=1e-4,high=0.1", &error);
 * ngd_search_add(search, "layers", "integer:low=1,high=3", &error);
 * ngd_search_open_journal(search, "search.jsonl", &error);
 * uint64_t trial;
 * int32_t answer;
 * while (ngd_search_ask(search, &trial, &answer, &error) == NGD_OK && answer == NGD_SEARCH_TRIAL) {
 *   double rate = 0, layers = 0;
 *   ngd_search_get_value(search, trial, "rate", &rate, &error);
 *   ngd_search_get_value(search, trial, "layers", &layers, &error);
 *   ngd_search_tell(search, trial, loss_of(rate, layers), 0, &error);
 * }
 * @endcode
 *
 * @par Kinds of parameter
 * With u uniform in [0, 1):
 * | kind, with its defaults | value |
 * |---|---|
 * | `uniform:low=0,high=1` | low + u (high - low) |
 * | `log_uniform:low=1e-4,high=1` | exp(ln low + u (ln high - ln low)) |
 * | `integer:low=1,high=10` | each whole number from low to high alike |
 * | `log_integer:low=1,high=1024` | the whole part of exp(ln low + u (ln(high + 1) - ln low)) |
 * | `categorical`, and `values`, such as "relu&#124;tanh" | each of the texts alike |
 *
 * Every kind also takes `when`, which makes the parameter conditional:
 * `when="rule=ngd|adam"` draws it only in trials in which the parameter `rule`, added before, has one of these values.
 *
 * @par Trials
 * Trial i is a function of (seed, i) alone, and in it the value of a parameter a function of (seed, i, name): so neither the
 * number of workers, nor the order in which they end, nor other parameters change what a trial is. u comes from Philox4x32-10
 * with the seed as key, i as stream, and at the position FNV-1a(name) with its lowest 8 bits cleared.
 *
 * @par The answer and the end
 * Trials count in the order of their numbers, not of their ends. The counted trials are the longest run 0, 1, 2, ... of trials
 * that have ended, up to the first at which one of these holds:
 * - `max_trials` trials have ended;
 * - the last `patience` of them brought no improvement: none was below the best before it by more than `min_delta` (with
 *   `relative=1` by more than min_delta |best|);
 * - together they took `max_gradients` gradients, as told with each.
 *
 * There the search ends; trials that were handed out further on are not counted. Or it ends when `max_seconds` have passed since
 * the first trial (pauses between resumptions not counted): then no more are handed out. A trial that failed, was pruned or
 * gave a number that is not finite is no improvement. The answer is the counted trial of least (`goal=maximize`: largest)
 * value, of equals the first. With patience P the region of the best share p of the space is missed with probability
 * (1 - p)^P: 20 trials miss the best tenth in 12 of 100 searches.
 *
 * @par Pruning
 * With `pruning=median` ngd_search_report() says that a trial is to be given up when the best value it has reported is worse
 * than the median of what earlier trials reported at the same step (Golovin et al. 2017, "Google Vizier", section 3.2.2).
 * "Earlier" are the trials up to i - `parallel` that ended without failing and were not pruned, if at least `startup_trials`
 * of them reported that step. Trial i is not handed out before trial i - `parallel` has ended, so pruning too depends on
 * nothing but the results, as long as there are at most `parallel` workers.
 *
 * @par Journal
 * Lines of JSON: first the search and its space, then `ask`, `report` and `tell` of each trial, each written before the call
 * returns, and synced to the disk with every `tell`. A search that opens a journal goes on with what it holds: trials that
 * had ended are not evaluated again, those that had not are handed out again. A last line that was cut short is no line.
 *
 * @par Threads
 * A search is *shared*: any number of threads may ask, report and tell at once. It starts no thread, and nothing waits.
 */
#ifndef NGD_SEARCH_H
#define NGD_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A random search. */
typedef struct ngd_search ngd_search;

/** What ngd_search_ask() answers. */
enum {
  NGD_SEARCH_TRIAL = 1, /**< A trial to evaluate. */
  NGD_SEARCH_WAIT = 2,  /**< No trial yet: ask again when one of those that run has ended. */
  NGD_SEARCH_END = 3    /**< No further trial will be handed out. */
};

/** Why a search has ended, as ngd_search_info.reason. */
enum {
  NGD_SEARCH_GOES_ON = 0,       /**< It has not. */
  NGD_SEARCH_MAX_TRIALS = 1,    /**< The option `max_trials`. */
  NGD_SEARCH_PATIENCE = 2,      /**< The option `patience`. */
  NGD_SEARCH_MAX_GRADIENTS = 3, /**< The option `max_gradients`. */
  NGD_SEARCH_MAX_SECONDS = 4    /**< The option `max_seconds`. */
};

/** How a trial stands, as ngd_trial_info.state. */
enum {
  NGD_TRIAL_RUNNING = 1,  /**< Handed out, and not told. */
  NGD_TRIAL_FINISHED = 2, /**< Told with a finite value. */
  NGD_TRIAL_PRUNED = 3,   /**< Told after ngd_search_report() had said that it is to be given up. */
  NGD_TRIAL_FAILED = 4,   /**< It failed, or its value was not finite. */
  NGD_TRIAL_ABANDONED = 5 /**< Given up as the search had ended; handed out again if it is extended. */
};

/** How a search stands. */
typedef struct ngd_search_info {
  size_t struct_size;  /**< Set by the caller to sizeof(ngd_search_info) before the call. */
  uint64_t parameters; /**< Parameters of the space. */
  uint64_t trials;     /**< Trials handed out. */
  uint64_t running;    /**< Of these, not yet ended. */
  uint64_t counted;    /**< Trials that count. */
  uint64_t finished;   /**< Counted trials that finished. */
  uint64_t pruned;     /**< Counted trials that were pruned. */
  uint64_t failed;     /**< Counted trials that failed. */
  uint64_t stalled;    /**< Counted trials since the last improvement. */
  uint64_t gradients;  /**< Gradients of the counted trials. */
  uint64_t best_trial; /**< The best counted trial; UINT64_MAX when there is none. */
  double best_value;   /**< Its value; NaN when there is none. */
  double seconds;      /**< Wall time since the first trial, without pauses between resumptions. */
  int32_t reason;      /**< Why it has ended: one of the NGD_SEARCH_ numbers, or NGD_SEARCH_GOES_ON. */
} ngd_search_info;

/** One trial. */
typedef struct ngd_trial_info {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_trial_info) before the call. */
  uint64_t gradients; /**< As told. */
  uint64_t reports;   /**< Reports since it was handed out. */
  double value;       /**< As told; for one that runs its last report; NaN when there is none. */
  double seconds;     /**< From ask to tell; NaN while it runs. */
  int32_t state;      /**< One of the NGD_TRIAL_ numbers. */
  int32_t counted;    /**< 1 when it counts. */
} ngd_trial_info;

/** How much of the result goes by a parameter, over the counted trials that finished and drew it. */
typedef struct ngd_importance {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_importance) before the call. */
  uint64_t trials;    /**< How many those are. */
  double
      correlation; /**< Spearman's rank correlation of parameter and value, see ngd_search_get_importance(). */
  double chance;   /**< What a parameter without any influence exceeds in magnitude once in twenty searches. */
} ngd_importance;

/**
 * @brief Tells the option number @p index of a search.
 *
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_search_describe(size_t index, ngd_option_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Name of a kind of parameter, to list which kinds this library has.
 *
 * @param index from 0.
 * @return a static string, or NULL when @p index is past the last kind.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_search_kind(size_t index) NGD_NOEXCEPT;

/**
 * @brief Tells the option number @p index of a kind of parameter.
 *
 * @param kind name of a kind; not NULL.
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown kind; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_search_describe_kind(const char *kind, size_t index, ngd_option_info *info,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a search from a spec such as "search" or "search:max_trials=40,patience=20".
 *
 * @param spec the word "search" and options, see option.h; NULL for all defaults.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_search_create(const char *spec, ngd_search **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a search and closes its journal.
 *
 * @param search may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_search_destroy(ngd_search *search) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag. All options are fixed once a trial was handed out or a journal opened.
 *
 * @param search not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that takes
 *         text; ::NGD_E_RANGE; ::NGD_E_STATE for a search that is in use; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_set(ngd_search *search, const char *name, double value,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, or a number in the "C" locale's form.
 *
 * @param search not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_search_set().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_set_text(ngd_search *search, const char *name, const char *value,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param search not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get(const ngd_search *search, const char *name, double *value,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_search_set_text() takes.
 *
 * The name "spec" gives the whole search in the form that ngd_search_create() takes, without the space.
 * @param search not NULL.
 * @param name an option, or "spec"; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, the buffer is not; with
 *         @p capacity 0 the call is a question for the size and returns ::NGD_OK); ::NGD_E_OPTION; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_text(const ngd_search *search, const char *name, char *buffer,
                                       size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Adds a parameter to the space. Before the first trial.
 *
 * @param search not NULL.
 * @param name UTF-8 text without control characters, `=` and `|`, at most 200 bytes, of no other parameter; not NULL.
 * @param spec its kind and options, as told at the head of this file; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown kind or option; ::NGD_E_RANGE for a name that is no such text, a range that
 *         is empty, values that repeat or are empty, or a `when` that names no parameter or no value of one; ::NGD_E_STATE when there is such a parameter, or the search is in use; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_add(ngd_search *search, const char *name, const char *spec,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Name of a parameter, in the order in which they were added.
 *
 * @param search not NULL.
 * @param index from 0, below ngd_search_info.parameters.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_search_get_text(); ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_parameter(const ngd_search *search, size_t index, char *buffer,
                                            size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Spec of a parameter, in the form that ngd_search_add() takes.
 *
 * @param search not NULL.
 * @param name a parameter; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_search_get_text(); ::NGD_E_NOT_FOUND for an unknown parameter;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_spec(const ngd_search *search, const char *name, char *buffer,
                                       size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Keeps a journal in a file from now on, and goes on with what the file holds. Before the first trial.
 *
 * The file is made when it is not there. While it is open no other search can open it. Of an earlier search the space and the
 * options must be the same, but `max_trials`, `patience`, `max_gradients` and `max_seconds` may differ: so a search can be
 * extended.
 * @param search not NULL.
 * @param path of the file; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when a trial was handed out, a journal is open, or another process has this one open;
 *         ::NGD_E_CHECKPOINT when the file is no journal, is damaged, or belongs to another search; ::NGD_E_IO;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY. After a failure the search and the file are as before.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_open_journal(ngd_search *search, const char *path, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Makes a search from a journal, to look at it. It may be another process's that still runs.
 *
 * The search has the journal's options and space and hands out no trials.
 * @param path of the file; not NULL.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_CHECKPOINT when the file is no journal or is damaged; ::NGD_E_IO; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_search_load(const char *path, ngd_search **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Asks for a trial to evaluate.
 *
 * @param search with at least one parameter; not NULL.
 * @param trial receives the number of the trial, from 0, when there is one; not NULL.
 * @param answer receives NGD_SEARCH_TRIAL, _WAIT or _END; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE without a parameter, without any rule to stop by, or for a search that was loaded to be
 *         looked at; ::NGD_E_IO when the journal cannot be written; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_ask(ngd_search *search, uint64_t *trial, int32_t *answer,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The value of a parameter in a trial, as a number.
 *
 * @param search not NULL.
 * @param trial any number: values need no trial to be handed out.
 * @param name a parameter; not NULL.
 * @param value receives the number; of a categorical one the number that its text is; NaN when the text is none, or when
 *        `when` leaves the parameter out of this trial; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND for an unknown parameter; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_value(const ngd_search *search, uint64_t trial, const char *name,
                                        double *value, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The value of a parameter in a trial, as text: a number with all its digits, or the text of a category.
 *
 * @param search not NULL.
 * @param trial any number.
 * @param name a parameter; not NULL.
 * @param buffer receives NUL-terminated text, "" when `when` leaves the parameter out; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_search_get_text(); ::NGD_E_NOT_FOUND for an unknown parameter;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_value_text(const ngd_search *search, uint64_t trial, const char *name,
                                             char *buffer, size_t capacity, size_t *needed,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reports how a trial does on the way, and learns whether it should go on.
 *
 * @param search not NULL.
 * @param trial that runs.
 * @param step above that of the trial's last report; what a step is, is the caller's, but the same in all trials.
 * @param value what is minimised or maximised, at this step; one that is not finite is worse than any other.
 * @param stop receives 1 when the trial is to be given up, by pruning or because the search has ended: tell then its last
 *        value; 0 when it should go on; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE for a trial that does not run; ::NGD_E_RANGE for a step that is not above the last;
 *         ::NGD_E_IO; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_report(ngd_search *search, uint64_t trial, uint64_t step, double value,
                                     int32_t *stop, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells the result of a trial.
 *
 * @param search not NULL.
 * @param trial that runs.
 * @param value what is minimised or maximised; one that is not finite makes the trial a failed one.
 * @param gradients how many gradients, or other units of cost, it took; for `max_gradients`.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE for a trial that does not run; ::NGD_E_IO; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_tell(ngd_search *search, uint64_t trial, double value, uint64_t gradients,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells that a trial failed.
 *
 * @param search not NULL.
 * @param trial that runs.
 * @param message why, for the reader of the journal; NULL for no words.
 * @param gradients how many it took.
 * @param error filled on failure; may be NULL.
 * @return as ngd_search_tell().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_fail(ngd_search *search, uint64_t trial, const char *message, uint64_t gradients,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells how the search stands.
 *
 * @param search not NULL.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_info(const ngd_search *search, ngd_search_info *info,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells how a trial stands.
 *
 * @param search not NULL.
 * @param trial from 0, below ngd_search_info.trials.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND for a trial that was not handed out; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_trial(const ngd_search *search, uint64_t trial, ngd_trial_info *info,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Why a trial failed, as ngd_search_fail() was told; "" for others.
 *
 * @param search not NULL.
 * @param trial from 0, below ngd_search_info.trials.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_search_get_text(); ::NGD_E_NOT_FOUND for a trial that was not handed out;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_message(const ngd_search *search, uint64_t trial, char *buffer,
                                          size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells how much of the results goes by a parameter.
 *
 * The correlation is Spearman's, of the ranks of parameter and value, from -1 to 1; for a categorical parameter it is the
 * correlation ratio of the ranks of the values, from 0 to 1 (Kruskal and Wallis 1952: its square is H / (n - 1)). It is NaN
 * below three trials and where nothing varies. Each parameter is looked at by itself: two that matter only together show
 * little.
 * @param search not NULL.
 * @param name a parameter; not NULL.
 * @param importance written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND for an unknown parameter; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_search_get_importance(const ngd_search *search, const char *name,
                                             ngd_importance *importance, ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
