// Bodies as FlatBuffers tables, by the one description of their fields.
#include "wire/codec.h"

#include <flatbuffers/flatbuffers.h>

#include <type_traits>

#include "base/error.h"
#include "wire/fields.h"

namespace ngd::wire {
namespace {

using flatbuffers::Offset;
using flatbuffers::uoffset_t;
using flatbuffers::voffset_t;

// The place of a table's slot in its list of offsets.
voffset_t slot_offset(size_t slot) {
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

constexpr const char *kNames[] = {"hello",    "welcome",    "get_map",    "map",     "create_model", "open",
                                  "opened",   "keep_alive", "alive",      "close",   "push",         "pushed",
                                  "pull",     "pulled",     "read_point", "point",   "read_done",    "command",
                                  "query",    "done",       "staged",     "dropped", "decide",       "applied",
                                  "announce", "restore",    "restored",   "saved",   "refused"};
static_assert(std::size(kNames) == kTypes);

bool has_lists(uint8_t type) {
  return type == type_of(Map{}) || type == type_of(CreateModel{}) || type == type_of(Push{}) ||
         type == type_of(Pushed{}) || type == type_of(Pull{}) || type == type_of(Pulled{}) ||
         type == type_of(Decide{});
}

template <size_t I = 0>
Body body_of(size_t index) {
  if constexpr (I + 1 < std::variant_size_v<Body>) {
    if (index != I) return body_of<I + 1>(index);
  }
  return Body(std::in_place_index<I>);
}

}  // namespace

uint8_t type_of(const Body &body) {
  return static_cast<uint8_t>(body.index() + 1);
}

const char *type_name(uint8_t type) {
  return type >= 1 && type <= kTypes ? kNames[type - 1] : "unknown";
}

Bytes encode(const Body &body) {
  flatbuffers::FlatBufferBuilder builder(256);
  // One description of the fields serves both ways; writing changes nothing.
  const uoffset_t root = std::visit(
      [&](const auto &value) {
        return write_table(builder, const_cast<std::decay_t<decltype(value)> &>(value));
      },
      body);
  builder.Finish(Offset<flatbuffers::Table>(root));
  const auto memory = std::make_shared<flatbuffers::DetachedBuffer>(builder.Release());
  return {memory, reinterpret_cast<const std::byte *>(memory->data()), memory->size()};
}

Body decode(uint8_t type, std::span<const std::byte> control) {
  if (type < 1 || type > kTypes) fail(NGD_E_PROTOCOL, "there is no message of type ", type);
  const char *name = type_name(type);
  if (control.size() < 8 || control.size() > kControlBytes)
    fail(NGD_E_PROTOCOL, "a message of type \"", name, "\" has ", control.size(), " control bytes; 8 to ",
         kControlBytes, " are possible");
  Bytes aligned;
  if (reinterpret_cast<uintptr_t>(control.data()) % 16 != 0) {
    aligned = copied(control);
    control = aligned.span();
  }
  const auto *begin = reinterpret_cast<const uint8_t *>(control.data());
  flatbuffers::Verifier verifier(begin, control.size(), kDepth, has_lists(type) ? kTablesOfLists : kTables);
  const uoffset_t root = verifier.VerifyOffset(0);
  if (root == 0) fail(NGD_E_PROTOCOL, "a message of type \"", name, "\" is malformed: it has no root");
  Body body = body_of(type - 1);
  std::visit(
      [&](auto &value) {
        Reader reader(verifier, begin, begin + root, name);
        fields(reader, value);
      },
      body);
  return body;
}

size_t payload_bytes(const Message &message) {
  size_t bytes = 0;
  for (const Bytes &part : message.payload) bytes += part.size;
  return bytes;
}

}  // namespace ngd::wire
