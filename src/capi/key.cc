// The functions of ngd/key.h.
#include "ngd/key.h"

#include "capi/guard.h"
#include "transport/keys.h"

ngd_status ngd_key_generate(const char *path, const char *role, ngd_error *error) noexcept {
  return ngd::guard(error, [&] {
    ngd::require(path, "path");
    ngd::require(role, "role");
    ngd::transport::generate_keys(path, ngd::transport::parse_role(role));
  });
}
