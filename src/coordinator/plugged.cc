// Finding modules, and calls through their C functions.
#include "coordinator/plugged.h"

#include <dlfcn.h>

#include <array>

#include "base/error.h"

namespace ngd::coordinator {
namespace {

// The folder of the file that holds this code: libngd.so, or a program with libngd.a inside.
std::string own_folder() {
  static const char here = 0;
  Dl_info info = {};
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return {};
  const std::string path = info.dli_fname;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

ModuleText text_of(const std::string &text) {
  return {text.data(), text.size()};
}

std::string string_of(const ModuleText &text) {
  return {text.data, text.size};
}

}  // namespace

const Module &load_module(const std::vector<std::string> &paths) {
  std::string tried, reason;
  for (const std::string &path : paths) {
    // RTLD_LOCAL: nobody else sees its names; RTLD_NODELETE: its libraries may have threads and handlers of their own.
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) {
      tried += (tried.empty() ? "" : ", ") + path;
      const char *text = dlerror();
      // Where the file is there and something else is missing, that is what to say.
      if (text != nullptr &&
          std::string(text).find(path + ": cannot open shared object file") == std::string::npos)
        reason = text;
      continue;
    }
    void *const found = dlsym(library, kModuleEntry);
    if (found == nullptr)
      fail(NGD_E_UNSUPPORTED, path, " is no module of libngd: it has no function ", kModuleEntry);
    const Module &module = *reinterpret_cast<ModuleEntry>(found)();
    if (module.version != kModuleVersion)
      fail(NGD_E_UNSUPPORTED, "the module ", path, " has version ", module.version,
           " and this libngd needs version ", kModuleVersion, ": install both from the same release");
    return module;
  }
  fail(NGD_E_UNSUPPORTED, "the module of this coordinator cannot be opened: ",
       reason.empty() ? "there is none of " + tried : reason,
       "; install the component coordinator_etcd of libngd, which is built where libcurl4-openssl-dev is "
       "present");
}

const Module &find_module(const std::string &file) {
  const std::string folder = own_folder();
  return load_module({folder + "/ngd/" + file, folder + "/" + file, file});
}

PluggedCoordinator::PluggedCoordinator(const Module &module, const std::string &address,
                                       const std::string &cluster, Answer answer)
    : module_(module), answer_(std::move(answer)) {
  std::array<char, 512> problem = {};
  const int32_t status =
      module_.open(address.c_str(), cluster.c_str(), take, this, &coordinator_, problem.data(), problem.size());
  if (status != NGD_OK) fail(static_cast<ngd_status>(status), problem.data());
}

PluggedCoordinator::~PluggedCoordinator() {
  module_.close(coordinator_);
}

void PluggedCoordinator::get(uint64_t ticket, const std::string &prefix) {
  module_.get(coordinator_, ticket, text_of(prefix));
}

void PluggedCoordinator::cas(uint64_t ticket, const std::string &key, uint64_t revision,
                             const std::string &value) {
  module_.cas(coordinator_, ticket, text_of(key), revision, text_of(value));
}

void PluggedCoordinator::announce(const std::string &key, const std::string &value) {
  module_.announce(coordinator_, text_of(key), text_of(value));
}

std::string PluggedCoordinator::problem() const {
  std::array<char, 512> text = {};
  module_.problem(coordinator_, text.data(), text.size());
  return text.data();
}

void PluggedCoordinator::take(void *self, uint64_t ticket, int done, const ModuleRecord *records,
                              size_t count) {
  try {
    cluster::CoordinatorAnswer answer{ticket, done != 0, {}};
    for (size_t i = 0; i < count; i++)
      answer.records.push_back({string_of(records[i].key), string_of(records[i].value), records[i].revision});
    static_cast<PluggedCoordinator *>(self)->answer_(answer);
  } catch (const std::exception &) {  // no memory: an answer that is lost is asked for again
  }
}

}  // namespace ngd::coordinator
