// A list of the names, without a constructor to run when the library is loaded.
#include "transport/inproc.h"

#include <mutex>

#include "base/error.h"

namespace ngd::transport {
namespace {

constinit std::mutex list_mutex;
constinit InprocName *list_head = nullptr;

}  // namespace

InprocName::InprocName(std::string name, const std::shared_ptr<Context> &context)
    : name_(std::move(name)), context_(context) {
  const std::lock_guard lock(list_mutex);
  for (const InprocName *one = list_head; one != nullptr; one = one->next_) {
    if (one->name_ == name_)
      fail(NGD_E_CONFLICT, "another server of this process listens on inproc://", name_, "; take another name");
  }
  next_ = list_head;
  list_head = this;
}

InprocName::~InprocName() {
  const std::lock_guard lock(list_mutex);
  for (InprocName **at = &list_head; *at != nullptr; at = &(*at)->next_) {
    if (*at != this) continue;
    *at = next_;
    break;
  }
}

std::shared_ptr<Context> inproc_context(const std::string &name) {
  const std::lock_guard lock(list_mutex);
  for (const InprocName *one = list_head; one != nullptr; one = one->next_) {
    if (one->name_ == name) return one->context_.lock();
  }
  return nullptr;
}

}  // namespace ngd::transport
