// Paths as a policy writes them, and which of them are too much to mount something on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cofferdam/policy.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {

// What relative paths and `~` stand for.
struct PathBase {
  std::string directory;  // absolute, normalised
  std::string home;       // absolute, normalised; empty when it is unset or no absolute path
};

// Checks a path or path glob as written, without resolving it: not empty, no `//`, no variable, no `~user`, no
// control or invisible character, nothing that only looks like `/`, `.` or `~`.
[[nodiscard]] std::optional<ValueError> check_path(std::string_view written);

// The absolute, lexically normalised path. Fails only for `~` without a home. Expects a checked path.
[[nodiscard]] Value<std::string> resolve_path(std::string_view written, const PathBase& base);

// As resolve_path, but a glob that begins with `**` stays as it is, so that it matches anywhere.
[[nodiscard]] Value<std::string> resolve_glob(std::string_view written, const PathBase& base);

// Why a mount of this type must not be on this path: it would cover a kernel file system, break the system
// that the app runs on, or let writes through to more than a cache.
[[nodiscard]] std::optional<ValueError> check_mount(std::string_view path, MountType type, std::string_view home);

// True for `.`-like mounts whose host edits nobody wants replayed: the home directory or anything above it.
[[nodiscard]] bool is_too_wide_to_watch(std::string_view path, std::string_view home);

}  // namespace cofferdam::policy
