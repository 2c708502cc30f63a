// ngd keygen: makes a key for a server or a client.
#include <fmt/core.h>

#include <memory>

#include "handle.h"
#include "verbs.h"

namespace cli {

Verb keygen_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("keygen", "Make a key of a server or client: NAME.key and NAME.key_secret");
  struct Arguments {
    std::string name, role = "worker";
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("name", arguments->name, "The files, without their endings")->required()->type_name("NAME");
  app->add_option("--role", arguments->role, "What its owner may do (default worker)")
      ->type_name("reader|worker|admin|server");
  add_output_option(*app, arguments->style);
  app->footer(
      "Example:\n  ngd keygen server --role server\n  ngd keygen authorized/alice\n  mv "
      "authorized/alice.key_secret "
      "~alice/\n  ngd server --listen tcp://*:7070 --key server --authorized authorized");
  const auto run = [arguments] {
    call(ngd_key_generate, arguments->name.c_str(), arguments->role.c_str());
    print_fields(arguments->style, {{"public", text_cell(arguments->name + ".key")},
                                    {"secret", text_cell(arguments->name + ".key_secret")}});
    return 0;
  };
  return {app, "ngd keygen NAME [--role ROLE]; see ngd keygen --help", run};
}

}  // namespace cli
