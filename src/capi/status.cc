// Status codes as text, and the library's version.
#include "ngd/error.h"
#include "ngd/version.h"

namespace {

struct Row {
  ngd_status status;
  const char *name;
  const char *text;
};

// The one table: number, spelling, meaning.
constexpr Row kRows[] = {
    {NGD_OK, "NGD_OK", "success"},
    {NGD_E_ARGUMENT, "NGD_E_ARGUMENT", "an argument is NULL where it may not be, or makes no sense"},
    {NGD_E_OPTION, "NGD_E_OPTION", "no option, rule, kind or format of that name"},
    {NGD_E_RANGE, "NGD_E_RANGE", "a value, index or count lies outside its range"},
    {NGD_E_STATE, "NGD_E_STATE", "the handle is not in the state that this call needs"},
    {NGD_E_SHAPE, "NGD_E_SHAPE", "sizes that must agree do not"},
    {NGD_E_NOT_FINITE, "NGD_E_NOT_FINITE", "a NaN or an infinity where a finite number is needed"},
    {NGD_E_BUFFER, "NGD_E_BUFFER", "the caller's buffer is too small"},
    {NGD_E_MEMORY, "NGD_E_MEMORY", "memory ran out"},
    {NGD_E_IO, "NGD_E_IO", "the operating system refused a file operation"},
    {NGD_E_DATA, "NGD_E_DATA", "a data file is malformed"},
    {NGD_E_CHECKPOINT, "NGD_E_CHECKPOINT", "a checkpoint is damaged, foreign, or does not fit"},
    {NGD_E_NOT_FOUND, "NGD_E_NOT_FOUND", "nothing of that name or number exists"},
    {NGD_E_CANCELLED, "NGD_E_CANCELLED", "the operation was cancelled by the caller"},
    {NGD_E_CALLBACK, "NGD_E_CALLBACK", "the caller's callback returned nonzero"},
    {NGD_E_DIVERGED, "NGD_E_DIVERGED", "training diverged: the loss or the parameters are no longer finite"},
    {NGD_E_UNSUPPORTED, "NGD_E_UNSUPPORTED", "valid, but not available for this kind of handle"},
    {NGD_E_TIMEOUT, "NGD_E_TIMEOUT", "the deadline passed"},
    {NGD_E_CLOSED, "NGD_E_CLOSED", "the peer or the handle is closed"},
    {NGD_E_PROTOCOL, "NGD_E_PROTOCOL", "a peer sent what it must not"},
    {NGD_E_FORKED, "NGD_E_FORKED", "a networked handle was used in a forked child"},
    {NGD_E_INTERNAL, "NGD_E_INTERNAL", "a mistake in libngd itself: please report it"},
    {NGD_E_UNAVAILABLE, "NGD_E_UNAVAILABLE", "a server cannot do it now; try again"},
    {NGD_E_LINEAGE, "NGD_E_LINEAGE", "the model went back to a checkpoint"},
    {NGD_E_EXPIRED, "NGD_E_EXPIRED", "the session was silent for too long and is forgotten"},
    {NGD_E_FENCED, "NGD_E_FENCED", "the lock's token is no longer the newest"},
    {NGD_E_CONFLICT, "NGD_E_CONFLICT", "it is not as the caller expected"},
    {NGD_E_LIMIT, "NGD_E_LIMIT", "a limit of the server is reached"},
    {NGD_E_ACCESS, "NGD_E_ACCESS", "the key may not do that"},
};

#define NGD_TEXT_OF(x) #x
#define NGD_TEXT(x) NGD_TEXT_OF(x)

}  // namespace

const char *ngd_status_text(ngd_status status) noexcept {
  for (const Row &row : kRows) {
    if (row.status == status) return row.text;
  }
  return "unknown status";
}

const char *ngd_status_name(ngd_status status) noexcept {
  for (const Row &row : kRows) {
    if (row.status == status) return row.name;
  }
  return "NGD_E_UNKNOWN";
}

int32_t ngd_version_number(void) noexcept {
  return NGD_VERSION_NUMBER;
}

const char *ngd_version(void) noexcept {
  return NGD_TEXT(NGD_VERSION_MAJOR) "." NGD_TEXT(NGD_VERSION_MINOR) "." NGD_TEXT(NGD_VERSION_PATCH);
}
