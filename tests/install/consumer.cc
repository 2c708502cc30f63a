// A C++ program that uses an installed libngd, with exceptions of its own on both sides of a call.
#include <ngd.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Destroy {
  void operator()(ngd_optimizer *optimizer) const { ngd_optimizer_destroy(optimizer); }
};

std::unique_ptr<ngd_optimizer, Destroy> create(const std::string &spec) {
  ngd_error error{};
  ngd_optimizer *optimizer = nullptr;
  if (ngd_optimizer_create(spec.c_str(), &optimizer, &error) != NGD_OK) throw std::runtime_error(error.message);
  return std::unique_ptr<ngd_optimizer, Destroy>(optimizer);
}

}  // namespace

int main() {
  const auto optimizer = create("sgd:learning_rate=0.25");
  std::vector<float> w{0, 10}, gradient(2);
  float *parameters[] = {w.data()};
  const float *gradients[] = {gradient.data()};
  const std::int64_t shape[] = {2};
  if (ngd_optimizer_add_f32(optimizer.get(), "w", shape, 1, nullptr) != NGD_OK) return 1;
  for (int i = 0; i < 30; i++) {
    for (std::size_t j = 0; j < w.size(); j++) gradient[j] = 2 * (w[j] - 3);
    if (ngd_optimizer_step_f32(optimizer.get(), parameters, gradients, 1, nullptr) != NGD_OK) return 2;
  }
  for (const float value : w) {
    if (std::fabs(value - 3) > 1e-4f) return 3;
  }
  try {
    create("no such rule");
    return 4;
  } catch (const std::runtime_error &error) {
    if (std::string(error.what()).find("no such rule") == std::string::npos) return 5;
  }
  std::printf("libngd %s: w = %.4f %.4f\n", ngd_version(), static_cast<double>(w[0]),
              static_cast<double>(w[1]));
  return 0;
}
