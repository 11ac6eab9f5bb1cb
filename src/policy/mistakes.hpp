// Where something stands in a file, and the mistakes found there.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam::policy {

// The codes of the rule catalogue that a policy file can get.
namespace code {
inline constexpr std::string_view kSyntax = "CD901";  // not valid YAML, or not UTF-8
inline constexpr std::string_view kUnknownKey = "CD902";
inline constexpr std::string_view kValue = "CD903";         // wrong type or illegal value
inline constexpr std::string_view kNotAvailable = "CD904";  // a key or value of a later version
inline constexpr std::string_view kDuplicateKey = "CD905";
inline constexpr std::string_view kStructure = "CD906";  // anchor, alias, tag, merge key, second document
inline constexpr std::string_view kLimit = "CD907";      // size, depth or number of nodes
inline constexpr std::string_view kDangerousPath = "CD908";
inline constexpr std::string_view kUnreadable = "CD909";  // a policy that can't be found or read
inline constexpr std::string_view kEnvironmentFile = "CD910";
inline constexpr std::string_view kSecret = "CD912";  // in clear text
inline constexpr std::string_view kMemoryBelowStorage = "CD914";
inline constexpr std::string_view kNoEffect = "CD950";  // lint: a row that changes nothing
inline constexpr std::string_view kTooMuch = "CD951";   // lint: a row that allows more than it seems to
}  // namespace code

// Counted from 1, the column in bytes; 0 means unknown.
struct Place {
  int line = 0;
  int column = 0;
};

// `text` in single quotes, made printable and cut to a length that a message can bear.
[[nodiscard]] std::string in_quotes(std::string_view text);

// The mistakes of one file, in the order in which they were found.
class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  void error(Place place, std::string_view code, std::string message, std::string hint = {}) {
    add(Severity::error, place, code, std::move(message), std::move(hint));
  }
  void add(Severity severity, Place place, std::string_view code, std::string message, std::string hint = {}) {
    all_.push_back({severity, origin(place), std::string(code), std::move(message), std::move(hint)});
  }

  [[nodiscard]] Origin origin(Place place) const { return {file_, place.line, place.column}; }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] bool has_error() const;
  // Hands them over, sorted by place; mistakes of one place keep their order.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  std::string file_;
  std::vector<Diagnostic> all_;
};

}  // namespace cofferdam::policy
