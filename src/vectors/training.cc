// The steps: words are gathered, windows and noise drawn, gradients computed by all threads, rows stepped.
#include "vectors/training.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace ngd {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Streams of random numbers: of the first vectors, of the order of texts in an epoch, of each place.
constexpr uint64_t kTableStream = uint64_t{1} << 62, kOrderStream = kTableStream + 1,
                   kKeepStream = kTableStream * 2;
constexpr size_t kLossEvery = 16;      // the loss is told from one place in so many
constexpr size_t kRowsAtOnce = 128;    // whose gradients a thread adds up before it looks for more
constexpr double kLossFollows = 0.01;  // how fast the mean of losses follows them
constexpr const char *kOptimizer =
    "adagrad:learning_rate=0.2,nonfinite=zero";  // the best of what docs/vectors.md tells

}  // namespace

VectorTraining::VectorTraining(const OptionSet &options, std::shared_ptr<const Samples> texts,
                               std::shared_ptr<Optimizer> optimizer, VectorTable &table)
    : texts_(std::move(texts)),
      optimizer_(std::move(optimizer)),
      table_(table),
      epochs_(static_cast<uint64_t>(options["epochs"])),
      seed_(static_cast<uint64_t>(options["seed"])),
      window_(static_cast<size_t>(options["window"])),
      negatives_(static_cast<size_t>(options["negatives"])),
      batch_words_(static_cast<size_t>(options["batch_words"])),
      skip_gram_(options.choice("method") == "skip_gram"),
      target_(best_target()),
      vocabulary_(*texts_, static_cast<uint64_t>(options["min_count"]), options["subsample"]),
      helpers_(static_cast<unsigned>(options["threads"]) - 1),
      loss_(kNone) {
  if (vocabulary_.text.size() < 2)
    fail(NGD_E_SHAPE, vocabulary_.text.size(), " words of the texts occur min_count=", options["min_count"],
         " times, but training needs at least 2; set min_count lower or take more text");
  if (optimizer_ == nullptr) optimizer_ = std::make_shared<Optimizer>(kOptimizer);
  if (!optimizer_->tensors().empty())
    fail(NGD_E_STATE, "the optimizer has tensors already; training word vectors needs one without");
  if (optimizer_->wants_second_gradient())
    fail(NGD_E_UNSUPPORTED, "training word vectors takes no second gradient; set grad_penalty=0");
  table_.set_dimension(static_cast<size_t>(options["dimension"]));
  begin_table(static_cast<uint64_t>(options["memory_limit"]));
  output_.resize(table_.rows() * table_.dimension());
  const Shape shape = {static_cast<int64_t>(table_.rows()), static_cast<int64_t>(table_.dimension())};
  optimizer_->add_rows(Element::f32, "input", shape);
  optimizer_->add_rows(Element::f32, "output", shape);
  for (WordBatch *batch : {&batch_, &next_}) {
    batch->inputs.resize(table_.rows());
    batch->outputs.resize(table_.rows());
  }
  input_gradients_.resize(batch_words_ * table_.dimension());
  output_gradients_.resize(batch_words_ * (1 + negatives_) * table_.dimension());
  // All at once: threads at work take no memory.
  work_.resize(static_cast<size_t>(options["threads"]));
  const size_t outputs = 1 + negatives_, widest = 2 * window_;
  for (Work &work : work_) {
    work.inputs.resize(widest);
    work.input_gradients.resize(widest);
    work.outputs.resize(outputs);
    work.output_gradients.resize(outputs);
    work.labels.resize(outputs);
    work.scores.resize(score_room(widest, outputs));
    work.gradients.resize(work.scores.size());
    work.hidden.resize(2 * table_.dimension());
  }
}

// Uniform within 1 / (2 dimension), as word2vec begins.
void VectorTraining::begin_table(uint64_t memory_limit) {
  Random random(seed_, kTableStream);
  const double bound = 1 / static_cast<double>(table_.dimension());
  for (const uint32_t word : vocabulary_.text) {
    const std::string &name = texts_->vocabulary()[word];
    if (memory_limit != 0 && table_.bytes_with(name.size() + 1) > memory_limit)
      fail(NGD_E_MEMORY, vocabulary_.text.size(), " words of dimension ", table_.dimension(),
           " need more than memory_limit=", memory_limit, " bytes; set min_count higher or dimension lower");
    float *const row = table_.add(name);
    for (size_t i = 0; i < table_.dimension(); i++)
      row[i] = static_cast<float>((random.uniform() - 0.5) * bound);
  }
}

void VectorTraining::end_epoch() {
  epoch_++;
  next_text_ = 0;
}

// Takes the words of a text that are kept. Which are is a function of the seed and the word's place in the training.
void VectorTraining::take_text(uint64_t row) {
  texts_->read({&row, 1}, text_);
  Random random(seed_, kKeepStream);
  for (size_t k = 0; k < text_.offsets[1]; k++, read_++) {
    const uint32_t word = vocabulary_.of_text[text_.index[k]];
    if (word == Vocabulary::kNone) continue;
    if (vocabulary_.keep[word] != Vocabulary::kAll) {
      random.seek(read_);
      if (static_cast<uint32_t>(random.next()) >= vocabulary_.keep[word]) continue;
    }
    rest_.push_back(word);
    rest_places_.push_back(read_);
  }
}

void VectorTraining::fill(WordBatch &batch) {
  batch.clear();
  batch.words_before = read_;
  size_t taken = 0;  // of rest_
  while (batch.words.size() < batch_words_ && epoch_ < epochs_) {
    if (taken == rest_.size()) {
      rest_.clear();
      rest_places_.clear();
      taken = 0;
      if (next_text_ == texts_->rows()) {
        if (!batch.words.empty()) break;  // an epoch ends with a step
        end_epoch();
        continue;
      }
      if (next_text_ == 0) {
        order_.resize(texts_->rows());
        std::iota(order_.begin(), order_.end(), 0);
        Random random(seed_, kOrderStream + epoch_);
        for (uint64_t last = order_.size(); last > 1; last--)
          std::swap(order_[last - 1], order_[random.below(last)]);
      }
      take_text(order_[next_text_++]);
      if (rest_.size() < 2) {  // a word alone has no neighbours
        rest_.clear();
        rest_places_.clear();
      }
      continue;
    }
    const size_t count = std::min({rest_.size() - taken, WordBatch::kPiece, batch_words_ - batch.words.size()});
    const auto at = static_cast<ptrdiff_t>(taken), end = static_cast<ptrdiff_t>(taken + count);
    batch.words.insert(batch.words.end(), rest_.begin() + at, rest_.begin() + end);
    batch.places.insert(batch.places.end(), rest_places_.begin() + at, rest_places_.begin() + end);
    batch.end_piece();
    taken += count;
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(taken));
  rest_places_.erase(rest_places_.begin(), rest_places_.begin() + static_cast<ptrdiff_t>(taken));
  if (rest_.empty() && next_text_ == texts_->rows()) end_epoch();
  batch.any = !batch.words.empty();
  batch.words_after = read_;
  batch.epochs_after = epoch_;
}

// Windows and noise of each word: functions of the seed and of its place.
void VectorTraining::draw(WordBatch &batch) const {
  batch.reach.resize(batch.words.size());
  batch.noise.resize(batch.words.size() * negatives_);
  uint32_t *noise = batch.noise.data();
  for (size_t p = 0; p < batch.words.size(); p++) {
    Random random(seed_, batch.places[p]);
    batch.reach[p] = static_cast<uint32_t>(1 + (random.next() >> 32) * window_ / (uint64_t{1} << 32));
    for (size_t k = 0; k < negatives_; k++) *noise++ = vocabulary_.noise.draw(random.next());
  }
}

void VectorTraining::note_occurrences(WordBatch &batch) const {
  batch.inputs.begin();
  batch.outputs.begin();
  const uint32_t *noise = batch.noise.data();
  for (const uint32_t word : batch.words) {
    batch.inputs.note(word);
    batch.outputs.note(word);
    for (size_t k = 0; k < negatives_; k++) batch.outputs.note(*noise++);
  }
  batch.inputs.seal();
  batch.outputs.seal();
}

void VectorTraining::prepare(WordBatch &batch) {
  fill(batch);
  draw(batch);
  note_occurrences(batch);
}

void VectorTraining::add_loss(const Window &window, Work &work) const {
  const size_t rows = skip_gram_ ? window.inputs : 1;
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < window.outputs; j++) {
      if (window.label[j] < 0) continue;
      const double score = static_cast<double>(window.scores[i * window.outputs + j]);
      work.loss +=
          std::log1p(std::exp(-std::fabs(score))) + std::max(0.0, window.label[j] > 0 ? -score : score);
    }
  }
  work.pairs += rows;
}

// The windows of the words `begin` to `end` - 1, which are a piece: nothing else adds to the gradients of its inputs.
void VectorTraining::compute(size_t begin, size_t end, Work &work) {
  const size_t dimension = table_.dimension(), outputs = 1 + negatives_;
  Window window;
  window.dimension = dimension;
  window.outputs = outputs;
  window.input = work.inputs.data();
  window.output = work.outputs.data();
  window.input_gradient = work.input_gradients.data();
  window.output_gradient = work.output_gradients.data();
  window.label = work.labels.data();
  window.scores = work.scores.data();
  window.gradients = work.gradients.data();
  window.hidden = work.hidden.data();
  const auto input_gradient = [&](size_t p) {
    return input_gradients_.data() + batch_.inputs.place(p) * dimension;
  };
  for (size_t p = begin; p < end; p++) std::fill_n(input_gradient(p), dimension, 0.0f);
  for (size_t p = begin; p < end; p++) {
    const size_t reach = batch_.reach[p];
    const size_t first = p - begin < reach ? begin : p - reach, last = std::min(end, p + reach + 1);
    size_t count = 0;
    for (size_t q = first; q < last; q++) {
      if (q == p) continue;
      work.inputs[count] = table_.row(batch_.words[q]);
      work.input_gradients[count++] = input_gradient(q);
    }
    window.inputs = count;
    for (size_t j = 0; j < outputs; j++) {
      const uint32_t word = j == 0 ? batch_.words[p] : batch_.noise[p * negatives_ + j - 1];
      work.outputs[j] = output_.data() + word * dimension;
      work.output_gradients[j] = output_gradients_.data() + batch_.outputs.place(p * outputs + j) * dimension;
      work.labels[j] = j == 0 ? 1.0f : word == batch_.words[p] ? -1.0f : 0.0f;
    }
    if (count == 0) {
      for (float *const gradient : work.output_gradients) std::fill_n(gradient, dimension, 0.0f);
      continue;
    }
    if (skip_gram_)
      skip_gram(target_, window);
    else
      continuous_bag(target_, window);
    if (batch_.places[p] % kLossEvery == 0) add_loss(window, work);
  }
}

void VectorTraining::run_step() {
  for (Work &work : work_) work.loss = 0, work.pairs = 0;
  const size_t dimension = table_.dimension(), pieces = batch_.pieces.size();
  const size_t inputs = batch_.inputs.touched().size(), rows = inputs + batch_.outputs.touched().size();
  const auto merge = [&](size_t from, size_t to) {
    batch_.inputs.merge(std::min(from, inputs), std::min(to, inputs), input_gradients_.data(), dimension);
    batch_.outputs.merge(std::max(from, inputs) - inputs, std::max(to, inputs) - inputs,
                         output_gradients_.data(), dimension);
  };
  std::exception_ptr failure;
  std::atomic<size_t> next_piece = 0, done_pieces = 0, next_rows = 0;
  // Whoever comes takes what is next; where each sum stands is settled before.
  helpers_.run([&](unsigned thread) noexcept {
    // The first thread prepares the next batch, and then helps with what is left of this one.
    if (thread == 0) {
      try {
        prepare(next_);
      } catch (...) {
        failure = std::current_exception();
      }
    }
    for (size_t i; (i = next_piece.fetch_add(1, std::memory_order_relaxed)) < pieces;) {
      compute(i == 0 ? 0 : batch_.pieces[i - 1], batch_.pieces[i], work_[thread]);
      done_pieces.fetch_add(1, std::memory_order_acq_rel);
    }
    Helpers::wait_until([&] { return done_pieces.load(std::memory_order_acquire) == pieces; });
    for (size_t i; (i = next_rows.fetch_add(kRowsAtOnce, std::memory_order_relaxed)) < rows;)
      merge(i, std::min(i + kRowsAtOnce, rows));
  });
  if (failure != nullptr) std::rethrow_exception(failure);
  const double all = static_cast<double>(vocabulary_.tokens) * static_cast<double>(epochs_);
  optimizer_->use_rate_factor(1 - static_cast<double>(batch_.words_before) / all);
  const TensorStep<float> tensors[] = {{table_.values(), input_gradients_.data(), batch_.inputs.touched()},
                                       {output_.data(), output_gradients_.data(), batch_.outputs.touched()}};
  const uint64_t bad = optimizer_->skip_count() + optimizer_->zero_count();
  optimizer_->step(std::span<const TensorStep<float>>(tensors));
  if (optimizer_->skip_count() + optimizer_->zero_count() != bad)
    fail(NGD_E_DIVERGED, "gradients became infinite or nan at step ", steps_ + 1, " of epoch ",
         epochs_done_ + 1, " (learning_rate ", optimizer_->learning_rate(),
         "); the vectors are those before it. Try a lower learning_rate");
  steps_++;
  words_done_ = batch_.words_after;
  epochs_done_ = batch_.epochs_after;
  double loss = 0;
  uint64_t pairs = 0;
  for (const Work &work : work_) loss += work.loss, pairs += work.pairs;
  if (pairs > 0) {
    const double mean = loss / static_cast<double>(pairs);
    loss_ = std::isnan(loss_) ? mean : loss_ + kLossFollows * (mean - loss_);
  }
  std::swap(batch_, next_);
}

bool VectorTraining::advance(uint64_t steps) {
  // Whatever happens, the optimizer has its own rate again, and the time is noted.
  struct Ending {
    VectorTraining &training;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    bool running = false;
    ~Ending() {
      training.seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (!running) training.optimizer_->use_rate_factor(1);
    }
  } ending{*this};
  if (!begun_) prepare(batch_);
  begun_ = true;
  for (; steps > 0 && batch_.any; steps--) run_step();
  ending.running = batch_.any;
  if (!batch_.any) {
    words_done_ = read_;
    epochs_done_ = epochs_;
  }
  return ending.running;
}

VectorProgress VectorTraining::progress() const {
  VectorProgress progress;
  progress.epoch = epochs_done_;
  progress.epochs = epochs_;
  progress.steps = steps_;
  progress.words = words_done_;
  progress.words_all = vocabulary_.tokens * epochs_;
  progress.loss = loss_;
  progress.learning_rate = optimizer_->learning_rate();
  progress.seconds = seconds_;
  return progress;
}

// --- what the handle does with it -------------------------------------------------------------------------------

void Vectors::start(std::shared_ptr<const Samples> texts, std::shared_ptr<Optimizer> optimizer) {
  if (in_training())
    fail(NGD_E_STATE, "training is in progress; advance it to its end, or create another handle");
  require_empty("train");
  if (texts->feature_kind() != FeatureKind::text)
    fail(NGD_E_SHAPE, "the dataset has no texts; word vectors are trained on datasets of format \"text\"");
  try {
    training_ = std::make_unique<VectorTraining>(options_, std::move(texts), std::move(optimizer), table_);
    settle();
  } catch (...) {
    training_ = nullptr;
    table_ = VectorTable();
    throw;
  }
  trained_ = true;
}

bool Vectors::advance(uint64_t steps) {
  if (!in_training()) fail(NGD_E_STATE, "no training is in progress; call ngd_vectors_start first");
  if (steps == 0) fail(NGD_E_RANGE, "argument \"steps\" is 0, but must be at least 1");
  const auto end = [this] {
    last_progress_ = training_->progress();
    training_ = nullptr;
    measure();
  };
  try {
    if (training_->advance(steps)) return true;
  } catch (...) {
    end();
    throw;
  }
  end();
  return false;
}

VectorProgress Vectors::progress() const {
  if (!trained_) fail(NGD_E_STATE, "nothing was trained; call ngd_vectors_start first");
  return in_training() ? training_->progress() : last_progress_;
}

}  // namespace ngd
