/**
 * @file dataset.h
 * @brief Datasets: labelled samples read from files or handed over as arrays, kept compactly in memory.
 *
 * A dataset has one format, and by it one kind of feature: *dense* rows of float32 (`csv`, `idx`, `dense`),
 * *sparse* rows (`libsvm`, `sparse`) or *text* (`text`): rows of words. Files are streamed, plain or gzip,
 * never copied whole.
 *
 * @code{.c}
 * ngd_dataset *letters = NULL;
 * ngd_dataset_create("csv:label=lettr", &letters, &error);
 * ngd_dataset_load(letters, "LetterRecognition.csv", &error);
 * @endcode
 *
 * @par Formats
 * - `csv`: RFC 4180 values split by `separator` (`auto` takes a tab, a semicolon or a comma, the first of these
 * that line 1 has; else `tab` or any one character), with quotes, which may hold line breaks. The `label`
 * column is given by name or by index from 0; without it rows have no label. `header=auto` takes line 1 for a
 * header when the label has a name, or when none of its feature values is a number. A value that is empty, `NA`
 * or `?` is missing: an error, or 0 with `missing=zero`.
 * - `libsvm`: `label [qid:n] index:value ...`, comments after '#', strictly rising indices up to 2147483647.
 * `index_base=auto` counts from 0 when the first file has an index 0, and from 1 otherwise.
 * - `text`: one sample a line: either `__label__x words` (fastText), or `label TAB words`, or words alone; the
 * first line shows which, or the option `label` says it. Words are split at ASCII blanks; `lowercase` concerns
 * ASCII letters; `punctuation=split` makes every ASCII punctuation character a word, `punctuation=drop` a
 * blank. Text is UTF-8. Several labels on a line are an error.
 * - `idx`: MNIST's binary arrays of any type and rank; the first dimension counts samples. The option `labels`
 * names the file of labels, of one dimension; it is read with the next file.
 * - `dense`, `sparse`: no file; ngd_dataset_append_f32() and ngd_dataset_append_sparse_f32() fill them.
 * The option `classes` names the classes: `dense:classes="cat,dog"`.
 *
 * Files may be gzip, begin with a UTF-8 byte-order mark, and end lines with LF or CR LF. Empty lines are no
 * samples.
 *
 * @par Labels
 * With `label_type=auto` labels are numbers when all of the first file are numbers and one is not whole;
 * otherwise they are categories. What the first rows have decided stays. Classes are numbered in order of first
 * appearance, unless all names are whole numbers: then they are sorted, and numbered anew when a later file
 * brings more. `+1` and `1.0` are the class `1`. Either all rows of a dataset have labels, or none.
 *
 * @par Malformed files
 * A malformed line is ::NGD_E_DATA whose message gives file, line, column (in bytes, from 1), what was found,
 * what was expected and how to mend it; the dataset stays as it was before the call. With the option
 * `malformed=skip` such lines are left out and counted; a file of which nothing is left, a quote that is never
 * closed, and damaged gzip data are errors all the same. NaN and infinite values are malformed, or 0 with
 * `nonfinite=zero`. Lines over `max_line_bytes` (1 GiB) are malformed.
 *
 * @par Threads
 * A dataset is *exclusive* while it is loaded or appended to; functions that take a `const ngd_dataset *` may
 * run concurrently with each other.
 */
#ifndef NGD_DATASET_H
#define NGD_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Labelled samples. */
typedef struct ngd_dataset ngd_dataset;

/** Kinds of feature, as ngd_dataset_info.features. */
enum {
  NGD_FEATURES_DENSE = 1,  /**< Every row has a float32 for every column. */
  NGD_FEATURES_SPARSE = 2, /**< Every row has some columns; the others are 0. */
  NGD_FEATURES_TEXT = 3    /**< Every row is a list of words. */
};

/** Kinds of label, as ngd_dataset_info.labels. */
enum {
  NGD_LABELS_NONE = 0,    /**< Rows have no label. */
  NGD_LABELS_NUMBER = 1,  /**< A real number a row: regression. */
  NGD_LABELS_CATEGORY = 2 /**< A class a row. */
};

/** What a dataset holds. */
typedef struct ngd_dataset_info {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_dataset_info) before the call. */
  uint64_t rows;      /**< Number of samples. */
  uint64_t columns;   /**< Features a row: columns of dense and sparse rows, distinct words of text. */
  uint64_t classes;   /**< Number of classes; 0 unless labels are categories. */
  uint64_t values;    /**< Stored values: rows * columns, nonzeros, or words. */
  uint64_t skipped;   /**< Malformed lines left out because of `malformed=skip`. */
  int32_t features;   /**< One of the NGD_FEATURES_ numbers. */
  int32_t labels;     /**< One of the NGD_LABELS_ numbers. */
} ngd_dataset_info;

/**
 * @brief Name of a format, to list which formats this library reads.
 *
 * @param index from 0.
 * @return a static string, or NULL when @p index is past the last format.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_dataset_format(size_t index) NGD_NOEXCEPT;

/**
 * @brief Tells the option number @p index of a format: name, type, default, range and one line of help.
 *
 * @param format name of a format; not NULL.
 * @param index from 0; every format has at least one option.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown format; ::NGD_E_NOT_FOUND past the last option;
 * ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_describe(const char *format, size_t index, ngd_option_info *info,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates an empty dataset from a spec such as "csv:label=lettr" or "text:lowercase=1".
 *
 * @param spec a format and its options, see option.h; not NULL.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_create(const char *spec, ngd_dataset **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a dataset. Trainers that were given it keep what they need.
 *
 * @param dataset may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_dataset_destroy(ngd_dataset *dataset) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag.
 *
 * @param dataset not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that
 * takes text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed once the dataset is in use;
 * ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_set(ngd_dataset *dataset, const char *name, double value,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, a text, or a number in the "C" locale's form.
 *
 * @param dataset not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_dataset_set().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_set_text(ngd_dataset *dataset, const char *name, const char *value,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param dataset not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_get(const ngd_dataset *dataset, const char *name, double *value,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_dataset_set_text() takes.
 *
 * The name "spec" gives the whole dataset in the form that ngd_dataset_create() takes, with every option that
 * differs from its default.
 * @param dataset not NULL.
 * @param name an option, or "spec"; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, the buffer is not; with
 *         @p capacity 0 the call is a question for the size and returns ::NGD_OK); ::NGD_E_OPTION;
 * ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_get_text(const ngd_dataset *dataset, const char *name, char *buffer,
                                        size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a file, plain or gzip, and appends its samples.
 *
 * May be called again with more files of the same format. After a failure the dataset is as it was.
 * @param dataset with a format that reads files; not NULL.
 * @param path the file; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO when the file cannot be read; ::NGD_E_DATA when it is malformed, empty or
 *         truncated, or does not fit the rows before; ::NGD_E_UNSUPPORTED for `dense` and `sparse`;
 * ::NGD_E_STATE for a part of another dataset; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_load(ngd_dataset *dataset, const char *path, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Appends dense rows; the arrays are copied.
 *
 * @param dataset of format `dense`, `csv` or `idx`; not NULL.
 * @param features @p rows x @p columns numbers, row-major, all finite; not NULL unless @p rows is 0.
 * @param labels @p rows labels: numbers, or classes from 0 written as numbers, by the option `label_type`
 * (`auto`: classes when the first call has whole numbers from 0 to 1048575 only); NULL when there are none
 * (then no row of the dataset may have one). A class is meant by its number, also where a file has given it a
 * name; a dataset whose classes are the numbers 0, 1, 2, ... gains those up to the largest label.
 * @param rows number of rows.
 * @param columns features a row, at least 1, the same in every call.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE; ::NGD_E_NOT_FINITE; ::NGD_E_RANGE for a label that is no class;
 *         ::NGD_E_UNSUPPORTED for another format; ::NGD_E_STATE for a part of another dataset;
 * ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_append_f32(ngd_dataset *dataset, const float *features, const float *labels,
                                          size_t rows, size_t columns, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Appends sparse rows in compressed form; the arrays are copied.
 *
 * @param dataset of format `sparse` or `libsvm`; not NULL.
 * @param offsets @p rows + 1 positions: row i has the entries offsets[i] to offsets[i+1] - 1; offsets[0] is 0;
 * not NULL.
 * @param indices column of each entry, from 0, strictly rising within a row; may be NULL when there are no
 * entries.
 * @param values value of each entry, finite; may be NULL when there are no entries.
 * @param labels @p rows labels as in ngd_dataset_append_f32(); NULL when there are none.
 * @param rows number of rows.
 * @param columns one more than the largest column that may occur; the dataset's columns grow to it.
 * @param error filled on failure; may be NULL.
 * @return as ngd_dataset_append_f32(), and ::NGD_E_RANGE for an index outside its row's order or @p columns.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_append_sparse_f32(ngd_dataset *dataset, const uint64_t *offsets,
                                                 const uint32_t *indices, const float *values,
                                                 const float *labels, size_t rows, size_t columns,
                                                 ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Appends one row of text.
 *
 * @param dataset of format `text`; not NULL.
 * @param text the words, UTF-8, without a label; not NULL.
 * @param label the class (with `label_type=number` a number), not empty, UTF-8; NULL when there is none (then
 * no row of the dataset may have one).
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE when other rows have labels and this one has not, or the reverse;
 * ::NGD_E_RANGE for a label that is no number where numbers are needed; ::NGD_E_UNSUPPORTED for another format;
 *         ::NGD_E_STATE for a part of another dataset; ::NGD_E_ARGUMENT, also for bytes that are not UTF-8;
 *         ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_append_text(ngd_dataset *dataset, const char *text, const char *label,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells what a dataset holds.
 *
 * @param dataset not NULL.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_get_info(const ngd_dataset *dataset, ngd_dataset_info *info,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Name of a class.
 *
 * @param dataset with category labels; not NULL.
 * @param index from 0, below ngd_dataset_info.classes; in order of first appearance unless the names are whole
 *        numbers, which are sorted.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_dataset_get_text(); ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_get_class(const ngd_dataset *dataset, size_t index, char *buffer,
                                         size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads rows as dense numbers. Of text, a column counts how often that word occurs.
 *
 * @param dataset not NULL.
 * @param first first row, from 0.
 * @param rows number of rows.
 * @param features receives @p rows x columns numbers, row-major; not NULL unless @p rows is 0.
 * @param capacity numbers that @p features has room for.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER; ::NGD_E_RANGE past the last row; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_get_rows_f32(const ngd_dataset *dataset, size_t first, size_t rows,
                                            float *features, size_t capacity, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads labels: numbers, or classes from 0.
 *
 * @param dataset with labels; not NULL.
 * @param first first row, from 0.
 * @param rows number of rows.
 * @param labels receives @p rows numbers; not NULL unless @p rows is 0.
 * @param capacity numbers that @p labels has room for.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER; ::NGD_E_RANGE past the last row; ::NGD_E_STATE without labels;
 * ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_get_labels_f32(const ngd_dataset *dataset, size_t first, size_t rows,
                                              float *labels, size_t capacity, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Splits a dataset in two at random: @p held_out gets about @p fraction of the rows, @p rest the others.
 *
 * Each row goes by its own random number from (seed, row), so the split does not depend on anything else. Both
 * parts share the rows' storage with the whole, which may be destroyed, or may grow without changing them;
 * neither part can be appended to.
 * @param dataset not NULL.
 * @param fraction above 0 and below 1.
 * @param seed any number.
 * @param rest receives a new dataset, or NULL on failure; not NULL.
 * @param held_out receives a new dataset, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_split(const ngd_dataset *dataset, double fraction, uint64_t seed,
                                     ngd_dataset **rest, ngd_dataset **held_out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief A part of a dataset: the rows @p first to @p first + @p rows - 1. Shares storage as
 * ngd_dataset_split().
 *
 * @param dataset not NULL.
 * @param first first row, from 0.
 * @param rows number of rows; @p first + @p rows is at most the dataset's.
 * @param out receives a new dataset, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_dataset_slice(const ngd_dataset *dataset, size_t first, size_t rows, ngd_dataset **out,
                                     ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
