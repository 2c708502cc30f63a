// Writing a safetensors file.
#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>

#include "store/atomic_file.h"
#include "store/checksum.h"
#include "store/safetensors.h"
#include "store/safetensors_header.h"

// ngd::quoted is qualified here: the JSON header brings std::quoted, which a string argument would find.
namespace ngd {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors holds little-endian numbers, and this library writes memory as it is");

std::string json_text(const std::string &path, const std::string &text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception &) {
    fail(NGD_E_DATA, "cannot write ", ngd::quoted(path, 200), ": ", ngd::quoted(text),
         " is not valid UTF-8, and a safetensors header holds nothing else");
  }
}

std::string header_text(const std::string &path, std::span<const TensorView> tensors,
                        const std::map<std::string, std::string> &texts) {
  std::string header = "{\"__metadata__\":{";
  const char *separator = "";
  for (const auto &[key, text] : texts) {
    header += concat(separator, json_text(path, key), ":", json_text(path, text));
    separator = ",";
  }
  header += "}";
  uint64_t offset = 0;
  std::set<std::string_view> names = {"__metadata__"};
  for (const TensorView &tensor : tensors) {
    if (!names.insert(tensor.name).second)
      fail(NGD_E_ARGUMENT, "cannot write ", ngd::quoted(path, 200), ": two tensors are named ",
           ngd::quoted(tensor.name));
    header += concat(",", json_text(path, tensor.name), ":{\"dtype\":\"", tensor.dtype, "\",\"shape\":[");
    for (size_t i = 0; i < tensor.shape.size(); i++) header += concat(i ? "," : "", tensor.shape[i]);
    header += concat("],\"data_offsets\":[", offset, ",", offset + tensor.bytes, "]}");
    offset += tensor.bytes;
  }
  header += "}";
  // Spaces behind the JSON are part of the format: they let the data begin at a multiple of 64 bytes.
  while ((kLengthBytes + header.size()) % 64 != 0) header += ' ';
  if (header.size() > kHeaderLimit)
    fail(NGD_E_UNSUPPORTED, "cannot write ", ngd::quoted(path, 200), ": its header would have ", header.size(),
         " bytes, and the format allows ", kHeaderLimit);
  return header;
}

}  // namespace

SafetensorsParts safetensors_parts(const std::string &path, const StateWriter &writer) {
  SafetensorsParts parts;
  parts.tensors = writer.tensors;
  std::ranges::stable_sort(parts.tensors, [](const TensorView &a, const TensorView &b) {
    return dtype_size(a.dtype) > dtype_size(b.dtype);
  });
  std::map<std::string, std::string> texts = writer.texts;
  texts[kChecksumKey] = parts.checksum = state_checksum(parts.tensors, writer.texts);
  const std::string header = header_text(path, parts.tensors, texts);
  const uint64_t length = header.size();
  parts.head.assign(reinterpret_cast<const char *>(&length), sizeof length);
  parts.head += header;
  return parts;
}

void write_safetensors(const std::string &path, const StateWriter &writer) {
  const SafetensorsParts parts = safetensors_parts(path, writer);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(parts.head)));
  for (const TensorView &tensor : parts.tensors) file.write({tensor.data, tensor.bytes});
  file.commit();
}

}  // namespace ngd
