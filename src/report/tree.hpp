// Lost files as a tree of directories, for people.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// Entries of one directory that are shown before the rest is told in one line.
inline constexpr std::size_t kShownEntries = 12;

struct TreeOptions {
  bool all = false;  // nothing is folded
  bool colour = false;
};

// One line an entry: size, class, name; the largest first, what was changed or deleted says so, with who wrote it.
// Directories that hold nothing but caches, packages or version control are one line with a count, and of a large
// directory the kShownEntries largest entries are shown. Directories without siblings are joined (srv/app/media/). Safe
// for a terminal.
// Losses that the report itself counts by directory come after the entries of that directory.
[[nodiscard]] std::string loss_tree(std::span<const LostFile> lost, std::span<const FoldedLoss> folded,
                                    const TreeOptions& options);

}  // namespace cofferdam::report
