// What readers of our own JSON share: values by key, and the parts that several documents have. None of these throws: a
// key that is missing, and a value of a wrong type, give an empty value.
#pragma once

#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"

namespace cofferdam::report {

// Ordered: what is written again keeps the order of its keys.
using json = nlohmann::ordered_json;

[[nodiscard]] const json& at(const json& object, const char* key);
[[nodiscard]] const json& list_at(const json& object, const char* key);
[[nodiscard]] std::string text_at(const json& object, const char* key);
[[nodiscard]] std::uint64_t number_at(const json& object, const char* key);
[[nodiscard]] std::optional<int> integer_at(const json& object, const char* key);
[[nodiscard]] bool flag_at(const json& object, const char* key, bool otherwise = false);
[[nodiscard]] std::vector<std::string> texts_at(const json& object, const char* key);
// 2026-01-31T12:00:00.123456789Z, as base::rfc3339 writes it.
[[nodiscard]] std::timespec time_at(const json& object, const char* key);

[[nodiscard]] ProcessRef process_of(const json& value);  // null when it is no object
[[nodiscard]] Finding finding_of(const json& value);
[[nodiscard]] ConnectEvent connect_of(const json& value);
// The rows below "enforcement".
[[nodiscard]] std::vector<EnforcementRow> enforcement_of(const json& document);

}  // namespace cofferdam::report
