/**
 * @file error.h
 * @brief How a call says that it failed: a status code, and a message in a struct that the caller owns.
 *
 * Every function that can fail returns an ::ngd_status and takes a nullable `ngd_error *` as its last argument.
 * On success the error struct is left alone. On failure the message says what was wrong, where, why, and how to
 * mend it; no output and no state has changed unless the function's own text says so. Nothing in the library
 * aborts, exits, prints, or lets an exception out.
 *
 * @code{.c}
 * ngd_error error;
 * if (ngd_optimizer_create("adam:learning_rat=0.1", &optimizer, &error) != NGD_OK) puts(error.message);
 * @endcode
 */
#ifndef NGD_ERROR_H
#define NGD_ERROR_H

#include <stdint.h>

#include "ngd/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Result of a call: ::NGD_OK or one of the negative NGD_E_ codes. */
typedef int32_t ngd_status;

/** The status codes. A number, once released, never changes its meaning. */
enum {
  NGD_OK = 0,              /**< The call did what it says. */
  NGD_E_ARGUMENT = -1,     /**< An argument is NULL where it may not be, or makes no sense. */
  NGD_E_OPTION = -2,       /**< No option, rule, kind or format of that name. */
  NGD_E_RANGE = -3,        /**< A value, index or count lies outside its range. */
  NGD_E_STATE = -4,        /**< The handle is not in the state that this call needs. */
  NGD_E_SHAPE = -5,        /**< Sizes that must agree do not. */
  NGD_E_NOT_FINITE = -6,   /**< A NaN or an infinity where a finite number is needed. */
  NGD_E_BUFFER = -7,       /**< The caller's buffer is too small; the size needed was written. */
  NGD_E_MEMORY = -8,       /**< Memory ran out. */
  NGD_E_IO = -9,           /**< The operating system refused a file operation. */
  NGD_E_DATA = -10,        /**< A data file is malformed. */
  NGD_E_CHECKPOINT = -11,  /**< A checkpoint is damaged, foreign, or does not fit the handle. */
  NGD_E_NOT_FOUND = -12,   /**< Nothing of that name or number exists. */
  NGD_E_CANCELLED = -13,   /**< The operation was cancelled by the caller. */
  NGD_E_CALLBACK = -14,    /**< The caller's callback returned nonzero. */
  NGD_E_DIVERGED = -15,    /**< Training diverged: the loss or the parameters are no longer finite. */
  NGD_E_UNSUPPORTED = -16, /**< Valid, but not available for this kind of handle. */
  NGD_E_TIMEOUT = -17,     /**< The deadline passed. */
  NGD_E_CLOSED = -18,      /**< The peer or the handle is closed. */
  NGD_E_PROTOCOL = -19,    /**< A peer sent what it must not. */
  NGD_E_FORKED = -20,      /**< A networked handle was used in a forked child. */
  NGD_E_INTERNAL = -21,    /**< A mistake in libngd itself: please report it. */
  NGD_E_UNAVAILABLE = -22, /**< A server cannot do it now: it starts, is full, or misses others. Try again. */
  NGD_E_LINEAGE = -23,     /**< The model went back to a checkpoint: what was known of it is no longer true. */
  NGD_E_EXPIRED = -24,     /**< The session was silent for too long and is forgotten. */
  NGD_E_FENCED = -25,      /**< The lock's token is no longer the newest: another holder came. */
  NGD_E_CONFLICT = -26, /**< It is not as the caller expected: another version, another owner, another spec. */
  NGD_E_LIMIT = -27,    /**< A limit of the server is reached. */
  NGD_E_ACCESS = -28    /**< The key may not do that. */
};

/** What went wrong, in the caller's memory. Its layout is frozen: 512 bytes in every version. */
typedef struct ngd_error {
  int32_t code;      /**< The ::ngd_status that the call returned. */
  char message[508]; /**< UTF-8, always NUL-terminated, cut at a character boundary when too long. */
} ngd_error;

/**
 * @brief The fixed one-line meaning of a status code, such as "a data file is malformed".
 *
 * @param status any number.
 * @return a static, NUL-terminated string; "unknown status" for a number that is no code; never NULL.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_status_text(ngd_status status) NGD_NOEXCEPT;

/**
 * @brief The name of a status code as it is spelt in this header, such as "NGD_E_DATA".
 *
 * @param status any number.
 * @return a static, NUL-terminated string; "NGD_E_UNKNOWN" for a number that is no code; never NULL.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_status_name(ngd_status status) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
