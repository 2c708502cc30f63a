/**
 * @file icea.h
 * @brief ICEA, incremental error accumulation: a buffer that knows which samples are still hard and brings them back.
 *
 * Each time a sample is trained on, its loss is added to its score; the samples of largest score are the *hard set*;
 * a share of every batch is drawn from it. Samples that were wrong several times in a row are taken for mislabelled
 * and set aside, in *quarantine*. Ask for a batch, train on it, record what came out:
 *
 * @code{.c}
 * ngd_icea *icea = NULL;
 * ngd_icea_create("icea:rho=0.5", 60000, &icea, &error);
 * for (;;) {
 *   ngd_icea_draw_f32(icea, 32, ids, weights, &error);
 *   train_on(ids, weights, losses, correct);
 *   ngd_icea_record_f32(icea, ids, losses, correct, 32, &error);
 * }
 * @endcode
 *
 * The trainer does all of this by its option `icea`. When it pays and when it does not is told, with measurements, on
 * the page "ICEA" of the manual.
 *
 * @par Scores
 * A visit with loss l and correctness c does, for sample i (`score=loss` or `score=miss`):
 * - e = min(max(l, 0), error_cap), or 1 - c;
 * - E_i = gamma E_i + e; seen_i grows by 1; errors_i by 1 - c; miss_run_i = c ? 0 : miss_run_i + 1.
 *
 * A sample is in quarantine while miss_run_i >= quarantine > 0; the next correct answer clears it. It still comes up
 * among the uniform draws.
 *
 * @par The hard set
 * H = the at most K = ceil(cap N) samples of largest E_i among those that were seen, are not in quarantine, and have
 * E_i > error_min and errors_i >= admit; of equal scores the lower numbers. H always is exactly this set: it is a
 * window of an ordered tree, not a list that falls behind. `remover=most` keeps the K smallest scores instead,
 * `remover=none` all.
 *
 * @par Samplers
 * How likely i of H is before the limit `boost`, and how its chance follows, N being the number of samples:
 * - `proportional`: pt_i = (E_i + error_min)^exponent / sum over H of the same;
 * - `uniform`: 1 / |H|;
 * - `rank`: proportional to exp(-r ln(pressure) / |H|), r from 0 by falling score (Loshchilov and Hutter 2015);
 * - `top_k`: 1 / k for the k = min(top, |H|) of largest score, 0 for others;
 * - `selective_backprop`: with x = 1 - r / |H|, x^(power+1) - (x - 1/|H|)^(power+1): the percentile of the score to the
 *   power `power`, averaged over the sample's own interval (Jiang et al. 2019, by remembered losses);
 * - `prioritized`: as proportional, where H is taken from all samples that are not in quarantine, also those of
 *   E_i <= error_min, and samples never seen count as if E_i = error_cap (Schaul et al. 2016).
 *
 * p_i = min(pt_i, boost / N) (`boost=0`: no limit); s = sum over H of p_i, at most 1; then each slot of a batch is,
 * independently and with replacement, with probability 1 - rho s any sample, else one of H by p_i / s. So
 *
 *     q_i = (1 - rho s) / N + rho p_i,    weight_i = (1 / (N q_i))^beta.
 *
 * Weights are not divided by their maximum. With beta = 1 the gradient of (1/m) sum of weight_i l_i is an unbiased
 * estimate of the gradient of the mean loss over all samples.
 *
 * @par When
 * The first `warmup` epochs (that many times N drawn slots) are plain: shuffled passes over all samples, without
 * replacement, weights 1. Then with `mode=mix` every batch is drawn as above. With `mode=phase` `plain_steps` plain
 * batches alternate with `hard_steps` batches in which every slot comes from H, as if rho s were 1: then q_i = p_i / s.
 * Where H is empty a slot is any sample.
 *
 * @par Cost and memory
 * Recording and drawing take logarithmic time a sample; nothing ever sorts. At ten million samples the buffer takes
 * 32 bytes a sample or less (ngd_icea_info.bytes tells).
 *
 * @par Random numbers
 * Batch number b is a function of the seed, b and the scores: one thread that repeats its calls draws the same, and a
 * buffer that was saved and loaded goes on as if there had been no pause.
 *
 * @par Threads
 * A buffer is *shared*: any number of threads may record and draw at once. It starts no thread. A batch is drawn from
 * one state of all scores; a recorded batch is not one transaction: another thread may draw while part of it is in.
 */
#ifndef NGD_ICEA_H
#define NGD_ICEA_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Scores of samples, and what decides which come next. */
typedef struct ngd_icea ngd_icea;

/** What a buffer holds. */
typedef struct ngd_icea_info {
  size_t struct_size;   /**< Set by the caller to sizeof(ngd_icea_info) before the call. */
  uint64_t samples;     /**< Number of samples, N. */
  uint64_t seen;        /**< Samples recorded at least once. */
  uint64_t hard;        /**< Size of the hard set, |H|. */
  uint64_t capacity;    /**< Largest size of the hard set, K; N with `remover=none`. */
  uint64_t quarantined; /**< Samples in quarantine. */
  uint64_t records;     /**< Visits recorded. */
  uint64_t batches;     /**< Batches drawn. */
  uint64_t draws;       /**< Slots drawn. */
  uint64_t hard_draws;  /**< Slots that were drawn from the hard set. */
  uint64_t bytes;       /**< Memory that the buffer takes. */
  double hard_mass;     /**< s: sum of p_i over the hard set, after the limit `boost`. */
  int32_t plain;        /**< 1 when the next batch will be plain: warm-up, or the plain part of `mode=phase`. */
  int32_t warming;      /**< 1 while the warm-up lasts. */
} ngd_icea_info;

/** What a buffer knows of one sample. */
typedef struct ngd_icea_sample {
  size_t struct_size;  /**< Set by the caller to sizeof(ngd_icea_sample) before the call. */
  uint64_t seen;       /**< Visits. */
  uint64_t errors;     /**< Visits whose answer was wrong. */
  uint64_t miss_run;   /**< Wrong answers since the last right one. */
  double score;        /**< E_i. */
  double probability;  /**< Chance of one slot of a batch that is not plain: q_i, or in `mode=phase` p_i / s. */
  int32_t hard;        /**< 1 when the sample is in the hard set. */
  int32_t quarantined; /**< 1 when the sample is in quarantine. */
} ngd_icea_sample;

/**
 * @brief Tells the option number @p index of a buffer: name, type, default, range and one line of help.
 *
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_describe(size_t index, ngd_option_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a buffer from a spec such as "icea" or "icea:rho=0.5,beta=1".
 *
 * @param spec the word "icea" and options, see option.h; NULL for all defaults.
 * @param samples number of samples N, 0 to 4294967295; they are called 0 to N - 1. ngd_icea_resize() changes it.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_create(const char *spec, uint64_t samples, ngd_icea **out,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a buffer. A trainer that uses it keeps what it needs.
 *
 * @param icea may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_icea_destroy(ngd_icea *icea) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag. Takes effect from the next call; scores stay as they are.
 *
 * Options that decide who may be in the hard set, and with what weight, cost one sort of all scores when they change.
 * @param icea not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that
 *         takes text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed after the first batch;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_set(ngd_icea *icea, const char *name, double value, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, or a number in the "C" locale's form.
 *
 * @param icea not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_icea_set().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_set_text(ngd_icea *icea, const char *name, const char *value,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param icea not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_get(const ngd_icea *icea, const char *name, double *value,
                                ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_icea_set_text() takes.
 *
 * The name "spec" gives all options that differ from their default, in the form that ngd_icea_create() takes.
 * @param icea not NULL.
 * @param name an option, or "spec"; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, the buffer is not; with
 *         @p capacity 0 the call is a question for the size and returns ::NGD_OK); ::NGD_E_OPTION;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_get_text(const ngd_icea *icea, const char *name, char *buffer, size_t capacity,
                                     size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Changes the number of samples. New ones have never been seen; those past the end are forgotten.
 *
 * A plain pass that was under way begins anew.
 * @param icea not NULL.
 * @param samples 0 to 4294967295.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_resize(ngd_icea *icea, uint64_t samples, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Records one visit for each of @p count samples, in the order given.
 *
 * A number that occurs twice is visited twice. Either the whole batch is recorded or nothing.
 * @param icea not NULL.
 * @param ids @p count sample numbers below N; not NULL unless @p count is 0.
 * @param losses @p count losses l, without weights, finite; one below 0 counts as 0; may be NULL with `score=miss`.
 * @param correct @p count numbers: 0 for a wrong answer, anything else for a right one; NULL where answers are not right
 *        or wrong (regression): then all count as right. Not NULL with `score=miss`.
 * @param count number of visits.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE for a number that is no sample; ::NGD_E_NOT_FINITE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_record_f32(ngd_icea *icea, const uint64_t *ids, const float *losses,
                                       const int32_t *correct, size_t count, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Draws the next batch.
 *
 * @param icea with at least one sample; not NULL.
 * @param count slots to draw, at least 1.
 * @param ids receives @p count sample numbers, in which some may occur twice; not NULL.
 * @param weights receives @p count weights; may be NULL. All are 1 with beta = 0 and in plain batches.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when there are no samples; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_draw_f32(ngd_icea *icea, size_t count, uint64_t *ids, float *weights,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells what a buffer holds, in time that does not grow with the samples.
 *
 * @param icea not NULL.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_get_info(const ngd_icea *icea, ngd_icea_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells what a buffer knows of one sample.
 *
 * @param icea not NULL.
 * @param id number of the sample, below N.
 * @param sample written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE for a number that is no sample; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_get_sample(const ngd_icea *icea, uint64_t id, ngd_icea_sample *sample,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Lists the samples in quarantine: the ones to look at, for their labels may be wrong, or their class rare.
 *
 * @param icea not NULL.
 * @param ids receives the numbers, rising; may be NULL when @p capacity is 0.
 * @param capacity numbers that @p ids has room for.
 * @param needed receives how many there are; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, @p ids is not; with @p capacity
 *         0 the call is a question for the number and returns ::NGD_OK); ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_get_quarantine(const ngd_icea *icea, uint64_t *ids, size_t capacity, size_t *needed,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Lists the hard set by falling score, of equal ones the lower number first.
 *
 * @param icea not NULL.
 * @param ids receives the numbers; may be NULL when @p capacity is 0.
 * @param capacity numbers that @p ids has room for.
 * @param needed receives how many there are; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_icea_get_quarantine(), and ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_get_hard_set(const ngd_icea *icea, uint64_t *ids, size_t capacity, size_t *needed,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Forgets all scores and counters, and begins with the first batch again, as after ngd_icea_create().
 *
 * @param icea not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_reset(ngd_icea *icea, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Copies out what is known of samples @p first to @p first + @p count - 1.
 *
 * For a part of the data that changes hands: the new owner takes the arrays with ngd_icea_import().
 * @param icea not NULL.
 * @param first number of the first sample.
 * @param count number of samples.
 * @param scores receives @p count scores E_i; may be NULL.
 * @param seen receives @p count visits; may be NULL.
 * @param errors receives @p count wrong answers; may be NULL.
 * @param miss_runs receives @p count wrong answers since the last right one; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE past the last sample; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_export(const ngd_icea *icea, uint64_t first, size_t count, float *scores,
                                   uint32_t *seen, uint32_t *errors, uint32_t *miss_runs,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Replaces what is known of samples @p first to @p first + @p count - 1 by what ngd_icea_export() gave.
 *
 * The arrays are refused whole when a score is negative, not finite, or belongs to a sample never seen, or when a count
 * is larger than the one it is part of.
 * @param icea not NULL.
 * @param first number of the first sample.
 * @param count number of samples.
 * @param scores @p count scores; one larger than the options allow counts as the largest; not NULL unless @p count is 0.
 * @param seen @p count visits; not NULL unless @p count is 0.
 * @param errors @p count wrong answers; not NULL unless @p count is 0.
 * @param miss_runs @p count wrong answers since the last right one; not NULL unless @p count is 0.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE past the last sample, or for numbers that cannot be; ::NGD_E_NOT_FINITE;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_import(ngd_icea *icea, uint64_t first, size_t count, const float *scores,
                                   const uint32_t *seen, const uint32_t *errors, const uint32_t *miss_runs,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes options, scores, counters and the random position to a safetensors file, atomically.
 *
 * @param icea not NULL.
 * @param path file to write; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_save(const ngd_icea *icea, const char *path, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Restores what ngd_icea_save(), or a checkpoint of a trainer with the option `icea`, holds, bit for bit.
 *
 * Options and number of samples become those of the file. The file is refused whole when anything in it is wrong.
 * @param icea not NULL.
 * @param path a file, or a run directory, of which the newest checkpoint is taken; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_CHECKPOINT; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_icea_load(ngd_icea *icea, const char *path, ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
