// Asking other servers for manifests and files of checkpoints, and answering such questions.
#include "cluster/fetch.h"

#include <algorithm>

#include "base/error.h"
#include "wire/limits.h"

namespace ngd::cluster {
namespace {

constexpr Time kAskAgainUs = 200'000;
constexpr Time kSearchUs = 1'000'000;           // for manifests, where there is one already
constexpr Time kSearchPatientlyUs = 5'000'000;  // else the model would begin empty
constexpr Time kNobodyUs = 3'000'000;           // then nobody has the file
constexpr Time kSilentUs = 8'000'000;           // then its server is left for another
constexpr Time kPartAgainUs = 500'000, kPartMostUs = 4'000'000;
constexpr size_t kPartBytes = size_t{256} << 10;  // read by a thread that has other work

}  // namespace

// --- answering ----------------------------------------------------------------------------------------------------

wire::Fetched answer_fetch(Disk &disk, const std::string &directory, const std::string &model,
                           const wire::Fetch &fetch, std::vector<wire::Bytes> &payload) {
  wire::Fetched answer;
  answer.asked = fetch;
  if (fetch.slot > 1 || fetch.files > wire::kShards || (!fetch.manifest && fetch.index >= fetch.files))
    return answer;
  const std::string path = fetch.manifest ? manifest_file(directory, model, fetch.slot)
                                          : shard_file(directory, model, fetch.slot, fetch.index, fetch.files);
  try {
    // Once: what comes later may be of a newer file, which the checksum of all of it will tell.
    if (!fetch.manifest && fetch.offset == 0 && told_of(disk, path).checksum != fetch.checksum) return answer;
    auto part = disk.read_part(path, fetch.offset, fetch.manifest ? wire::kControlBytes : kPartBytes);
    if (!part) return answer;
    answer.there = true;
    answer.total = part->total;
    if (!part->bytes.empty()) payload.push_back(wire::copied(part->bytes));
  } catch (const std::exception &) {
    payload.clear();
    answer.there = false;
  }
  return answer;
}

// --- manifests ----------------------------------------------------------------------------------------------------

ManifestSearch::ManifestSearch(std::vector<KnownServer> servers, bool urgent, Time now)
    : servers_(std::move(servers)), urgent_(urgent), began_(now) {
  for (const KnownServer &server : servers_) missing_[server.node] = 3;
}

void ManifestSearch::tick(Time now, const AskServer &ask) {
  if (now < ask_at_) return;
  ask_at_ = now + kAskAgainUs;
  for (const auto &[node, slots] : missing_) {
    for (uint32_t slot = 0; slot < 2; slot++) {
      if ((slots >> slot & 1) != 0) ask(node, {true, slot, 0, 0, {}, 0});
    }
  }
}

void ManifestSearch::answered(uint32_t node, const wire::Fetched &answer,
                              const std::vector<wire::Bytes> &payload) {
  const auto missing = missing_.find(node);
  if (missing == missing_.end() || !answer.asked.manifest || answer.asked.slot > 1) return;
  if ((missing->second >> answer.asked.slot & 1) == 0) return;
  if ((missing->second &= ~(1u << answer.asked.slot)) == 0) missing_.erase(missing);
  if (!answer.there) return;
  try {
    Manifest manifest = parse_manifest(text_of(payload));
    if (manifest.slot == answer.asked.slot) found_.push_back(std::move(manifest));
  } catch (const Error &error) {
    damaged_ = concat("slot ", answer.asked.slot, " on server ", node, ": ", error.what());
  }
}

bool ManifestSearch::done(Time now) const {
  if (missing_.empty()) return true;
  const bool urgent = urgent_ || !found_.empty();
  if (now >= began_ + (urgent ? kSearchUs : kSearchPatientlyUs)) return true;
  return urgent && std::ranges::none_of(servers_, [&](const KnownServer &server) {
           return server.alive && missing_.contains(server.node);
         });
}

// --- a file -------------------------------------------------------------------------------------------------------

FileFetch::FileFetch(std::string path, wire::Fetch file, WantedShard wanted, ManifestFile told,
                     const std::vector<KnownServer> &servers, Time now)
    : path_(std::move(path)),
      file_(std::move(file)),
      wanted_(wanted),
      told_(std::move(told)),
      until_(now + kNobodyUs) {
  wanted_.file = &told_;
  for (const KnownServer &server : servers) open_.insert(server.node);
}

void FileFetch::ask_all(Time now, const AskServer &ask) {
  asked_ = now;
  for (const uint32_t node : open_) ask(node, file_);
}

void FileFetch::ask_source(Time now, const AskServer &ask) {
  asked_ = now;
  wire::Fetch next = file_;
  next.offset = bytes_.size();
  ask(source_, next);
}

void FileFetch::leave(uint32_t node, Time now) {
  open_.erase(node);
  if (node == source_) {
    source_ = 0;
    bytes_.clear();
    until_ = now + kNobodyUs;
    asked_ = 0;
  }
  if (!open_.empty()) return;
  state_ = State::failed;
  if (why_.empty()) why_ = "no other server has it";
}

void FileFetch::tick(Time now, const AskServer &ask) {
  if (state_ != State::under_way) return;
  if (source_ != 0 && now - heard_ > kSilentUs) leave(source_, now);
  if (source_ == 0 && (open_.empty() || now >= until_)) {
    state_ = State::failed;
    if (why_.empty()) why_ = "no other server has it";
  }
  if (state_ != State::under_way) return;
  if (source_ == 0 && (asked_ == 0 || now - asked_ >= kAskAgainUs)) return ask_all(now, ask);
  if (source_ == 0 || now - asked_ < pause_) return;
  pause_ = std::min(2 * pause_, kPartMostUs);  // on a slow wire a second copy is in the way of the first
  ask_source(now, ask);
}

void FileFetch::answered(uint32_t node, const wire::Fetched &answer, const std::vector<wire::Bytes> &payload,
                         Time now, const AskServer &ask) {
  const wire::Fetch &asked = answer.asked;
  if (state_ != State::under_way || asked.manifest || asked.slot != file_.slot || asked.index != file_.index ||
      asked.files != file_.files || asked.checksum != file_.checksum || !open_.contains(node))
    return;
  if (!answer.there || answer.total != told_.bytes) return leave(node, now);
  if ((source_ != 0 && node != source_) || asked.offset != bytes_.size()) return;
  const uint64_t bytes = wire::total_bytes(payload);
  if (bytes == 0 || bytes > told_.bytes - bytes_.size()) return leave(node, now);
  source_ = node;
  if (bytes_.empty()) bytes_.reserve(told_.bytes);
  for (const wire::Bytes &part : payload) bytes_.insert(bytes_.end(), part.data, part.data + part.size);
  pause_ = std::clamp<Time>(3 * (now - asked_), kPartAgainUs, kPartMostUs);
  heard_ = now;
  if (bytes_.size() < told_.bytes) return ask_source(now, ask);
  finish(now);
}

void FileFetch::finish(Time now) {
  try {
    loaded_ = load_shard(path_, std::move(bytes_), wanted_);
    state_ = State::whole;
  } catch (const std::exception &error) {
    why_ = concat("what server ", source_, " has of it is of no use: ", error.what());
    leave(source_, now);
  }
}

}  // namespace ngd::cluster
