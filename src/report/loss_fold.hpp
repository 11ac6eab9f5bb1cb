// Which losses a report names, and how it counts the rest, in bounded memory: a run may lose a million files.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// Takes losses in any order. Named are, each up to its limit, the deletions, the changed source and version-control
// files, and the largest of the others; where a limit is exceeded, source comes before version control, caches come
// last, and large before small. What is not named is counted by directory, type, change and class; beyond kMostFolders
// the deepest directories are counted with their parents.
class LossFold {
 public:
  static constexpr std::size_t kMostDeleted = 2000;
  static constexpr std::size_t kMostSource = 2000;
  static constexpr std::size_t kMostOthers = 4000;
  static constexpr std::size_t kMostFolders = 1000;
  static constexpr std::size_t kMostWriters = 8;  // of one folder
  // Paths may be far longer than what they hold: what would exceed this is counted, or counted further up.
  static constexpr std::size_t kMostNameBytes = 4 << 20;
  static constexpr std::size_t kMostFolderBytes = 2 << 20;

  void add(LostFile file);

  struct Taken {
    std::vector<LostFile> lost;      // by path
    std::vector<FoldedLoss> folded;  // by path, type, change and class
  };
  // The fold is empty afterwards.
  [[nodiscard]] Taken take();

 private:
  enum Group : std::size_t { deleted, source, others, groups };

  void count(LostFile file);
  void fold(FoldedLoss loss);
  [[nodiscard]] bool folders_exceed(std::size_t most, std::size_t most_bytes) const;
  void raise_deepest();
  [[nodiscard]] std::string raised_above(const std::string& directory) const;

  std::array<std::vector<LostFile>, groups> named_;  // heaps; the first is the next to give way
  std::size_t name_bytes_ = 0;                       // of the paths in named_
  std::map<std::string, FoldedLoss> folders_;        // by directory, type, change and class
  std::size_t folder_bytes_ = 0;                     // of their keys
  std::set<std::string> raised_;                     // directories that stand for those below them
};

}  // namespace cofferdam::report
