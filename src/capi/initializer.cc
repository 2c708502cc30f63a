// The C contract of initialisers: include/ngd/initializer.h.
#include "ngd/initializer.h"

#include "base/error.h"
#include "capi/guard.h"
#include "model/initializer.h"

using ngd::guard;
using ngd::require;

namespace {

template <class T>
ngd_status fill(const char *spec, uint64_t seed, uint64_t tensor_index, size_t inputs, size_t outputs,
                T *values, size_t count, ngd_error *error) {
  return guard(error, [&] {
    require(spec, "spec");
    require(values, "values");
    const ngd::InitializerSpec parsed = ngd::parse_initializer(spec);
    if (inputs == 0 || outputs == 0)
      ngd::fail(NGD_E_SHAPE, "the weight has ", inputs, " inputs and ", outputs,
                " outputs; both must be at least 1");
    if (count / inputs != outputs || count % inputs != 0)
      ngd::fail(NGD_E_SHAPE, "argument \"count\" is ", count, ", but a weight of ", inputs, " inputs and ",
                outputs, " outputs has as many elements as their product");
    ngd::initialize<T>(parsed.initializer, parsed.scale, inputs, outputs, seed, tensor_index, {values, count});
  });
}

}  // namespace

const char *ngd_initializer_kind(size_t index) noexcept {
  return ngd::initializer_kind(index);
}

ngd_status ngd_initializer_describe(const char *kind, size_t index, ngd_option_info *info,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    require(kind, "kind");
    require(info, "info");
    ngd::describe_option(ngd::initializer_options(kind), ngd::concat("initializer ", ngd::quoted(kind)), index,
                         info);
  });
}

ngd_status ngd_initializer_fill_f32(const char *spec, uint64_t seed, uint64_t tensor_index, size_t inputs,
                                    size_t outputs, float *values, size_t count, ngd_error *error) noexcept {
  return fill(spec, seed, tensor_index, inputs, outputs, values, count, error);
}

ngd_status ngd_initializer_fill_f64(const char *spec, uint64_t seed, uint64_t tensor_index, size_t inputs,
                                    size_t outputs, double *values, size_t count, ngd_error *error) noexcept {
  return fill(spec, seed, tensor_index, inputs, outputs, values, count, error);
}
