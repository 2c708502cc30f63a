// Records in memory, and calls on a directory one after another.
#include "coordinator/local.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "math/crc32c.h"
#include "store/atomic_file.h"
#include "transport/system.h"

namespace ngd::coordinator {
namespace {

constexpr size_t kBytes = size_t{64} << 20;  // no file of records is longer
constexpr std::string_view kMagic = "NGDRECS1";

template <class T>
void append(std::string &text, T value) {
  text.append(reinterpret_cast<const char *>(&value), sizeof value);
}

template <class T>
bool take(std::string_view &text, T &value) {
  if (text.size() < sizeof value) return false;
  std::memcpy(&value, text.data(), sizeof value);
  text.remove_prefix(sizeof value);
  return true;
}

bool take(std::string_view &text, std::string &value) {
  uint32_t size = 0;
  if (!take(text, size) || size > text.size()) return false;
  value = text.substr(0, size);
  text.remove_prefix(size);
  return true;
}

// An open file description with the exclusive lock on it.
class Lock {
 public:
  explicit Lock(const std::string &path) : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0) fail(NGD_E_IO, "cannot open ", path, ": ", std::strerror(errno));
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    for (int tries = 0; fcntl(fd_, F_OFD_SETLK, &lock) != 0; tries++) {
      const int error = errno;
      if ((error == EAGAIN || error == EACCES || error == EINTR) && tries < 1000) {
        const timespec pause = {0, 2'000'000};
        nanosleep(&pause, nullptr);
        continue;
      }
      close(fd_);
      fail(NGD_E_UNAVAILABLE, "another process has held ", path, " for 2 s: ", std::strerror(error));
    }
  }
  ~Lock() { close(fd_); }
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

 private:
  int fd_;
};

}  // namespace

cluster::CoordinatorAnswer found(const Records &records, uint64_t ticket, const std::string &prefix) {
  cluster::CoordinatorAnswer answer;
  answer.ticket = ticket;
  answer.done = true;
  for (auto at = records.by_key.lower_bound(prefix);
       at != records.by_key.end() && at->first.starts_with(prefix); ++at)
    answer.records.push_back(at->second);
  return answer;
}

cluster::CoordinatorAnswer changed(Records &records, uint64_t ticket, const std::string &key, uint64_t revision,
                                   const std::string &value) {
  cluster::CoordinatorAnswer answer;
  answer.ticket = ticket;
  const auto at = records.by_key.find(key);
  const uint64_t present = at == records.by_key.end() ? 0 : at->second.revision;
  answer.done = present == revision;
  if (answer.done) records.by_key[key] = {key, value, ++records.revision};
  const auto now = records.by_key.find(key);
  if (now != records.by_key.end()) answer.records.push_back(now->second);
  return answer;
}

std::string written(const Records &records) {
  std::string text(kMagic);
  append(text, records.revision);
  append(text, static_cast<uint64_t>(records.by_key.size()));
  for (const auto &[key, record] : records.by_key) {
    append(text, record.revision);
    append(text, static_cast<uint32_t>(key.size()));
    text += key;
    append(text, static_cast<uint32_t>(record.value.size()));
    text += record.value;
  }
  append(text, crc32c(std::as_bytes(std::span(text))));
  return text;
}

Records read_records(std::string_view text, const std::string &path) {
  const auto damaged = [&](std::string_view why) {
    fail(NGD_E_CHECKPOINT, "the records of the cluster in ", path, " are damaged: ", why,
         "; restore the file from a backup, or remove it to begin a new cluster");
  };
  if (text.size() < kMagic.size() + 20 || !text.starts_with(kMagic)) damaged("it is no file of records");
  uint32_t checksum = 0;
  std::memcpy(&checksum, text.data() + text.size() - 4, 4);
  text.remove_suffix(4);
  if (crc32c(std::as_bytes(std::span(text))) != checksum) damaged("its checksum does not match");
  text.remove_prefix(kMagic.size());
  Records records;
  uint64_t count = 0;
  take(text, records.revision);
  take(text, count);
  for (; count > 0; count--) {
    cluster::Record record;
    if (!take(text, record.revision) || !take(text, record.key) || !take(text, record.value))
      damaged("it ends early");
    records.by_key[record.key] = record;
  }
  if (!text.empty()) damaged("it is too long");
  return records;
}

void MemoryCoordinator::get(uint64_t ticket, const std::string &prefix) {
  cluster::CoordinatorAnswer answer;
  {
    const std::lock_guard lock(mutex_);
    answer = found(records_, ticket, prefix);
  }
  answer_(answer);
}

void MemoryCoordinator::cas(uint64_t ticket, const std::string &key, uint64_t revision,
                            const std::string &value) {
  cluster::CoordinatorAnswer answer;
  {
    const std::lock_guard lock(mutex_);
    answer = changed(records_, ticket, key, revision, value);
  }
  answer_(answer);
}

void MemoryCoordinator::announce(const std::string &key, const std::string &value) {
  const std::lock_guard lock(mutex_);
  records_.by_key[key] = {key, value, ++records_.revision};
}

FileCoordinator::FileCoordinator(std::string directory, Answer answer)
    : directory_(std::move(directory)), answer_(std::move(answer)), presence_(directory_) {
  transport::SystemDisk(directory_).make_directory("");
  // Without it servers see a change when they look for one, once a second.
  watch_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch_ >= 0) inotify_add_watch(watch_, directory_.c_str(), IN_MOVED_TO);
  thread_ = Thread("ngd-coordinator", [this] { work(); });
}

FileCoordinator::~FileCoordinator() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  bell_.ring();
  thread_.join();
  if (watch_ >= 0) close(watch_);
}

void FileCoordinator::put(Call call) {
  const std::lock_guard lock(mutex_);
  // Callers ask again; what has waited for long is asked for twice.
  if (calls_.size() >= 10'000) calls_.pop_front();
  calls_.push_back(std::move(call));
  bell_.ring();
}

void FileCoordinator::get(uint64_t ticket, const std::string &prefix) {
  put({ticket, Kind::get, prefix, 0, {}});
}

void FileCoordinator::cas(uint64_t ticket, const std::string &key, uint64_t revision,
                          const std::string &value) {
  put({ticket, Kind::cas, key, revision, value});
}

void FileCoordinator::announce(const std::string &key, const std::string &value) {
  put({0, Kind::announce, key, 0, value});
}

std::string FileCoordinator::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void FileCoordinator::work() {
  for (;;) {
    std::optional<Call> call;
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
      if (!calls_.empty()) {
        call = std::move(calls_.front());
        calls_.pop_front();
      }
    }
    if (call) {
      std::string problem;
      try {
        carry_out(*call);
      } catch (const std::exception &error) {
        problem = error.what();
      }
      const std::lock_guard lock(mutex_);
      problem_ = std::move(problem);
      continue;
    }
    pollfd fds[] = {{bell_.fd(), POLLIN, 0}, {watch_, POLLIN, 0}};
    poll(fds, 2, -1);
    if ((fds[0].revents & POLLIN) != 0) bell_.quiet();
    if ((fds[1].revents & POLLIN) != 0 && changed_meanwhile()) answer_({});
  }
}

// Takes all that the system tells of the directory.
bool FileCoordinator::changed_meanwhile() const {
  alignas(inotify_event) char buffer[4096];
  bool changed = false;
  for (ssize_t size = 0; (size = read(watch_, buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto &event = *reinterpret_cast<const inotify_event *>(buffer + at);
      changed |= event.len > 0 && std::string_view(event.name) == "records";
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return changed;
}

void FileCoordinator::carry_out(const Call &call) {
  if (call.kind == Kind::announce) return presence_.announce(call.key, call.value);
  presence_.renew();
  const std::string path = directory_ + "/records";
  cluster::CoordinatorAnswer answer;
  {
    const Lock lock(directory_ + "/lock");
    Records records;
    if (const auto bytes = transport::SystemDisk(directory_).read("records")) {
      if (bytes->size() > kBytes)
        fail(NGD_E_CHECKPOINT, path, " has ", bytes->size(), " bytes, more than records can have");
      records = read_records({reinterpret_cast<const char *>(bytes->data()), bytes->size()}, path);
    }
    if (call.kind == Kind::cas) {
      answer = changed(records, call.ticket, call.key, call.revision, call.value);
      if (answer.done) {
        AtomicFile file(path);
        const std::string text = written(records);
        file.write(std::as_bytes(std::span(text)));
        file.commit();
      }
    } else {
      answer = found(records, call.ticket, call.key);
      for (cluster::Record &one : presence_.records(call.key)) answer.records.push_back(std::move(one));
    }
  }
  answer_(answer);
}

}  // namespace ngd::coordinator
