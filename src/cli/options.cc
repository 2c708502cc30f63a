// ngd options: lists optimizers, models, formats and their options, from what the library tells of itself.
#include <fmt/core.h>

#include <cmath>
#include <functional>
#include <memory>

#include "handle.h"
#include "verbs.h"

namespace cli {
namespace {

using Describe = std::function<ngd_status(const char *kind, size_t index, ngd_option_info *, ngd_error *)>;

// A topic: something that is configured by a spec, the kinds it comes in, and how their options are told.
struct Topic {
  const char *name;
  const char *about;
  const char *(*kind)(size_t index)NGD_NOEXCEPT;
  Describe describe;
};

// Topics with one kind: its name, and what a message calls it.
constexpr char kTrainer[] = "trainer", kIcea[] = "icea", kBuffer[] = "buffer", kServer[] = "server",
               kClient[] = "client", kVectors[] = "vectors", kSearch[] = "search";

template <const char *kName>
const char *only_kind(size_t index) noexcept {
  return index == 0 ? kName : nullptr;
}

template <const char *kName, const char *kWhat, auto kDescribe>
ngd_status describe_only(const char *kind, size_t index, ngd_option_info *info, ngd_error *error) {
  if (std::string_view(kind) == kName) return kDescribe(index, info, error);
  *error = {NGD_E_OPTION, {}};
  fmt::format_to_n(error->message, sizeof error->message - 1, "unknown {} \"{}\"; it is called {}", kWhat, kind,
                   kName);
  return NGD_E_OPTION;
}

const std::vector<Topic> &topics() {
  static const std::vector<Topic> kTopics = {
      {"optimizer", "rules of --optimizer", ngd_optimizer_rule, ngd_optimizer_describe},
      {"model", "kinds of --model", ngd_model_kind, ngd_model_describe},
      {"format", "formats of --format", ngd_dataset_format, ngd_dataset_describe},
      {"trainer", "the trainer of --trainer", only_kind<kTrainer>,
       describe_only<kTrainer, kTrainer, ngd_trainer_describe>},
      {"icea", "the buffer of --icea", only_kind<kIcea>, describe_only<kIcea, kBuffer, ngd_icea_describe>},
      {"initializer", "initialisers: values of a model's init", ngd_initializer_kind, ngd_initializer_describe},
      {"search", "[search] of ngd search --space", only_kind<kSearch>,
       describe_only<kSearch, kSearch, ngd_search_describe>},
      {"parameter", "kinds of parameter of ngd search --space", ngd_search_kind, ngd_search_describe_kind},
      {"server", "the parameter server of --server", only_kind<kServer>,
       describe_only<kServer, kServer, ngd_server_describe>},
      {"client", "the client of --client", only_kind<kClient>,
       describe_only<kClient, kClient, ngd_client_describe>},
      {"vectors", "word vectors of ngd vectors --spec", only_kind<kVectors>,
       describe_only<kVectors, kVectors, ngd_vectors_describe>}};
  return kTopics;
}

std::string type_text(const ngd_option_info &info) {
  switch (info.type) {
    case NGD_OPTION_NUMBER:
      return "number";
    case NGD_OPTION_INTEGER:
      return "integer";
    case NGD_OPTION_FLAG:
      return "flag";
    case NGD_OPTION_CHOICE:
      return "choice";
    default:
      return "text";
  }
}

std::string bound(double value) {
  return std::isinf(value) ? (value < 0 ? "-inf" : "inf") : fmt::format("{:.15g}", value);
}

std::string range_text(const ngd_option_info &info) {
  if (info.type == NGD_OPTION_CHOICE) return info.choices;
  if (info.type == NGD_OPTION_FLAG) return "0|1";
  if (info.type == NGD_OPTION_TEXT) return "";
  return fmt::format("{}{}, {}{}", info.minimum_excluded != 0 || std::isinf(info.minimum) ? "(" : "[",
                     bound(info.minimum), bound(info.maximum),
                     info.maximum_excluded != 0 || std::isinf(info.maximum) ? ")" : "]");
}

// Every option of a kind; an unknown kind is wrong usage, told in the library's words.
Table option_table(const Topic &topic, const std::string &kind) {
  Table table({{"name", "option", false},
               {"type", "type", false},
               {"default", "default", false},
               {"range", "range", false},
               {"help", "help", false}});
  for (size_t index = 0;; index++) {
    auto info = sized<ngd_option_info>();
    ngd_error error = {};
    const ngd_status status = topic.describe(kind.c_str(), index, &info, &error);
    if (status == NGD_E_NOT_FOUND && index > 0) return table;
    if (status != NGD_OK) throw Failure{error.message, kExitUsage, status};
    table.add({text_cell(info.name), text_cell(type_text(info)), text_cell(info.default_text),
               text_cell(range_text(info)), text_cell(info.help)});
  }
}

const Topic &find_topic(const std::string &name) {
  for (const Topic &topic : topics()) {
    if (name == topic.name) return topic;
  }
  throw Failure{
      "unknown topic \"" + name + "\"; known: optimizer, model, format, trainer, icea, server, client, vectors",
      kExitUsage};
}

void list_topics(Style style, const std::vector<const Topic *> &chosen) {
  Table table({{"topic", "topic", false}, {"name", "name", false}, {"about", "what", false}});
  for (const Topic *topic : chosen) {
    for (size_t index = 0; topic->kind(index) != nullptr; index++)
      table.add({text_cell(topic->name), text_cell(topic->kind(index)), text_cell(topic->about)});
  }
  if (style == Style::json) {
    print_json({{"kinds", table.json()}});
    return;
  }
  table.print(style);
  if (style == Style::table) fmt::print("\nTheir options: ngd options TOPIC NAME\n");
}

}  // namespace

Verb options_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("options", "List optimizers, models, formats, and their options");
  struct Arguments {
    std::string topic, name;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("topic", arguments->topic,
                  "optimizer, model, format, trainer, icea or vectors; all when left out")
      ->type_name("TOPIC");
  app->add_option("name", arguments->name, "A rule, kind or format, to list its options")->type_name("NAME");
  add_output_option(*app, arguments->style);
  app->footer("Examples:\n  ngd options\n  ngd options optimizer ngd\n  ngd options trainer");
  const auto run = [arguments] {
    if (arguments->topic.empty()) {
      std::vector<const Topic *> all;
      for (const Topic &topic : topics()) all.push_back(&topic);
      list_topics(arguments->style, all);
      return 0;
    }
    const Topic &topic = find_topic(arguments->topic);
    if (arguments->name.empty() &&
        (arguments->topic == "trainer" || arguments->topic == "icea" || arguments->topic == "vectors"))
      arguments->name = arguments->topic;  // the only kind
    if (arguments->name.empty()) {
      list_topics(arguments->style, {&topic});
      return 0;
    }
    Table table = option_table(topic, arguments->name);
    if (arguments->style == Style::json)
      print_json({{"topic", topic.name}, {"name", arguments->name}, {"options", table.json()}});
    else
      table.print(arguments->style);
    return 0;
  };
  return {app, "ngd options [optimizer|model|format|trainer|icea|vectors] [NAME] [-o table|json|plain]", run};
}

}  // namespace cli
