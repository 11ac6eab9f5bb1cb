#include "report/tree.hpp"

#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "report/loss_nodes.hpp"

namespace cofferdam::report {

namespace {

class Drawing {
 public:
  explicit Drawing(const TreeOptions& options) : options_(options) {}

  std::string draw(const LossNode& root) {
    entries(root, "", true);
    return std::move(text_);
  }

 private:
  void entries(const LossNode& node, const std::string& prefix, bool top) {
    const std::vector<NamedLoss> children = entries_of(node);
    const std::size_t shown = options_.all || children.size() <= kShownEntries + 1 ? children.size() : kShownEntries;
    for (std::size_t i = 0; i < shown; ++i) {
      const bool last = i + 1 == children.size() && node.folded.empty();
      entry(children[i], top ? "/" : prefix + (last ? "└─ " : "├─ "), top ? "" : prefix + (last ? "   " : "│  "));
    }
    if (shown < children.size()) rest(children, shown, prefix, top);
    for (const FoldedLoss* many : node.folded) {
      line(many->what.change == Change::deleted ? 0 : many->what.bytes, many->file_class,
           prefix + (top ? "" : "└─ ") + "and " + std::to_string(many->count) + " more" +
               (many->what.change == Change::deleted ? " (deletions undone)" : ""));
    }
  }

  // What is not shown of a large directory.
  void rest(std::span<const NamedLoss> children, std::size_t shown, const std::string& prefix, bool top) {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    for (std::size_t i = shown; i < children.size(); ++i) {
      files += children[i].node->files;
      bytes += children[i].node->bytes;
    }
    line(bytes, "",
         prefix + (top ? "" : "└─ ") + "and " + std::to_string(children.size() - shown) + " more (" +
             std::to_string(files) + " files)");
  }

  void entry(const NamedLoss& named, const std::string& branch, const std::string& below) {
    const LossNode& node = *named.node;
    if (node.is_leaf()) {
      const std::string remark = remark_on(node);
      line(node.bytes, node.only_class(), branch + named.name + (remark.empty() ? "" : "  (" + remark + ")"));
      return;
    }
    const std::string count = " (" + std::to_string(node.files) + (node.files == 1 ? " file)" : " files)");
    line(node.bytes, node.only_class(), branch + named.name + "/" + count);
    if (options_.all || !is_dull(node)) entries(node, below, false);
  }

  void line(std::uint64_t bytes, std::string_view file_class, const std::string& name) {
    const std::string visible = base::printable(file_class.substr(0, 9));
    const bool first = visible == "source" || visible == "vcs";
    const char* colour = !options_.colour ? "" : first ? "\x1b[1;31m" : "\x1b[33m";
    std::array<char, 96> head{};
    std::snprintf(head.data(), head.size(), "%11s  %s%-9s%s  ", base::human_bytes(bytes).c_str(), colour,
                  visible.c_str(), options_.colour ? "\x1b[0m" : "");
    text_ += head.data() + name + "\n";
  }

  const TreeOptions& options_;
  std::string text_;
};

}  // namespace

std::string loss_tree(std::span<const LostFile> lost, std::span<const FoldedLoss> folded, const TreeOptions& options) {
  return Drawing(options).draw(loss_nodes(lost, folded));
}

}  // namespace cofferdam::report
