/* What every C test needs: cmocka, the contract, and short checks that print the library's message. */
#ifndef NGD_TEST_H
#define NGD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ngd.h"

/* A sanitizer keeps memory that was given back, and slows what is timed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { kSanitized = 1 };
#else
enum { kSanitized = 0 };
#endif

/* check_ok(call(..., &error)): fails with the library's message. Needs an `ngd_error error` in scope. */
#define check_ok(call)                                                                  \
  do {                                                                                  \
    memset(&error, 0, sizeof error);                                                    \
    const ngd_status status_ = (call);                                                  \
    if (status_ != NGD_OK) fail_msg("%s: %s", ngd_status_name(status_), error.message); \
  } while (0)

/* check_error(call(..., &error), NGD_E_X, "exact message"). */
#define check_error(call, expected_status, expected_message)                         \
  do {                                                                               \
    memset(&error, 0, sizeof error);                                                 \
    const ngd_status status_ = (call);                                               \
    assert_string_equal(error.message, expected_message);                            \
    assert_string_equal(ngd_status_name(status_), ngd_status_name(expected_status)); \
    assert_int_equal(error.code, expected_status);                                   \
  } while (0)

#endif
