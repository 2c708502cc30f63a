/**
 * @file tensor.h
 * @brief What optimizers, models and checkpoints tell about one of their tensors.
 */
#ifndef NGD_TENSOR_H
#define NGD_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One tensor of an optimizer, a model or a checkpoint. */
typedef struct ngd_tensor_info {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_tensor_info) before the call. */
  const char *name;   /**< Valid until the handle changes or is destroyed. */
  const char *dtype;  /**< "F32", "F64", "BF16", "F16", "U8", "I32", "I64", "U32" or "U64"; a static string. */
  uint64_t elements;  /**< The product of the shape. */
  size_t rank;        /**< Number of dimensions, at most 8. */
  int64_t shape[8];   /**< The first @p rank sizes; the others are 0. */
} ngd_tensor_info;

#ifdef __cplusplus
}
#endif

#endif
