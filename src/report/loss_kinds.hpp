// The kinds of loss that are told each by a code of their own, and the way out of each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/diagnostic.hpp"
#include "report/framework.hpp"

namespace cofferdam::report {

// One row a class of report::classify. `one` and `many` are its nouns; `why` ends the message: what production makes of
// it.
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
[[nodiscard]] const LossKind* find_loss_kind_of_code(std::string_view code);

// The way out for the first of `frameworks` that has one; what a program (gunicorn, puma, nginx, ...) that the writer's
// command line names has of its own comes before. With Framework::any never empty for a class of find_loss_kind.
// `writer` may be null.
[[nodiscard]] std::string_view fix_of(std::string_view file_class, std::span<const Framework> frameworks,
                                      const ProcessInfo* writer);

// How a cache below the home directory is moved or filled: "set MPLCONFIGDIR ...". Empty when `path`, absolute, is no
// such cache.
[[nodiscard]] std::string_view home_cache_fix(std::string_view path, std::string_view home);

}  // namespace cofferdam::report
