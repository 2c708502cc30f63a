// What libngd and a module of a coordinator, opened with dlopen(), say to each other: C functions behind one name.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ngd::coordinator {

// Raised with every change of this file; libngd opens modules of its own number only.
inline constexpr uint32_t kModuleVersion = 1;
// The name of the one function that a module exports: a ModuleEntry.
inline constexpr const char *kModuleEntry = "ngd_coordinator_module";

struct ModuleText {
  const char *data;
  size_t size;
};
struct ModuleRecord {
  ModuleText key, value;
  uint64_t revision;
};
// See cluster::CoordinatorAnswer. Called on threads of the module, until close() has returned; throws nothing.
using ModuleAnswer = void (*)(void *context, uint64_t ticket, int done, const ModuleRecord *records,
                              size_t count);

// No function throws; open() and problem() write NUL-terminated text.
struct Module {
  uint32_t version;
  // An ngd_status; on failure `problem` says why. `address` is what the user wrote.
  int32_t (*open)(const char *address, const char *cluster, ModuleAnswer answer, void *context, void **out,
                  char *problem, size_t capacity);
  void (*close)(void *coordinator);  // within a second
  // See cluster::Coordinator.
  void (*get)(void *coordinator, uint64_t ticket, ModuleText prefix);
  void (*cas)(void *coordinator, uint64_t ticket, ModuleText key, uint64_t revision, ModuleText value);
  void (*announce)(void *coordinator, ModuleText key, ModuleText value);
  void (*problem)(void *coordinator, char *text, size_t capacity);  // why it does not answer; empty: it does
};
using ModuleEntry = const Module *(*)();

}  // namespace ngd::coordinator
