#include "report/tree.hpp"

#include <gtest/gtest.h>

#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

TEST(Tree, SizesClassesAndWriters) {
  const std::vector<LostFile> lost = {
      sample_lost("/srv/app/a.py", "source", 10, Change::modified),
      sample_lost("/srv/app/media/2026/a.png", "upload", 2048), sample_lost("/srv/app/media/2026/b.png", "upload", 5),
      sample_lost("/srv/app/old.py", "source", 9, Change::deleted), sample_lost("/var/x", "file", 1)};
  EXPECT_EQ(loss_tree(lost, {}, {}),
            "    2.0 KiB             /srv/app/ (4 files)\n"
            "    2.0 KiB  upload     ├─ media/2026/ (2 files)\n"
            "    2.0 KiB  upload     │  ├─ a.png  (by gunicorn)\n"
            "    5 bytes  upload     │  └─ b.png  (by gunicorn)\n"
            "   10 bytes  source     ├─ a.py  (changed, by gunicorn)\n"
            "    0 bytes  source     └─ old.py  (deletion undone, by gunicorn)\n"
            "     1 byte  file       /var/x  (by gunicorn)\n");
}

TEST(Tree, PackagesAreOneLineAndLargeDirectoriesEnd) {
  std::vector<LostFile> lost;
  for (int i = 0; i < 40; ++i) {
    lost.push_back(sample_lost("/a/node_modules/p" + std::to_string(i) + "/i.js", "package", 100));
    lost.push_back(sample_lost("/a/out/f" + std::to_string(i), "file", 1));
  }
  const std::string text = loss_tree(lost, {}, {});
  EXPECT_NE(text.find("├─ node_modules/ (40 files)\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("i.js"), std::string::npos);
  EXPECT_NE(text.find("   28 bytes             "
                      "   └─ and 28 more (28 files)\n"),
            std::string::npos)
      << text;
  const std::string all = loss_tree(lost, {}, {true, false});
  EXPECT_NE(all.find("p39/i.js"), std::string::npos);
  EXPECT_EQ(all.find("more"), std::string::npos);
}

TEST(Tree, WhatTheReportCountsByDirectoryIsCounted) {
  const std::vector<LostFile> lost = {sample_lost("/a/out/big", "file", 4096)};
  const std::vector<FoldedLoss> folded = {sample_folded("/a/out", "file", 36000), sample_folded("/a/log", "log", 3)};
  EXPECT_EQ(loss_tree(lost, folded, {}),
            "    356 KiB             /a/ (36004 files)\n"
            "    356 KiB  file       ├─ out/ (36001 files)\n"
            "    4.0 KiB  file       │  ├─ big  (by gunicorn)\n"
            "    352 KiB  file       │  └─ and 36000 more\n"
            "   30 bytes  log        └─ log/ (3 files)\n"
            "   30 bytes  log           └─ and 3 more\n");
}

TEST(Tree, WhateverAPathIs) {
  EXPECT_EQ(loss_tree({}, {}, {}), "");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "/d";
  const std::vector<LostFile> lost = {sample_lost("/a\x1b[2J\n", "x\x1b[0m", 1), sample_lost("", "file", 1),
                                      sample_lost("///", "file", 1), sample_lost(deep, "file", 1),
                                      sample_lost("/d/e", "file", 1)};
  const std::string text = loss_tree(lost, {}, {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("/a\\x1b[2J\\n"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::report
