// cmocka for C++ tests of the insides. Include it last: cmocka's macro fail() would break other headers.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

// fail is ngd::fail; tests use fail_msg, which cmocka builds on its own fail.
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error("ERROR: " __VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))
