// Training of word vectors: skip-gram and continuous bag of words with negative sampling, a batch a step.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/helpers.h"
#include "base/option.h"
#include "base/samples.h"
#include "optimizer/optimizer.h"
#include "vectors/vectors.h"
#include "vectors/vocabulary.h"
#include "vectors/window.h"
#include "vectors/word_batch.h"

namespace ngd {

class VectorTraining {
 public:
  // Makes the vocabulary and fills `table`, which must outlive the training.
  VectorTraining(const OptionSet &options, std::shared_ptr<const Samples> texts,
                 std::shared_ptr<Optimizer> optimizer, VectorTable &table);

  bool advance(uint64_t steps);  // true while there is more to do
  VectorProgress progress() const;

 private:
  // What one thread of a step needs for itself.
  struct Work {
    std::vector<const float *> inputs, outputs;
    std::vector<float *> input_gradients, output_gradients;
    std::vector<float> labels, scores, gradients, hidden;
    double loss = 0;
    uint64_t pairs = 0;
  };

  void begin_table(uint64_t memory_limit);
  void prepare(WordBatch &batch);
  void fill(WordBatch &batch);
  void end_epoch();
  void take_text(uint64_t row);
  void draw(WordBatch &batch) const;
  void note_occurrences(WordBatch &batch) const;
  void compute(size_t begin, size_t end, Work &work);
  void add_loss(const Window &window, Work &work) const;
  void run_step();

  std::shared_ptr<const Samples> texts_;
  std::shared_ptr<Optimizer> optimizer_;
  VectorTable &table_;
  const uint64_t epochs_, seed_;
  const size_t window_, negatives_, batch_words_;
  const bool skip_gram_;
  const Target target_;
  Vocabulary vocabulary_;
  std::vector<float> output_;  // the second table

  std::vector<uint64_t> order_;                    // of the texts in this epoch
  uint64_t next_text_ = 0, epoch_ = 0, read_ = 0;  // where the words of the next batch come from
  uint64_t steps_ = 0, words_done_ = 0, epochs_done_ = 0;
  Batch text_;
  std::vector<uint32_t> rest_;  // of a text that did not fit the batch: words and places
  std::vector<uint64_t> rest_places_;
  WordBatch batch_, next_;  // while one is computed the next one is prepared
  bool begun_ = false;
  std::vector<float> input_gradients_, output_gradients_;
  std::vector<Work> work_;
  Helpers helpers_;
  double loss_ = 0, seconds_ = 0;
};

}  // namespace ngd
