#include "report/loss_nodes.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

// A path from a report may have any depth; what lies deeper is one name.
constexpr std::size_t kDeepest = 64;
constexpr std::array<std::string_view, 4> kDullClasses = {"cache", "package", "vcs", "temporary"};
// With less than this nothing is gained.
constexpr std::uint64_t kDullFrom = 2;

// The node at `what.path`, which is made; `files` are counted in it and in those above.
LossNode& insert(LossNode& root, const ScannedChange& what, const std::string& file_class, std::uint64_t files) {
  std::string_view rest = what.path;
  LossNode* node = &root;
  const auto count = [&](LossNode& at) {
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
    if (child == nullptr) child = std::make_unique<LossNode>();
    node = child.get();
    count(*node);
  }
  return *node;
}

NamedLoss joined(std::string_view name, const LossNode* node) {
  std::string path = base::printable(name);
  while (node->children.size() == 1 && node->folded.empty() &&
         (node->file == nullptr || node->file->what.type == "directory")) {
    const auto& [child_name, child] = *node->children.begin();
    path += "/" + base::printable(child_name);
    node = child.get();
  }
  return {std::move(path), node};
}

}  // namespace

LossNode loss_nodes(std::span<const LostFile> lost, std::span<const FoldedLoss> folded) {
  LossNode root;
  for (const LostFile& file : lost) insert(root, file.what, file.file_class, 1).file = &file;
  for (const FoldedLoss& many : folded) insert(root, many.what, many.file_class, many.count).folded.push_back(&many);
  return root;
}

std::vector<NamedLoss> entries_of(const LossNode& node) {
  std::vector<NamedLoss> entries;
  for (const auto& [name, child] : node.children) {
    // A directory that was only made holds nothing that is lost.
    if (child->files != 0) entries.push_back(joined(name, child.get()));
  }
  std::ranges::stable_sort(entries,
                           [](const NamedLoss& a, const NamedLoss& b) { return a.node->bytes > b.node->bytes; });
  return entries;
}

bool is_dull(const LossNode& node) {
  return node.files >= kDullFrom && std::ranges::find(kDullClasses, node.only_class()) != kDullClasses.end();
}

std::string remark_on(const LossNode& node) {
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
  return text;
}

}  // namespace cofferdam::report
