// Which servers are to have which shards: copies go to where there is room, and not to what fails together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/message.h"

namespace ngd::cluster {

// "/place/<shard>" at the coordinator says where a shard is to be, in place of the record of its model; "/drain/<node>"
// whether a server is to have none.
std::string place_key(uint32_t shard);
std::string drain_key(uint32_t node);

// "[lead] <node> ...": with the word, the first is to lead.
struct WantedPlace {
  std::vector<uint32_t> nodes;
  bool lead = false;
  bool operator==(const WantedPlace &) const = default;
  std::string text() const;
  static std::optional<WantedPlace> parse(const std::string &text);
};

// The copies of one shard for a new model: at most `count`, as far as there are servers; the first leads. `load` is what
// each server holds, in elements, and grows.
class Placement {
 public:
  // All that the map says; servers that are dead or drained get nothing.
  explicit Placement(const wire::Map &map);

  std::vector<uint32_t> choose(uint64_t elements, size_t count);
  // What an arrangement makes of the places that there are: those that change, by the number of the shard. Throws Error
  // when it cannot be.
  std::vector<std::pair<uint32_t, WantedPlace>> arrange(const wire::Arrange &request);

 private:
  struct Host {
    uint32_t node = 0;
    std::string zone;
    uint64_t load = 0;
    uint64_t led = 0;    // of the load, what it leads
    bool takes = false;  // it lives and is not drained
  };
  struct Placed {
    uint32_t shard = 0;
    uint64_t elements = 0;
    WantedPlace place;
  };
  Host *host(uint32_t node);
  bool takes(uint32_t node) const;
  Host *best(const std::vector<uint32_t> &taken);  // nullptr: nobody is left
  bool zone_taken(const Host &one, const std::vector<uint32_t> &taken) const;
  void add(Placed &placed, uint32_t node);
  void remove(Placed &placed, uint32_t node);
  void set_count(Placed &placed, size_t count);
  void balance();

  const wire::Map &map_;
  std::vector<Host> hosts_;
  std::vector<Placed> placed_;
};

uint64_t elements_of(const wire::ShardPlace &place);

}  // namespace ngd::cluster
