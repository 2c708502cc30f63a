// Starting workers, talking with them, and bearing their deaths.
#include "search/workers.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

extern char **environ;

namespace cli {
namespace {

std::atomic<bool> interrupted{false};

void interrupt(int) {
  interrupted = true;
}

// While it lives, Ctrl-C and a polite kill end the search between two lines of its journal.
class InterruptOnSignal {
 public:
  InterruptOnSignal() {
    interrupted = false;
    struct sigaction action = {};
    action.sa_handler = interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &old_interrupt_);
    sigaction(SIGTERM, &action, &old_terminate_);
  }
  ~InterruptOnSignal() {
    sigaction(SIGINT, &old_interrupt_, nullptr);
    sigaction(SIGTERM, &old_terminate_, nullptr);
  }
  InterruptOnSignal(const InterruptOnSignal &) = delete;
  InterruptOnSignal &operator=(const InterruptOnSignal &) = delete;

 private:
  struct sigaction old_interrupt_ = {}, old_terminate_ = {};
};

// One thread of BLAS each: workers are what runs at once, and a product's bits may go by its threads.
std::vector<std::string> worker_environment() {
  std::vector<std::string> variables;
  for (char **variable = environ; *variable != nullptr; variable++) {
    if (std::strncmp(*variable, "OPENBLAS_NUM_THREADS=", 21) != 0) variables.emplace_back(*variable);
  }
  variables.emplace_back("OPENBLAS_NUM_THREADS=1");
  return variables;
}

std::vector<char *> pointers(std::vector<std::string> &texts) {
  std::vector<char *> list;
  for (std::string &text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

struct SearchWorkers::Worker {
  pid_t process = -1;
  int to = -1, from = -1;
  std::string received;
  bool ready = false;
  std::optional<SearchJob> job;

  bool say(const std::string &line) const {
    const std::string text = line + "\n";
    for (size_t at = 0; at < text.size();) {
      const ssize_t count = write(to, text.data() + at, text.size() - at);
      if (count < 0 && errno != EINTR) return false;  // dead: told by the end of its answers
      if (count > 0) at += static_cast<size_t>(count);
    }
    return true;
  }
};

SearchWorkers::SearchWorkers(const SearchPlan &plan, size_t count)
    : plan_(plan_json(plan).dump(-1, ' ', false, Json::error_handler_t::replace)) {
  std::signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < count; i++) workers_.push_back(std::make_unique<Worker>());
  for (const auto &worker : workers_) start(*worker);
}

SearchWorkers::~SearchWorkers() {
  for (const auto &worker : workers_) stop(*worker);
}

void SearchWorkers::start(Worker &worker) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) throw Failure{fmt::format("no pipe: {}", std::strerror(errno))};
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in[0]), close(in[1]);
    throw Failure{fmt::format("no pipe: {}", std::strerror(errno))};
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::vector<std::string> words = {"ngd", "search", "--worker"}, variables = worker_environment();
  const int error = posix_spawn(&worker.process, "/proc/self/exe", &actions, nullptr, pointers(words).data(),
                                pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]), close(out[1]);
  worker.to = in[1];
  worker.from = out[0];
  if (error != 0) {
    worker.process = -1;
    throw Failure{fmt::format("a worker cannot be started: {}", std::strerror(error))};
  }
  worker.say(plan_);
}

void SearchWorkers::stop(Worker &worker) noexcept {
  if (worker.to >= 0) close(worker.to);
  if (worker.from >= 0) close(worker.from);
  worker.to = worker.from = -1;
  if (worker.process < 0) return;
  kill(worker.process, SIGKILL);
  while (waitpid(worker.process, nullptr, 0) < 0 && errno == EINTR) {
  }
  worker.process = -1;
}

std::string SearchWorkers::death(Worker &worker) {
  int status = 0;
  while (waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
  }
  worker.process = -1;
  stop(worker);
  return WIFSIGNALED(status) ? fmt::format("the worker was ended by signal {} ({})", WTERMSIG(status),
                                           strsignal(WTERMSIG(status)))
                             : fmt::format("the worker ended with exit code {}", WEXITSTATUS(status));
}

void SearchWorkers::give(Worker &worker, SearchJob job) {
  const Json request = {{"job", job.number},
                        {"model", job.specs.model},
                        {"optimizer", job.specs.optimizer},
                        {"trainer", job.specs.trainer},
                        {"seeds", job.seeds},
                        {"rows", job.rows},
                        {"reports", job.reports}};
  worker.job = std::move(job);
  worker.say(request.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void SearchWorkers::work(const JobBook &book) {
  const InterruptOnSignal guard;
  for (bool more = true;;) {
    size_t busy = 0;
    for (const auto &worker : workers_) {
      if (more && worker->ready && !worker->job) {
        if (std::optional<SearchJob> job = book.next(more)) give(*worker, std::move(*job));
      }
      busy += worker->job.has_value();
    }
    if (!more && busy == 0) return;
    std::vector<pollfd> waits;
    for (const auto &worker : workers_) waits.push_back({worker->from, POLLIN, 0});
    const int count = poll(waits.data(), waits.size(), 1000);
    if (interrupted) throw Failure{"the search was interrupted", kExitFailed, NGD_E_CANCELLED};
    if (count <= 0) continue;
    for (size_t i = 0; i < waits.size(); i++) {
      if (waits[i].revents != 0) hear(*workers_[i], book);
    }
  }
}

void SearchWorkers::hear(Worker &worker, const JobBook &book) {
  char buffer[65536];
  const ssize_t count = read(worker.from, buffer, sizeof buffer);
  if (count < 0 && errno == EINTR) return;
  if (count > 0) {
    worker.received.append(buffer, static_cast<size_t>(count));
    for (size_t end; (end = worker.received.find('\n')) != std::string::npos;) {
      const std::string line = worker.received.substr(0, end);
      worker.received.erase(0, end + 1);
      heard(worker, line, book);
    }
    return;
  }
  const std::string how = death(worker);
  if (!worker.ready) throw Failure{how + " before it was ready"};
  const std::optional<SearchJob> job = std::move(worker.job);
  worker = Worker();
  start(worker);
  if (job) book.done(*job, {true, how, {}, {}, 0});
}

void SearchWorkers::heard(Worker &worker, const std::string &line, const JobBook &book) {
  const Json answer = Json::parse(line);
  if (answer.contains("error")) throw Failure{answer.at("error"), answer.at("code")};
  if (answer.contains("ready")) {
    worker.ready = true;
    return;
  }
  if (!worker.job) throw Failure{"a worker answers without a job: " + line};
  const auto number = [](const Json &json) {
    return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
  };
  if (answer.contains("step")) {
    worker.say(book.report(*worker.job, answer.at("step"), number(answer.at("value"))) ? "stop" : "go");
    return;
  }
  JobResult result;
  result.gradients = answer.at("gradients");
  result.failed = answer.contains("failed");
  if (result.failed) {
    result.message = answer.at("failed");
  } else {
    for (const Json &loss : answer.at("losses")) result.losses.push_back(number(loss));
    for (const Json &accuracy : answer.at("accuracies")) result.accuracies.push_back(number(accuracy));
  }
  const SearchJob job = std::move(*worker.job);
  worker.job.reset();
  book.done(job, result);
}

}  // namespace cli
