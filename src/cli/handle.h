// Handles of the C contract that free themselves, and calls that throw the library's message.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "ngd.h"

namespace cli {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// Ends the program with a message on stderr and an exit code.
struct Failure {
  std::string message;
  int exit_code = kExitFailed;
  ngd_status status = NGD_OK;
};

struct Destroy {
  void operator()(ngd_checkpoint *handle) const { ngd_checkpoint_destroy(handle); }
  void operator()(ngd_client *handle) const { ngd_client_destroy(handle); }
  void operator()(ngd_dataset *handle) const { ngd_dataset_destroy(handle); }
  void operator()(ngd_icea *handle) const { ngd_icea_destroy(handle); }
  void operator()(ngd_model *handle) const { ngd_model_destroy(handle); }
  void operator()(ngd_optimizer *handle) const { ngd_optimizer_destroy(handle); }
  void operator()(ngd_search *handle) const { ngd_search_destroy(handle); }
  void operator()(ngd_server *handle) const { ngd_server_destroy(handle); }
  void operator()(ngd_trainer *handle) const { ngd_trainer_destroy(handle); }
  void operator()(ngd_vectors *handle) const { ngd_vectors_destroy(handle); }
};
template <class T>
using Handle = std::unique_ptr<T, Destroy>;
using Checkpoint = Handle<ngd_checkpoint>;
using Client = Handle<ngd_client>;
using Dataset = Handle<ngd_dataset>;
using Icea = Handle<ngd_icea>;
using Model = Handle<ngd_model>;
using Optimizer = Handle<ngd_optimizer>;
using Search = Handle<ngd_search>;
using Server = Handle<ngd_server>;
using Trainer = Handle<ngd_trainer>;
using Vectors = Handle<ngd_vectors>;

// call(ngd_dataset_load, dataset.get(), path): appends the error struct, throws a Failure with its message.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
  ngd_error error = {};
  const ngd_status status = function(arguments..., &error);
  if (status != NGD_OK) throw Failure{error.message, kExitFailed, status};
}

// create<ngd_model>(ngd_model_create, spec): a spec comes from the command line, so a wrong one is wrong usage.
template <class T>
Handle<T> create(ngd_status (*function)(const char *, T **, ngd_error *) NGD_NOEXCEPT,
                 const std::string &spec) {
  T *handle = nullptr;
  try {
    call(function, spec.c_str(), &handle);
  } catch (Failure &failure) {
    if (failure.status != NGD_E_MEMORY) failure.exit_code = kExitUsage;
    throw;
  }
  return Handle<T>(handle);
}

// text_of(ngd_model_get_text, model, "spec"): both calls of the two-call form.
template <class Function, class... Arguments>
std::string text_of(Function function, Arguments... arguments) {
  size_t needed = 0;
  call(function, arguments..., nullptr, size_t{0}, &needed);
  std::string text(needed, '\0');
  call(function, arguments..., text.data(), text.size(), &needed);
  text.resize(needed - 1);
  return text;
}

// sized<ngd_metrics>(): zeros with struct_size set.
template <class T>
T sized() {
  T value = {};
  value.struct_size = sizeof(T);
  return value;
}

}  // namespace cli
