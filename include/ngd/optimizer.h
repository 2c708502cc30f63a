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
 * `sgd momentum nesterov adagrad adadelta rmsprop adam adamw amsgrad adamax nadam radam adabelief yogi qhadam lion lars
 * lamb rprop asgd ftrl schedule_free_adamw adafactor muon lbfgs ngd`; formula, paper and options of each are on
 * the page "Optimizers" of the manual and come from ngd_optimizer_describe(). All arithmetic of float32, bfloat16 and
 * float16 tensors is in float32 with the step's scalar factors computed in float64; all arithmetic of float64 tensors is
 * in float64.
 *
 * @par One sweep
 * Options that every rule has say what happens before and after it, in the same pass over memory: gradients are divided
 * by `loss_scale`, checked (`nonfinite`), clipped (`clip`), and accumulated (`accumulate`); the parameters follow the
 * rule, an average follows them (`average`), they are copied in 16 bits (`copy`), and the gradient is set to zero
 * (`zero_gradient`). `schedule` changes the rate over the steps; `state` keeps moments in 16 or 8 bits. Any number of
 * `threads` gives the same bits.
 *
 * @par Types
 * Tensors are float32, float64, bfloat16 or float16, all of one optimizer alike. Sixteen-bit elements travel as
 * uint16_t: bfloat16 is the upper half of a float32, float16 is IEEE 754 binary16. With `master=1` the optimizer keeps
 * float32 parameters inside and writes their roundings; without it float16 parameters are rounded to the nearest, and
 * bfloat16 ones at random (`stochastic_rounding`), so that small steps are not lost.
 *
 * @par The namesake
 * `ngd` is Nesterov-accelerated, norm-aware, adaptive gradient descent. It is neither natural nor normalised
 * gradient descent. By default: the moments of Adam, the look-ahead of NAdam, epsilon inside the root, and a
 * cap that lets no matrix change by more than a tenth of its own norm in one step.
 *
 * @par Gradients that are not finite
 * A step in which any gradient is NaN or infinite changes nothing, is counted (ngd_optimizer_skip_count()), and
 * returns ::NGD_OK; set the option `nonfinite=error` to get ::NGD_E_NOT_FINITE instead. Both read the gradients once
 * more before the step; `nonfinite=zero` does not: what is not finite counts as 0, element by element
 * (ngd_optimizer_zero_count()). Rules that square gradients see none beyond 2^62 (float64: 2^510), so that no square
 * overflows.
 *
 * @par Threads
 * An optimizer is *exclusive*: one thread at a time, not always the same one. With the option `threads` above 1 it owns
 * that many less one, which sleep between steps, until it is destroyed. In a forked child the step runs on the calling
 * thread alone, with the same result.
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
 * @brief Declares the next tensor, of bfloat16. As ngd_optimizer_add_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param name unique within the optimizer, 1 to 255 bytes of UTF-8; not NULL.
 * @param shape @p rank sizes, each at least 1; may be NULL when @p rank is 0.
 * @param rank 0 (a scalar) to 8.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_add_f32(); ::NGD_E_UNSUPPORTED when an option does not go with the type.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_bf16(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                          size_t rank, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor, of float16 (IEEE 754 binary16). As ngd_optimizer_add_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param name unique within the optimizer, 1 to 255 bytes of UTF-8; not NULL.
 * @param shape @p rank sizes, each at least 1; may be NULL when @p rank is 0.
 * @param rank 0 (a scalar) to 8.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_add_bf16().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_f16(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                         size_t rank, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor as a float32 table of which each step touches some rows.
 *
 * The cost of a step depends on the rows touched, not on the size of the table, whose state takes memory as rows are
 * touched. A row that is not touched rests: its parameters do not move, and when it is touched again its moments have
 * decayed as if the gradients in between had been zero. Use ngd_optimizer_step_rows_f32().
 * @param optimizer not NULL.
 * @param name unique within the optimizer, 1 to 255 bytes of UTF-8; not NULL.
 * @param shape two sizes: rows, at most 2^32, and elements of a row; not NULL.
 * @param rank 2.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_add_f32(); ::NGD_E_UNSUPPORTED for rules that work on whole tensors, and with accumulate,
 *         average or copy.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_rows_f32(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                              size_t rank, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor as a float64 table of rows. As ngd_optimizer_add_rows_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param name unique within the optimizer, 1 to 255 bytes of UTF-8; not NULL.
 * @param shape two sizes: rows and elements of a row; not NULL.
 * @param rank 2.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_add_rows_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_rows_f64(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                              size_t rank, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Adds a group: tensors that have some options of their own and follow the optimizer's in all others.
 *
 * A tensor belongs to the first group whose pattern it matches, declared before or after. Options that the group names
 * are its own from then on; what is set on the optimizer later reaches the group in all others.
 * For example the pattern "@vectors|embedding*" with the options "weight_decay=0,clip=none".
 * @param optimizer before its first step; not NULL.
 * @param group its name, unique, 1 to 255 bytes; not NULL.
 * @param pattern tensor names, in which * stands for any text and ? for any character; alternatives are separated by |;
 *        "@vectors" are the tensors with fewer than two dimensions above 1, "@matrices" the others; not NULL.
 * @param options as in a spec, without the rule: options of the rule, `clip` and `clip_threshold`; may be empty; not
 *        NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_UNSUPPORTED for an option of the whole step; ::NGD_E_STATE
 *         after the first step; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_add_group(ngd_optimizer *optimizer, const char *group, const char *pattern,
                                           const char *options, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets a number of a group, which is its own from then on. As ngd_optimizer_set() otherwise.
 *
 * @param optimizer not NULL.
 * @param group a name given to ngd_optimizer_add_group(); not NULL.
 * @param name an option that a group may have; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_set(); ::NGD_E_NOT_FOUND or ::NGD_E_OPTION for an unknown group; ::NGD_E_UNSUPPORTED for an
 *         option of the whole step.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_set_group(ngd_optimizer *optimizer, const char *group, const char *name,
                                           double value, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option of a group from text. As ngd_optimizer_set_group() otherwise.
 *
 * @param optimizer not NULL.
 * @param group a name given to ngd_optimizer_add_group(); not NULL.
 * @param name an option that a group may have; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_set_group().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_set_group_text(ngd_optimizer *optimizer, const char *group, const char *name,
                                                const char *value, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option of a group as text, its own or the optimizer's. As ngd_optimizer_get_text() otherwise.
 *
 * @param optimizer not NULL.
 * @param group a name given to ngd_optimizer_add_group(); not NULL.
 * @param name an option of the rule; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_get_text(); ::NGD_E_NOT_FOUND or ::NGD_E_OPTION for an unknown group.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_get_group_text(const ngd_optimizer *optimizer, const char *group,
                                                const char *name, char *buffer, size_t capacity, size_t *needed,
                                                ngd_error *error) NGD_NOEXCEPT;

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
 * @brief Takes one step with bfloat16 tensors. As ngd_optimizer_step_f32() otherwise.
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
NGD_API ngd_status ngd_optimizer_step_bf16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                           const uint16_t *const *gradients, size_t count,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step with float16 tensors. As ngd_optimizer_step_f32() otherwise.
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
NGD_API ngd_status ngd_optimizer_step_f16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                          const uint16_t *const *gradients, size_t count,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step, and in the same pass sets gradients to zero and writes copies of the parameters in 16 bits.
 *
 * As ngd_optimizer_step_f32(), but the gradients may be written: with `zero_gradient=1` they are 0 afterwards, also when
 * the step was skipped. With `copy=bf16` or `copy=f16` each array of @p copies receives the new parameters in that
 * format.
 * @param optimizer not NULL.
 * @param parameters @p count arrays, one per tensor in the order of declaration; none NULL.
 * @param gradients @p count arrays likewise; none NULL.
 * @param copies @p count arrays of as many elements, each of which may be NULL; or NULL for no copies.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_step_f32(); ::NGD_E_STATE for copies without the option copy.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_sweep_f32(ngd_optimizer *optimizer, float *const *parameters,
                                           float *const *gradients, uint16_t *const *copies, size_t count,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step with float64 tensors, zeroing and copying. As ngd_optimizer_sweep_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays, one per tensor in the order of declaration; none NULL.
 * @param gradients @p count arrays likewise; none NULL.
 * @param copies @p count arrays, each of which may be NULL; or NULL; float64 tensors have none.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_sweep_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_sweep_f64(ngd_optimizer *optimizer, double *const *parameters,
                                           double *const *gradients, uint16_t *const *copies, size_t count,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step with bfloat16 tensors, zeroing and copying. As ngd_optimizer_sweep_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays, one per tensor in the order of declaration; none NULL.
 * @param gradients @p count arrays likewise; none NULL.
 * @param copies @p count arrays, each of which may be NULL; or NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_sweep_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_sweep_bf16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                            uint16_t *const *gradients, uint16_t *const *copies, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step with float16 tensors, zeroing and copying. As ngd_optimizer_sweep_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays, one per tensor in the order of declaration; none NULL.
 * @param gradients @p count arrays likewise; none NULL.
 * @param copies @p count arrays, each of which may be NULL; or NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_sweep_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_sweep_f16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                           uint16_t *const *gradients, uint16_t *const *copies, size_t count,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step of which tables see some rows only.
 *
 * @param optimizer with tables declared by ngd_optimizer_add_rows_f32(), and other tensors; not NULL.
 * @param parameters @p count arrays, whole tables too; none NULL.
 * @param gradients @p count arrays; of a table the touched rows alone, packed in the order of @p rows; NULL only for a
 *        table without touched rows; not changed.
 * @param rows @p count arrays: of a table the numbers of the touched rows, rising, none twice; NULL for other tensors.
 * @param row_counts @p count numbers: how many rows are touched; 0 for other tensors; not NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_step_f32(); ::NGD_E_SHAPE for a row past the table or out of order.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_step_rows_f32(ngd_optimizer *optimizer, float *const *parameters,
                                               const float *const *gradients, const uint32_t *const *rows,
                                               const size_t *row_counts, size_t count,
                                               ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes one step with float64 tables of rows. As ngd_optimizer_step_rows_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays, whole tables too; none NULL.
 * @param gradients @p count arrays; NULL only for a table without touched rows; not changed.
 * @param rows @p count arrays; NULL for tensors that are no tables.
 * @param row_counts @p count numbers; not NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_step_rows_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_step_rows_f64(ngd_optimizer *optimizer, double *const *parameters,
                                               const double *const *gradients, const uint32_t *const *rows,
                                               const size_t *row_counts, size_t count,
                                               ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes the averaged parameters: of the option `average`, or of a rule that has averages of its own (`asgd`,
 * `schedule_free_adamw`).
 *
 * Before the average begins it is the parameters. The optimizer does not change, and training goes on from the
 * parameters, not from the average.
 * @param optimizer not NULL.
 * @param parameters @p count arrays, the present parameters; none NULL; not changed.
 * @param averages @p count arrays that receive the averages; none NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when no average is kept or the tensors are of another type; ::NGD_E_SHAPE;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_average_f32(const ngd_optimizer *optimizer, const float *const *parameters,
                                             float *const *averages, size_t count,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes the averaged parameters of float64 tensors. As ngd_optimizer_average_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays; none NULL; not changed.
 * @param averages @p count arrays; none NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_average_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_average_f64(const ngd_optimizer *optimizer, const double *const *parameters,
                                             double *const *averages, size_t count,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes the averaged parameters of bfloat16 tensors. As ngd_optimizer_average_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays; none NULL; not changed.
 * @param averages @p count arrays; none NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_average_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_average_bf16(const ngd_optimizer *optimizer, const uint16_t *const *parameters,
                                              uint16_t *const *averages, size_t count,
                                              ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes the averaged parameters of float16 tensors. As ngd_optimizer_average_f32() otherwise.
 *
 * @param optimizer not NULL.
 * @param parameters @p count arrays; none NULL; not changed.
 * @param averages @p count arrays; none NULL.
 * @param count the number of tensors declared.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_average_f32().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_average_f16(const ngd_optimizer *optimizer, const uint16_t *const *parameters,
                                             uint16_t *const *averages, size_t count,
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
 * @brief Number of gradient elements that were not finite and counted as 0 (`nonfinite=zero`).
 *
 * @param optimizer may be NULL: then 0.
 * @return the count.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API uint64_t ngd_optimizer_zero_count(const ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief Norm of the last step's gradient over all tensors, before clipping, divided by loss_scale.
 *
 * @param optimizer may be NULL: then NaN.
 * @return the norm; NaN before the first step, and when nothing asked for it: it is measured with `clip=norm`,
 *         `clip=group_norm`, and by `ngd` with `damp`.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API double ngd_optimizer_gradient_norm(const ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief The learning rate of the next step: the option times what the schedule makes of it.
 *
 * @param optimizer may be NULL: then NaN.
 * @return the rate, of tensors in no group.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API double ngd_optimizer_learning_rate(const ngd_optimizer *optimizer) NGD_NOEXCEPT;

/**
 * @brief Tells a `schedule=plateau` how well it goes, for example the held-out loss after an epoch.
 *
 * @param optimizer with schedule=plateau; not NULL.
 * @param loss smaller is better; NaN is no improvement.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE with another schedule; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_report(ngd_optimizer *optimizer, double loss, ngd_error *error) NGD_NOEXCEPT;

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

/**
 * @brief Takes from a file the state of those tensors that it has under the same name and shape, and leaves the others.
 *
 * For a model that has changed since: a new head on old layers, say. The optimizer's options and groups stay; its step
 * count becomes the file's. State arrays must be kept in the same way (option `state`). When nothing matches, nothing is
 * changed.
 * @param optimizer of the file's rule, with its tensors declared; not NULL.
 * @param path file to read; not NULL.
 * @param matched receives how many tensors took their state; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_optimizer_load().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_optimizer_load_matching(ngd_optimizer *optimizer, const char *path, size_t *matched,
                                               ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
