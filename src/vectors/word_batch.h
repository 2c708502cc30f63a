// The words of one training step: their windows and noise, and where the gradient of each row that they touch is added up.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/vocabulary.h"

namespace ngd {

// Occurrences of rows of one table in a batch. The gradient of the first occurrence of a row stands in the packed array, in the
// order of the rows, as Optimizer::step wants them; those of others stand behind and are added to it afterwards, in order. So
// threads write wherever they like, and sums do not depend on which did.
class Occurrences {
 public:
  void resize(size_t table_rows);

  // begin(), note() for each occurrence in order, then seal().
  void begin() { rows_.clear(); }
  void note(uint32_t row) { rows_.push_back(row); }
  void seal();
  // Where the gradient of an occurrence stands, in rows of the array.
  size_t place(size_t occurrence) const { return places_[occurrence]; }
  // Adds the further occurrences of the touched rows `from` to `to` - 1 to their first ones.
  void merge(size_t from, size_t to, float *values, size_t dimension) const;

  std::span<const uint32_t> touched() const { return touched_; }

 private:
  std::vector<uint32_t> rows_;     // of each occurrence
  std::vector<uint32_t> places_;   // of each occurrence
  std::vector<uint64_t> seen_;     // a bit a row of the table; zero between batches
  std::vector<uint32_t> slot_;     // of a touched row: its place, then where its further occurrences end
  std::vector<uint32_t> touched_;  // rising
  std::vector<uint32_t> count_;    // occurrences of each touched row
  std::vector<uint32_t> begin_;    // of its further occurrences, behind the touched rows
};

struct WordBatch {
  bool any = false;           // false: there was nothing left
  uint64_t words_before = 0;  // words read before this batch
  uint64_t words_after = 0;
  uint64_t epochs_after = 0;  // epochs that are done with it
  // Texts longer than this are cut: few windows lose by it, and threads have something to share.
  static constexpr size_t kPiece = 128;

  std::vector<uint32_t> words;   // in order
  std::vector<uint64_t> places;  // of each, among all words read: what its random numbers depend on
  std::vector<size_t> pieces;    // ends of the texts, in `words`
  std::vector<uint32_t> reach;   // of each word's window
  std::vector<uint32_t> noise;   // `negatives` of each word
  Occurrences inputs, outputs;   // of each word; of each word and its noise

  void clear() {
    words.clear();
    places.clear();
    pieces.clear();
  }
  void end_piece() {
    if (!words.empty() && (pieces.empty() || pieces.back() != words.size())) pieces.push_back(words.size());
  }
};

}  // namespace ngd
