// cmocka for C++ tests of the insides. Include it last: cmocka's macro fail() would break other headers.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

#undef fail  // ngd::fail; tests use fail_msg
