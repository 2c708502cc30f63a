/**
 * @file version.h
 * @brief Which libngd this is: the version of the headers (macros) and of the library that was loaded
 * (functions).
 */
#ifndef NGD_VERSION_H
#define NGD_VERSION_H

#include <stdint.h>

#include "ngd/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Major version of these headers; raised only when the ABI breaks. */
#define NGD_VERSION_MAJOR 0
/** Minor version of these headers; raised when functions are added. */
#define NGD_VERSION_MINOR 1
/** Patch version of these headers. */
#define NGD_VERSION_PATCH 0
/** The version of these headers as one number: major * 1000000 + minor * 1000 + patch. */
#define NGD_VERSION_NUMBER 1000

/**
 * @brief The version of the loaded library as one number, the twin of ::NGD_VERSION_NUMBER.
 *
 * A program that needs a function added in version x.y compares with x * 1000000 + y * 1000.
 * @return major * 1000000 + minor * 1000 + patch.
 * @par Thread: free
 * @since 0.1
 */
NGD_API int32_t ngd_version_number(void) NGD_NOEXCEPT;

/**
 * @brief The version of the loaded library as text, such as "0.1.0".
 *
 * @return a static, NUL-terminated string; never NULL, never freed.
 * @par Thread: free
 * @since 0.1
 */
NGD_API const char *ngd_version(void) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
