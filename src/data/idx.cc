// IDX, the arrays of MNIST: two zero bytes, a type, a rank, big-endian sizes, big-endian values.
#include <bit>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "data/format.h"
#include "data/loading.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    text_option("labels", "",
                "The IDX file that holds the labels of the next file; empty: rows have no label."),
    kLabelTypeOption,
    kNonfiniteOption,
    kMalformedOption,
};

constexpr size_t kChunkBytes = 1 << 16;

template <class T, class Bits>
double big_endian(const unsigned char *bytes) {
  Bits bits = 0;
  for (size_t i = 0; i < sizeof(Bits); i++) bits = static_cast<Bits>(bits << 8 | bytes[i]);
  return static_cast<double>(std::bit_cast<T>(bits));
}

struct Type {
  unsigned char code;
  size_t size;
  double (*value)(const unsigned char *bytes);
};
constexpr Type kTypes[] = {
    {0x08, 1, big_endian<uint8_t, uint8_t>},  {0x09, 1, big_endian<int8_t, uint8_t>},
    {0x0B, 2, big_endian<int16_t, uint16_t>}, {0x0C, 4, big_endian<int32_t, uint32_t>},
    {0x0D, 4, big_endian<float, uint32_t>},   {0x0E, 8, big_endian<double, uint64_t>},
};

class IdxFile {
 public:
  explicit IdxFile(const std::string &path) : path_(path), file_(path), chunk_(kChunkBytes) {
    unsigned char magic[4];
    take(magic, 4, "the four bytes that an IDX file begins with");
    for (const Type &type : kTypes) {
      if (magic[0] == 0 && magic[1] == 0 && type.code == magic[2]) type_ = &type;
    }
    if (type_ == nullptr || magic[3] == 0) {
      static const char digits[] = "0123456789abcdef";
      std::string found;
      for (const unsigned char byte : magic) found += {' ', digits[byte >> 4], digits[byte & 15]};
      broken(
          0, "found the bytes", found,
          ", expected 00 00, a type (08 09 0b 0c 0d or 0e) and the number of dimensions (is it an IDX file?)");
    }
    columns_ = 1;
    for (int i = 0; i < magic[3]; i++) {
      unsigned char bytes[4];
      take(bytes, 4, "the size of a dimension");
      const uint64_t size = static_cast<uint64_t>(big_endian<uint32_t, uint32_t>(bytes));
      shape_ += concat(i == 0 ? "" : " x ", size);
      if (i == 0) {
        rows_ = size;
        continue;
      }
      columns_ *= size;
      if (columns_ == 0 || columns_ > static_cast<uint64_t>(kMaxColumns))
        broken(file_.position() - 4, "found the shape ", shape_, ", expected samples of 1 to ", kMaxColumns,
               " values");
    }
  }

  uint64_t rows() const { return rows_; }
  uint64_t columns() const { return columns_; }
  const std::string &shape() const { return shape_; }
  uint64_t position() const { return file_.position(); }

  // Calls value(double) for the next `count` values. Takes memory for a chunk only, whatever sizes a file
  // claims.
  template <class Value>
  void read(uint64_t count, Value value) {
    while (count > 0) {
      const size_t some = static_cast<size_t>(std::min<uint64_t>(count, kChunkBytes / type_->size));
      take(chunk_.data(), some * type_->size, concat(shape_, " values"));
      for (size_t i = 0; i < some; i++) value(type_->value(chunk_.data() + i * type_->size));
      count -= some;
    }
  }

  void expect_end() {
    unsigned char byte;
    if (file_.read(reinterpret_cast<char *>(&byte), 1) != 0)
      broken(file_.position() - 1, "found more bytes, expected the end of the file after ", shape_, " values");
    check_damage();
  }

  template <class... Parts>
  [[noreturn]] void broken(uint64_t byte, const Parts &...parts) const {
    fail(NGD_E_DATA, path_text(path_), ": byte ", byte, ": ", parts...);
  }

 private:
  void take(unsigned char *into, size_t size, std::string_view expected) {
    if (file_.read(reinterpret_cast<char *>(into), size) == size) return;
    check_damage();
    broken(file_.position(), "found the end of the file, expected ", expected,
           " (copy or download the file again)");
  }
  void check_damage() const {
    if (!file_.damage().empty())
      broken(file_.position(), "found damaged gzip data (", file_.damage(),
             "), expected the rest of the file (copy or download the file again)");
  }

  const std::string &path_;
  FileReader file_;
  std::vector<unsigned char> chunk_;
  const Type *type_ = nullptr;
  uint64_t rows_ = 0, columns_ = 0;
  std::string shape_;  // "10000 x 28 x 28"
};

std::vector<double> read_labels(const std::string &path, uint64_t rows, const std::string &samples_path) {
  IdxFile file(path);
  if (file.columns() != 1 || file.shape().find('x') != std::string::npos)
    file.broken(3, "found the shape ", file.shape(), ", expected one dimension: a label a sample");
  if (file.rows() != rows)
    file.broken(4, "found ", file.rows(), " labels, expected ", rows, ", as many as ", path_text(samples_path),
                " has samples");
  std::vector<double> labels;
  file.read(rows, [&](double label) {
    if (!std::isfinite(static_cast<float>(label)))
      file.broken(file.position(), "found the label ", label, ", expected finite numbers");
    labels.push_back(label);
  });
  file.expect_end();
  return labels;
}

void load(Loading &loading) {
  Table &table = loading.table;
  const std::string &labels_path = loading.options.choice("labels");
  const bool nonfinite_is_zero = loading.options.choice("nonfinite") == "zero";
  loading.expect_labels(!labels_path.empty());
  IdxFile file(loading.path);
  if (loading.before.rows != 0 && file.columns() != table.width)
    file.broken(4, "found the shape ", file.shape(), ", expected samples of ", table.width,
                " values as in the rows before");
  std::vector<double> labels;
  if (!labels_path.empty()) labels = read_labels(labels_path, file.rows(), loading.path);
  table.width = file.columns();
  for (uint64_t row = 0; row < file.rows(); row++) {
    loading.attempt([&] {
      uint64_t column = 0, bad_column = file.columns();
      double bad = 0;
      file.read(file.columns(), [&](double exact) {
        float value = static_cast<float>(exact);
        if (!std::isfinite(value)) {
          if (!nonfinite_is_zero && bad_column == file.columns()) {
            bad_column = column;
            bad = exact;
          }
          value = 0;
        }
        table.dense.push_back(value);
        column++;
      });
      if (bad_column != file.columns())
        throw MalformedLine(
            concat(path_text(loading.path), ": sample ", row, ": found ", bad, " as value ", bad_column,
                   ", expected a finite number (set nonfinite=zero to read 0, or malformed=skip to "
                   "leave such samples out)"));
      if (!labels.empty()) loading.label(number_text(labels[row]), 0, 0);
      table.end_row();
    });
  }
  file.expect_end();
  loading.finish();
}

}  // namespace

constinit const Format kIdx = {"idx", FeatureKind::dense, kOptions, nullptr, load};

}  // namespace ngd
