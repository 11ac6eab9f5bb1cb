// Values as YAML.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cofferdam/policy.hpp"

namespace cofferdam::policy {

[[nodiscard]] std::string quoted(std::string_view text);
[[nodiscard]] std::string quoted_list(std::span<const std::string> texts);
// "512MiB", "1KiB": in the largest unit that leaves a whole number; whole KiB only.
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// "10s", "1500ms"
[[nodiscard]] std::string duration_text(std::chrono::milliseconds time);
// "  # cofferdam.yaml:12", or nothing for what stands in no file.
[[nodiscard]] std::string origin_comment(const Origin& origin);

// A policy line by line: every value on a line of its own, by its dotted key, and the lines of the maps above it.
class EffectiveLines {
 public:
  // With `origins`, each value is followed by where it was written, or by "default". They outlive the object.
  explicit EffectiveLines(const PolicyOrigins* origins) : origins_(origins) {}

  // "    stop_grace: 10s  # cofferdam.yaml:7". `text` is YAML.
  void value(const std::string& path, const std::string& text);
  // The same in a map whose keys are names of the user.
  void entry(const std::string& map, const std::string& name, const std::string& text);
  // A list of plain values; nothing when there is none. `quote` is false for words and numbers.
  void list(const std::string& path, std::span<const std::string> items, bool quote = true);
  // One item of a list of maps. `more` is added to the comment.
  void row(const std::string& path, const std::string& text, const Origin& origin, const std::string& more = {});
  // A comment about what holds where nothing is written; with origins only.
  void remark(const std::string& path, const std::string& text);

  // Nothing when they are not asked for.
  [[nodiscard]] const PolicyOrigins* origins() const { return origins_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  // Writes the lines of the maps above `path` that are not open, and returns the indentation of its own.
  std::string open(const std::string& path);
  // Of the value of `path`, or of one item of that list.
  [[nodiscard]] std::string comment_of(const std::string& path, const std::string& item = {}) const;

  const PolicyOrigins* origins_;
  std::string open_;
  std::string text_;
};

}  // namespace cofferdam::policy
