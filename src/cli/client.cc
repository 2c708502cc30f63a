// ngd client: pulls and pushes parameters, gets and sets values, and runs a command under a lock, from the shell.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>

#include "connection.h"
#include "verbs.h"

namespace cli {
namespace {

struct Arguments {
  ConnectionOptions connection;
  std::string tensor, kind = "delta", name;
  std::vector<std::string> command, pairs;
  uint64_t version = 0;
  bool shared = false;
  Style style = Style::table;
};

// What a command under `ngd client lock` is told of the lock.
constexpr const char *kLockVariable = "NGD_LOCK", *kTokenVariable = "NGD_LOCK_TOKEN",
                     *kModelVariable = "NGD_LOCK_MODEL";

// Under `ngd client lock` for the same model the lock's token goes with what is changed. Returns the lock's name, or "".
std::string adopt_lock(ngd_client *client, const std::string &model) {
  const char *name = std::getenv(kLockVariable), *token = std::getenv(kTokenVariable),
             *of = std::getenv(kModelVariable);
  if (name == nullptr || token == nullptr || of == nullptr || of != model) return {};
  call(ngd_client_adopt_lock, client, name, static_cast<uint64_t>(std::strtoull(token, nullptr, 10)));
  return name;
}

struct Tensor {
  size_t index = 0, count = 0;
  ngd_tensor_info info;
};

Tensor find_tensor(const ngd_client *client, const std::string &name) {
  Tensor tensor;
  call(ngd_client_get_tensor_count, client, &tensor.count);
  std::string known;
  for (tensor.index = 0; tensor.index < tensor.count; tensor.index++) {
    tensor.info = sized<ngd_tensor_info>();
    call(ngd_client_get_tensor, client, tensor.index, &tensor.info);
    if (name.empty() || name == tensor.info.name) return tensor;
    known += (known.empty() ? "" : ", ") + std::string(tensor.info.name);
  }
  throw Failure{fmt::format("the model has no tensor \"{}\"; known: {}", name, known), kExitUsage};
}

int pull(Arguments &arguments) {
  const Client client = connect(arguments.connection);
  const Tensor tensor = find_tensor(client.get(), arguments.tensor);
  std::vector<float> values(tensor.info.elements);
  std::vector<float *> all(tensor.count);
  all[tensor.index] = values.data();
  uint64_t version = 0;
  call(ngd_client_pull_f32, client.get(), arguments.version, all.data(), all.size(),
       arguments.connection.timeout_ms(), &version);
  if (arguments.style == Style::json) {
    print_json({{"tensor", tensor.info.name}, {"version", version}, {"values", values}});
    return 0;
  }
  if (arguments.style == Style::table) fmt::print(stderr, "version {} of \"{}\"\n", version, tensor.info.name);
  for (const float value : values) fmt::print("{}\n", value);
  return 0;
}

int push(Arguments &arguments) {
  const Client client = connect(arguments.connection);
  const Tensor tensor = find_tensor(client.get(), arguments.tensor);
  int32_t kind = NGD_PUSH_DELTA;
  if (arguments.kind == "value")
    kind = NGD_PUSH_VALUE;
  else if (arguments.kind == "gradient")
    kind = NGD_PUSH_GRADIENT;
  else if (arguments.kind != "delta")
    throw Failure{fmt::format("--kind cannot be \"{}\"; it takes gradient, value or delta", arguments.kind),
                  kExitUsage};
  std::vector<float> values;
  for (std::string word; std::cin >> word;) {
    char *end = nullptr;
    values.push_back(std::strtof(word.c_str(), &end));
    if (*end != '\0')
      throw Failure{fmt::format("number {} of the input is \"{}\", which is none", values.size(), word)};
  }
  if (values.size() != tensor.info.elements)
    throw Failure{fmt::format("tensor \"{}\" has {} numbers, but the input has {}", tensor.info.name,
                              tensor.info.elements, values.size())};
  std::vector<const float *> all(tensor.count);
  all[tensor.index] = values.data();
  adopt_lock(client.get(), arguments.connection.model);
  uint64_t version = 0;
  call(ngd_client_push_f32, client.get(), kind, all.data(), all.size(), arguments.connection.timeout_ms(),
       &version);
  print_fields(arguments.style, {{"version", integer_cell(version)}});
  return 0;
}

int get(Arguments &arguments) {
  const Client client = connect(arguments.connection);
  uint64_t version = 0;
  const std::string value = present_value_of(client.get(), arguments.name.c_str(), 1000, &version);
  if (arguments.style == Style::json)
    print_json({{"name", arguments.name}, {"version", version}, {"value", value}});
  else
    fmt::print("{}\n", value);
  return 0;
}

// Held for as long as this object lives; the lock that keeps several from changing settings at once.
class GlobalLock {
 public:
  GlobalLock(ngd_client *client, int64_t timeout_ms) : client_(client), timeout_ms_(timeout_ms) {
    try {
      call(ngd_client_lock, client, kGlobalLock, int32_t{1}, timeout_ms, &token_);
    } catch (Failure &failure) {
      if (failure.status == NGD_E_TIMEOUT)
        failure.message =
            "somebody else holds the lock \"model\", under which settings are changed; try again, or wait "
            "longer "
            "with --timeout";
      throw;
    }
  }
  ~GlobalLock() { ngd_client_unlock(client_, kGlobalLock, token_, timeout_ms_, nullptr); }
  GlobalLock(const GlobalLock &) = delete;
  GlobalLock &operator=(const GlobalLock &) = delete;

  static constexpr const char *kGlobalLock = "model";

 private:
  ngd_client *client_;
  int64_t timeout_ms_;
  uint64_t token_ = 0;
};

int set(Arguments &arguments) {
  std::vector<const char *> names, values;
  bool settings = false;
  if (arguments.pairs.size() % 2 != 0)
    throw Failure{
        fmt::format("the value \"{}\" has a name, but no text; give pairs: NAME VALUE", arguments.pairs.back()),
        kExitUsage};
  for (size_t i = 0; i < arguments.pairs.size(); i += 2) {
    names.push_back(arguments.pairs[i].c_str());
    values.push_back(arguments.pairs[i + 1].c_str());
    settings =
        settings || arguments.pairs[i] == "learning_rate" || arguments.pairs[i].rfind("optimizer.", 0) == 0;
  }
  const Client client = connect(arguments.connection);
  std::optional<GlobalLock> lock;
  if (adopt_lock(client.get(), arguments.connection.model) != GlobalLock::kGlobalLock && settings)
    lock.emplace(client.get(), arguments.connection.timeout_ms());
  if (names.size() == 1 && !settings) {
    uint64_t version = 0;
    call(ngd_client_set_value, client.get(), names[0], values[0], std::strlen(values[0]), ~uint64_t{0},
         arguments.connection.timeout_ms(), &version);
    print_fields(arguments.style, {{"version", integer_cell(version)}});
    return 0;
  }
  uint64_t from = 0;
  call(ngd_client_set_values, client.get(), names.data(), values.data(), names.size(),
       arguments.connection.timeout_ms(), &from);
  if (settings) print_fields(arguments.style, {{"from_version", integer_cell(from)}});
  return 0;
}

// Started before the client, whose threads a fork would not have: it waits for a byte, then becomes the command.
class LateCommand {
 public:
  LateCommand(std::vector<std::string> command, const std::string &lock) {
    int ends[2];
    if (pipe(ends) != 0) throw Failure{fmt::format("no pipe: {}", std::strerror(errno))};
    child_ = fork();
    if (child_ < 0) throw Failure{fmt::format("no process: {}", std::strerror(errno))};
    if (child_ > 0) {
      close(ends[0]);
      go_ = ends[1];
      return;
    }
    close(ends[1]);
    char words_in[512] = {};  // the token, a blank, the model
    if (read(ends[0], words_in, sizeof words_in - 1) <= 0) _exit(kExitFailed);
    close(ends[0]);
    char *blank = std::strchr(words_in, ' ');
    *blank = '\0';
    setenv(kTokenVariable, words_in, 1);
    setenv(kLockVariable, lock.c_str(), 1);
    setenv(kModelVariable, blank + 1, 1);
    std::vector<char *> words;
    for (std::string &word : command) words.push_back(word.data());
    words.push_back(nullptr);
    execvp(words[0], words.data());
    fmt::print(stderr, "ngd: error: cannot run \"{}\": {}\n", words[0], std::strerror(errno));
    _exit(127);
  }
  ~LateCommand() {
    if (go_ >= 0) close(go_);
    if (child_ > 0) waitpid(child_, nullptr, 0);
  }
  LateCommand(const LateCommand &) = delete;
  LateCommand &operator=(const LateCommand &) = delete;

  int run(uint64_t token, const std::string &model) {
    const std::string text = std::to_string(token) + " " + model;
    if (write(go_, text.data(), text.size()) < 0) throw Failure{"the command did not wait for its lock"};
    close(go_);
    go_ = -1;
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailed;
  }

 private:
  pid_t child_ = -1;
  int go_ = -1;
};

int lock(Arguments &arguments) {
  LateCommand command(arguments.command, arguments.name);
  const Client client = connect(arguments.connection);
  uint64_t token = 0;
  call(ngd_client_lock, client.get(), arguments.name.c_str(), int32_t{arguments.shared ? 0 : 1},
       arguments.connection.timeout_ms(), &token);
  const int exit_code = command.run(token, arguments.connection.model);
  call(ngd_client_unlock, client.get(), arguments.name.c_str(), token, arguments.connection.timeout_ms());
  return exit_code;
}

}  // namespace

Verb client_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("client", "Pull, push, get, set and lock on servers, from the shell");
  app->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  const auto add = [&](const char *name, const char *about) {
    CLI::App *one = app->add_subcommand(name, about);
    add_connection_options(*one, a.connection);
    add_output_option(*one, a.style);
    return one;
  };
  CLI::App *pulling = add("pull", "Print a tensor, one number a line");
  pulling->add_option("--tensor", a.tensor, "Its name (default: the first)")->type_name("NAME");
  pulling->add_option("--version", a.version, "The version wanted (default: the newest)")->type_name("N");
  CLI::App *pushing = add("push", "Push numbers from stdin as one update of a tensor");
  pushing->add_option("--tensor", a.tensor, "Its name (default: the first)")->type_name("NAME");
  pushing->add_option("--kind", a.kind, "What the numbers are (default delta)")
      ->type_name("gradient|value|delta");
  CLI::App *getting = add("get", "Print a named value");
  getting->add_option("name", a.name, "Its name")->required()->type_name("NAME");
  CLI::App *setting = add(
      "set", "Set named values, all at once; learning_rate and optimizer.OPTION change a training that runs");
  setting->add_option("values", a.pairs, "Names and texts")->required()->type_name("NAME VALUE ...");
  CLI::App *locking = add("lock", "Run a command while holding a lock; NGD_LOCK_TOKEN is its token");
  locking->add_option("name", a.name, "The lock's name")->required()->type_name("NAME");
  locking->add_flag("--shared", a.shared, "Others may share it");
  locking->add_option("command", a.command, "The command, after --")->required()->type_name("COMMAND");
  app->footer(
      "Examples:\n  ngd client pull --model mnist --tensor w\n  ngd client set --model mnist learning_rate "
      "0.001 optimizer.weight_decay 0.1\n"
      "  ngd client lock --model mnist nightly -- ./evaluate.sh");
  const auto run = [arguments, pulling, pushing, getting, setting] {
    if (pulling->parsed()) return pull(*arguments);
    if (pushing->parsed()) return push(*arguments);
    if (getting->parsed()) return get(*arguments);
    if (setting->parsed()) return set(*arguments);
    return lock(*arguments);
  };
  return {app, "ngd client pull|push|get|set|lock [options]; see ngd client --help", run};
}

}  // namespace cli
