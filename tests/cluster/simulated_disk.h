// A disk that loses what was not synced, tears files at a crash, runs full, fails to sync, and flips bits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/environment.h"
#include "seeded.h"

namespace simulation {

class SimulatedDisk : public ngd::cluster::Disk {
 public:
  explicit SimulatedDisk(Seeded &random) : random_(random) {}

  // Faults.
  bool full = false;
  uint64_t full_from = ~uint64_t{0};  // the call from which it is full
  double sync_failure = 0;
  uint64_t calls = 0;
  bool synced = false;               // what is read is what a crash would certainly leave
  uint64_t crash_at = ~uint64_t{0};  // the call that the server does not survive
  bool crashed() const { return crashed_; }

  // The server died: names and contents that were not synced are gone, in part, or there by luck.
  void crash() {
    crashed_ = false;
    crash_at = ~uint64_t{0};
    std::map<std::string, Node> names;
    for (auto &[path, node] : durable_names_) names[path] = node;
    for (auto &[path, node] : names_) {
      if (!durable_names_.contains(path) || durable_names_[path] != node) {
        if (random_.chance(0.3))
          names[path] = node;  // the rename reached the disk although nobody waited for it
      }
    }
    names_ = durable_names_ = std::move(names);
    for (auto &[path, node] : names_) {
      if (node->content == node->durable) continue;
      // Some prefix of it, and the block in which it ends full of anything.
      const size_t kept =
          node->durable.size() +
          random_.below(node->content.size() - std::min(node->content.size(), node->durable.size()) + 1);
      std::vector<std::byte> torn(
          node->content.begin(),
          node->content.begin() + static_cast<ptrdiff_t>(std::min(kept, node->content.size())));
      if (torn.size() > node->durable.size() && random_.chance(0.5)) torn.back() ^= std::byte{0x5A};
      node->content = node->durable = torn;
    }
  }
  // One bit of one file.
  uint64_t flips = 0;
  void flip(const std::string &in) {
    std::vector<Node> nodes;
    for (auto &[path, node] : names_) {
      if (path.find(in) != std::string::npos && !node->content.empty()) nodes.push_back(node);
    }
    if (nodes.empty()) return;
    const Node &node = nodes[random_.below(nodes.size())];
    // Half of them in the data, which lies behind the header.
    const size_t size = node->content.size();
    const size_t at = random_.chance(0.5) ? size - 1 - random_.below(size / 4 + 1) : random_.below(size);
    flips++;
    node->content[at] ^= std::byte(1u << random_.below(8));
    node->durable = node->content;
  }
  const std::map<std::string, std::vector<std::byte>> files() const {
    std::map<std::string, std::vector<std::byte>> files;
    for (const auto &[path, node] : names_) files[path] = node->content;
    return files;
  }
  void put(const std::string &path, std::vector<std::byte> content) {
    names_[path] = durable_names_[path] = std::make_shared<Content>(Content{content, content});
  }

  // Disk.
  std::unique_ptr<ngd::cluster::File> create(const std::string &path) override {
    step(path);
    if (is_full()) ngd::fail(NGD_E_IO, "cannot write \"", path, "\": no space left on device");
    const Node node = std::make_shared<Content>();
    names_[path] = node;
    return std::make_unique<SimulatedFile>(*this, path, node);
  }
  std::optional<std::vector<std::byte>> read(const std::string &path) override {
    const auto &names = synced ? durable_names_ : names_;
    const auto found = names.find(path);
    if (found == names.end()) return std::nullopt;
    return synced ? found->second->durable : found->second->content;
  }
  std::optional<Part> read_part(const std::string &path, uint64_t offset, size_t most) override {
    const auto whole = read(path);
    if (!whole) return std::nullopt;
    const size_t from = std::min<size_t>(offset, whole->size());
    const auto begin = whole->begin() + static_cast<ptrdiff_t>(from);
    return Part{{begin, begin + static_cast<ptrdiff_t>(std::min(most, whole->size() - from))}, whole->size()};
  }
  void rename(const std::string &from, const std::string &to) override {
    step(to);
    const auto found = names_.find(from);
    if (found == names_.end()) ngd::fail(NGD_E_IO, "cannot rename \"", from, "\": no such file");
    const Node node = found->second;
    names_.erase(found);
    names_[to] = node;
  }
  void remove(const std::string &path) override {
    step(path);
    names_.erase(path);
  }
  std::vector<std::string> list(const std::string &directory) override {
    std::vector<std::string> names;
    for (const auto &[path, node] : names_) {
      if (path.starts_with(directory + "/")) names.push_back(path);
    }
    return names;
  }
  void make_directory(const std::string &) override {}
  void sync_directory(const std::string &path) override {
    step(path);
    if (random_.chance(sync_failure)) ngd::fail(NGD_E_IO, "cannot sync \"", path, "\": input/output error");
    const auto in = [&](const std::string &name) {
      return name.starts_with(path + "/") && name.find('/', path.size() + 1) == std::string::npos;
    };
    std::erase_if(durable_names_,
                  [&](const auto &one) { return in(one.first) && !names_.contains(one.first); });
    for (const auto &[name, node] : names_) {
      if (in(name)) durable_names_[name] = node;
    }
  }

 private:
  struct Content {
    std::vector<std::byte> content, durable;
  };
  using Node = std::shared_ptr<Content>;
  class SimulatedFile : public ngd::cluster::File {
   public:
    SimulatedFile(SimulatedDisk &disk, std::string path, Node node)
        : disk_(disk), path_(std::move(path)), node_(std::move(node)) {}
    void write(std::span<const std::byte> bytes) override {
      disk_.step(path_);
      if (disk_.is_full()) {
        const auto part = static_cast<ptrdiff_t>(disk_.random_.below(bytes.size() + 1));
        node_->content.insert(node_->content.end(), bytes.begin(), bytes.begin() + part);
        ngd::fail(NGD_E_IO, "cannot write \"", path_, "\": no space left on device");
      }
      node_->content.insert(node_->content.end(), bytes.begin(), bytes.end());
    }
    void sync() override {
      disk_.step(path_);
      if (disk_.random_.chance(disk_.sync_failure))
        ngd::fail(NGD_E_IO, "cannot sync \"", path_, "\": input/output error");
      node_->durable = node_->content;
    }

   private:
    SimulatedDisk &disk_;
    std::string path_;
    Node node_;
  };

  bool is_full() const { return full || calls >= full_from; }
  void step(const std::string &path) {
    if (++calls >= crash_at) crashed_ = true;
    if (crashed_) ngd::fail(NGD_E_IO, "the server died while it wrote \"", path, "\"");
  }

  Seeded &random_;
  std::map<std::string, Node> names_, durable_names_;
  bool crashed_ = false;
};

}  // namespace simulation
