/**
 * @file initializer.h
 * @brief Initialisers: the random numbers that weights begin with, for arrays of your own.
 *
 * Models have them as the option `init`; these functions are for programs whose parameters are elsewhere.
 *
 * @code{.c}
 * ngd_initializer_fill_f32("kaiming_normal", 42, 0, 784, 64, weights, 784 * 64, &error);
 * @endcode
 *
 * @par Kinds
 * Of a weight of @e inputs x @e outputs, row-major; g is the option `scale`:
 * | kind | elements | from |
 * |---|---|---|
 * | `uniform` | U(-scale, scale) | scale 0.05 |
 * | `normal` | N(0, scale^2) | scale 0.05 |
 * | `truncated_normal` | N(0, s^2), drawn again where beyond 2 s; s = scale / 0.87962566 keeps the deviation at scale | scale 0.05 |
 * | `xavier_normal` | N(0, g^2 2 / (inputs + outputs)) | Glorot and Bengio 2010, equation 12; g 1 |
 * | `xavier_uniform` | U(-b, b), b = g sqrt(6 / (inputs + outputs)) | Glorot and Bengio 2010, equation 16; g 1 |
 * | `kaiming_normal` | N(0, g^2 / inputs) | He et al. 2015, equation 10; g sqrt 2, for relu |
 * | `kaiming_uniform` | U(-b, b), b = g sqrt(3 / inputs) | He et al. 2015; g sqrt 2 |
 * | `orthogonal` | g Q, where Q R is a matrix of N(0, 1) and R has a positive diagonal; of the transpose where inputs < outputs | Saxe et al. 2014; g 1 |
 * | `zeros` | 0 | |
 *
 * @par Repeatable
 * The elements are a function of the kind, the scale, the seed, the index of the tensor and its size: not of threads, of
 * the order of calls, or of other tensors. Numbers come from Philox4x32-10 (Salmon et al. 2011) with the seed as key and the
 * index as stream; a uniform number has 53 bits, a normal one is Box's and Muller's cosine of two of them (1958). float
 * elements are the double ones, rounded.
 */
#ifndef NGD_INITIALIZER_H
#define NGD_INITIALIZER_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Name of a kind of initialiser, to list which kinds this library has.
 *
 * @param index from 0.
 * @return a static string, or NULL when @p index is past the last kind.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_initializer_kind(size_t index) NGD_NOEXCEPT;

/**
 * @brief Tells the option number @p index of a kind: name, type, default, range and one line of help.
 *
 * @param kind name of a kind; not NULL.
 * @param index from 0; `zeros` has no option.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown kind; ::NGD_E_NOT_FOUND past the last option;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_initializer_describe(const char *kind, size_t index, ngd_option_info *info,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Fills a weight matrix with its first values.
 *
 * @param spec a kind and its options, such as "xavier_uniform" or "normal:scale=0.01"; not NULL.
 * @param seed any number; other seeds give other values.
 * @param tensor_index which of the tensors of the model this is, from 0, so that no two are alike.
 * @param inputs rows of the matrix: what fan_in counts; at least 1.
 * @param outputs columns: what fan_out counts; at least 1.
 * @param values receives inputs x outputs numbers, row-major; not NULL.
 * @param count numbers that @p values has room for; inputs x outputs.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_SHAPE when @p count is not inputs x outputs, or one of
 *         them is 0; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY (only `orthogonal` needs memory). After a failure @p values are as
 *         before.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_initializer_fill_f32(const char *spec, uint64_t seed, uint64_t tensor_index,
                                            size_t inputs, size_t outputs, float *values, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief As ngd_initializer_fill_f32() with float64 values.
 *
 * @param spec a kind and its options; not NULL.
 * @param seed any number.
 * @param tensor_index which of the tensors of the model this is, from 0.
 * @param inputs rows of the matrix; at least 1.
 * @param outputs columns; at least 1.
 * @param values receives inputs x outputs numbers, row-major; not NULL.
 * @param count numbers that @p values has room for; inputs x outputs.
 * @param error filled on failure; may be NULL.
 * @return as ngd_initializer_fill_f32().
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_initializer_fill_f64(const char *spec, uint64_t seed, uint64_t tensor_index,
                                            size_t inputs, size_t outputs, double *values, size_t count,
                                            ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
