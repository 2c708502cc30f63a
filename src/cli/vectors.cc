// ngd vectors: what a file of word vectors holds, other formats of it, neighbours, analogies; and training.
#include "vectors.h"

#include <fmt/core.h>

#include <memory>
#include <vector>

#include "verbs.h"

namespace cli {
namespace {

struct Arguments {
  std::string file, out, to, spec;
  std::vector<std::string> words;
  size_t count = 10;
  Style style = Style::table;
  VectorsTrainArguments training;
};

std::string or_default(const std::string &spec) {
  return spec.empty() ? "vectors" : spec;
}

int inspect(const Arguments &arguments) {
  const Vectors vectors = load_vectors(arguments.file, arguments.spec);
  const ngd_vectors_info info = info_of(vectors.get());
  const std::vector<std::pair<std::string, Cell>> fields = {
      {"words", integer_cell(info.words)},
      {"dimension", integer_cell(info.dimension)},
      {"bytes", integer_cell(info.bytes)},
      {"declared", integer_cell(info.declared)},
      {"duplicates", integer_cell(info.duplicates)},
      {"skipped", integer_cell(info.skipped)},
      {"deviation", number_cell(info.deviation, 5)},
      {"mean_length", number_cell(info.mean_length, 5)},
      {"first", text_cell(word_of(vectors.get(), 0))},
      {"last", text_cell(word_of(vectors.get(), info.words - 1))}};
  if (arguments.style == Style::json) {
    Json document;
    for (const auto &[key, cell] : fields) document[key] = cell.value;
    print_json(document);
  } else {
    print_fields(arguments.style, fields);
  }
  return 0;
}

int convert(const Arguments &arguments) {
  const std::string format = written_format(arguments.out, arguments.to);
  const Vectors vectors = load_vectors(arguments.file, arguments.spec);
  call(ngd_vectors_save, vectors.get(), arguments.out.c_str(), format.c_str());
  const ngd_vectors_info info = info_of(vectors.get());
  if (arguments.style == Style::table)
    fmt::print("{} words of dimension {} written to {} as {}\n", info.words, info.dimension, arguments.out,
               format);
  else
    print_fields(arguments.style,
                 {{"words", integer_cell(info.words)}, {"dimension", integer_cell(info.dimension)}});
  return 0;
}

// What neighbours of a word or an analogy are: found(rows, similarities) gives their number.
template <class Find>
void add_found(Table &table, const std::string &asked, const ngd_vectors *vectors, size_t count, Find find) {
  std::vector<uint64_t> rows(count);
  std::vector<float> similarities(count);
  const size_t found = find(rows.data(), similarities.data());
  for (size_t i = 0; i < found; i++)
    table.add({text_cell(asked), text_cell(word_of(vectors, rows[i])),
               number_cell(static_cast<double>(similarities[i]), 4)});
}

Table found_table() {
  return Table({{"asked", "of", false}, {"word", "word", false}, {"similarity", "similarity"}});
}

int print_found(const Arguments &arguments, Table &table) {
  if (arguments.style == Style::json)
    print_json({{"found", table.json()}});
  else
    table.print(arguments.style);
  return 0;
}

int neighbours(const Arguments &arguments) {
  const Vectors vectors = load_vectors(arguments.file, arguments.spec);
  Table table = found_table();
  for (const std::string &word : arguments.words)
    add_found(table, word, vectors.get(), arguments.count, [&](uint64_t *rows, float *similarities) {
      size_t found = 0;
      call(ngd_vectors_neighbours_f32, vectors.get(), word.c_str(), arguments.count, rows, similarities,
           &found);
      return found;
    });
  return print_found(arguments, table);
}

int analogy(const Arguments &arguments) {
  const std::vector<std::string> &words = arguments.words;
  if (words.size() != 3)
    throw Failure{fmt::format("an analogy has three words, not {}: FIRST is to SECOND as THIRD is to what?",
                              words.size()),
                  kExitUsage};
  const Vectors vectors = load_vectors(arguments.file, arguments.spec);
  Table table = found_table();
  add_found(table, fmt::format("{} : {} = {} : ?", words[0], words[1], words[2]), vectors.get(),
            arguments.count, [&](uint64_t *rows, float *similarities) {
              size_t found = 0;
              call(ngd_vectors_analogy_f32, vectors.get(), words[0].c_str(), words[1].c_str(), words[2].c_str(),
                   arguments.count, rows, similarities, &found);
              return found;
            });
  return print_found(arguments, table);
}

}  // namespace

Vectors load_vectors(const std::string &path, const std::string &spec) {
  Vectors vectors = create<ngd_vectors>(ngd_vectors_create, or_default(spec));
  call(ngd_vectors_load, vectors.get(), path.c_str());
  return vectors;
}

ngd_vectors_info info_of(const ngd_vectors *vectors) {
  auto info = sized<ngd_vectors_info>();
  call(ngd_vectors_get_info, vectors, &info);
  return info;
}

std::string word_of(const ngd_vectors *vectors, uint64_t row) {
  return text_of(ngd_vectors_get_word, vectors, row);
}

std::string written_format(const std::string &path, const std::string &to) {
  const auto ends_with = [&](std::string_view end) {
    return path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
  };
  if (to.empty())
    return ends_with(".bin") ? "word2vec_binary" : ends_with(".safetensors") ? "safetensors" : "word2vec_text";
  for (const char *known : {"word2vec_text", "word2vec_binary", "safetensors"}) {
    if (to == known) return to;
  }
  throw Failure{
      fmt::format("--to cannot be \"{}\"; it takes word2vec_text, word2vec_binary or safetensors", to),
      kExitUsage};
}

Verb vectors_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("vectors", "Look into files of word vectors, convert and train them");
  app->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  const auto add = [&](const char *name, const char *about) {
    CLI::App *one = app->add_subcommand(name, about);
    one->add_option("file", a.file, "GloVe, word2vec, fastText .vec or safetensors; plain or gzip")
        ->required()
        ->type_name("FILE");
    one->add_option("--spec", a.spec, "How to read it, such as vectors:words=100000; see ngd options vectors")
        ->type_name("SPEC");
    add_output_option(*one, a.style);
    return one;
  };
  CLI::App *inspecting = add("inspect", "Tell what a file holds");
  CLI::App *converting = add("convert", "Write a file in another format");
  converting->add_option("out", a.out, "The file to write")->required()->type_name("OUT");
  converting->add_option("--to", a.to, "Its format (default: by its name, .bin, .safetensors, otherwise text)")
      ->type_name("word2vec_text|word2vec_binary|safetensors");
  CLI::App *finding = add("neighbours", "List the words most similar to each word");
  finding->add_option("words", a.words, "Words of the file")->required()->type_name("WORD...");
  finding->add_option("--count", a.count, "How many of each (default 10)")->type_name("N");
  CLI::App *likening = add("analogy", "List what is to THIRD as SECOND is to FIRST");
  likening->add_option("words", a.words, "Three words of the file")
      ->required()
      ->type_name("FIRST SECOND THIRD");
  likening->add_option("--count", a.count, "How many (default 10)")->type_name("N");

  VectorsTrainArguments &t = a.training;
  CLI::App *training = app->add_subcommand("train", "Train vectors on texts");
  training->add_option("--data", t.data, "Texts, one a line; plain or gzip")
      ->required()
      ->type_name("FILE[,FILE...]");
  training
      ->add_option("--format", t.format,
                   "How to read them (default text:label=none), such as text:label=tab,lowercase=1")
      ->type_name("SPEC");
  training->add_option("--out", t.out, "The file to write")->required()->type_name("OUT");
  training->add_option("--to", t.to, "Its format (default: by its name, .bin, .safetensors, otherwise text)")
      ->type_name("word2vec_text|word2vec_binary|safetensors");
  training
      ->add_option("--spec", t.spec,
                   "What to train, such as vectors:method=cbow,dimension=50; see ngd options vectors")
      ->type_name("SPEC");
  training->add_option("--optimizer", t.optimizer, "How to train it (default adagrad:learning_rate=0.2)")
      ->type_name("SPEC");
  training->add_option("--progress", t.progress, "The progress line on stderr: auto, on or off")
      ->type_name("auto|on|off");
  add_output_option(*training, t.style);

  app->footer(
      "Examples:\n  ngd vectors inspect glove.txt.gz\n  ngd vectors neighbours glove.txt.gz king river --count "
      "5\n"
      "  ngd vectors analogy glove.txt.gz man king woman\n  ngd vectors convert glove.txt.gz glove.bin\n"
      "  ngd vectors train --data texts.txt --spec vectors:dimension=100,threads=2 --out texts.vec");
  const auto run = [=] {
    if (inspecting->parsed()) return inspect(*arguments);
    if (converting->parsed()) return convert(*arguments);
    if (finding->parsed()) return neighbours(*arguments);
    if (likening->parsed()) return analogy(*arguments);
    return train_vectors(arguments->training);
  };
  return {app, "ngd vectors inspect|convert|neighbours|analogy|train ...; see ngd vectors --help", run};
}

}  // namespace cli
