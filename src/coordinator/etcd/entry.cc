// The module's one exported name, and its C functions.
#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "coordinator/etcd/coordinator.h"
#include "coordinator/module.h"

namespace ngd::etcd {
namespace {

using coordinator::ModuleAnswer;
using coordinator::ModuleRecord;
using coordinator::ModuleText;

void copy(std::string_view text, char *out, size_t capacity) {
  if (capacity == 0) return;
  const size_t size = std::min(text.size(), capacity - 1);
  std::memcpy(out, text.data(), size);
  out[size] = '\0';
}

ModuleText text_of(const std::string &text) {
  return {text.data(), text.size()};
}

Coordinator *of(void *coordinator) {
  return static_cast<Coordinator *>(coordinator);
}

// A call that cannot be taken for want of memory is a call without an answer.
template <class Body>
void unless_no_memory(Body &&body) noexcept {
  try {
    body();
  } catch (const std::exception &) {
  }
}

int32_t open(const char *address, const char *cluster, ModuleAnswer answer, void *context, void **out,
             char *problem, size_t capacity) noexcept {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  try {
    auto made = std::make_unique<Coordinator>(
        settings_of(address, cluster),
        [answer, context](uint64_t ticket, bool done, const std::vector<Record> &records) {
          std::vector<ModuleRecord> views;
          for (const Record &record : records)
            views.push_back({text_of(record.key), text_of(record.value), record.revision});
          answer(context, ticket, done ? 1 : 0, views.data(), views.size());
        });
    *out = made.release();
    return NGD_OK;
  } catch (const Error &error) {
    copy(error.what(), problem, capacity);
    return error.status();
  } catch (const std::exception &error) {
    copy(error.what(), problem, capacity);
    return NGD_E_MEMORY;
  }
}

void close(void *coordinator) noexcept {
  delete of(coordinator);
}

void get(void *coordinator, uint64_t ticket, ModuleText prefix) noexcept {
  unless_no_memory([&] { of(coordinator)->get(ticket, {prefix.data, prefix.size}); });
}

void cas(void *coordinator, uint64_t ticket, ModuleText key, uint64_t revision, ModuleText value) noexcept {
  unless_no_memory([&] {
    of(coordinator)->cas(ticket, {key.data, key.size}, revision, {value.data, value.size});
  });
}

void announce(void *coordinator, ModuleText key, ModuleText value) noexcept {
  unless_no_memory([&] { of(coordinator)->announce({key.data, key.size}, {value.data, value.size}); });
}

void problem(void *coordinator, char *text, size_t capacity) noexcept {
  copy("", text, capacity);
  unless_no_memory([&] { copy(of(coordinator)->problem(), text, capacity); });
}

constexpr coordinator::Module kModule = {coordinator::kModuleVersion, open, close, get, cas, announce, problem};

}  // namespace
}  // namespace ngd::etcd

extern "C" __attribute__((visibility("default"))) const ngd::coordinator::Module *ngd_coordinator_module() {
  return &ngd::etcd::kModule;
}
