/**
 * @file vectors.h
 * @brief Word vectors: read, look up, find neighbours, begin a text model with them, train them, write them.
 *
 * @code{.c}
 * ngd_vectors *vectors = NULL;
 * uint64_t rows[10];
 * float similarities[10];
 * size_t found;
 * ngd_vectors_create(NULL, &vectors, &error);
 * ngd_vectors_load(vectors, "glove-twitter-25d.txt.gz", &error);
 * ngd_vectors_neighbours_f32(vectors, "king", 10, rows, similarities, &found, &error);
 * @endcode
 *
 * A handle is filled once: by ngd_vectors_load(), ngd_vectors_append_f32() or training. Row i is the vector of word i, in the
 * order of the file, or, after training, by falling number of occurrences.
 *
 * @par Formats
 * Plain or gzip; the option `format` or, with `auto`, the first bytes tell which:
 * - `glove`: a line a word, "word n n n"; the first line tells how many numbers all have.
 * - `word2vec_text`: the same after a line "words dimension". fastText's `.vec` files are of this format.
 * - `word2vec_binary`: that line, then for each word its bytes, a blank, and float32 numbers, little-endian.
 * - `safetensors`: a tensor `vectors` [words, dimension] of F32, and the words in a tensor `words` of U8, each followed by a line
 *   break.
 *
 * In text, numbers are counted from the right, so a word may hold blanks. What stands in a file that should not, such as a
 * line with another number of numbers, a NaN, a word that is not UTF-8, a file that ends early, or a first line that promises
 * more or fewer words than there are, is ::NGD_E_DATA with the place and how to mend it, unless `malformed=skip` leaves such lines
 * out. Of a word that comes twice the first vector is kept, and the others are counted.
 *
 * @par Memory
 * A table of n words of dimension d takes 4 n d bytes, and about 20 bytes a word. The option `memory_limit` refuses a file
 * before the table grows past it; `words` keeps the first n words of a file, which in most are the commonest.
 *
 * @par Similarity
 * is the cosine: a.b / (|a| |b|), from -1 to 1; that of a zero vector is 0.
 *
 * @par Training
 * Skip-gram or continuous bag of words (`method`) with negative sampling (Mikolov et al. 2013, "Distributed representations of
 * words and phrases and their compositionality"). For a word w at a place of a text, its neighbours c at most b places away
 * (b uniform from 1 to `window`), and k = `negatives` noise words n drawn by count^0.75, what is minimised is
 *
 *     skip_gram: sum over c of  -log s(in_c . out_w) - sum over n of log s(-in_c . out_n)
 *     cbow:                     -log s(h . out_w)    - sum over n of log s(-h . out_n),   h the mean of in_c
 *
 * with s(x) = 1 / (1 + e^-x). Each w has noise words of its own, which its neighbours share (Ji et al. 2016, "Parallelizing word2vec in
 * shared and distributed memory", section III); a noise word equal to w counts as none. Before windows are cut an occurrence of a word of relative frequency f is
 * kept with probability sqrt(t / f) + t / f, t = `subsample`. `in` becomes the vectors; it begins uniform within 1 / (2 dimension), `out` at 0.
 * Gradients of `batch_words` words are summed, and the rows they touch are stepped by an optimizer of any rule. The result
 * depends on data, options and seed, and neither on `threads` nor on the processor's vector instructions.
 *
 * @par Threads
 * Functions marked *shared* may run at once on a handle that is filled.
 */
#ifndef NGD_VECTORS_H
#define NGD_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/dataset.h"
#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/model.h"
#include "ngd/optimizer.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Words and their vectors. */
typedef struct ngd_vectors ngd_vectors;

/** What a handle holds. */
typedef struct ngd_vectors_info {
  size_t struct_size;  /**< Set by the caller to sizeof(ngd_vectors_info) before the call. */
  uint64_t words;      /**< Number of words, and of rows. */
  uint64_t dimension;  /**< Numbers a row; 0 while there are none. */
  uint64_t bytes;      /**< Memory that words and vectors take. */
  uint64_t declared;   /**< Words that the file's first line promised; 0 when it promised none. */
  uint64_t duplicates; /**< Vectors left out because their word had one already. */
  uint64_t skipped;    /**< Malformed lines left out by `malformed=skip`. */
  double deviation;    /**< Standard deviation of all numbers of the table. */
  double mean_length;  /**< Mean length of the vectors, sqrt(v.v). */
} ngd_vectors_info;

/** How far training is. */
typedef struct ngd_vectors_progress {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_vectors_progress) before the call. */
  uint64_t epoch;     /**< Epochs that are done. */
  uint64_t epochs;    /**< Epochs asked for. */
  uint64_t steps;     /**< Optimizer steps that are done. */
  uint64_t words;     /**< Words read, those included that `min_count` and `subsample` leave out. */
  uint64_t words_all; /**< Words that will have been read at the end. */
  double
      loss; /**< Loss a pair of words, over about the last 100 steps and one place in 16; NaN before the first. */
  double learning_rate;    /**< Of the next step. */
  double seconds;          /**< Time within ngd_vectors_advance(). */
  double words_per_second; /**< words / seconds; NaN before the first step. */
} ngd_vectors_progress;

/** What a text model took from word vectors. */
typedef struct ngd_vectors_coverage {
  size_t struct_size;    /**< Set by the caller to sizeof(ngd_vectors_coverage) before the call. */
  uint64_t words;        /**< Words of the model. */
  uint64_t found;        /**< Of them, words that have a vector. */
  uint64_t folded;       /**< Of those, words found only by `case=fold`. */
  uint64_t rows;         /**< Rows of the model's table, those of n-grams included. */
  uint64_t tokens;       /**< Occurrences of the model's words in the data it was prepared from. */
  uint64_t tokens_found; /**< Occurrences of words that have a vector. */
  double scale;          /**< What the vectors were multiplied by. */
  double deviation;      /**< Of the normal numbers that the other words got. */
} ngd_vectors_coverage;

/**
 * @brief Tells the option number @p index: name, type, default, range and one line of help.
 *
 * @param index from 0; there is at least one option.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_describe(size_t index, ngd_option_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a handle without words from a spec such as "vectors:words=100000,case=fold".
 *
 * @param spec "vectors" and options, see option.h; NULL means "vectors".
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_create(const char *spec, ngd_vectors **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a handle. A model that was given it keeps what it needs.
 *
 * @param vectors may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_vectors_destroy(ngd_vectors *vectors) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag.
 *
 * @param vectors not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that
 *         takes text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed once there are words; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_set(ngd_vectors *vectors, const char *name, double value,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, a text, or a number in the "C" locale's form.
 *
 * @param vectors not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_vectors_set().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_set_text(ngd_vectors *vectors, const char *name, const char *value,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param vectors not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_get(const ngd_vectors *vectors, const char *name, double *value,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_vectors_set_text() takes; "spec" gives all that differ from their defaults.
 *
 * @param vectors not NULL.
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
NGD_API ngd_status ngd_vectors_get_text(const ngd_vectors *vectors, const char *name, char *buffer,
                                        size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a file of vectors.
 *
 * @param vectors without words; not NULL.
 * @param path a file in one of the formats; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO when the file cannot be read; ::NGD_E_DATA when it is malformed, empty or truncated;
 *         ::NGD_E_CHECKPOINT for a damaged safetensors file; ::NGD_E_MEMORY when memory runs out or the table would grow past
 *         `memory_limit`; ::NGD_E_STATE when there are words already; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_load(ngd_vectors *vectors, const char *path, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Appends words with their vectors; both are copied.
 *
 * @param vectors not in training; not NULL.
 * @param words @p count distinct words that are not there yet, UTF-8, not empty; not NULL unless @p count is 0.
 * @param values @p count x @p dimension numbers, row-major, all finite; not NULL unless @p count is 0.
 * @param count number of words.
 * @param dimension numbers a word, at least 1, the same in every call.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE for another dimension; ::NGD_E_NOT_FINITE; ::NGD_E_RANGE for a word that comes twice;
 *         ::NGD_E_MEMORY also past `memory_limit`; ::NGD_E_STATE while training; ::NGD_E_ARGUMENT, also for a word that is empty, not UTF-8, or
 *         holds a line break.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_append_f32(ngd_vectors *vectors, const char *const *words, const float *values,
                                          size_t count, size_t dimension, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes all words and vectors; the file is replaced whole or not at all.
 *
 * Text holds the shortest numbers that read back as the same bits. A word with a blank cannot be read back by other
 * programs from the word2vec formats, so it is refused there unless the option `blanks` is `underscore`.
 * @param vectors with words; not NULL.
 * @param path the file; not NULL.
 * @param format "word2vec_text", "word2vec_binary" or "safetensors"; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_OPTION for another format; ::NGD_E_DATA for a word that the format cannot hold;
 *         ::NGD_E_STATE without words; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_save(const ngd_vectors *vectors, const char *path, const char *format,
                                    ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells what a handle holds.
 *
 * @param vectors not NULL.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_get_info(const ngd_vectors *vectors, ngd_vectors_info *info,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The row of a word. With `case=fold`, where the word itself is not there: of its lower-case form, else of the first word
 * that differs only in the case of ASCII letters.
 *
 * @param vectors not NULL.
 * @param word UTF-8; not NULL.
 * @param row receives the row, from 0; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_find(const ngd_vectors *vectors, const char *word, uint64_t *row,
                                    ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The word of a row.
 *
 * @param vectors not NULL.
 * @param row from 0, below ngd_vectors_info.words.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_vectors_get_text(); ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_get_word(const ngd_vectors *vectors, uint64_t row, char *buffer, size_t capacity,
                                        size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads vectors: the rows @p first to @p first + @p rows - 1.
 *
 * @param vectors not NULL.
 * @param first first row, from 0.
 * @param rows number of rows.
 * @param values receives @p rows x dimension numbers, row-major; not NULL unless @p rows is 0.
 * @param capacity numbers that @p values has room for.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER; ::NGD_E_RANGE past the last row; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_get_rows_f32(const ngd_vectors *vectors, uint64_t first, size_t rows,
                                            float *values, size_t capacity, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The words most similar to any vector, the most similar first; of equal ones the lower row.
 *
 * @param vectors with words; not NULL.
 * @param query @p dimension finite numbers; not NULL.
 * @param dimension that of the vectors.
 * @param excluded @p excluded_count rows to leave out; may be NULL when that is 0.
 * @param excluded_count rows in @p excluded.
 * @param count how many words at most.
 * @param rows receives their rows; room for @p count; not NULL unless @p count is 0.
 * @param similarities receives their cosines to the query; room for @p count; may be NULL.
 * @param found receives how many there are; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE for another dimension; ::NGD_E_NOT_FINITE; ::NGD_E_RANGE for a row past the last; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_nearest_f32(const ngd_vectors *vectors, const float *query, size_t dimension,
                                           const uint64_t *excluded, size_t excluded_count, size_t count,
                                           uint64_t *rows, float *similarities, size_t *found,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The words most similar to a word, without itself.
 *
 * @param vectors with words; not NULL.
 * @param word found as by ngd_vectors_find(); not NULL.
 * @param count how many words at most.
 * @param rows receives their rows; room for @p count; not NULL unless @p count is 0.
 * @param similarities receives their cosines; room for @p count; may be NULL.
 * @param found receives how many there are; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_neighbours_f32(const ngd_vectors *vectors, const char *word, size_t count,
                                              uint64_t *rows, float *similarities, size_t *found,
                                              ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief What is to @p third as @p second is to @p first: the words most similar to second - first + third, each taken at length
 * 1, without the three (Mikolov, Yih and Zweig 2013, "Linguistic regularities in continuous space word representations").
 *
 * @param vectors with words; not NULL.
 * @param first "man"; not NULL.
 * @param second "king"; not NULL.
 * @param third "woman"; not NULL.
 * @param count how many words at most.
 * @param rows receives their rows; room for @p count; not NULL unless @p count is 0.
 * @param similarities receives their cosines; room for @p count; may be NULL.
 * @param found receives how many there are; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_vectors_neighbours_f32().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_analogy_f32(const ngd_vectors *vectors, const char *first, const char *second,
                                           const char *third, size_t count, uint64_t *rows, float *similarities,
                                           size_t *found, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Begins training: counts words, makes the vocabulary and the two tables. ngd_vectors_advance() does the work.
 *
 * From here on the handle has words, and their vectors as far as they have come, which may be looked up and saved
 * between two calls of ngd_vectors_advance().
 * @param vectors without words; not NULL.
 * @param texts of format `text`; kept until training ends; not NULL.
 * @param optimizer without tensors; its tables are `input` and `output`, its `learning_rate` falls linearly to 0; kept until
 *        training ends; NULL for "adagrad:learning_rate=0.2,nonfinite=zero".
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when there are words already, or the optimizer has tensors; ::NGD_E_SHAPE for a dataset without text
 *         or without enough words; ::NGD_E_MEMORY also past `memory_limit`; ::NGD_E_UNSUPPORTED for a rule that cannot step rows, or `grad_penalty`; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_start(ngd_vectors *vectors, const ngd_dataset *texts, ngd_optimizer *optimizer,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Trains for at most @p steps steps. To stop early, call it no more.
 *
 * @param vectors started; not NULL.
 * @param steps at least 1.
 * @param running receives 1 while there is more to do, 0 when training has ended; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when no training is in progress; ::NGD_E_DIVERGED when gradients are no longer finite: training has
 *         ended, the vectors are those before that step; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_advance(ngd_vectors *vectors, uint64_t steps, int32_t *running,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells how far the training in progress is, or how far the last one came.
 *
 * @param vectors on which ngd_vectors_start() was called; not NULL.
 * @param progress written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when nothing was trained; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_vectors_get_progress(const ngd_vectors *vectors, ngd_vectors_progress *progress,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Has a text model begin with word vectors: when it is prepared, each word that has a vector gets it.
 *
 * A word w gets scale * vector[w], every other word normal numbers of the deviation scale * ngd_vectors_info.deviation. The
 * scale is the model's option `vectors_scale`, or such that the deviation is `vectors_deviation`, when that is not 0. Rows of n-grams
 * begin by the option `init` as before. `table_rate` and the trainer's `freeze_epochs` say how fast the table then moves.
 * @param model of kind `text`, not prepared; not NULL.
 * @param vectors with words, of the model's `dimension`, not in training; NULL takes back what was given. Not changed after this call.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_UNSUPPORTED for another kind; ::NGD_E_STATE when the model is prepared, or there are no words, or they are in training; ::NGD_E_SHAPE
 *         for another dimension; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_set_vectors(ngd_model *model, const ngd_vectors *vectors,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells how many of a model's words had a vector.
 *
 * @param model prepared with vectors; not NULL.
 * @param coverage written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE for a model that was not prepared with vectors; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get_coverage(const ngd_model *model, ngd_vectors_coverage *coverage,
                                          ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
