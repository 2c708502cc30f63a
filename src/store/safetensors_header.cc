// The strict reader of safetensors headers: a SAX handler that accepts one form and nothing else.
#include "store/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

// ngd::quoted is qualified here: the JSON header brings std::quoted, which a string argument would find.
namespace ngd {
namespace {

using Tensor = SafetensorsIndex::Tensor;
using nlohmann::json;

// The parser calls these as it meets tokens, without recursion, so deep nesting costs nothing: it is refused at
// its first bracket. A handler that returns false stops the parser; `reason` then says why.
class Handler {
 public:
  SafetensorsHeader header;
  std::string reason;

  bool null() { return refuse("null"); }
  bool boolean(bool) { return refuse("true or false"); }
  bool number_integer(json::number_integer_t) { return refuse("a negative number"); }
  bool number_float(json::number_float_t, const std::string &) { return refuse("a fraction"); }
  bool binary(json::binary_t &) { return refuse("binary data"); }
  bool number_unsigned(uint64_t value) {
    if (place_ != Place::shape && place_ != Place::offsets) return refuse("a number");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return refuse("a huge number");
    numbers_.push_back(value);
    const size_t limit = place_ == Place::shape ? kRankLimit : 2;
    return numbers_.size() <= limit ||
           stop(concat("the ", field_, " of ", ngd::quoted(name_), " has more than ", limit, " numbers"));
  }
  bool string(std::string &value) {
    if (value.find('\0') != std::string::npos) return stop("a text holds a NUL character");
    if (place_ == Place::metadata) {
      header.texts[key_] = value;
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype") return refuse("a text");
    tensor_.dtype = value;
    return true;
  }
  bool start_object(size_t) {
    if (place_ == Place::file) {
      place_ = Place::names;
    } else if (place_ == Place::names) {
      place_ = name_ == "__metadata__" ? Place::metadata : Place::tensor;
      fields_.clear();
      tensor_ = {};
      tensor_.name = name_;
    } else {
      return refuse("an object");
    }
    return true;
  }
  bool end_object() {
    if (place_ == Place::tensor && !end_tensor()) return false;
    place_ = place_ == Place::names ? Place::file : Place::names;
    return true;
  }
  bool start_array(size_t) {
    if (place_ != Place::tensor || field_ == "dtype") return refuse("an array");
    place_ = field_ == "shape" ? Place::shape : Place::offsets;
    numbers_.clear();
    return true;
  }
  bool end_array() {
    if (place_ == Place::shape) {
      tensor_.shape.assign(numbers_.begin(), numbers_.end());
    } else {
      if (numbers_.size() != 2)
        return stop(concat("the data_offsets of ", ngd::quoted(name_), " are not two numbers"));
      tensor_.offset = numbers_[0];
      end_ = numbers_[1];
    }
    place_ = Place::tensor;
    return true;
  }
  bool key(std::string &value) {
    if (value.find('\0') != std::string::npos) return stop("a name holds a NUL character");
    if (place_ == Place::names) {
      name_ = value;
      return names_.insert(value).second || stop(concat("it names ", ngd::quoted(value), " twice"));
    }
    if (place_ == Place::metadata) {
      key_ = value;
      return header.texts.count(value) == 0 ||
             stop(concat("its metadata names ", ngd::quoted(value), " twice"));
    }
    field_ = value;
    if (value != "dtype" && value != "shape" && value != "data_offsets")
      return stop(concat("tensor ", ngd::quoted(name_), " has an unknown field ", ngd::quoted(value)));
    return fields_.insert(value).second ||
           stop(concat("tensor ", ngd::quoted(name_), " has the field ", ngd::quoted(value), " twice"));
  }
  bool parse_error(size_t position, const std::string &, const json::exception &) {
    return stop(concat("its header is not JSON at byte ", kLengthBytes + position));
  }

 private:
  enum class Place { file, names, metadata, tensor, shape, offsets };

  bool stop(std::string text) {
    reason = std::move(text);
    return false;
  }
  bool refuse(const char *found) {
    switch (place_) {
      case Place::file:
        return stop("its header is not a JSON object");
      case Place::names:
        return stop(concat("the entry ", ngd::quoted(name_), " of its header is not an object"));
      case Place::metadata:
        return stop(concat("its metadata ", ngd::quoted(key_), " is not a text"));
      default:
        return stop(
            concat("tensor ", ngd::quoted(name_), " has ", found, " in its field ", ngd::quoted(field_)));
    }
  }

  // Size, type and offsets of one tensor must agree.
  bool end_tensor() {
    for (const char *field : {"dtype", "shape", "data_offsets"}) {
      if (fields_.count(field) == 0)
        return stop(concat("tensor ", ngd::quoted(name_), " has no field \"", field, "\""));
    }
    if (end_ < tensor_.offset)
      return stop(
          concat("tensor ", ngd::quoted(name_), " ends at ", end_, ", before it begins at ", tensor_.offset));
    tensor_.bytes = end_ - tensor_.offset;
    // No product of three such numbers overflows a size_t of bytes, at 8 bytes an element.
    const uint64_t limit = std::numeric_limits<uint64_t>::max() / 16;
    tensor_.elements = 1;
    const bool empty = std::ranges::count(tensor_.shape, 0) != 0;
    for (const int64_t size : tensor_.shape) {
      if (!empty && static_cast<uint64_t>(size) > limit / tensor_.elements)
        return stop(
            concat("tensor ", ngd::quoted(name_), " has the impossible shape ", shape_text(tensor_.shape)));
      tensor_.elements *= static_cast<uint64_t>(size);
    }
    if (empty) tensor_.elements = 0;
    const size_t size = dtype_size(tensor_.dtype);
    if (size != 0 && tensor_.elements * size != tensor_.bytes)
      return stop(concat("tensor ", ngd::quoted(name_), " is ", tensor_.dtype, shape_text(tensor_.shape), ", ",
                         tensor_.elements * size, " bytes, but its data_offsets span ", tensor_.bytes));
    header.tensors.push_back(tensor_);
    return true;
  }

  Place place_ = Place::file;
  std::string name_, key_, field_;
  std::set<std::string> names_, fields_;
  std::vector<uint64_t> numbers_;
  Tensor tensor_;
  uint64_t end_ = 0;
};

// Tensors must cover the data from its first byte to its last, without gap or overlap.
void check_cover(const std::string &path, std::span<const Tensor> tensors, uint64_t data_bytes) {
  uint64_t position = 0;
  for (const Tensor &tensor : tensors) {
    if (tensor.offset != position)
      fail_checkpoint(path, concat("tensor ", ngd::quoted(tensor.name), " begins at ", tensor.offset, ", ",
                                   tensor.offset < position ? "inside" : "after a gap behind",
                                   " the tensor that ends at ", position));
    position = tensor.offset + tensor.bytes;
  }
  if (position != data_bytes)
    fail_checkpoint(path, concat("its tensors need ", position, " bytes of data, but it has ", data_bytes,
                                 position > data_bytes ? "; it was cut short" : ""));
}

}  // namespace

void fail_checkpoint(const std::string &path, const std::string &reason) {
  fail(NGD_E_CHECKPOINT, "checkpoint ", ngd::quoted(path, 200), ": ", reason);
}

SafetensorsHeader parse_safetensors_header(const std::string &path, std::string_view text,
                                           uint64_t data_bytes) {
  // The parser would take a NUL as the end of the text and skip a byte-order mark.
  if (text.empty() || text[0] != '{') fail_checkpoint(path, "its header does not begin with \"{\"");
  if (text.find('\0') != std::string_view::npos) fail_checkpoint(path, "its header holds a NUL character");
  Handler handler;
  if (!json::sax_parse(text.begin(), text.end(), &handler)) fail_checkpoint(path, handler.reason);
  std::ranges::stable_sort(handler.header.tensors, [](const Tensor &a, const Tensor &b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  check_cover(path, handler.header.tensors, data_bytes);
  return std::move(handler.header);
}

}  // namespace ngd
