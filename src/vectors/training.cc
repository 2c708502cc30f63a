// The steps: words are gathered, windows and noise drawn, gradients computed by all threads, rows stepped.
#include "vectors/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
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
constexpr size_t kLossEvery = 16;                                // the loss is told from one place in so many
constexpr double kLossFollows = 0.01;                            // how fast the mean of losses follows them
constexpr const char *kOptimizer = "adagrad:learning_rate=0.2";  // the best of what docs/vectors.md tells

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
  optimizer_->set("threads", options["threads"]);
  inputs_.resize(table_.rows(), table_.dimension());
  outputs_.resize(table_.rows(), table_.dimension());
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

// False when all epochs are done.
bool VectorTraining::fill_batch() {
  batch_.clear();
  first_read_ = read_;
  size_t taken = 0;  // of rest_
  while (batch_.words.size() < batch_words_) {
    if (taken == rest_.size()) {
      rest_.clear();
      rest_places_.clear();
      taken = 0;
      if (next_text_ == texts_->rows()) {
        if (!batch_.words.empty()) break;  // an epoch ends with a step
        end_epoch();
        if (epoch_ == epochs_) return false;
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
    const size_t count =
        std::min({rest_.size() - taken, WordBatch::kPiece, batch_words_ - batch_.words.size()});
    const auto at = static_cast<ptrdiff_t>(taken), end = static_cast<ptrdiff_t>(taken + count);
    batch_.words.insert(batch_.words.end(), rest_.begin() + at, rest_.begin() + end);
    batch_.places.insert(batch_.places.end(), rest_places_.begin() + at, rest_places_.begin() + end);
    batch_.end_piece();
    taken += count;
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(taken));
  rest_places_.erase(rest_places_.begin(), rest_places_.begin() + static_cast<ptrdiff_t>(taken));
  batch_.reach.resize(batch_.words.size());
  batch_.noise.resize(batch_.words.size() * negatives_);
  return true;
}

// Windows and noise of the words `from` to `to` - 1: functions of the seed and of each word's place.
void VectorTraining::draw(size_t from, size_t to) {
  for (size_t p = from; p < to; p++) {
    Random random(seed_, batch_.places[p]);
    batch_.reach[p] = static_cast<uint32_t>(1 + (random.next() >> 32) * window_ / (uint64_t{1} << 32));
    for (size_t k = 0; k < negatives_; k++)
      batch_.noise[p * negatives_ + k] = vocabulary_.noise.draw(random.next());
  }
}

void VectorTraining::note_occurrences() {
  inputs_.begin();
  outputs_.begin();
  for (size_t p = 0; p < batch_.words.size(); p++) {
    inputs_.note(batch_.words[p]);
    outputs_.note(batch_.words[p]);
    for (size_t k = 0; k < negatives_; k++) outputs_.note(batch_.noise[p * negatives_ + k]);
  }
  inputs_.seal();
  outputs_.seal();
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

// The windows of the words `from` to `to` - 1, which stand in the piece `begin` to `end` - 1.
void VectorTraining::compute(size_t from, size_t to, size_t begin, size_t end, Work &work) {
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
  for (size_t p = from; p < to; p++) inputs_.clear(p);
  for (size_t p = from; p < to; p++) {
    const size_t reach = batch_.reach[p];
    const size_t first = p - begin < reach ? begin : p - reach, last = std::min(end, p + reach + 1);
    size_t count = 0;
    for (size_t q = first; q < last; q++) {
      if (q == p) continue;
      work.inputs[count] = table_.row(batch_.words[q]);
      work.input_gradients[count++] = inputs_.gradient(q);
    }
    window.inputs = count;
    for (size_t j = 0; j < outputs; j++) {
      const uint32_t word = j == 0 ? batch_.words[p] : batch_.noise[p * negatives_ + j - 1];
      work.outputs[j] = output_.data() + word * dimension;
      work.output_gradients[j] = outputs_.gradient(p * outputs + j);
      work.labels[j] = j == 0 ? 1.0f : word == batch_.words[p] ? -1.0f : 0.0f;
    }
    if (count == 0) {
      for (size_t j = 0; j < outputs; j++) outputs_.clear(p * outputs + j);
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
  Team &team = optimizer_->team();
  const size_t threads = std::min<size_t>(team.size(), work_.size());
  const size_t words = batch_.words.size();
  for (Work &work : work_) work.loss = 0, work.pairs = 0;
  // Threads that are not used have nothing to do: a team never has more than there are places for.
  const auto part = [](size_t count, size_t thread, size_t of) { return count * thread / of; };
  team.run([&](unsigned thread) noexcept {
    if (thread < threads) draw(part(words, thread, threads), part(words, thread + 1, threads));
  });
  note_occurrences();
  team.run([&](unsigned thread) noexcept {
    if (thread < threads) {
      // Whole pieces: the gradients of an input come from the windows of its piece alone.
      size_t begin = 0;
      for (const size_t end : batch_.pieces) {
        if (begin >= part(words, thread, threads) && begin < part(words, thread + 1, threads))
          compute(begin, end, begin, end, work_[thread]);
        begin = end;
      }
    }
    team.barrier();
    if (thread >= threads) return;
    for (Occurrences *one : {&inputs_, &outputs_}) {
      const size_t rows = one->touched().size();
      one->merge(part(rows, thread, threads), part(rows, thread + 1, threads));
    }
  });
  const double all = static_cast<double>(vocabulary_.tokens) * static_cast<double>(epochs_);
  optimizer_->use_rate_factor(1 - static_cast<double>(first_read_) / all);
  const TensorStep<float> tensors[] = {{table_.values(), inputs_.values(), inputs_.touched()},
                                       {output_.data(), outputs_.values(), outputs_.touched()}};
  const uint64_t skipped = optimizer_->skip_count();
  optimizer_->step(std::span<const TensorStep<float>>(tensors));
  if (optimizer_->skip_count() != skipped)
    fail(NGD_E_DIVERGED, "gradients became infinite or nan at step ", steps_ + 1, " of epoch ", epoch_ + 1,
         " (learning_rate ", optimizer_->learning_rate(),
         "); the vectors are those before it. Try a lower learning_rate");
  steps_++;
  double loss = 0;
  uint64_t pairs = 0;
  for (const Work &work : work_) loss += work.loss, pairs += work.pairs;
  if (pairs > 0) {
    const double mean = loss / static_cast<double>(pairs);
    loss_ = std::isnan(loss_) ? mean : loss_ + kLossFollows * (mean - loss_);
  }
}

bool VectorTraining::advance(uint64_t steps) {
  const auto start = std::chrono::steady_clock::now();
  const auto note_time = [&] {
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  try {
    for (; steps > 0; steps--) {
      if (epoch_ < epochs_ && fill_batch()) run_step();
      if (rest_.empty() && next_text_ == texts_->rows()) end_epoch();
      if (epoch_ < epochs_) continue;
      optimizer_->use_rate_factor(1);
      note_time();
      return false;
    }
  } catch (...) {
    note_time();
    optimizer_->use_rate_factor(1);
    throw;
  }
  note_time();
  return true;
}

VectorProgress VectorTraining::progress() const {
  VectorProgress progress;
  progress.epoch = epoch_;
  progress.epochs = epochs_;
  progress.steps = steps_;
  progress.words = read_;
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
