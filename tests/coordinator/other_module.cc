// A module of another version than libngd's.
#include "coordinator/module.h"

namespace {
constexpr ngd::coordinator::Module kModule = {999, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
}

extern "C" __attribute__((visibility("default"))) const ngd::coordinator::Module *ngd_coordinator_module() {
  return &kModule;
}
