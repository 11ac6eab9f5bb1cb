// Lost files as a tree of directories: what the page for a terminal and the one for a browser draw.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// The views are into the report. `files` and `bytes` are of all that lies at and beneath it.
struct LossNode {
  std::map<std::string_view, std::unique_ptr<LossNode>> children;
  const LostFile* file = nullptr;
  std::vector<const FoldedLoss*> folded;  // what the report does not name each, right below
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::map<std::string_view, std::uint64_t> classes;

  [[nodiscard]] bool is_leaf() const { return children.empty() && folded.empty(); }
  // When all are of one; else empty.
  [[nodiscard]] std::string_view only_class() const {
    return classes.size() == 1 ? classes.begin()->first : std::string_view{};
  }
};

[[nodiscard]] LossNode loss_nodes(std::span<const LostFile> lost, std::span<const FoldedLoss> folded);

// A node with its name, printable: of directories without siblings all in one ("srv/app/media").
struct NamedLoss {
  std::string name;
  const LossNode* node;
};
// Those that hold files, the largest first.
[[nodiscard]] std::vector<NamedLoss> entries_of(const LossNode& node);

// Nothing but caches, packages, version control or temporary files, more than one: a line says enough.
[[nodiscard]] bool is_dull(const LossNode& node);

// "changed, by gunicorn", printable; empty for a new file that nobody is known to have written.
[[nodiscard]] std::string remark_on(const LossNode& node);

}  // namespace cofferdam::report
