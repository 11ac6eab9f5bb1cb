#include "report/losses.hpp"

#include <algorithm>
#include <array>

#include "report/classify.hpp"

namespace cofferdam::report {

namespace {

// Where the summary tells a class; a class without a shelf is told by its finding.
struct Shelf {
  std::string_view file_class;
  LossGroup Losses::* group;
};
constexpr std::array<Shelf, 8> kShelves = {{
    {"source", &Losses::source},
    {"vcs", &Losses::vcs},
    {"log", &Losses::logs},
    {"cache", &Losses::made_again},
    {"pid", &Losses::made_again},
    {"lock", &Losses::made_again},
    {"file", &Losses::others},
    {"temporary", &Losses::others},
}};

bool is_of_one_off(const Finding& finding) {
  return finding.code == "CD119";
}

// The findings that tell of a class; those of severity note are counted among what is made again.
bool tells_a_class(const Finding& finding) {
  const bool of_classes = finding.code.starts_with("CD11") || finding.code.starts_with("CD12");
  return of_classes && finding.severity == Severity::warning && !is_of_one_off(finding);
}

// What a commit, a merge or a new branch moves; `git status` rewrites the index alone.
bool is_commit(std::string_view path) {
  return path.find("/refs/heads/") != std::string_view::npos || path.find("/logs/HEAD") != std::string_view::npos;
}

bool told_by(const Losses& losses, std::string_view code) {
  return std::ranges::any_of(losses.findings, [&](const CountedFinding* entry) { return entry->finding.code == code; });
}

// The group that a loss of `count` files belongs to, counted; null for what the summary does not tell as a file.
LossGroup* count_loss(Losses& losses, const ScannedChange& what, const std::string& file_class, std::uint64_t count) {
  if (what.type != "file" && what.type != "symlink") return nullptr;
  if (what.change == Change::deleted) losses.deletions += count;
  if (what.change == Change::deleted || what.change == Change::metadata) return nullptr;
  losses.files += count;
  losses.bytes += what.bytes;
  const auto* shelf = std::ranges::find(kShelves, file_class, &Shelf::file_class);
  if (shelf == kShelves.end()) return nullptr;
  if (file_class == "temporary" && told_by(losses, "CD121")) return nullptr;
  LossGroup& group = losses.*(shelf->group);
  group.count += count;
  group.bytes += what.bytes;
  if (file_class == "vcs" && is_commit(what.path)) losses.committed = true;
  return &group;
}

}  // namespace

Losses sort_losses(const Report& report) {
  // The runs of a rehearsal do the same: what the first one lost is told.
  const auto is_told = [&](const std::string& instance) {
    return !report.rehearsal || report.instances.empty() || instance == report.instances.front().name;
  };
  Losses losses;
  for (const CountedFinding& entry : report.findings) {
    if (!is_told(entry.instance)) continue;
    if (tells_a_class(entry.finding)) losses.findings.push_back(&entry);
    if (is_of_one_off(entry.finding)) losses.one_off = &entry;
  }
  for (const LostFile& file : report.lost) {
    if (!is_told(file.instance)) continue;
    if (LossGroup* group = count_loss(losses, file.what, file.file_class, 1)) group->named.push_back(&file);
  }
  for (const FoldedLoss& many : report.folded) {
    if (is_told(many.instance)) (void)count_loss(losses, many.what, many.file_class, many.count);
  }
  std::ranges::stable_partition(losses.source.named,
                                [](const LostFile* file) { return file->what.change == Change::modified; });
  return losses;
}

std::string_view repository_of(const LossGroup& vcs) {
  return vcs.named.empty() ? ".git" : place_of_class(vcs.named.front()->what.path, "vcs");
}

}  // namespace cofferdam::report
