/**
 * @file model.h
 * @brief Models: linear, multilayer perceptron and text classifier, with their losses and initialisers.
 *
 * A model is created from a spec, then prepared: from a dataset, which gives it inputs, classes and vocabulary,
 * or from its own options `inputs` and `outputs`. Then use it whole with datasets (ngd_model_train_batch(),
 * ngd_model_predict_f32(), ngd_model_evaluate(), or a trainer), or by parts with arrays
 * (ngd_model_forward_f32(), ngd_model_backward_f32(), ngd_model_step()).
 *
 * @code{.c}
 * ngd_model *model = NULL;
 * ngd_model_create("mlp:hidden=64x32,activation=relu", &model, &error);
 * ngd_model_prepare(model, letters, &error);
 * @endcode
 *
 * @par Kinds
 * - `linear`: y = x W + b. Regression, logistic or softmax by the loss.
 * - `mlp`: any number of hidden layers with sigmoid, tanh or relu between.
 * - `text`: the mean of the embedding rows of a text's words and hashed word n-grams, then y = mean W + b
 *   (Joulin et al. 2016, "Bag of tricks for efficient text classification").
 *
 * @par Losses
 * `mean_square` (1/n sum over rows of the sum over outputs of (y - t)^2 / outputs), `binary_cross_entropy` (one
 * output, a logit), `cross_entropy` (softmax over the outputs, which are logits); both in the form that does
 * not overflow. `auto` takes mean_square for number labels, binary_cross_entropy for two classes of `linear`
 * and `mlp`, cross_entropy otherwise.
 *
 * @par Layout
 * Weight matrices are [inputs, outputs], row-major; arrays of samples are [rows, columns], row-major.
 *
 * @par Threads
 * A model is *exclusive*, also where it is passed as const.
 */
#ifndef NGD_MODEL_H
#define NGD_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/dataset.h"
#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/optimizer.h"
#include "ngd/option.h"
#include "ngd/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model: parameters, gradients, and for text a vocabulary. */
typedef struct ngd_model ngd_model;

/** How good a model is on a dataset. Numbers that have no meaning for the loss are NaN. */
typedef struct ngd_metrics {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_metrics) before the call. */
  uint64_t rows;      /**< Rows that were evaluated. */
  uint64_t unknown;   /**< Rows left out because the model does not know their class. */
  double loss;        /**< Mean loss over the rows. */
  double accuracy;    /**< Share of rows whose class is right, 0 to 1. */
  double majority;    /**< Share of the largest class among the rows: the accuracy of always answering it. */
  double r_squared;   /**< 1 - squared error / variance of the labels, for mean_square. */
} ngd_metrics;

/**
 * @brief Name of a kind of model, to list which kinds this library has.
 *
 * @param index from 0.
 * @return a static string, or NULL when @p index is past the last kind.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_model_kind(size_t index) NGD_NOEXCEPT;

/**
 * @brief Tells the option number @p index of a kind: name, type, default, range and one line of help.
 *
 * @param kind name of a kind; not NULL.
 * @param index from 0; every kind has at least one option.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown kind; ::NGD_E_NOT_FOUND past the last option;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_model_describe(const char *kind, size_t index, ngd_option_info *info,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a model from a spec such as "linear" or "text:dimension=50,word_ngrams=2".
 *
 * @param spec a kind and its options, see option.h; not NULL.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_model_create(const char *spec, ngd_model **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a model.
 *
 * @param model may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_model_destroy(ngd_model *model) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag.
 *
 * @param model not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that
 *         takes text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed once the model is in use;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_set(ngd_model *model, const char *name, double value,
                                 ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, a text, or a number in the "C" locale's form.
 *
 * @param model not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_model_set().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_set_text(ngd_model *model, const char *name, const char *value,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param model not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get(const ngd_model *model, const char *name, double *value,
                                 ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_model_set_text() takes.
 *
 * The name "spec" gives the whole model in the form that ngd_model_create() takes, with every option that
 * differs from its default.
 * @param model not NULL.
 * @param name an option, or "spec"; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, the buffer is not; with
 *         @p capacity 0 the call is a question for the size and returns ::NGD_OK); ::NGD_E_OPTION;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get_text(const ngd_model *model, const char *name, char *buffer, size_t capacity,
                                      size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Gives the model its shape and its initial parameters.
 *
 * From a dataset: inputs, outputs, loss, class names, the scaling of the inputs (option `scale`), and for
 * `text` the vocabulary. Without: from the options `inputs` and `outputs`. Parameters come from the option
 * `init` and depend only on (seed, tensor index). A model is prepared once.
 * @param model not NULL.
 * @param dataset the training data, with labels; NULL to use the options (not for `text`).
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when already prepared; ::NGD_E_SHAPE for a dataset that does not fit the
 *         kind, its options or its loss; ::NGD_E_RANGE when inputs or outputs are not known; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_prepare(ngd_model *model, const ngd_dataset *dataset,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Number of inputs: the columns that ngd_model_forward_f32() reads a row.
 *
 * @param model may be NULL: then 0.
 * @return the count; 0 before ngd_model_prepare() and for `text`.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API size_t ngd_model_input_count(const ngd_model *model) NGD_NOEXCEPT;

/**
 * @brief Number of outputs: classes, numbers, or 1 for binary_cross_entropy.
 *
 * @param model may be NULL: then 0.
 * @return the count; 0 before ngd_model_prepare().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API size_t ngd_model_output_count(const ngd_model *model) NGD_NOEXCEPT;

/**
 * @brief Number of classes the model knows by name; 0 for regression and for models prepared without a dataset.
 *
 * @param model may be NULL: then 0.
 * @return the count.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API size_t ngd_model_class_count(const ngd_model *model) NGD_NOEXCEPT;

/**
 * @brief Name of a class.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_class_count().
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER as in ngd_model_get_text(); ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get_class(const ngd_model *model, size_t index, char *buffer, size_t capacity,
                                       size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Computes the outputs of dense samples and keeps what ngd_model_backward_f32() needs.
 *
 * Outputs are numbers for mean_square and logits for the cross-entropies. In a model of precision f64 the
 * numbers are converted.
 * @param model prepared, `linear` or `mlp`; not NULL.
 * @param features @p rows x inputs numbers; not NULL.
 * @param rows at least 1.
 * @param outputs receives @p rows x outputs numbers; NULL when only backward is wanted.
 * @param capacity numbers that @p outputs has room for.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE before prepare; ::NGD_E_BUFFER; ::NGD_E_UNSUPPORTED for `text`;
 *         ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_forward_f32(ngd_model *model, const float *features, size_t rows, float *outputs,
                                         size_t capacity, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief As ngd_model_forward_f32() with float64 arrays. In a model of precision f32 the numbers are converted.
 *
 * @param model prepared, `linear` or `mlp`; not NULL.
 * @param features @p rows x inputs numbers; not NULL.
 * @param rows at least 1.
 * @param outputs receives @p rows x outputs numbers; NULL when only backward is wanted.
 * @param capacity numbers that @p outputs has room for.
 * @param error filled on failure; may be NULL.
 * @return as ngd_model_forward_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_forward_f64(ngd_model *model, const double *features, size_t rows, double *outputs,
                                         size_t capacity, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Computes the mean loss of the last forward pass against targets, and adds its gradient to the model's.
 *
 * @param model after ngd_model_forward_f32(); not NULL.
 * @param targets @p count numbers: rows x outputs for mean_square, one number 0 or 1 a row for
 *         binary_cross_entropy, one class from 0 a row for cross_entropy; not NULL.
 * @param count numbers in @p targets.
 * @param loss receives the mean loss over the rows; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE without a forward pass; ::NGD_E_SHAPE when @p count does not fit the forward
 *         pass;
 *         ::NGD_E_RANGE for a target that is no class; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_backward_f32(ngd_model *model, const float *targets, size_t count, double *loss,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief As ngd_model_backward_f32() with float64 targets.
 *
 * @param model after a forward pass; not NULL.
 * @param targets as in ngd_model_backward_f32(); not NULL.
 * @param count numbers in @p targets.
 * @param loss receives the mean loss over the rows; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_model_backward_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_backward_f64(ngd_model *model, const double *targets, size_t count, double *loss,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Applies the gradients with an optimizer, then clears them.
 *
 * On the first call an optimizer without tensors gets the model's tensors; later its tensors must be the
 * model's.
 * @param model with gradients; not NULL.
 * @param optimizer of any rule, without `grad_penalty`; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE without gradients; ::NGD_E_SHAPE when the optimizer belongs to other tensors;
 *         and what ngd_optimizer_step_f32() returns. After a failure the gradients are still there.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_step(ngd_model *model, ngd_optimizer *optimizer, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief One whole training step on rows of a dataset: forward, backward, step (twice with `grad_penalty`).
 *
 * @param model prepared; not NULL.
 * @param optimizer of any rule; not NULL.
 * @param dataset of the kind the model was prepared for; class names are matched by name; not NULL.
 * @param rows @p count row numbers, repetition allowed; not NULL.
 * @param count at least 1.
 * @param loss receives the mean loss before the step; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE for a dataset that does not fit; ::NGD_E_RANGE for a row past the last or a
 *         class that the model does not know; ::NGD_E_STATE before prepare; and what ngd_model_step() returns.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_train_batch(ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *dataset,
                                         const uint64_t *rows, size_t count, double *loss,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief One training step with a weight a row, that tells how each row did: what ngd_icea_draw_f32() gives and
 * ngd_icea_record_f32() takes.
 *
 * The loss is (1/n) sum over rows of weight * l. As ngd_model_train_batch() otherwise.
 * @param model prepared; not NULL.
 * @param optimizer of any rule; not NULL.
 * @param dataset of the kind the model was prepared for; class names are matched by name; not NULL.
 * @param rows @p count row numbers, repetition allowed; not NULL.
 * @param weights @p count weights, finite and at least 0; NULL for 1 each.
 * @param count at least 1.
 * @param losses receives @p count losses l before the step, without weights; may be NULL.
 * @param correct receives @p count numbers: 1 where the model's answer was the row's class, else 0; 1 for mean_square;
 *        may be NULL.
 * @param loss receives the mean of weight * l before the step; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_model_train_batch(), and ::NGD_E_RANGE for a weight below 0 and ::NGD_E_NOT_FINITE for one that is not
 *         finite.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_train_weighted(ngd_model *model, ngd_optimizer *optimizer,
                                            const ngd_dataset *dataset, const uint64_t *rows,
                                            const float *weights, size_t count, float *losses, int32_t *correct,
                                            double *loss, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Predicts rows of a dataset: numbers for mean_square, probabilities otherwise.
 *
 * For binary_cross_entropy the one number is the probability of class 1.
 * @param model prepared; not NULL.
 * @param dataset of the kind the model was prepared for, labels not needed; not NULL.
 * @param first first row, from 0.
 * @param rows number of rows.
 * @param outputs receives @p rows x outputs numbers; not NULL unless @p rows is 0.
 * @param capacity numbers that @p outputs has room for.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER; ::NGD_E_RANGE past the last row; ::NGD_E_SHAPE; ::NGD_E_STATE before
 *         prepare;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_predict_f32(const ngd_model *model, const ngd_dataset *dataset, size_t first,
                                         size_t rows, float *outputs, size_t capacity,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Measures a model on a dataset.
 *
 * @param model prepared; not NULL.
 * @param dataset with labels; not NULL.
 * @param metrics written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE for a dataset that does not fit or has no labels; ::NGD_E_STATE before
 *         prepare;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_evaluate(const ngd_model *model, const ngd_dataset *dataset, ngd_metrics *metrics,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Number of parameter tensors.
 *
 * @param model may be NULL: then 0.
 * @return the count; 0 before ngd_model_prepare().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API size_t ngd_model_tensor_count(const ngd_model *model) NGD_NOEXCEPT;

/**
 * @brief Tells name and shape of a parameter tensor.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_tensor_count().
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_tensor(const ngd_model *model, size_t index, ngd_tensor_info *info,
                                    ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Copies a parameter tensor out.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_tensor_count().
 * @param values receives the tensor's elements; not NULL.
 * @param count must be the tensor's element count.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_SHAPE; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get_tensor_f32(const ngd_model *model, size_t index, float *values, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Copies a parameter tensor out as float64.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_tensor_count().
 * @param values receives the tensor's elements; not NULL.
 * @param count must be the tensor's element count.
 * @param error filled on failure; may be NULL.
 * @return as ngd_model_get_tensor_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get_tensor_f64(const ngd_model *model, size_t index, double *values, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Copies a parameter tensor in.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_tensor_count().
 * @param values the tensor's new elements, all finite; not NULL.
 * @param count must be the tensor's element count.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_SHAPE; ::NGD_E_NOT_FINITE; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_set_tensor_f32(ngd_model *model, size_t index, const float *values, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Copies a parameter tensor in from float64.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_tensor_count().
 * @param values the tensor's new elements, all finite; not NULL.
 * @param count must be the tensor's element count.
 * @param error filled on failure; may be NULL.
 * @return as ngd_model_set_tensor_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_set_tensor_f64(ngd_model *model, size_t index, const double *values, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Copies the gradient of a parameter tensor out, as float64; zeros when there is none.
 *
 * @param model not NULL.
 * @param index from 0, below ngd_model_tensor_count().
 * @param values receives the gradient's elements; not NULL.
 * @param count must be the tensor's element count.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_SHAPE; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_get_gradient_f64(const ngd_model *model, size_t index, double *values,
                                              size_t count, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes the model, its vocabulary and classes included, to a safetensors file, atomically.
 *
 * @param model prepared; not NULL.
 * @param path file to write; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_STATE before prepare; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_model_save(const ngd_model *model, const char *path, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a model from what ngd_model_save() wrote, from a trainer's checkpoint, or from a run directory.
 *
 * @param path a file, or a run directory, of which the newest checkpoint is taken; not NULL.
 * @param out receives the handle, prepared, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_CHECKPOINT; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_model_load(const char *path, ngd_model **out, ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
