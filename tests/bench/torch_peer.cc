// libtorch's optimizers for `ngd bench optimizer --peer`: answers lines as src/cli/bench/peer.h says.
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr double kBurst = 0.02;  // seconds, as the benchmark's own bursts
constexpr double kRate = 1e-6;

struct Question {
  std::string rule;
  long tensors = 0, elements = 0;
  int threads = 0;
  bool operator==(const Question &other) const {
    return rule == other.rule && tensors == other.tensors && elements == other.elements &&
           threads == other.threads;
  }
};

std::unique_ptr<torch::optim::Optimizer> optimizer_of(const std::string &rule,
                                                      std::vector<torch::Tensor> tensors) {
  if (rule == "sgd") return std::make_unique<torch::optim::SGD>(tensors, torch::optim::SGDOptions(kRate));
  if (rule == "momentum")
    return std::make_unique<torch::optim::SGD>(tensors, torch::optim::SGDOptions(kRate).momentum(0.9));
  if (rule == "adam") return std::make_unique<torch::optim::Adam>(tensors, torch::optim::AdamOptions(kRate));
  throw std::runtime_error("no rule \"" + rule + "\"; known: sgd, momentum, adam");
}

// Keeps the tensors of the last question: it comes again round by round.
class Steps {
 public:
  double seconds(const Question &question) {
    if (!(question == question_)) prepare(question);
    optimizer_->step();
    if (steps_ == 0) steps_ = std::max(1L, static_cast<long>(kBurst / burst(1)));
    const double taken = burst(steps_) / static_cast<double>(steps_);
    // OpenMP's threads look for more work for a while: let them fall asleep before others are measured.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return taken;
  }

 private:
  void prepare(const Question &question) {
    optimizer_.reset();
    question_ = {};
    torch::set_num_threads(question.threads);
    std::vector<torch::Tensor> tensors;
    for (long i = 0; i < question.tensors; i++) {
      tensors.push_back(torch::rand({question.elements}) - 0.5);
      tensors.back().mutable_grad() = torch::randn({question.elements}) * 0.01;
    }
    optimizer_ = optimizer_of(question.rule, tensors);
    question_ = question;
    steps_ = 0;
  }

  double burst(long steps) {
    const auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < steps; i++) optimizer_->step();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Question question_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  long steps_ = 0;
};

}  // namespace

int main() {
  std::printf("libtorch %s\n", TORCH_VERSION);
  std::fflush(stdout);
  Steps steps;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    Question question;
    words >> question.rule >> question.tensors >> question.elements >> question.threads;
    try {
      if (!words || question.tensors < 1 || question.elements < 1 || question.threads < 1)
        throw std::runtime_error("expected RULE TENSORS ELEMENTS THREADS, not \"" + line + "\"");
      std::printf("%.9g\n", steps.seconds(question));
    } catch (const std::exception &exception) {
      const std::string what = exception.what();
      std::printf("error %s\n", what.substr(0, what.find('\n')).c_str());
    }
    std::fflush(stdout);
  }
}
