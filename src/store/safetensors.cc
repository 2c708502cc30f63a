// Reading safetensors files: the index with single tensors, and the file whole.
#include "store/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cmath>

#include "store/checksum.h"
#include "store/posix.h"
#include "store/safetensors_header.h"

namespace ngd {
namespace {

struct Type {
  std::string_view name;
  size_t size;
};
constexpr Type kTypes[] = {{"F64", 8}, {"I64", 8},  {"U64", 8},     {"C64", 8},    {"F32", 4}, {"I32", 4},
                           {"U32", 4}, {"F16", 2},  {"BF16", 2},    {"I16", 2},    {"U16", 2}, {"I8", 1},
                           {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

[[noreturn]] void fail_read(const std::string &path, int code) {
  fail(NGD_E_IO, "cannot read ", quoted(path, 200), ": ", system_text(code));
}

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};

// IEEE 754 binary16: 1 sign bit, 5 exponent bits biased by 15, 10 fraction bits.
double number_of(Half half) {
  const int exponent = half.bits >> 10 & 31;
  const int fraction = half.bits & 1023;
  const double size = exponent == 31  ? (fraction == 0 ? HUGE_VAL : std::nan(""))
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
  return half.bits >> 15 ? -size : size;
}
// bfloat16: the upper half of a binary32.
double number_of(Brain brain) {
  return static_cast<double>(std::bit_cast<float>(uint32_t{brain.bits} << 16));
}
template <class T>
double number_of(T value) {
  return static_cast<double>(value);
}

template <class T>
void convert(std::span<const std::byte> bytes, std::span<double> values) {
  for (size_t i = 0; i < values.size(); i++) {
    T element;
    std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = number_of(element);
  }
}

using Convert = void (*)(std::span<const std::byte>, std::span<double>);
Convert converter(std::string_view dtype) {
  if (dtype == "F32") return convert<float>;
  if (dtype == "F64") return convert<double>;
  if (dtype == "F16") return convert<Half>;
  if (dtype == "BF16") return convert<Brain>;
  if (dtype == "U8" || dtype == "BOOL") return convert<uint8_t>;
  if (dtype == "I8") return convert<int8_t>;
  if (dtype == "U16") return convert<uint16_t>;
  if (dtype == "I16") return convert<int16_t>;
  if (dtype == "U32") return convert<uint32_t>;
  if (dtype == "I32") return convert<int32_t>;
  if (dtype == "U64") return convert<uint64_t>;
  if (dtype == "I64") return convert<int64_t>;
  return nullptr;
}

// Reads exactly that part of the file.
void read_at(int descriptor, const std::string &path, uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno != EINTR) fail_read(path, errno);
    if (got == 0) fail_checkpoint(path, "it became shorter while it was read");
    if (got > 0) {
      bytes = bytes.subspan(static_cast<size_t>(got));
      offset += static_cast<uint64_t>(got);
    }
  }
}

// Compares and takes out the checksum, where there is one.
void check_checksum(const std::string &path, StateReader &reader) {
  const auto checksum = reader.texts.find(kChecksumKey);
  if (checksum == reader.texts.end()) return;
  const std::string expected = std::move(checksum->second);
  reader.texts.erase(checksum);
  if (state_checksum(reader.tensors, reader.texts) != expected)
    fail_checkpoint(path,
                    concat("its contents do not match its checksum; it is damaged, or was changed by another "
                           "program that kept the metadata \"",
                           kChecksumKey, "\""));
}

// Closes the descriptor when the constructor below throws.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

}  // namespace

size_t dtype_size(std::string_view dtype) {
  for (const Type &type : kTypes) {
    if (type.name == dtype) return type.size;
  }
  return 0;
}

SafetensorsIndex::SafetensorsIndex(const std::string &path) : path_(path) {
  // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) fail_read(path, errno);
  struct stat status;
  if (fstat(file.number, &status) != 0) fail_read(path, errno);
  if (S_ISDIR(status.st_mode)) fail_read(path, EISDIR);
  if (!S_ISREG(status.st_mode)) fail(NGD_E_IO, "cannot read ", quoted(path, 200), ": it is not a regular file");
  const uint64_t size = static_cast<uint64_t>(status.st_size);
  if (size < kLengthBytes)
    fail_checkpoint(path, concat("it has ", size, " bytes, too few for a safetensors file"));

  uint64_t length = 0;
  read_at(file.number, path, 0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > kHeaderLimit || length > size - kLengthBytes)
    fail_checkpoint(path, concat("it claims a header of ", length, " bytes, but ",
                                 length > kHeaderLimit ? "the format allows " : "it has only ",
                                 length > kHeaderLimit ? kHeaderLimit : size - kLengthBytes,
                                 "; it is cut short or no safetensors file"));
  std::string text(length, '\0');
  read_at(file.number, path, kLengthBytes, std::as_writable_bytes(std::span(text)));
  data_begin_ = kLengthBytes + length;
  data_bytes_ = size - data_begin_;
  SafetensorsHeader header = parse_safetensors_header(path, text, data_bytes_);
  tensors_ = std::move(header.tensors);
  texts_ = std::move(header.texts);
  std::swap(descriptor_, file.number);
}

SafetensorsIndex::~SafetensorsIndex() {
  close(descriptor_);
}

void SafetensorsIndex::read(uint64_t offset, std::span<std::byte> bytes) const {
  read_at(descriptor_, path_, data_begin_ + offset, bytes);
}

void SafetensorsIndex::read_f64(size_t index, std::span<double> values) const {
  const Tensor &tensor = tensors_[index];
  const Convert convert_all = converter(tensor.dtype);
  if (convert_all == nullptr)
    fail(NGD_E_UNSUPPORTED, "tensor ", quoted(tensor.name), " has elements of type ", quoted(tensor.dtype),
         ", which cannot be read as float64");
  const size_t size = dtype_size(tensor.dtype);
  std::vector<std::byte> part(std::min<uint64_t>(tensor.bytes, 65536));
  for (uint64_t done = 0; done < tensor.bytes;) {
    const uint64_t bytes = std::min<uint64_t>(part.size(), tensor.bytes - done);
    read(tensor.offset + done, {part.data(), bytes});
    convert_all({part.data(), bytes}, values.subspan(done / size, bytes / size));
    done += bytes;
  }
}

SafetensorsFile::SafetensorsFile(const std::string &path) {
  const SafetensorsIndex index(path);
  data_ = std::make_unique_for_overwrite<std::byte[]>(index.data_bytes());
  index.read(0, {data_.get(), index.data_bytes()});
  reader_.texts = index.texts();
  for (const SafetensorsIndex::Tensor &tensor : index.tensors()) {
    const std::byte *data = data_.get() + tensor.offset;
    const size_t size = dtype_size(tensor.dtype);
    if (size != 0 && tensor.offset % size != 0) {
      aligned_.push_back(std::make_unique_for_overwrite<std::byte[]>(tensor.bytes));
      std::memcpy(aligned_.back().get(), data, tensor.bytes);
      data = aligned_.back().get();
    }
    reader_.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, data, tensor.bytes});
  }
  check_checksum(path, reader_);
}

StateReader read_safetensors(const std::string &path, std::span<const std::byte> bytes, bool unchecked) {
  uint64_t length = 0;
  if (bytes.size() < kLengthBytes)
    fail_checkpoint(path, concat("it has ", bytes.size(), " bytes, too few for a safetensors file"));
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kHeaderLimit || length > bytes.size() - kLengthBytes)
    fail_checkpoint(path,
                    concat("it claims a header of ", length, " bytes; it is cut short or no safetensors file"));
  const std::string_view text(reinterpret_cast<const char *>(bytes.data()) + kLengthBytes, length);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + length);
  SafetensorsHeader header = parse_safetensors_header(path, text, data.size());
  StateReader reader;
  reader.texts = std::move(header.texts);
  for (const SafetensorsIndex::Tensor &tensor : header.tensors) {
    const size_t size = dtype_size(tensor.dtype);
    if (size != 0 && (kLengthBytes + length + tensor.offset) % size != 0)
      fail_checkpoint(path,
                      concat("tensor ", quoted(tensor.name), " does not lie at a multiple of its elements"));
    reader.tensors.push_back(
        {tensor.name, tensor.dtype, tensor.shape, data.data() + tensor.offset, tensor.bytes});
  }
  if (!unchecked && !reader.texts.contains(kChecksumKey))
    fail_checkpoint(path,
                    concat("it has no metadata \"", kChecksumKey, "\"; it is damaged, or of another program"));
  if (unchecked)
    reader.texts.erase(kChecksumKey);
  else
    check_checksum(path, reader);
  return reader;
}

}  // namespace ngd
