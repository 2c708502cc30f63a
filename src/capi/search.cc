// The C contract of random search: include/ngd/search.h.
#include "ngd/search.h"

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"

using ngd::guard;
using ngd::require;

const char *ngd_search_kind(size_t index) noexcept {
  return ngd::parameter_kind(index);
}

ngd_status ngd_search_describe(size_t index, ngd_option_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(info, "info");
    ngd::describe_option(ngd::search_options(), "the search", index, info);
  });
}

ngd_status ngd_search_describe_kind(const char *kind, size_t index, ngd_option_info *info,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    require(kind, "kind");
    require(info, "info");
    ngd::describe_option(ngd::parameter_options(kind), ngd::concat("kind of parameter ", ngd::quoted(kind)),
                         index, info);
  });
}

ngd_status ngd_search_create(const char *spec, ngd_search **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    *out = new ngd_search{std::make_shared<ngd::Search>(spec != nullptr ? spec : "search")};
  });
}

void ngd_search_destroy(ngd_search *search) noexcept {
  delete search;
}

ngd_status ngd_search_set(ngd_search *search, const char *name, double value, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    search->object->set(name, value);
  });
}

ngd_status ngd_search_set_text(ngd_search *search, const char *name, const char *value,
                               ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    require(value, "value");
    search->object->set_text(name, value);
  });
}

ngd_status ngd_search_get(const ngd_search *search, const char *name, double *value,
                          ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    require(value, "value");
    *value = search->object->number(name);
  });
}

ngd_status ngd_search_get_text(const ngd_search *search, const char *name, char *buffer, size_t capacity,
                               size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    ngd::copy_text(search->object->text(name), buffer, capacity, needed);
  });
}

ngd_status ngd_search_add(ngd_search *search, const char *name, const char *spec, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    require(spec, "spec");
    search->object->add(name, spec);
  });
}

ngd_status ngd_search_get_parameter(const ngd_search *search, size_t index, char *buffer, size_t capacity,
                                    size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    ngd::copy_text(search->object->parameter(index), buffer, capacity, needed);
  });
}

ngd_status ngd_search_get_spec(const ngd_search *search, const char *name, char *buffer, size_t capacity,
                               size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    ngd::copy_text(search->object->parameter_spec(name), buffer, capacity, needed);
  });
}

ngd_status ngd_search_open_journal(ngd_search *search, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(path, "path");
    search->object->open_journal(path);
  });
}

ngd_status ngd_search_load(const char *path, ngd_search **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(path, "path");
    *out = new ngd_search{ngd::Search::load(path)};
  });
}

ngd_status ngd_search_ask(ngd_search *search, uint64_t *trial, int32_t *answer, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(trial, "trial");
    require(answer, "answer");
    *answer = search->object->ask(*trial);
  });
}

ngd_status ngd_search_get_value(const ngd_search *search, uint64_t trial, const char *name, double *value,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    require(value, "value");
    *value = search->object->value(trial, name);
  });
}

ngd_status ngd_search_get_value_text(const ngd_search *search, uint64_t trial, const char *name, char *buffer,
                                     size_t capacity, size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    ngd::copy_text(search->object->value_text(trial, name), buffer, capacity, needed);
  });
}

ngd_status ngd_search_report(ngd_search *search, uint64_t trial, uint64_t step, double value, int32_t *stop,
                             ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(stop, "stop");
    *stop = search->object->report(trial, step, value) ? 1 : 0;
  });
}

ngd_status ngd_search_tell(ngd_search *search, uint64_t trial, double value, uint64_t gradients,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    search->object->tell(trial, value, gradients);
  });
}

ngd_status ngd_search_fail(ngd_search *search, uint64_t trial, const char *message, uint64_t gradients,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    search->object->fail_trial(trial, message != nullptr ? message : "", gradients);
  });
}

ngd_status ngd_search_get_info(const ngd_search *search, ngd_search_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(info, "info");
    ngd::fill_struct(info, search->object->info(), "ngd_search_info");
  });
}

ngd_status ngd_search_get_trial(const ngd_search *search, uint64_t trial, ngd_trial_info *info,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(info, "info");
    ngd::fill_struct(info, search->object->trial_info(trial), "ngd_trial_info");
  });
}

ngd_status ngd_search_get_message(const ngd_search *search, uint64_t trial, char *buffer, size_t capacity,
                                  size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    ngd::copy_text(search->object->message(trial), buffer, capacity, needed);
  });
}

ngd_status ngd_search_get_importance(const ngd_search *search, const char *name, ngd_importance *importance,
                                     ngd_error *error) noexcept {
  return guard(error, [&] {
    require(search, "search");
    require(name, "name");
    require(importance, "importance");
    ngd::fill_struct(importance, search->object->importance(name), "ngd_importance");
  });
}
