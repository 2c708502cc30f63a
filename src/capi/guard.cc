// Exception to status: no heap, no exception out, messages cut at a character boundary.
#include "capi/guard.h"

#include <cstring>
#include <new>
#include <stdexcept>

namespace ngd {

ngd_status report(ngd_error *error, ngd_status status, const char *message) noexcept {
  if (error == nullptr) return status;
  error->code = status;
  size_t length = std::strlen(message);
  if (length >= sizeof error->message) {
    length = sizeof error->message - 1;
    while (length > 0 && (static_cast<unsigned char>(message[length]) & 0xC0) == 0x80) length--;
  }
  std::memcpy(error->message, message, length);
  error->message[length] = '\0';
  return status;
}

ngd_status report_exception(ngd_error *error) noexcept {
  try {
    throw;
  } catch (const Error &exception) {
    return report(error, exception.status(), exception.what());
  } catch (const std::bad_alloc &) {
    return report(error, NGD_E_MEMORY, "memory ran out; nothing was changed");
  } catch (const std::length_error &) {
    return report(error, NGD_E_MEMORY, "a size is larger than memory can hold; nothing was changed");
  } catch (const std::exception &exception) {
    return report(error, NGD_E_INTERNAL, exception.what());
  } catch (...) {
    return report(error, NGD_E_INTERNAL, "an exception of unknown type; please report this as a bug of libngd");
  }
}

void require(const void *pointer, const char *name) {
  if (pointer == nullptr) fail(NGD_E_ARGUMENT, "argument \"", name, "\" is NULL, but may not be");
}

void copy_text(std::string_view text, char *buffer, size_t capacity, size_t *needed) {
  const size_t size = text.size() + 1;
  if (capacity != 0) require(buffer, "buffer");
  if (needed != nullptr) *needed = size;
  if (capacity == 0) return;
  if (capacity < size) fail(NGD_E_BUFFER, "the buffer has ", capacity, " bytes, but the text needs ", size);
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
}

}  // namespace ngd
