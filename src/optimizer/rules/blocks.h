// One long vector that lies in several tensors, cut into blocks that the threads of a step share.
#pragma once

#include <span>
#include <vector>

#include "base/state.h"
#include "base/team.h"

namespace ngd {

struct Block {
  size_t tensor, start, count;
};

class Blocks {
 public:
  void cut(std::span<const Shape> shapes);
  void use(Team &team) { team_ = &team; }

  // Calls body(block) for each block.
  template <class Body>
  void for_each(Body body) {
    share([](void *context, const Block &block, double &) { (*static_cast<Body *>(context))(block); }, &body);
  }
  // The sum of body(block) over all blocks, in their order: its bits do not depend on the number of threads.
  template <class Body>
  double sum(Body body) {
    share(
        [](void *context, const Block &block, double &part) { part = (*static_cast<Body *>(context))(block); },
        &body);
    return total();
  }

 private:
  void share(void (*body)(void *context, const Block &block, double &part), void *context);
  double total() const;

  Team *team_ = nullptr;
  std::vector<Block> blocks_;
  std::vector<double> parts_;  // of a sum, by block
};

}  // namespace ngd
