// capi/guard: every kind of exception becomes a status and a message, without any use of the heap on the way.
#include "capi/guard.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "raises.h"

namespace {

// While true, operator new counts and fails. Set by the bodies below after they have built what they throw.
bool heap_is_closed = false;
int calls_of_closed_heap = 0;

}  // namespace

void *operator new(size_t size) {
  if (heap_is_closed) {
    calls_of_closed_heap++;
    throw std::bad_alloc();
  }
  if (void *memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept {
  std::free(memory);
}
void operator delete(void *memory, size_t) noexcept {
  std::free(memory);
}

namespace {

// Throws `exception` through the guard with the heap closed, and checks status and text.
template <class Exception>
void check_thrown(const Exception &exception, ngd_status status, const char *text) {
  ngd_error error = {};
  calls_of_closed_heap = 0;
  const ngd_status got = ngd::guard(&error, [&] {
    heap_is_closed = true;
    throw exception;
  });
  heap_is_closed = false;
  assert_int_equal(calls_of_closed_heap, 0);
  assert_string_equal(error.message, text);
  assert_int_equal(got, status);
  assert_int_equal(error.code, status);
}

// An exception that copies without memory, unlike ngd::Error, so that throwing it needs none.
struct Fixed : std::exception {
  explicit Fixed(const char *message) : text(message) {}
  const char *what() const noexcept override { return text; }
  const char *text;
};

void success_leaves_the_error_alone(void **) {
  ngd_error error;
  std::memset(&error, 0x5A, sizeof error);
  const ngd_error before = error;
  assert_int_equal(ngd::guard(&error, [] {}), NGD_OK);
  assert_memory_equal(&error, &before, sizeof error);
}

void an_error_keeps_its_status_and_text(void **) {
  ngd_error error = {};
  calls_of_closed_heap = 0;
  const ngd_status got = ngd::guard(&error, [] {
    ngd::Error thrown(NGD_E_SHAPE, "a message that is longer than any string keeps inside itself");
    heap_is_closed = true;
    throw std::move(thrown);
  });
  heap_is_closed = false;
  assert_int_equal(calls_of_closed_heap, 0);
  assert_int_equal(got, NGD_E_SHAPE);
  assert_int_equal(error.code, NGD_E_SHAPE);
  assert_string_equal(error.message, "a message that is longer than any string keeps inside itself");
}

void memory_that_ran_out_is_said_without_memory(void **) {
  check_thrown(std::bad_alloc(), NGD_E_MEMORY, "memory ran out; nothing was changed");
  // The real thing: an allocation that fails inside the body.
  ngd_error error = {};
  const ngd_status got = ngd::guard(&error, [] {
    heap_is_closed = true;
    std::string text(1000, 'x');
  });
  heap_is_closed = false;
  assert_int_equal(got, NGD_E_MEMORY);
  assert_string_equal(error.message, "memory ran out; nothing was changed");
}

void a_size_beyond_memory_is_memory(void **) {
  check_thrown(std::length_error("vector"), NGD_E_MEMORY,
               "a size is larger than memory can hold; nothing was changed");
}

void other_exceptions_are_internal_with_their_text(void **) {
  check_thrown(Fixed("something of the standard library"), NGD_E_INTERNAL, "something of the standard library");
  check_thrown(std::out_of_range("map::at"), NGD_E_INTERNAL, "map::at");
}

void what_is_no_exception_is_internal(void **) {
  check_thrown(42, NGD_E_INTERNAL, "an exception of unknown type; please report this as a bug of libngd");
}

void a_long_message_is_cut_at_a_character(void **) {
  ngd_error error;
  const size_t room = sizeof error.message - 1;
  // Letters of 1 to 4 bytes, so that the cut falls on each byte of each.
  for (const char *letter : {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    const size_t bytes = std::strlen(letter);
    for (size_t shift = 0; shift < bytes; shift++) {
      std::string text(shift, '.');
      while (text.size() < 2 * room) text += letter;
      std::memset(&error, 0x5A, sizeof error);
      const Fixed exception(text.c_str());
      assert_int_equal(ngd::guard(&error, [&] { throw exception; }), NGD_E_INTERNAL);
      const size_t length = std::strlen(error.message);
      assert_true(length <= room && length + bytes > room);
      assert_int_equal((length - shift) % bytes, 0);
      assert_memory_equal(error.message, text.data(), length);
    }
  }
}

void a_message_that_just_fits_is_whole(void **) {
  ngd_error error = {};
  const std::string text(sizeof error.message - 1, 'x');
  ngd::report(&error, NGD_E_DATA, text.c_str());
  assert_string_equal(error.message, text.c_str());
  assert_int_equal(error.code, NGD_E_DATA);
}

void without_an_error_struct_the_status_is_enough(void **) {
  assert_int_equal(ngd::guard(nullptr, [] { throw std::bad_alloc(); }), NGD_E_MEMORY);
  assert_int_equal(ngd::guard(nullptr, [] { throw 1; }), NGD_E_INTERNAL);
  assert_int_equal(ngd::guard(nullptr, [] { ngd::fail(NGD_E_IO, "x"); }), NGD_E_IO);
}

void require_names_the_argument(void **) {
  check_raises(NGD_E_ARGUMENT, "argument \"optimizer\" is NULL, but may not be",
               [] { ngd::require(nullptr, "optimizer"); });
  int something = 0;
  ngd::require(&something, "something");
}

void texts_are_copied_in_two_calls(void **) {
  size_t needed = 0;
  ngd::copy_text("hello", nullptr, 0, &needed);
  assert_int_equal(needed, 6);
  char buffer[8] = "-------";
  needed = 0;
  check_raises(NGD_E_BUFFER, "the buffer has 5 bytes, but the text needs 6",
               [&] { ngd::copy_text("hello", buffer, 5, &needed); });
  assert_int_equal(needed, 6);
  assert_string_equal(buffer, "-------");
  ngd::copy_text("hello", buffer, 6, nullptr);
  assert_string_equal(buffer, "hello");
  assert_int_equal(buffer[6], '-');
  check_raises(NGD_E_ARGUMENT, "argument \"buffer\" is NULL, but may not be",
               [] { ngd::copy_text("hello", nullptr, 6, nullptr); });
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(success_leaves_the_error_alone),
      cmocka_unit_test(an_error_keeps_its_status_and_text),
      cmocka_unit_test(memory_that_ran_out_is_said_without_memory),
      cmocka_unit_test(a_size_beyond_memory_is_memory),
      cmocka_unit_test(other_exceptions_are_internal_with_their_text),
      cmocka_unit_test(what_is_no_exception_is_internal),
      cmocka_unit_test(a_long_message_is_cut_at_a_character),
      cmocka_unit_test(a_message_that_just_fits_is_whole),
      cmocka_unit_test(without_an_error_struct_the_status_is_enough),
      cmocka_unit_test(require_names_the_argument),
      cmocka_unit_test(texts_are_copied_in_two_calls),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
