// Word vectors through C++: looking up, files, training, a text model that begins with them.
#include "test.h"

namespace {

ngd::Vectors royal() {
  ngd::Vectors vectors;
  const std::vector<float> values = {1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0};
  vectors.append({"king", "queen", "man", "woman"}, values);
  return vectors;
}

void words_are_looked_up(void **) {
  const ngd::Vectors vectors = royal();
  assert_int_equal(vectors.info().dimension, 3);
  assert_true(vectors.vector("woman") == std::vector<float>({1, 1, 0}));
  assert_text(vectors.neighbours("king", 1).at(0).word, "queen");
  assert_text(vectors.analogy("man", "king", "woman", 1).at(0).word, "queen");
  const std::vector<float> query = {1, 0, 0};
  const std::vector<uint64_t> excluded = {2};
  assert_text(vectors.nearest(query, 1).at(0).word, "man");
  assert_text(vectors.nearest(query, 1, excluded).at(0).word, "king");
  assert_text(error_of(NGD_E_NOT_FOUND, [&] { vectors.find("prince"); }), "the word \"prince\" has no vector");
}

void files_keep_them(void **) {
  const TemporaryPath path("cpp_vectors_test.bin");
  royal().save(path.text, "word2vec_binary");
  const ngd::Vectors again = ngd::Vectors::load(path.text, "vectors:words=2");
  assert_int_equal(again.info().words, 2);
  assert_text(again.word(1), "queen");
}

void texts_make_them_and_models_begin_with_them(void **) {
  ngd::Dataset texts("text");
  for (int i = 0; i < 40; i++)
    texts.append_text(i % 2 == 0 ? "the cat purrs" : "the dog barks", i % 2 == 0 ? "cat" : "dog");
  ngd::Vectors vectors("vectors:dimension=4,epochs=2,subsample=0");
  vectors.start(texts);
  while (vectors.advance(1)) {
  }
  assert_int_equal(vectors.progress().epoch, 2);
  ngd::Model model("text:dimension=4");
  ngd::set_vectors(model, vectors);
  model.prepare(texts);
  assert_int_equal(ngd::coverage_of(model).found, 5);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(words_are_looked_up),
      cmocka_unit_test(files_keep_them),
      cmocka_unit_test(texts_make_them_and_models_begin_with_them),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
