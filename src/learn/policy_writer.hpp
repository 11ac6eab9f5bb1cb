// A lesson as a policy file that reads as if a person had written it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "learn/lesson.hpp"

namespace cofferdam::learn {

struct Heading {
  std::string command;  // for people, without secrets
  std::string date;     // 2026-11-23
  std::string extends;  // a shipped policy, or a path as `extends` takes it
  std::string file;     // where the policy will stand
  bool deny_egress = false;
};

[[nodiscard]] std::string write_policy(const Lesson& lesson, const Heading& heading);

// The same rows, for a file that has others already: a list, its rows with their comments.
struct Section {
  std::vector<std::string> keys;  // {"storage", "mounts"}
  struct Row {
    std::vector<std::string> comment;  // lines without "# "
    std::string text;                  // "{path: /srv/x, type: overlay, size: 16MiB}"
    bool proposed = true;
  };
  std::vector<Row> rows;
};
[[nodiscard]] std::vector<Section> sections_of(const Lesson& lesson);
[[nodiscard]] Section egress_section(const Lesson& lesson);

// Lines, the empty one above included.
inline constexpr std::string_view kPlacesTitle = "# Written, and without a mount:";
inline constexpr std::string_view kFindingsTitle =
    "# What remains under this policy (cofferdam explain CODE says more):";
[[nodiscard]] std::vector<std::string> comment_block(std::string_view title,
                                                     const std::vector<std::string>& paragraphs);
[[nodiscard]] std::vector<std::string> network_block(const std::vector<Advice>& egress, bool deny);

// Lines of at most `width` bytes, broken between words.
[[nodiscard]] std::vector<std::string> wrapped(const std::string& text, std::size_t width);

}  // namespace cofferdam::learn
