// The kinds of loss that are told each by a code of their own, and the way out of each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/diagnostic.hpp"
#include "report/framework.hpp"

namespace cofferdam::report {

// One row a class of report::classify. `what` and `many` are the noun, `why` completes "...: ".
struct LossKind {
  std::string_view file_class;
  std::string_view code;
  Severity severity;
  std::string_view one;
  std::string_view many;
  std::string_view why;
  std::string_view policy_key;
  bool object_storage;  // the fix is an object store: an existing one is named
};

// Null when losses of the class are not told by a code of their own.
[[nodiscard]] const LossKind* find_loss_kind(std::string_view file_class);

// The way out for the first of `frameworks` that has one; the fix of a program (gunicorn, puma, nginx, ...) that
// `command` (its words) names comes before those of frameworks. Never empty for a class of find_loss_kind.
[[nodiscard]] std::string_view fix_of(std::string_view file_class, std::span<const Framework> frameworks,
                                      const ProcessInfo* writer);

// Where a program's cache below the home directory can be moved: "set MPLCONFIGDIR ...". Empty when `path` is no such
// cache. `path` is absolute.
[[nodiscard]] std::string_view home_cache_fix(std::string_view path, std::string_view home);

}  // namespace cofferdam::report
