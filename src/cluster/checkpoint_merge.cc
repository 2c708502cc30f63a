// A checkpoint of another number of shards: tensors and the optimizer's state are joined from all files and cut anew.
#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "cluster/checkpoint.h"
#include "cluster/layout.h"
#include "store/safetensors.h"

namespace ngd::cluster {
MergedShard::MergedShard(const wire::ModelSpec &spec, const std::vector<wire::Piece> &pieces,
                         std::vector<LoadedShard> files)
    : files_(std::move(files)) {
  wire::ModelSpec before = spec;
  before.shards = static_cast<uint32_t>(files_.size());
  layout_ = layout(before);
  size_t numbers[2] = {0, 0};
  // Counters of the optimizers are the same in all files that have such tensors.
  for (const LoadedShard &file : files_) {
    for (const auto &[key, text] : file.reader.texts) {
      if (key.find(".tensor.") == std::string::npos && !key.ends_with(".tensors"))
        reader_.texts.try_emplace(key, text);
    }
  }
  for (const wire::Piece &piece : pieces) {
    const wire::TensorSpec &tensor = spec.tensors[piece.tensor];
    const std::string group = tensor.table ? "tables." : "dense.";
    tensor.table ? merge_table(spec, piece) : merge_dense(spec, piece);
    merge_state(spec, piece, group);
    const std::string key = concat(group, "tensor.", numbers[tensor.table ? 1 : 0]++, ".");
    const bool whole = piece.count == element_count(tensor.shape);
    std::string shape;
    if (tensor.table) {
      shape = concat(piece.count / static_cast<uint64_t>(tensor.shape[1]), "x", tensor.shape[1]);
    } else if (!whole) {
      shape = concat(piece.count);
    } else {
      for (size_t i = 0; i < tensor.shape.size(); i++) shape += concat(i > 0 ? "x" : "", tensor.shape[i]);
    }
    reader_.texts[key + "name"] = tensor.name;
    reader_.texts[key + "rows"] = tensor.table ? "1" : "0";
    reader_.texts[key + "shape"] = shape;
  }
  reader_.texts["dense.tensors"] = std::to_string(numbers[0]);
  reader_.texts["tables.tensors"] = std::to_string(numbers[1]);
}

void MergedShard::add(const std::string &name, const std::string &dtype, Shape shape, wire::Bytes bytes) {
  memory_.push_back(std::move(bytes));
  reader_.tensors.push_back({name, dtype, std::move(shape), memory_.back().data, memory_.back().size});
}

// Elements of a tensor that was saved in pieces as `from`; `unit` of them count as one (a row has one "touched").
void MergedShard::gather(const std::string &name, const std::string &from, const wire::Piece &piece,
                         uint64_t unit, Shape shape) {
  std::string dtype;
  size_t size = 0;
  std::optional<wire::Buffer> buffer;
  for (size_t f = 0; f < files_.size(); f++) {
    const wire::Piece *old = find_piece(layout_[f], piece.tensor);
    if (old == nullptr) continue;
    const uint64_t begin = std::max(old->first, piece.first),
                   end = std::min(old->first + old->count, piece.first + piece.count);
    if (begin >= end) continue;
    const TensorView &view = files_[f].reader.tensor(from);
    if (!buffer) {
      dtype = view.dtype;
      size = dtype_size(dtype);
      buffer.emplace(piece.count / unit * size);
    }
    if (view.dtype != dtype || view.bytes != old->count / unit * size)
      fail(NGD_E_UNSUPPORTED, "the checkpoint's ", quoted(from),
           " is not kept element by element, so that it cannot be cut for another ",
           "number of shards; restore into ", files_.size(), " shards");
    std::memcpy(buffer->data() + (begin - piece.first) / unit * size,
                view.data + (begin - old->first) / unit * size, (end - begin) / unit * size);
  }
  if (!buffer) fail(NGD_E_CHECKPOINT, "the checkpoint has nothing of ", quoted(from));
  add(name, dtype, std::move(shape), buffer->bytes());
}

void MergedShard::merge_dense(const wire::ModelSpec &spec, const wire::Piece &piece) {
  const std::string name = "parameter." + spec.tensors[piece.tensor].name;
  gather(name, name, piece, 1, {static_cast<int64_t>(piece.count)});
}

void MergedShard::merge_table(const wire::ModelSpec &spec, const wire::Piece &piece) {
  const wire::TensorSpec &tensor = spec.tensors[piece.tensor];
  const auto width = static_cast<uint64_t>(tensor.shape[1]);
  std::map<uint32_t, const std::byte *> rows;
  for (size_t f = 0; f < files_.size(); f++) {
    const wire::Piece *old = find_piece(layout_[f], piece.tensor);
    if (old == nullptr || !files_[f].reader.has("rows." + tensor.name)) continue;
    const auto numbers = files_[f].reader.values<uint32_t>("rows." + tensor.name);
    const int64_t sizes[] = {static_cast<int64_t>(numbers.size()), tensor.shape[1]};
    const auto values = files_[f].reader.values<float>("values." + tensor.name, sizes);
    for (size_t i = 0; i < numbers.size(); i++) {
      const uint64_t element = (old->first / width + numbers[i]) * width;
      if (element >= piece.first && element < piece.first + piece.count)
        rows[static_cast<uint32_t>((element - piece.first) / width)] =
            reinterpret_cast<const std::byte *>(values.data() + i * width);
    }
  }
  if (rows.empty()) return;
  const wire::Buffer numbers(rows.size() * sizeof(uint32_t)), values(rows.size() * width * sizeof(float));
  size_t i = 0;
  for (const auto &[row, data] : rows) {
    std::memcpy(numbers.data() + i * sizeof row, &row, sizeof row);
    std::memcpy(values.data() + i * width * sizeof(float), data, width * sizeof(float));
    i++;
  }
  add("rows." + tensor.name, "U32", {static_cast<int64_t>(rows.size())}, numbers.bytes());
  add("values." + tensor.name, "F32", {static_cast<int64_t>(rows.size()), tensor.shape[1]}, values.bytes());
}

// Arrays "<group><tensor>.<slot>": as the tensor, element by element; "touched" row by row; others only where a tensor
// lies whole on one shard before and after.
void MergedShard::merge_state(const wire::ModelSpec &spec, const wire::Piece &piece, const std::string &group) {
  const wire::TensorSpec &tensor = spec.tensors[piece.tensor];
  const std::string prefix = group + tensor.name + ".";
  const bool whole = piece.count == element_count(tensor.shape);
  // "a.b.m" belongs to tensor "a.b", not to "a".
  const auto longer = [&](const std::string &name) {
    return std::ranges::any_of(spec.tensors, [&](const wire::TensorSpec &other) {
      return other.name.size() > tensor.name.size() && name.starts_with(group + other.name + ".");
    });
  };
  for (size_t f = 0; f < files_.size(); f++) {
    const wire::Piece *old = find_piece(layout_[f], piece.tensor);
    if (old == nullptr) continue;
    for (const TensorView &view : files_[f].reader.tensors) {
      if (!view.name.starts_with(prefix) || longer(view.name)) continue;
      if (whole && old->count == piece.count) {
        add(view.name, view.dtype, view.shape, wire::copied(std::span(view.data, view.bytes)));
      } else if (tensor.table) {
        const auto width = static_cast<uint64_t>(tensor.shape[1]);
        const bool rows = view.name == prefix + "touched";
        const auto count = static_cast<int64_t>(piece.count / width);
        gather(view.name, view.name, piece, rows ? width : 1,
               rows ? Shape{count} : Shape{count, tensor.shape[1]});
      } else {
        gather(view.name, view.name, piece, 1, whole ? tensor.shape : Shape{static_cast<int64_t>(piece.count)});
      }
    }
    return;  // all files that have the tensor have the same arrays
  }
}

}  // namespace ngd::cluster
