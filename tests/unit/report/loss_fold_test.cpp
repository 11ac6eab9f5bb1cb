#include "report/loss_fold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

struct Totals {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Totals&) const = default;
};

Totals totals_of(const LossFold::Taken& taken) {
  Totals totals;
  for (const LostFile& file : taken.lost) totals = {totals.count + 1, totals.bytes + file.what.bytes};
  for (const FoldedLoss& loss : taken.folded) totals = {totals.count + loss.count, totals.bytes + loss.what.bytes};
  return totals;
}

bool names(const LossFold::Taken& taken, const std::string& path) {
  return std::ranges::any_of(taken.lost, [&](const LostFile& file) { return file.what.path == path; });
}

std::string numbered(const std::string& prefix, int number) {
  return prefix + std::to_string(number);
}

TEST(LossFold, AFewLossesAreAllNamedByPath) {
  LossFold fold;
  for (const char* path : {"/b", "/a/x", "/a"}) fold.add(sample_lost(path, "file", 1));
  const LossFold::Taken taken = fold.take();
  ASSERT_EQ(taken.lost.size(), 3U);
  EXPECT_EQ(taken.lost[0].what.path, "/a");
  EXPECT_EQ(taken.lost[1].what.path, "/a/x");
  EXPECT_TRUE(taken.folded.empty());
  EXPECT_TRUE(fold.take().lost.empty());
}

TEST(LossFold, ManyFilesKeepTheLargestTheSourcesAndTheDeletions) {
  LossFold fold;
  const int many = 60'000;
  for (int i = 0; i < many; ++i) {
    const std::string path = numbered("/data/f", i % 2000) + numbered("/file-", i);
    fold.add(sample_lost(path, "file", i % 100 == 0 ? 1'000'000 : 4));
    if (i % 6'000 == 0) {
      fold.add(sample_lost(numbered("/app/a", i) + ".py", "source", 10, Change::modified));
      fold.add(sample_lost(numbered("/app/b", i) + ".py", "source", 10, Change::deleted));
    }
  }
  const LossFold::Taken taken = fold.take();
  EXPECT_EQ(totals_of(taken), (Totals{60'020, 600ULL * 1'000'000 + 59'400ULL * 4 + 200}));
  EXPECT_EQ(taken.lost.size(), LossFold::kMostOthers + 20);
  EXPECT_LE(taken.folded.size(), LossFold::kMostFolders);
  EXPECT_TRUE(names(taken, "/app/a54000.py"));
  EXPECT_TRUE(names(taken, "/app/b0.py"));
  EXPECT_TRUE(names(taken, "/data/f0/file-2000"));
  for (const FoldedLoss& loss : taken.folded) {
    EXPECT_TRUE(loss.what.path.starts_with("/data")) << loss.what.path;
    EXPECT_FALSE(loss.writers.empty());
    EXPECT_LE(loss.writers.size(), LossFold::kMostWriters);
  }
}

TEST(LossFold, VeryLongPathsAreBoundedByTheirBytes) {
  LossFold fold;
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "/" + std::string(250, 'd');
  for (int i = 0; i < 1000; ++i) fold.add(sample_lost(numbered(deep + numbered("/", i % 40) + "/f", i), "file", 1));
  const LossFold::Taken taken = fold.take();
  EXPECT_EQ(totals_of(taken), (Totals{1000, 1000}));
  std::size_t bytes = 0;
  for (const LostFile& file : taken.lost) bytes += file.what.path.size();
  EXPECT_LE(bytes, LossFold::kMostNameBytes);
  bytes = 0;
  for (const FoldedLoss& loss : taken.folded) bytes += loss.what.path.size();
  EXPECT_LE(bytes, LossFold::kMostFolderBytes);
}

TEST(LossFold, ASmallFileIsNotDrivenOutByCaches) {
  LossFold fold;
  for (int i = 0; i < 10'000; ++i) fold.add(sample_lost(numbered("/cache/", i), "cache", 1000));
  fold.add(sample_lost("/upload", "file", 1));
  const LossFold::Taken taken = fold.take();
  EXPECT_TRUE(names(taken, "/upload"));
  EXPECT_EQ(totals_of(taken).count, 10'001U);
}

TEST(LossFold, AFolderIsCountedOnceWhereItsParentStandsForIt) {
  LossFold fold;
  for (int i = 0; i < 20'000; ++i)
    fold.add(sample_lost(numbered("/data/f", i % 5000) + "/x" + std::to_string(i), "file", 1));
  const LossFold::Taken taken = fold.take();
  EXPECT_EQ(totals_of(taken).count, 20'000U);
  ASSERT_EQ(taken.folded.size(), 1U);
  EXPECT_EQ(taken.folded.front().what.path, "/data");
  EXPECT_EQ(taken.folded.front().count, 20'000U - LossFold::kMostOthers);
}

TEST(LossFold, TypesChangesAndClassesAreCountedApart) {
  LossFold fold;
  for (int i = 0; i < 10'000; ++i) {
    fold.add(sample_lost(numbered("/d/", i), i % 2 == 0 ? "file" : "cache", 5));
    fold.add(sample_lost(numbered("/d/gone", i), "file", 1, Change::deleted));
    fold.add(sample_lost(numbered("/d/s", i) + ".py", i % 2 == 0 ? "source" : "vcs", 1));
  }
  const LossFold::Taken taken = fold.take();
  std::set<std::string> kinds;
  for (const FoldedLoss& loss : taken.folded) {
    EXPECT_EQ(loss.what.path, "/d");
    kinds.insert(std::string(to_string(loss.what.change)) + " " + loss.file_class);
  }
  EXPECT_EQ(kinds,
            (std::set<std::string>{"created cache", "created file", "created source", "created vcs", "deleted file"}));
  const auto sources =
      std::ranges::count_if(taken.lost, [](const LostFile& file) { return file.file_class == "source"; });
  EXPECT_EQ(sources, static_cast<std::ptrdiff_t>(LossFold::kMostSource));  // before version control
}

TEST(LossFold, DeepTreesOfTheirOwnMakingAreBounded) {
  LossFold fold;
  for (int i = 0; i < 20'000; ++i) {
    fold.add(sample_lost(numbered("/d/", i) + numbered("/e", i) + numbered("/f", i) + "/x", "file", 1));
  }
  const LossFold::Taken taken = fold.take();
  EXPECT_EQ(totals_of(taken).count, 20'000U);
  EXPECT_LE(taken.folded.size(), LossFold::kMostFolders);
}

}  // namespace
}  // namespace cofferdam::report
