#include "run/rehearsal_findings.hpp"

#include <gtest/gtest.h>

#include <array>

#include "report/loss_kinds.hpp"

namespace cofferdam::run {
namespace {

using supervise::Fate;

supervise::Looked looked(const char* path, Fate fate, bool driven) {
  const auto reader = std::make_shared<ProcessInfo>(ProcessInfo{9, "/usr/bin/python3", {"python3"}, {"gunicorn"}});
  supervise::Looked entry;
  entry.left.what = {path, "file", Change::created, 26};
  entry.left.writer = reader;
  entry.left.call = "openat";
  entry.left.when = {100, 500'000'000};
  entry.fate = fate;
  entry.driven = driven;
  entry.process = reader;
  entry.call = "newfstatat";
  entry.when = {103, 0};
  return entry;
}

TEST(LookFinding, TheCodeByWhatHappenedAndWhen) {
  struct Row {
    const char* path;
    Fate fate;
    bool driven;
    Reader reader;
    const char* code;  // "" for none
  };
  constexpr const char* kFile = "/srv/app/media/a.png";
  constexpr const char* kCache = "/srv/app/node_modules/.cache/x";
  for (const auto& [path, fate, driven, reader, code] : {
           Row{kFile, Fate::asked, true, Reader::next_instance, "CD130"},
           Row{kFile, Fate::wanted, true, Reader::next_instance, "CD130"},
           Row{kFile, Fate::reopened, true, Reader::next_instance, "CD130"},
           Row{kFile, Fate::asked, true, Reader::other_role, "CD131"},
           Row{kFile, Fate::asked, true, Reader::replica, "CD135"},
           Row{kFile, Fate::outdated, true, Reader::next_instance, "CD132"},
           Row{kFile, Fate::outdated, false, Reader::next_instance, "CD132"},
           Row{kFile, Fate::asked, false, Reader::next_instance, "CD133"},
           Row{kFile, Fate::remade, true, Reader::next_instance, "CD133"},
           Row{kFile, Fate::remade, false, Reader::next_instance, ""},
           Row{kFile, Fate::made, true, Reader::next_instance, ""},
           Row{kFile, Fate::untouched, true, Reader::next_instance, ""},
           Row{kCache, Fate::wanted, true, Reader::next_instance, "CD133"},
           Row{kCache, Fate::remade, true, Reader::next_instance, ""},
           Row{kCache, Fate::outdated, true, Reader::next_instance, ""},
       }) {
    const auto finding = look_finding(looked(path, fate, driven), "rehearsal.2", reader, {});
    EXPECT_EQ(finding ? finding->code : "", code) << path << ' ' << static_cast<int>(fate) << ' ' << driven;
  }
}

TEST(LookFinding, SaysWhoLookedWhoWroteAndTheTimeBetween) {
  const auto finding =
      look_finding(looked("/srv/app/media/a.png", Fate::asked, true), "rehearsal.2", Reader::next_instance, {});
  ASSERT_TRUE(finding.has_value());
  EXPECT_EQ(finding->message,
            "rehearsal.2 looked for /srv/app/media/a.png (newfstatat), which rehearsal.1 had written 2.5 s before "
            "(openat, gunicorn)");
  EXPECT_EQ(finding->fix, "send uploads to an object store (S3, GCS, Azure Blob)");
  EXPECT_EQ(finding->path, "/srv/app/media/a.png");
  EXPECT_EQ(finding->process->pid, 9);
}

TEST(LookFinding, TheFixIsThatOfTheLossOfSuchAFile) {
  const report::Project django{"/srv/app", "", {report::Framework::django}, ""};
  const auto fix = [&](const char* path) {
    return look_finding(looked(path, Fate::asked, true), "rehearsal.2", Reader::next_instance, django)->fix;
  };
  EXPECT_EQ(fix("/srv/app/sessions/x"), report::fix_of("session", std::array{report::Framework::django}, nullptr));
  EXPECT_EQ(fix("/srv/app/media/a.png"), report::fix_of("upload", std::array{report::Framework::django}, nullptr));
  EXPECT_EQ(fix("/srv/app/state"),
            "keep what a later request or another role needs in the database, an object store or "
            "a queue");
}

TEST(LookFinding, AWriterThatIsNotKnownIsNotMadeUp) {
  supervise::Looked entry = looked("/srv/x", Fate::outdated, true);
  entry.left.what.change = Change::deleted;
  entry.left.writer = nullptr;
  entry.left.call.clear();
  EXPECT_EQ(look_finding(entry, "rehearsal.2", Reader::next_instance, {})->message,
            "rehearsal.2 read /srv/x as it was before (newfstatat), which rehearsal.1 had deleted");
}

}  // namespace
}  // namespace cofferdam::run
