/**
 * @file optimizer.h
 * @brief Optimizers: gradients in, better parameters out, for users who have their own model.
 *
 * An ::ngd_optimizer holds one rule, its options and the state of a list of named tensors. Declare the tensors
 * once, in order, with ngd_optimizer_add_f32() or ngd_optimizer_add_f64(); then call a step with one parameter
 * array and one gradient array per tensor, in the same order. The parameters are changed in place; nothing is
 * kept.
 *
 * @code{.c}
 * float w[4] = {1, -2, 0.5f, 3}, g[4], *tensors[] = {w};
 * const float *gradients[] = {g};
 * const int64_t shape[] = {4};
 * ngd_optimizer *optimizer = NULL;
 * ngd_optimizer_create("ngd:learning_rate=0.01", &optimizer, NULL);
 * ngd_optimizer_add_f32(optimizer, "w", shape, 1, NULL);
 * for (int i = 0; i < 100; i++) { compute_gradient(w, g); ngd_optimizer_step_f32(optimizer, tensors, gradients,
 * 1, NULL); } ngd_optimizer_destroy(optimizer);
 * @endcode
 *
 * @par Rules
 * `sgd momentum nesterov adagrad adadelta rmsprop adam adamw amsgrad adamax nadam radam adabelief yogi qhadam lion lars lamb
 * rprop asgd ftrl ngd`; formula, paper and options of each are on
 * the page "Optimizers" of the manual and come from ngd_optimizer_describe(). All arithmetic of float32 tensors
 * is in float32 with the step's scalar factors computed in float64; all arithmetic of float64 tensors is in
 * float64.
 *
 * @par The namesake
 * `ngd` is Nesterov-accelerated, norm-aware, adaptive gradient descent. It is neither natural nor normalised
 * gradient descent. By default: the moments of Adam, the look-ahead of NAdam, epsilon inside the root, and a
 * cap that lets no matrix change by more than a tenth of its own norm in one step.
 *
 * @par Gradients that are not finite
 * A step in which any gradient is NaN or infinite changes nothing, is counted (ngd_optimizer_skip_count()), and
 * returns ::NGD_OK; set the option `nonfinite=error` to get ::NGD_E_NOT_FINITE instead.
 *
 * @par Threads
 * An optimizer is *exclusive*: one thread at a time, not always the same one. It starts no thread and survives
 * fork.
 */
#ifndef NGD_OPTIMIZER_H
#define NGD_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"
#include "ngd/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A rule, its options and the state of its tensors. */
typedef struct ngd_optimizer ngd_optimizer;

/**
 * @brief Name of a rule, to list which rules this library has.
 *
 * @param index from 0.
 * @return a static string, or NULL when @p index is past the last rule.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_optimizer_rule(size_t index) NGD_NOEXCEPT;

/**
 * @brief Tells the option number @p index of a rule: name, type, default, range and one line of help.
 *
 * @param rule name of a rule; not NULL.
 * @param index from 0; every rule has at least one option.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown rule; ::NGD_E_NOT_FOUND past the last option;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_describe(const char *rule, size_t index, ngd_option_info *info,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates an optimizer from a spec such as "adam" or "ngd:learning_rate=0.01,accel=seed".
 *
 * @param spec a rule and its options, see option.h; not NULL.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown rule, option or choice; ::NGD_E_RANGE; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_create(const char *spec, ngd_optimizer **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees an optimizer. Its tensors' arrays belong to the caller and are not touched.
 *
 * @param optimizer may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_optimizer_destroy(ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag. Takes effect from the next step.
 *
 * @param optimizer not NULL.
 * @param name an option of the rule; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that
 *         takes text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed after the first step; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_set(ngd_optimizer *optimizer, const char *name, double value,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, or a number in the "C" locale's form.
 *
 * @param optimizer not NULL.
 * @param name an option of the rule; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_set().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_set_text(ngd_optimizer *optimizer, const char *name, const char *value,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param optimizer not NULL.
 * @param name an option of the rule; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_get(const ngd_optimizer *optimizer, const char *name, double *value,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_optimizer_set_text() takes.
 *
 * The name "spec" gives the whole optimizer in the form that ngd_optimizer_create() takes, with every option
 * that differs from its default.
 * @param optimizer not NULL.
 * @param name an option of the rule, or "spec"; not NULL.
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
NGD_API ngd_status ngd_optimizer_get_text(const ngd_optimizer *optimizer, const char *name, char *buffer,
                                          size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor, of float32. All tensors of one optimizer have one element type.
 *
 * Tensors with fewer than two dimensions larger than 1 (biases, scales) count as vectors: `ngd` applies no
 * trust rule to them.
 * @param optimizer not NULL.
 * @param name unique within the optimizer, 1 to 255 bytes of UTF-8; state is saved under it; not NULL.
 * @param shape @p rank sizes, each at least 1, whose product fits in a size_t; may be NULL when @p rank is 0.
 * @param rank 0 (a scalar) to 8.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE after the first step or when float64 tensors were added; ::NGD_E_SHAPE;
 *         ::NGD_E_ARGUMENT for an empty or repeated name; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_f32(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                         size_t rank, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor, of float64. As ngd_optimizer_add_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param name unique within the optimizer, 1 to 255 bytes of UTF-8; not NULL.
 * @param shape @p rank sizes, each at least 1; may be NULL when @p rank is 0.
 * @param rank 0 (a scalar) to 8.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_add_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_f64(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                         size_t rank, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step: reads the gradients, changes the parameters in place, updates the state.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays, one per tensor in the order of declaration, each of the tensor's element
 *        count, row-major; none NULL.
 * @param gradients @p count arrays likewise, of the mean loss over the batch; none NULL; not changed.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK, also for a step skipped because a gradient was not finite; ::NGD_E_NOT_FINITE with
 *         `nonfinite=error`; ::NGD_E_SHAPE when @p count differs; ::NGD_E_STATE for float64 tensors, no
 *         tensors, or when `grad_penalty` is on and ngd_optimizer_restore_f32() has not been called since the last
 *         step;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_step_f32(ngd_optimizer *optimizer, float *const *parameters,
                                          const float *const *gradients, size_t count,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step with float64 tensors. As ngd_optimizer_step_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays, one per tensor in the order of declaration; none NULL.
 * @param gradients @p count arrays likewise; none NULL; not changed.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_step_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_step_f64(ngd_optimizer *optimizer, double *const *parameters,
                                          const double *const *gradients, size_t count,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief First half of the gradient-norm penalty of `ngd`: moves the parameters along the gradient.
 *
 * With grad_penalty a and penalty_radius r, the step uses (1-a) g + a grad J(w + r g/||g||), ||g|| over all
 * tensors (Zhao, Zhang and Hu 2022, "Penalizing gradient norm", equation 12; a = 1 is SAM). Call this with the
 * gradient g of a batch, compute the gradient of the same batch at the moved parameters, call
 * ngd_optimizer_restore_f32(), then step with the combined gradient it leaves.
 * @param optimizer with rule `ngd` and grad_penalty above 0; not NULL.
 * @param parameters @p count arrays, moved in place; none NULL.
 * @param gradients @p count arrays, the gradient g; none NULL; not changed.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when already perturbed or grad_penalty is 0; ::NGD_E_UNSUPPORTED for another
 *         rule; ::NGD_E_NOT_FINITE when ||g|| is not finite (nothing was moved); ::NGD_E_SHAPE;
 *         ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_perturb_f32(ngd_optimizer *optimizer, float *const *parameters,
                                             const float *const *gradients, size_t count,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief First half of the gradient-norm penalty with float64 tensors. As ngd_optimizer_perturb_f32()
 * otherwise.
 *
 * @param optimizer with rule `ngd` and grad_penalty above 0; not NULL.
 * @param parameters @p count arrays, moved in place; none NULL.
 * @param gradients @p count arrays; none NULL; not changed.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_perturb_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_perturb_f64(ngd_optimizer *optimizer, double *const *parameters,
                                             const double *const *gradients, size_t count,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Second half of the gradient-norm penalty: puts the parameters back, bit for bit, and combines the
 * gradients.
 *
 * @param optimizer perturbed by ngd_optimizer_perturb_f32(); not NULL.
 * @param parameters @p count arrays; receive the values from before the perturbation; none NULL.
 * @param gradients @p count arrays; in: the gradient at the moved parameters; out: (1-a) first + a second; none
 *         NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when not perturbed; ::NGD_E_SHAPE; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_restore_f32(ngd_optimizer *optimizer, float *const *parameters,
                                             float *const *gradients, size_t count,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Second half of the gradient-norm penalty with float64 tensors. As ngd_optimizer_restore_f32()
 * otherwise.
 *
 * @param optimizer perturbed by ngd_optimizer_perturb_f64(); not NULL.
 * @param parameters @p count arrays; receive the values from before the perturbation; none NULL.
 * @param gradients @p count arrays; in: the gradient at the moved parameters; out: the combination; none NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_restore_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_restore_f64(ngd_optimizer *optimizer, double *const *parameters,
                                             double *const *gradients, size_t count,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Number of tensors declared.
 *
 * @param optimizer may be NULL: then 0.
 * @return the count.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API size_t ngd_optimizer_tensor_count(const ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief Tells name, element type and shape of a tensor, however it was declared: by the caller, by a model, or
 * by ngd_optimizer_load().
 *
 * @param optimizer not NULL.
 * @param index from 0, below ngd_optimizer_tensor_count().
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_tensor(const ngd_optimizer *optimizer, size_t index, ngd_tensor_info *info,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Number of steps taken, skipped ones not counted: the t of the formulas.
 *
 * @param optimizer may be NULL: then 0.
 * @return the count.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API uint64_t ngd_optimizer_step_count(const ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief Number of steps skipped because a gradient was not finite.
 *
 * @param optimizer may be NULL: then 0.
 * @return the count.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API uint64_t ngd_optimizer_skip_count(const ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief Writes options, counters and the state of every tensor to a safetensors file, under the tensors'
 * names.
 *
 * The file is written beside @p path, synced and renamed: a crash leaves the old file or the new one, never
 * half. The caller's parameters are not in it.
 * @param optimizer not NULL.
 * @param path file to write; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_STATE while perturbed; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_save(const ngd_optimizer *optimizer, const char *path,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Restores what ngd_optimizer_save() or a trainer's checkpoint holds, bit for bit: steps go on as if
 * there had been no pause.
 *
 * The optimizer must have the same rule. When it has no tensors yet they are declared as in the file; otherwise
 * names, shapes and element type must be those of the file, in any order. The options of the file replace the
 * optimizer's. The file is refused whole when anything in it is wrong.
 * @param optimizer not NULL.
 * @param path file to read; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_CHECKPOINT; ::NGD_E_STATE while perturbed; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_load(ngd_optimizer *optimizer, const char *path,
                                      ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
