#include "report/tree.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

// A path from a report may have any depth; what lies deeper is one name.
constexpr std::size_t kDeepest = 64;
constexpr std::array<std::string_view, 4> kFoldedClasses = {"cache", "package", "vcs", "temporary"};
// A folded class with less than this in a directory is shown: nothing is gained.
constexpr std::uint64_t kFoldedFrom = 2;

struct Node {
  std::map<std::string_view, std::unique_ptr<Node>> children;
  const LostFile* file = nullptr;
  std::vector<const FoldedLoss*> folded;  // what the report does not name each, right below
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::map<std::string_view, std::uint64_t> classes;
};

struct Named {
  std::string name;
  const Node* node;
};

// The node at `what.path`, which is made; `files` are counted in it and in those above.
Node& insert(Node& root, const ScannedChange& what, const std::string& file_class, std::uint64_t files) {
  std::string_view rest = what.path;
  Node* node = &root;
  const auto count = [&](Node& at) {
    if (what.type == "directory") return;
    at.files += files;
    at.classes[file_class] += files;
    if (what.change != Change::deleted) at.bytes += what.bytes;
  };
  count(*node);
  for (std::size_t depth = 1; !rest.empty(); ++depth) {
    while (rest.starts_with('/')) rest.remove_prefix(1);
    if (rest.empty()) break;
    const std::string_view name = depth == kDeepest ? rest : rest.substr(0, rest.find('/'));
    rest.remove_prefix(name.size());
    auto& child = node->children[name];
    if (child == nullptr) child = std::make_unique<Node>();
    node = child.get();
    count(*node);
  }
  return *node;
}

class Drawing {
 public:
  explicit Drawing(const TreeOptions& options) : options_(options) {}

  std::string draw(const Node& root) {
    entries(root, "", true);
    return std::move(text_);
  }

 private:
  // `name` with the directories below it that have no siblings and are no entry of their own.
  static Named joined(std::string_view name, const Node* node) {
    std::string path = base::printable(name);
    while (node->children.size() == 1 && node->folded.empty() &&
           (node->file == nullptr || node->file->what.type == "directory")) {
      const auto& [child_name, child] = *node->children.begin();
      path += "/" + base::printable(child_name);
      node = child.get();
    }
    return {std::move(path), node};
  }

  [[nodiscard]] bool folds(const Node& node) const {
    return !options_.all && node.classes.size() == 1 && node.files >= kFoldedFrom &&
           std::ranges::find(kFoldedClasses, node.classes.begin()->first) != kFoldedClasses.end();
  }

  void entries(const Node& node, const std::string& prefix, bool top) {
    std::vector<Named> children;
    for (const auto& [name, child] : node.children) {
      // A directory that was only made holds nothing that is lost.
      if (child->files != 0) children.push_back(joined(name, child.get()));
    }
    std::ranges::stable_sort(children, [](const Named& a, const Named& b) { return a.node->bytes > b.node->bytes; });
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
  void rest(std::span<const Named> children, std::size_t shown, const std::string& prefix, bool top) {
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

  void entry(const Named& named, const std::string& branch, const std::string& below) {
    const Node& node = *named.node;
    if (node.children.empty() && node.folded.empty()) {
      line(node.bytes, class_of(node), branch + named.name + remark(node));
      return;
    }
    const std::string count = " (" + std::to_string(node.files) + (node.files == 1 ? " file)" : " files)");
    line(node.bytes, class_of(node), branch + named.name + "/" + count);
    if (!folds(node)) entries(node, below, false);
  }

  static std::string_view class_of(const Node& node) {
    return node.classes.size() == 1 ? node.classes.begin()->first : std::string_view{};
  }

  static std::string remark(const Node& node) {
    if (node.file == nullptr) return "";
    const LostFile& file = *node.file;
    std::string text;
    if (file.what.change == Change::modified) text = "changed";
    if (file.what.change == Change::deleted) text = "deletion undone";
    if (file.what.change == Change::metadata) text = "mode, owner or time";
    if (!file.writers.empty() && file.writers.front().process != nullptr) {
      const ProcessInfo& process = *file.writers.front().process;
      const std::string& program = process.lineage.empty() ? process.exe : process.lineage.front();
      text += (text.empty() ? "by " : ", by ") + base::printable(program.substr(program.rfind('/') + 1));
    }
    return text.empty() ? "" : "  (" + text + ")";
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
  Node root;
  for (const LostFile& file : lost) insert(root, file.what, file.file_class, 1).file = &file;
  for (const FoldedLoss& many : folded) insert(root, many.what, many.file_class, many.count).folded.push_back(&many);
  return Drawing(options).draw(root);
}

}  // namespace cofferdam::report
