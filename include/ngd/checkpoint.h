/**
 * @file checkpoint.h
 * @brief Checkpoints: a look into any safetensors file, ours or another program's.
 *
 * Models, optimizers and trainers write safetensors files; this handle reads such a file tensor by tensor,
 * without knowing what it is for. The header is checked whole before anything is answered; the data are only
 * read when they are asked for, so that large files open at once. Files that this library wrote hold a checksum
 * in the metadata entry `ngd.checksum`, which is verified where a model, an optimizer or a run is loaded.
 *
 * @par Threads
 * A checkpoint may be read by several threads at once: all functions but destroy take it as const.
 */
#ifndef NGD_CHECKPOINT_H
#define NGD_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open safetensors file. */
typedef struct ngd_checkpoint ngd_checkpoint;

/**
 * @brief Opens a safetensors file and checks its header.
 *
 * @param path the file; not NULL.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO; ::NGD_E_CHECKPOINT; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_checkpoint_open(const char *path, ngd_checkpoint **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Closes a checkpoint.
 *
 * @param checkpoint may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_checkpoint_destroy(ngd_checkpoint *checkpoint) NGD_NOEXCEPT;

/**
 * @brief Number of tensors.
 *
 * @param checkpoint may be NULL: then 0.
 * @return the count.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API size_t ngd_checkpoint_tensor_count(const ngd_checkpoint *checkpoint) NGD_NOEXCEPT;

/**
 * @brief Tells name, element type and shape of a tensor.
 *
 * Another program's file may have further element types, such as "F16" or "BOOL"; the name of a type, as the
 * file spells it, is valid until the checkpoint is destroyed.
 * @param checkpoint not NULL.
 * @param index from 0, below ngd_checkpoint_tensor_count(), in the order of the file.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_checkpoint_tensor(const ngd_checkpoint *checkpoint, size_t index, ngd_tensor_info *info,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a tensor's elements, converted to float64.
 *
 * F64, F32, F16, BF16, BOOL, and whole numbers of 8 to 64 bits; those beyond 2^53 are rounded.
 * @param checkpoint not NULL.
 * @param index from 0, below ngd_checkpoint_tensor_count().
 * @param values receives the elements; not NULL.
 * @param count must be the tensor's element count.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_SHAPE; ::NGD_E_UNSUPPORTED for another element type; ::NGD_E_IO
 *         and
 *         ::NGD_E_CHECKPOINT when the file can no longer be read or became shorter; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_checkpoint_read_f64(const ngd_checkpoint *checkpoint, size_t index, double *values,
                                           size_t count, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Number of metadata entries: pairs of key and text.
 *
 * @param checkpoint may be NULL: then 0.
 * @return the count.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API size_t ngd_checkpoint_text_count(const ngd_checkpoint *checkpoint) NGD_NOEXCEPT;

/**
 * @brief One metadata entry.
 *
 * @param checkpoint not NULL.
 * @param index from 0, below ngd_checkpoint_text_count().
 * @param key receives a pointer that is valid until the checkpoint is destroyed; not NULL.
 * @param text receives a pointer that is valid until the checkpoint is destroyed; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_checkpoint_text(const ngd_checkpoint *checkpoint, size_t index, const char **key,
                                       const char **text, ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
