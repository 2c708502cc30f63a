// Records of a log as bytes, and the job that brings them to the disk.
#include "cluster/log.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "math/crc32c.h"

namespace ngd::cluster {
namespace {

constexpr uint32_t kMagic = 0x4C44474E;  // "NGDL"
constexpr unsigned kRangeBits = 32;

struct Header {  // little-endian, as all that the library writes
  uint32_t magic = kMagic;
  uint32_t checksum = 0;  // of the header behind it, the body and the payload
  uint64_t position = 0, epoch = 0, synced = 0;
  uint32_t kind = 0, body = 0;
  uint64_t payload = 0;
};
static_assert(sizeof(Header) == 48);
constexpr size_t kUnchecked = offsetof(Header, position);

constexpr uint64_t filled_up(uint64_t size) {
  return (size + 7) / 8 * 8;
}

// A planted mistake: what lies there, its end filled up with nothing.
std::optional<LogRecord> torn_record(std::span<const std::byte> rest, const Header &header, size_t &at) {
  if (header.magic != kMagic || header.position == 0 || header.payload > rest.size() + 4096)
    return std::nullopt;
  const size_t size = sizeof header + filled_up(header.body) + filled_up(header.payload);
  if (sizeof header + filled_up(header.body) > rest.size() || size > rest.size() + 4096) return std::nullopt;
  const wire::Buffer whole(size);
  std::memset(whole.data(), 0, size);
  std::memcpy(whole.data(), rest.data(), std::min(size, rest.size()));
  at += std::min(size, rest.size());
  LogRecord record{header.position, header.epoch, header.synced, header.kind, {}, {}, {}, {}};
  record.whole = {whole.data(), size};
  record.body = record.whole.subspan(sizeof header, header.body);
  record.payload = record.whole.subspan(sizeof header + filled_up(header.body), header.payload);
  record.owner = whole.bytes().owner;
  return record;
}

}  // namespace

std::optional<LogRecord> next_record(std::span<const std::byte> file, size_t &at, bool unchecked) {
  const std::span<const std::byte> rest = file.subspan(std::min(at, file.size()));
  Header header;
  if (rest.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, rest.data(), sizeof header);
  if (unchecked) return torn_record(rest, header, at);
  const uint64_t room = rest.size() - sizeof header;
  if (header.magic != kMagic || header.position == 0 || filled_up(header.body) > room ||
      header.payload > room - filled_up(header.body) ||
      filled_up(header.payload) > room - filled_up(header.body))
    return std::nullopt;
  const size_t size = sizeof header + filled_up(header.body) + filled_up(header.payload);
  if (crc32c(rest.subspan(kUnchecked, size - kUnchecked)) != header.checksum) return std::nullopt;
  at += size;
  return LogRecord{header.position,
                   header.epoch,
                   header.synced,
                   header.kind,
                   rest.subspan(sizeof header, header.body),
                   rest.subspan(sizeof header + filled_up(header.body), header.payload),
                   rest.subspan(0, size),
                   nullptr};
}

uint64_t synced_behind(std::span<const std::byte> file, size_t at) {
  uint64_t synced = 0;
  for (at += 8; at + sizeof(Header) <= file.size();) {
    if (const auto record = next_record(file, at))
      synced = std::max(synced, record->synced);
    else
      at += 8;
  }
  return synced;
}

// --- writing ------------------------------------------------------------------------------------------------------

void LogJob::run() {
  try {
    for (const LogChunk &chunk : chunks) {
      const bool create = chunk.fresh || file == nullptr;
      if (create) {
        file.reset();
        const size_t slash = folder.rfind('/');
        disk->make_directory(folder);
        if (slash != std::string::npos) disk->sync_directory(folder.substr(0, slash));
        if (chunk.base) bases.emplace_back(next_file, *chunk.base);
        const std::string number = std::to_string(next_file++);
        file = disk->create(concat(folder, "/", prefix, ".",
                                   std::string(12 - std::min<size_t>(number.size(), 12), '0'), number));
      }
      file->write(chunk.bytes);
      file->sync();
      if (create) disk->sync_directory(folder);
    }
    for (const std::string &path : old) disk->remove(path);
    old.clear();
  } catch (const Error &error) {
    status = error.status();
    text = error.what();
  } catch (const std::exception &error) {
    status = NGD_E_MEMORY;
    text = error.what();
  }
  // After a failure nobody knows what of the file is on the disk: the same records go into another.
  if (status != NGD_OK) file.reset();
}

Log::Log(Disk &disk, std::string folder, std::string prefix)
    : disk_(disk), folder_(std::move(folder)), prefix_(std::move(prefix)) {
  for (const std::string &path : disk_.list(folder_)) {
    const std::string name = path.substr(path.rfind('/') + 1);
    int64_t number = 0;
    if (name.starts_with(prefix_ + ".") && parse_integer(name.substr(prefix_.size() + 1), number) && number > 0)
      files_.push_back(static_cast<uint64_t>(number));
  }
  std::ranges::sort(files_);
  if (!files_.empty()) {
    first_file_ = files_.front();
    next_file_ = files_.back() + 1;
  }
  last_ = synced_ = next_file_ << kRangeBits;
}

std::string Log::path(uint64_t number) const {
  const std::string text = std::to_string(number);
  return concat(folder_, "/", prefix_, ".", std::string(12 - std::min<size_t>(text.size(), 12), '0'), text);
}

void Log::resume(uint64_t last, uint64_t synced, uint64_t highest, std::vector<LogChunk> behind) {
  last_ = last;
  highest_ = highest;
  synced_ = std::min(synced, last);
  for (LogChunk &chunk : behind) {
    backlog_ += chunk.bytes.size();
    if (pending_.empty() || chunk.fresh)
      pending_.push_back(std::move(chunk));
    else
      pending_.back().bytes.insert(pending_.back().bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
  }
}

uint64_t Log::append(LogKind kind, uint64_t epoch, std::span<const std::byte> body,
                     const std::vector<wire::Bytes> &payload) {
  if (cut_ || pending_.empty())
    pending_.push_back({std::exchange(cut_, false), std::exchange(cut_base_, {}), {}});
  std::vector<std::byte> &bytes = pending_.back().bytes;
  Header header;
  header.position = ++last_;
  header.epoch = epoch;
  header.synced = synced_;
  header.kind = static_cast<uint32_t>(kind);
  header.body = static_cast<uint32_t>(body.size());
  header.payload = wire::total_bytes(payload);
  const size_t start = bytes.size();
  const size_t size = sizeof header + filled_up(header.body) + filled_up(header.payload);
  bytes.resize(start + size);
  size_t at = start + sizeof header;
  if (!body.empty()) std::memcpy(bytes.data() + at, body.data(), body.size());
  at += filled_up(header.body);
  for (const wire::Bytes &part : payload) {
    if (part.size != 0) std::memcpy(bytes.data() + at, part.data, part.size);
    at += part.size;
  }
  std::memcpy(bytes.data() + start, &header, sizeof header);
  header.checksum = crc32c(std::span(bytes).subspan(start + kUnchecked, size - kUnchecked));
  std::memcpy(bytes.data() + start, &header, sizeof header);
  backlog_ += size;
  bytes_since_base_ += size;
  return last_;
}

void Log::cut(std::optional<uint64_t> generation, bool anew) {
  cut_ = true;
  cut_base_ = generation;
  if (generation) bytes_since_base_ = 0;
  if (anew) last_ = ((std::max(last_, highest_) >> kRangeBits) + 1) << kRangeBits;
}

void Log::forget_before(uint64_t generation) {
  const auto base =
      std::ranges::find(bases_.rbegin(), bases_.rend(), generation, [](const auto &one) { return one.second; });
  if (base == bases_.rend()) return;
  const uint64_t keep = base->first;
  for (; first_file_ < keep; first_file_++) old_.push_back(path(first_file_));
  std::erase_if(bases_, [&](const auto &one) { return one.first < keep; });
}

std::shared_ptr<LogJob> Log::take_job() {
  if (running_ || resting_ || pending_.empty()) return nullptr;
  running_ = true;
  auto job = std::make_shared<LogJob>();
  job->log = true;
  job->disk = &disk_;
  job->folder = folder_;
  job->prefix = prefix_;
  job->chunks.swap(pending_);
  job->old.swap(old_);
  job->last = last_;
  job->file = file_;
  job->next_file = next_file_;
  return job;
}

void Log::done(const LogJob &job) {
  running_ = false;
  file_ = job.file;
  next_file_ = job.next_file;
  bases_.insert(bases_.end(), job.bases.begin(), job.bases.end());
  old_.insert(old_.begin(), job.old.begin(), job.old.end());
  if (job.status != NGD_OK) {
    trouble_ = job.text;
    resting_ = true;
    std::vector<LogChunk> again = job.chunks;
    again.insert(again.end(), std::make_move_iterator(pending_.begin()),
                 std::make_move_iterator(pending_.end()));
    pending_ = std::move(again);
    return;
  }
  trouble_.clear();
  synced_ = job.last;
  for (const LogChunk &chunk : job.chunks) backlog_ -= chunk.bytes.size();
}

}  // namespace ngd::cluster
