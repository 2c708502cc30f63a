// Reads the TOML file of a search: every key is known or an error, with its line and the nearest name.
#include <fmt/core.h>

#include <toml++/toml.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "run_record.h"
#include "search/plan.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {
    std::ifstream file(path_, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) throw Failure{path_ + ": cannot be read"};
    try {
      root_ = toml::parse(text.str());
    } catch (const toml::parse_error &error) {
      fail(error.source(), std::string(error.description()));
    }
  }

  SearchPlan plan() {
    known(root_, "", {"data", "train", "search", "space"});
    SearchPlan plan;
    read_data(plan);
    read_train(plan);
    read_search(plan);
    read_space(required(root_, "space", "a table of parameters"), "", plan);
    if (plan.space.empty()) fail(root_.source(), "[space] names no parameter");
    order(plan);
    return plan;
  }

 private:
  [[noreturn]] void fail(const toml::source_region &at, const std::string &what) const {
    const std::string line = at.begin.line > 0 ? fmt::format(":{}", at.begin.line) : "";
    throw Failure{fmt::format("{}{}: {}", path_, line, what), kExitUsage};
  }

  void known(const toml::table &table, const std::string &name,
             std::initializer_list<std::string_view> keys) const {
    for (const auto &[key, value] : table) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      std::string list;
      for (const std::string_view one : keys) list += (list.empty() ? "" : ", ") + std::string(one);
      fail(key.source(), fmt::format("unknown key \"{}\"{}; it takes {}", key.str(),
                                     name.empty() ? "" : " in [" + name + "]", list));
    }
  }

  const toml::table &required(const toml::table &table, const char *key, const char *what) const {
    const toml::node *node = table.get(key);
    if (node == nullptr) fail(table.source(), fmt::format("[{}] is missing: {}", key, what));
    if (!node->is_table()) fail(node->source(), fmt::format("\"{}\" is no table; write [{}]", key, key));
    return *node->as_table();
  }

  // Numbers as the "C" locale writes them, flags as 1 and 0.
  std::string text_of(const toml::node &node, const std::string &key) const {
    if (const auto *text = node.as_string()) return text->get();
    if (const auto *whole = node.as_integer()) return std::to_string(whole->get());
    if (const auto *number = node.as_floating_point()) return fmt::format("{}", number->get());
    if (const auto *flag = node.as_boolean()) return flag->get() ? "1" : "0";
    fail(node.source(), fmt::format("\"{}\" takes a text or a number", key));
  }
  std::string text(const toml::table &table, const char *key, const std::string &otherwise) const {
    const toml::node *node = table.get(key);
    return node == nullptr ? otherwise : text_of(*node, key);
  }
  uint64_t whole(const toml::table &table, const char *key, uint64_t otherwise, uint64_t least) const {
    const toml::node *node = table.get(key);
    if (node == nullptr) return otherwise;
    const auto *number = node->as_integer();
    if (number == nullptr || number->get() < static_cast<int64_t>(least) || number->get() > 1000000)
      fail(node->source(), fmt::format("\"{}\" takes a whole number from {} to 1000000", key, least));
    return static_cast<uint64_t>(number->get());
  }
  // Paths are relative to the TOML file.
  std::string path(const std::string &text) const {
    return text.empty() ? text
                        : fs::absolute(fs::absolute(path_).parent_path() / text).lexically_normal().string();
  }

  void read_data(SearchPlan &plan) const {
    const toml::table &data = required(root_, "data", "file, held_out");
    known(data, "data", {"file", "format", "labels", "held_out", "held_out_labels", "test", "split_seed"});
    const toml::node *file = data.get("file");
    if (file == nullptr) fail(data.source(), "[data] has no \"file\"");
    if (const toml::array *files = file->as_array()) {
      for (const toml::node &one : *files) plan.data.files.push_back(path(text_of(one, "file")));
    } else {
      plan.data.files.push_back(path(text_of(*file, "file")));
    }
    if (plan.data.files.empty()) fail(file->source(), "\"file\" names no file");
    plan.data.format = text(data, "format", "");
    plan.data.labels = path(text(data, "labels", ""));
    complete(plan.data, true);
    plan.held_out = text(data, "held_out", "0.2");
    if (!fraction(plan.held_out)) plan.held_out = path(plan.held_out);
    plan.held_out_labels = path(text(data, "held_out_labels", ""));
    if (const toml::node *test = data.get("test")) {
      const auto share = fraction(text_of(*test, "test"));
      if (!share || !(*share > 0 && *share < 1)) fail(test->source(), "\"test\" takes a share between 0 and 1");
      plan.test = *share;
    }
    plan.split_seed = whole(data, "split_seed", 1, 0);
  }

  void read_train(SearchPlan &plan) const {
    const toml::table &train = required(root_, "train", "model, optimizer, trainer");
    known(train, "train", {"model", "optimizer", "trainer", "metric", "seeds", "confirm"});
    plan.base = {text(train, "model", ""), text(train, "optimizer", "ngd"), text(train, "trainer", "trainer")};
    if (plan.base.model.empty()) fail(train.source(), "[train] has no \"model\"");
    plan.metric = text(train, "metric", "loss");
    if (plan.metric != "loss" && plan.metric != "accuracy")
      fail(train.get("metric")->source(), "\"metric\" takes loss or accuracy");
    plan.seeds = whole(train, "seeds", 1, 1);
    plan.confirm = whole(train, "confirm", 0, 0);
  }

  // The names of its keys are the library's to check.
  void read_search(SearchPlan &plan) const {
    plan.search = "search";
    char separator = ':';
    bool goal = false;
    if (const toml::node *node = root_.get("search")) {
      if (!node->is_table()) fail(node->source(), "\"search\" is no table; write [search]");
      for (const auto &[key, value] : *node->as_table()) {
        plan.search +=
            fmt::format("{}{}={}", separator, key.str(), quoted(text_of(value, std::string(key.str()))));
        separator = ',';
        goal = goal || key.str() == "goal";
      }
    }
    if (plan.metric == "accuracy" && !goal) plan.search += fmt::format("{}goal=maximize", separator);
  }

  // A table with a key "kind" that is a text is a parameter; others hold parameters.
  void read_space(const toml::table &table, const std::string &prefix, SearchPlan &plan) const {
    for (const auto &[key, value] : table) {
      const std::string name = prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
      const toml::table *inner = value.as_table();
      if (inner == nullptr)
        fail(key.source(), fmt::format("\"{}\" is no parameter; write a table with a kind", name));
      const toml::node *kind = inner->get("kind");
      if (kind == nullptr || !kind->is_string()) {
        read_space(*inner, name, plan);
        continue;
      }
      const std::string part = name.substr(0, name.find('.'));
      if (part == name || (part != "model" && part != "optimizer" && part != "trainer"))
        fail(key.source(), fmt::format("\"{}\" is an option of nothing; a parameter is called model.OPTION, "
                                       "optimizer.OPTION or trainer.OPTION",
                                       name));
      plan.space.emplace_back(name, parameter(name, *inner, kind->as_string()->get()));
    }
  }

  // Tables of TOML have no order: what others depend on comes first, the rest by name.
  static void order(SearchPlan &plan) {
    const auto parent = [](const std::string &spec) {
      const size_t at = spec.find("when=\"");
      return at == std::string::npos ? std::string() : spec.substr(at + 6, spec.find('=', at + 6) - at - 6);
    };
    std::vector<std::pair<std::string, std::string>> ordered, left = std::move(plan.space);
    while (!left.empty()) {
      const auto ready = std::find_if(left.begin(), left.end(), [&](const auto &one) {
        const std::string other = parent(one.second);
        return std::none_of(left.begin(), left.end(),
                            [&](const auto &waiting) { return waiting.first == other; });
      });
      const auto next = ready == left.end() ? left.begin() : ready;  // a circle is the library's to refuse
      ordered.push_back(std::move(*next));
      left.erase(next);
    }
    plan.space = std::move(ordered);
  }

  std::string parameter(const std::string &name, const toml::table &table, const std::string &kind) const {
    std::string spec = kind;
    char separator = ':';
    for (const auto &[key, value] : table) {
      if (key.str() == "kind") continue;
      std::string text;
      if (const toml::array *list = value.as_array()) {
        for (const toml::node &one : *list) text += (text.empty() ? "" : "|") + text_of(one, name);
      } else {
        text = text_of(value, name + "." + std::string(key.str()));
      }
      spec += fmt::format("{}{}={}", separator, key.str(), quoted(text));
      separator = ',';
    }
    return spec;
  }

  static std::string quoted(const std::string &text) {
    std::string result = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    return result + '"';
  }

  std::string path_;
  toml::table root_;
};

}  // namespace

SearchPlan read_space(const std::string &path) {
  SearchPlan plan = Reader(path).plan();
  new_search(plan);  // a wrong option is told before any work
  return plan;
}

}  // namespace cli
