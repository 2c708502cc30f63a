// etcd's JSON: parsed within bounds, read without surprises; keys and values in base64.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace ngd::etcd {

using Json = nlohmann::json;

// Nothing for what is no JSON object, or is nested more than 16 deep.
std::optional<Json> parsed(std::string_view text);

// A field of an object; nullptr where there is none, or no object.
const Json *field(const Json *object, const char *name);
// 64-bit numbers come as strings; 0 for what is none.
uint64_t number(const Json *object, const char *name);
std::string text(const Json *object, const char *name);
bool flag(const Json *object, const char *name);

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// The first key after all that begin with `prefix`.
std::string end_of(std::string prefix);

}  // namespace ngd::etcd
