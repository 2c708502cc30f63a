// FlatBuffers tables from descriptions of fields: see fields.h. Used where messages and saved states become bytes.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "wire/bytes.h"

namespace ngd::wire {

using flatbuffers::Offset;
using flatbuffers::uoffset_t;
using flatbuffers::voffset_t;

// The place of a table's slot in its list of offsets.
inline voffset_t slot_offset(size_t slot) {
  return static_cast<voffset_t>(4 + 2 * slot);
}

// Writing is from the leaves up: first what a table points to, then the table.
class Children {
 public:
  explicit Children(flatbuffers::FlatBufferBuilder &builder) : builder_(builder) {}
  template <class T>
  void number(T &) {
    offsets_.push_back(0);
  }
  void flag(bool &) { offsets_.push_back(0); }
  template <class T>
  void choice(T &, T) {
    offsets_.push_back(0);
  }
  void text(std::string &text, size_t limit) {
    offsets_.push_back(text.empty() ? 0 : builder_.CreateString(text.data(), std::min(text.size(), limit)).o);
  }
  void blob(std::string &bytes, size_t) {
    offsets_.push_back(
        bytes.empty() ? 0
                      : builder_.CreateVector(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()).o);
  }
  template <class T>
  void numbers(std::vector<T> &values, size_t) {
    offsets_.push_back(values.empty() ? 0 : builder_.CreateVector(values).o);
  }
  template <class T>
  void table(T &value);
  template <class T>
  void tables(std::vector<T> &values, size_t) {
    std::vector<Offset<flatbuffers::Table>> offsets;
    for (T &value : values) {
      table(value);
      offsets.emplace_back(offsets_.back());
      offsets_.pop_back();
    }
    offsets_.push_back(values.empty() ? 0 : builder_.CreateVector(offsets).o);
  }
  const std::vector<uoffset_t> &offsets() const { return offsets_; }

 private:
  flatbuffers::FlatBufferBuilder &builder_;
  std::vector<uoffset_t> offsets_;
};

class Slots {
 public:
  Slots(flatbuffers::FlatBufferBuilder &builder, const std::vector<uoffset_t> &children)
      : builder_(builder), children_(children) {}
  template <class T>
  void number(T &value) {
    builder_.AddElement<T>(slot_offset(slot_++), value, T{});
  }
  void flag(bool &value) { builder_.AddElement<uint8_t>(slot_offset(slot_++), value ? 1 : 0, 0); }
  template <class T>
  void choice(T &value, T) {
    builder_.AddElement<uint8_t>(slot_offset(slot_++), static_cast<uint8_t>(value), 0);
  }
  void text(std::string &, size_t) { child(); }
  void blob(std::string &, size_t) { child(); }
  template <class T>
  void numbers(std::vector<T> &, size_t) {
    child();
  }
  template <class T>
  void table(T &) {
    child();
  }
  template <class T>
  void tables(std::vector<T> &, size_t) {
    child();
  }

 private:
  void child() {
    if (children_[slot_] != 0) builder_.AddOffset(slot_offset(slot_), Offset<void>(children_[slot_]));
    slot_++;
  }
  flatbuffers::FlatBufferBuilder &builder_;
  const std::vector<uoffset_t> &children_;
  size_t slot_ = 0;
};

template <class T>
uoffset_t write_table(flatbuffers::FlatBufferBuilder &builder, T &value) {
  Children children(builder);
  fields(children, value);
  const uoffset_t start = builder.StartTable();
  Slots slots(builder, children.offsets());
  fields(slots, value);
  return builder.EndTable(start);
}

template <class T>
void Children::table(T &value) {
  offsets_.push_back(write_table(builder_, value));
}

// Reading verifies each thing before it touches it.
class Reader {
 public:
  Reader(flatbuffers::Verifier &verifier, const uint8_t *begin, const uint8_t *table, const char *type)
      : verifier_(verifier), begin_(begin), table_(table), type_(type) {
    if (!verifier.VerifyTableStart(table))
      bad("a table does not lie within the message, or there are too many");
  }
  ~Reader() { verifier_.EndTable(); }
  Reader(const Reader &) = delete;
  Reader &operator=(const Reader &) = delete;

  template <class T>
  void number(T &value) {
    const uint8_t *at = field();
    value = T{};  // what the writer leaves out
    if (at == nullptr) return;
    if (!verifier_.Verify<T>(place(at))) bad("a number lies outside the message");
    value = flatbuffers::ReadScalar<T>(at);
  }
  void flag(bool &value) {
    uint8_t byte = 0;
    number(byte);
    if (byte > 1) bad("a flag is neither 0 nor 1");
    value = byte != 0;
  }
  template <class T>
  void choice(T &value, T last) {
    uint8_t byte = 0;
    number(byte);
    if (byte > static_cast<uint8_t>(last)) bad("a choice is past its last");
    value = static_cast<T>(byte);
  }
  void text(std::string &text, size_t limit) {
    const uint8_t *at = target(field());
    if (at == nullptr) return;
    const auto *string = reinterpret_cast<const flatbuffers::String *>(at);
    if (!verifier_.VerifyString(string)) bad("a text lies outside the message");
    if (string->size() > limit) bad("a text is too long");
    text.assign(string->data(), string->size());
    if (text.find('\0') != std::string::npos) bad("a text holds a zero byte");
  }
  void blob(std::string &bytes, size_t limit) {
    const auto *vector = list<uint8_t>(limit);
    if (vector != nullptr) bytes.assign(reinterpret_cast<const char *>(vector->Data()), vector->size());
  }
  template <class T>
  void numbers(std::vector<T> &values, size_t limit) {
    const auto *vector = list<T>(limit);
    if (vector != nullptr) values.assign(vector->begin(), vector->end());
  }
  template <class T>
  void table(T &value) {
    const uint8_t *at = target(field());
    if (at != nullptr) read(at, value);
  }
  template <class T>
  void tables(std::vector<T> &values, size_t limit) {
    const auto *vector = list<uoffset_t>(limit);
    if (vector == nullptr) return;
    values.reserve(std::min<size_t>(vector->size(), 4096));
    for (uoffset_t i = 0; i < vector->size(); i++) {
      const uint8_t *at = target(vector->Data() + i * sizeof(uoffset_t));
      if (at == nullptr) bad("a list has an empty place");
      values.emplace_back();
      read(at, values.back());
    }
  }

 private:
  [[noreturn]] void bad(const char *what) const {
    fail(NGD_E_PROTOCOL, "a message of type \"", type_, "\" is malformed: ", what);
  }
  size_t place(const uint8_t *at) const { return static_cast<size_t>(at - begin_); }
  const uint8_t *field() {
    const auto *table = reinterpret_cast<const flatbuffers::Table *>(table_);
    const voffset_t offset = table->GetOptionalFieldOffset(slot_offset(slot_++));
    return offset == 0 ? nullptr : table_ + offset;
  }
  const uint8_t *target(const uint8_t *at) const {
    if (at == nullptr) return nullptr;
    const uoffset_t offset = verifier_.VerifyOffset(place(at));
    if (offset == 0) bad("a reference leads out of the message");
    return at + offset;
  }
  template <class T>
  const flatbuffers::Vector<T> *list(size_t limit) {
    const uint8_t *at = target(field());
    if (at == nullptr) return nullptr;
    const auto *vector = reinterpret_cast<const flatbuffers::Vector<T> *>(at);
    if (!verifier_.VerifyVectorOrString(at, sizeof(T)) || !verifier_.VerifyAlignment(place(at) + 4, sizeof(T)))
      bad("a list lies outside the message");
    if (vector->size() > limit) bad("a list is too long");
    return vector;
  }
  template <class T>
  void read(const uint8_t *at, T &value) {
    Reader reader(verifier_, begin_, at, type_);
    fields(reader, value);
  }

  flatbuffers::Verifier &verifier_;
  const uint8_t *begin_, *table_;
  const char *type_;
  size_t slot_ = 0;
};

// The bytes of a struct that has fields().
template <class T>
Bytes write_bytes(const T &value) {
  flatbuffers::FlatBufferBuilder builder(256);
  // One description of the fields serves both ways; writing changes nothing.
  builder.Finish(Offset<flatbuffers::Table>(write_table(builder, const_cast<T &>(value))));
  const auto memory = std::make_shared<flatbuffers::DetachedBuffer>(builder.Release());
  return {memory, reinterpret_cast<const std::byte *>(memory->data()), memory->size()};
}

// Throws NGD_E_PROTOCOL; `type` names it in the message.
template <class T>
void read_bytes(std::span<const std::byte> bytes, const char *type, unsigned depth, unsigned tables, T &value) {
  Bytes aligned;
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 16 != 0) {
    aligned = copied(bytes);
    bytes = aligned.span();
  }
  const auto *begin = reinterpret_cast<const uint8_t *>(bytes.data());
  flatbuffers::Verifier verifier(begin, bytes.size(), depth, tables);
  const uoffset_t root = verifier.VerifyOffset(0);
  if (root == 0) fail(NGD_E_PROTOCOL, "a message of type \"", type, "\" is malformed: it has no root");
  Reader reader(verifier, begin, begin + root, type);
  fields(reader, value);
}

}  // namespace ngd::wire
