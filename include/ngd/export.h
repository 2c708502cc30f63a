/**
 * @file export.h
 * @brief The macros every other header needs: symbol visibility and `noexcept`. No functions, no feature
 * switches.
 */
#ifndef NGD_EXPORT_H
#define NGD_EXPORT_H

#if defined(__GNUC__)
/** Marks a function that the shared library exports. */
#define NGD_API __attribute__((visibility("default")))
#else
#define NGD_API
#endif

#if defined(__cplusplus)
/** Every function of the contract is `noexcept` when read as C++. */
#define NGD_NOEXCEPT noexcept
#else
#define NGD_NOEXCEPT
#endif

#endif
