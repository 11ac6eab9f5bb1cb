// The keys that loggers use for what a record has itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

enum class KeyRole : std::uint8_t { message, level, trace_id, span_id };
inline constexpr std::size_t kKeyRoles = 4;

struct KnownKey {
  std::string_view key;
  KeyRole role = KeyRole::message;
  std::uint8_t rank = 0;    // of several keys of one role the lowest counts
  bool whole_only = false;  // an id counts in its full length only
};

// Null when the key has no role.
[[nodiscard]] const KnownKey* find_known_key(std::string_view key);

// Whether a record has a member of this name itself, so that a field can't have it.
[[nodiscard]] bool is_record_key(std::string_view key);

}  // namespace cofferdam::logs
