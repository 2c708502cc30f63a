#pragma once
namespace ngd {
class Team {
 public:
  explicit Team(unsigned n) : n_(n) {}
  unsigned size() const { return 1; }
  unsigned requested() const { return n_; }
  unsigned n_ = 1;
  template <class Body> void run(Body body) { body(0u); }
  void barrier() {}
};
}
