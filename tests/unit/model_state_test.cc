// Saving, loading and restoring models: whole, bit for bit, and nothing that does not agree with itself.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "memory_samples.h"
#include "model/model.h"
#include "raises.h"

using namespace ngd;

namespace {

// A saved model that owns its bytes, so that tests can damage them.
struct Saved {
  explicit Saved(const Model &model) {
    StateWriter writer;
    writer.prefix = "model.";
    model.save(writer);
    reader.prefix = "model.";
    reader.texts = writer.texts;
    bytes.reserve(writer.tensors.size());
    for (const TensorView &tensor : writer.tensors) {
      bytes.emplace_back(tensor.data, tensor.data + tensor.bytes);
      reader.tensors.push_back(tensor);
      reader.tensors.back().data = bytes.back().data();
    }
  }
  Saved(const Saved &) = delete;
  TensorView &tensor(const std::string &name) {
    for (TensorView &view : reader.tensors) {
      if (view.name == name) return view;
    }
    print_error("no tensor %s\n", name.c_str());
    _fail(__FILE__, __LINE__);
    return reader.tensors[0];
  }
  void drop(const std::string &name) {
    std::erase_if(reader.tensors, [&](const TensorView &view) { return view.name == name; });
  }
  void replace_names(const std::string &name, const std::string &text) {
    bytes.emplace_back(text.size());
    std::memcpy(bytes.back().data(), text.data(), text.size());
    TensorView &view = tensor(name);
    view.data = bytes.back().data();
    view.bytes = text.size();
    view.shape = {static_cast<int64_t>(text.size())};
  }

  std::vector<std::vector<std::byte>> bytes;
  StateReader reader;
};

std::vector<float> predictions(Model &model, const Samples &samples) {
  std::vector<float> values(samples.rows() * model.output_count());
  model.predict(samples, 0, samples.rows(), values);
  return values;
}

std::shared_ptr<Model> trained(const std::string &spec, const Samples &samples) {
  auto model = Model::create(spec);
  model->prepare(&samples);
  Optimizer optimizer("adam:learning_rate=0.05");
  for (int t = 0; t < 5; t++) model->train_batch(optimizer, samples, all_rows(samples));
  return model;
}

void a_loaded_model_is_the_saved_one_bit_for_bit(void **) {
  for (const char *precision : {"f32", "f64"}) {
    for (const MemorySamples &samples : {random_dense(20, 4, 0, 1), random_dense(20, 4, 2, 1),
                                         random_sparse(20, 4, 3, 2), random_texts(20, 9, 5, 3, 3)}) {
      const std::string kind = samples.features == FeatureKind::text
                                   ? "text:word_ngrams=2,buckets=32,dimension=4"
                                   : "mlp:hidden=5x4,activation=sigmoid,scale=max_abs";
      const auto model = trained(concat(kind, ",precision=", precision), samples);
      const Saved saved(*model);
      const auto loaded = Model::load(saved.reader);
      assert_true(loaded->prepared());
      assert_string_equal(loaded->options().spec().c_str(), model->options().spec().c_str());
      assert_true(loaded->class_names() == model->class_names());
      assert_true(predictions(*loaded, samples) == predictions(*model, samples));
      const Saved again(*loaded);
      assert_true(again.reader.texts == saved.reader.texts);
      assert_true(again.bytes == saved.bytes);
      check_raises(NGD_E_STATE,
                   concat("option \"seed\" of kind \"", loaded->options().kind(),
                          "\" is fixed once it is in use; set it right after creation"),
                   [&] { loaded->set("seed", 3); });
    }
  }
}

void a_model_without_a_dataset_is_saved_too(void **) {
  const auto model = Model::create("linear:inputs=3,outputs=2,loss=cross_entropy");
  model->prepare(nullptr);
  const Saved saved(*model);
  assert_int_equal(saved.reader.tensors.size(), 2);
  assert_int_equal(Model::load(saved.reader)->output_count(), 2);
}

void restore_takes_parameters_and_scaling(void **) {
  const MemorySamples samples = random_dense(20, 4, 3, 1);
  const auto model = trained("linear", samples);
  const Saved saved(*model);
  const std::vector<float> before = predictions(*model, samples);
  Optimizer optimizer("sgd:learning_rate=1");
  model->train_batch(optimizer, samples, all_rows(samples));
  assert_true(predictions(*model, samples) != before);
  model->restore(saved.reader);
  assert_true(predictions(*model, samples) == before);
}

void restore_refuses_another_model(void **) {
  const MemorySamples samples = random_dense(20, 4, 3, 1);
  const auto model = trained("linear", samples);
  const Saved saved(*model);
  const auto seeded = trained("linear:seed=2", samples);
  check_raises(
      NGD_E_CHECKPOINT,
      "the checkpoint's model is \"linear\", this one is \"linear:seed=2\"; they are not the same model",
      [&] { seeded->restore(saved.reader); });
  const auto two = trained("linear", random_dense(20, 4, 2, 1));
  check_raises(NGD_E_CHECKPOINT,
               "the checkpoint's tensor \"model.output.weight\" is F32[4, 3], but F32[4, 1] is needed",
               [&] { two->restore(saved.reader); });
  MemorySamples renamed = samples;
  renamed.classes[2] = "other";
  const auto other = trained("linear", renamed);
  const std::vector<float> before = predictions(*other, samples);
  check_raises(
      NGD_E_CHECKPOINT,
      "the checkpoint's classes or words are not the model's; resume with the data that the run began with",
      [&] { other->restore(saved.reader); });
  assert_true(predictions(*other, samples) == before);
}

template <class Damage>
void check_damage(const std::string &spec, const Samples &samples, const std::string &message, Damage damage) {
  const auto model = trained(spec, samples);
  Saved saved(*model);
  damage(saved);
  check_raises(NGD_E_CHECKPOINT, message, [&] { Model::load(saved.reader); });
}

void load_refuses_damage(void **) {
  const MemorySamples dense = random_dense(12, 4, 3, 1), texts = random_texts(12, 9, 5, 3, 3);
  check_damage("linear", dense, "the checkpoint has no metadata \"model.format\"",
               [](Saved &s) { s.reader.texts.erase("model.format"); });
  check_damage("linear", dense,
               "the checkpoint's model is of format \"9\", but this version of libngd reads format \"1\"",
               [](Saved &s) { s.reader.texts["model.format"] = "9"; });
  check_damage(
      "linear", dense,
      "the checkpoint's model cannot be made: unknown kind of model \"liner\"; did you mean \"linear\"? "
      "Known: linear, mlp, text",
      [](Saved &s) { s.reader.texts["model.spec"] = "liner"; });
  check_damage("linear", dense, "the checkpoint has no tensor \"model.output.bias\"",
               [](Saved &s) { s.drop("model.output.bias"); });
  check_damage("linear", dense,
               "the checkpoint's tensor \"model.output.weight\" is F32[4, 3], but F32[9, 3] is needed",
               [](Saved &s) { s.reader.texts["model.inputs"] = "9"; });
  check_damage("linear", dense,
               "the checkpoint's tensor \"model.output.weight\" is F32[4, 3], but F64[4, 3] is needed",
               [](Saved &s) { s.reader.texts["model.spec"] = "linear:precision=f64"; });
  check_damage("linear", dense,
               "the checkpoint's metadata \"model.inputs\" is 4000000000, outside the range of 1 to 2147483647",
               [](Saved &s) { s.reader.texts["model.inputs"] = "4000000000"; });
  check_damage("linear", dense, "the checkpoint's metadata \"model.outputs\" is \"many\", not a whole number",
               [](Saved &s) { s.reader.texts["model.outputs"] = "many"; });
  check_damage(
      "linear", dense,
      "the checkpoint's model has features \"dense\", labels \"category\" and loss \"hinge\", which this "
      "version does not know",
      [](Saved &s) { s.reader.texts["model.loss"] = "hinge"; });
  check_damage(
      "linear", dense,
      "the checkpoint's model does not agree with itself: kind linear, features dense, labels number, loss "
      "cross_entropy, 3 outputs, 3 classes, 0 words",
      [](Saved &s) { s.reader.texts["model.labels"] = "number"; });
  check_damage(
      "linear", dense,
      "the checkpoint's model does not agree with itself: kind linear, features dense, labels category, "
      "loss cross_entropy, 3 outputs, 2 classes, 0 words",
      [](Saved &s) { s.replace_names("model.classes", "a\nb\n"); });
  check_damage("linear", dense, "the checkpoint names the class \"a\" twice; the file is damaged or foreign",
               [](Saved &s) { s.replace_names("model.classes", "a\nb\na\n"); });
  check_damage(
      "linear", dense,
      "the checkpoint's list of names for each class does not end with a line break; the file is damaged or "
      "foreign",
      [](Saved &s) { s.replace_names("model.classes", "a\nb\nc"); });
  check_damage(
      "linear", dense,
      "the checkpoint's tensor \"model.output.weight\" holds a number that is not finite; take an earlier "
      "checkpoint",
      [](Saved &s) {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        std::memcpy(s.bytes[0].data() + 8, &nan, sizeof nan);
      });
  check_damage("linear", dense, "the checkpoint has no tensor \"model.input.shift\"",
               [](Saved &s) { s.drop("model.input.shift"); });
  check_damage(
      "linear", dense,
      "the checkpoint has a tensor \"model.layer7.weight\" that this model does not have; it belongs to "
      "another model",
      [](Saved &s) {
        s.reader.tensors.push_back(s.tensor("model.output.bias"));
        s.reader.tensors.back().name = "model.layer7.weight";
      });
  check_damage("linear", dense,
               "the checkpoint's tensor \"model.output.bias\" has 8 bytes, too few or too many for [3]",
               [](Saved &s) { s.tensor("model.output.bias").bytes = 8; });
  check_damage(
      "text:dimension=2", texts,
      "the checkpoint's model does not agree with itself: kind linear, features text, labels category, loss "
      "cross_entropy, 3 outputs, 3 classes, 9 words",
      [](Saved &s) {
        s.reader.texts["model.spec"] = "linear";
        s.reader.texts["model.inputs"] = "4";
      });
  check_damage("text:dimension=2", texts,
               "the checkpoint's tensor \"model.embedding.weight\" is F32[9, 2], but F32[2, 2] is needed",
               [](Saved &s) { s.replace_names("model.vocabulary", "a\nb\n"); });
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_loaded_model_is_the_saved_one_bit_for_bit),
      cmocka_unit_test(a_model_without_a_dataset_is_saved_too),
      cmocka_unit_test(restore_takes_parameters_and_scaling),
      cmocka_unit_test(restore_refuses_another_model),
      cmocka_unit_test(load_refuses_damage),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
