// Pieces of the HTML report.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// Safe as text and in an attribute in double quotes: control and direction characters become visible.
[[nodiscard]] std::string html_text(std::string_view text);

// <style>...</style>
[[nodiscard]] std::string_view html_style();

// Nested <details>, the largest first; see report_html for `all`.
[[nodiscard]] std::string html_tree(std::span<const LostFile> lost, std::span<const FoldedLoss> folded, bool all);

// Three bar charts over one time axis (writes, connections, log volume), each with its sum as text, and the same as a
// table. Empty without a timeline.
[[nodiscard]] std::string html_timeline(const Timeline& timeline);

// <div><table>...: the cells are HTML already, the first of a row is its heading.
[[nodiscard]] std::string html_table(std::string_view caption, std::span<const std::string_view> heads,
                                     std::span<const std::vector<std::string>> rows);

}  // namespace cofferdam::report
