// What tests of the data room share: files in a temporary folder, and exact messages.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/dataset.h"
#include "raises.h"

// The folder of this program's files, made on first use and entered, so that messages hold bare file names.
inline void enter_temporary_folder() {
  char folder[] = "/tmp/ngd-data-XXXXXX";
  if (mkdtemp(folder) == nullptr || chdir(folder) != 0) abort();
}

inline void leave_temporary_folder() {
  const std::filesystem::path folder = std::filesystem::current_path();
  std::filesystem::current_path("/");
  std::filesystem::remove_all(folder);
}

inline std::string write_file(const std::string &name, std::string_view bytes) {
  FILE *file = fopen(name.c_str(), "wb");
  if (file == nullptr || fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() || fclose(file) != 0)
    abort();
  return name;
}

inline std::string read_file(const std::string &name) {
  std::string bytes(std::filesystem::file_size(name), '\0');
  FILE *file = fopen(name.c_str(), "rb");
  if (file == nullptr || fread(bytes.data(), 1, bytes.size(), file) != bytes.size() || fclose(file) != 0)
    abort();
  return bytes;
}

inline std::string write_gzip(const std::string &name, std::string_view bytes) {
  gzFile file = gzopen(name.c_str(), "wb");
  if (file == nullptr ||
      gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) != static_cast<int>(bytes.size()) ||
      gzclose(file) != Z_OK)
    abort();
  return name;
}

// fails([&] { ... }, NGD_E_DATA, "exact message").
template <class Body>
void fails(Body body, ngd_status status, const std::string &message) {
  check_raises(status, message, body);
}

// A dataset of `spec` that has read a file `name` with these bytes.
inline ngd::Dataset loaded(const std::string &spec, std::string_view bytes, const std::string &name = "f") {
  ngd::Dataset dataset(spec);
  dataset.load(write_file(name, bytes));
  return dataset;
}

// Everything a dataset holds as one text, to compare before and after.
inline std::string contents(const ngd::Dataset &dataset) {
  std::vector<uint64_t> rows(dataset.rows());
  std::iota(rows.begin(), rows.end(), uint64_t{0});
  ngd::Batch batch;
  dataset.read(rows, batch);
  std::string text = ngd::concat(batch.rows, "x", batch.columns, " skipped ", dataset.skipped(), "\n");
  for (size_t row = 0; row < batch.rows; row++) {
    if (!batch.number.empty()) text += ngd::concat(double{batch.number[row]}, " |");
    if (!batch.category.empty())
      text += ngd::concat(dataset.class_names()[static_cast<size_t>(batch.category[row])], "=",
                          batch.category[row], " |");
    if (batch.offsets.empty()) {
      for (size_t i = 0; i < batch.columns; i++)
        text += ngd::concat(" ", double{batch.dense[row * batch.columns + i]});
    } else {
      for (size_t i = batch.offsets[row]; i < batch.offsets[row + 1]; i++) {
        text += batch.value.empty() ? ngd::concat(" ", dataset.vocabulary()[batch.index[i]])
                                    : ngd::concat(" ", batch.index[i], ":", double{batch.value[i]});
      }
    }
    text += "\n";
  }
  return text;
}

inline void holds(const ngd::Dataset &dataset, const std::string &expected) {
  assert_string_equal(contents(dataset).c_str(), expected.c_str());
}

// Loading these bytes into a dataset that already holds rows fails with this message and changes nothing.
inline void load_fails(const std::string &spec, std::string_view bytes, const std::string &message) {
  ngd::Dataset dataset(spec);
  const std::string before = contents(dataset);
  const uint64_t identity = dataset.identity();
  fails([&] { dataset.load(write_file("f", bytes)); }, NGD_E_DATA, message);
  holds(dataset, before);
  assert_int_equal(dataset.identity(), identity);
  assert_int_equal(dataset.class_names().size(), 0);
  assert_int_equal(dataset.vocabulary().size(), 0);
  assert_int_equal(dataset.sources().size(), 0);
}
