// Throwing, in one place.
#include "base/error.h"

namespace ngd {

void fail_joined(ngd_status status, std::initializer_list<TextPart> parts) {
  throw Error(status, joined(parts));
}

}  // namespace ngd
