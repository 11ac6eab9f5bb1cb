#include "learn/places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace cofferdam::learn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::set<std::string> kHost = {
    "/srv",     "/srv/app",       "/srv/app/cache", "/srv/app/data",      "/srv/app/data/deep",    "/var",
    "/var/lib", "/var/lib/app",   "/home",          "/var/lib/app/spool", "/var/lib/app/spool/17", "/etc/app",
    "/etc",     "/home/ann/.ssh", "/home/ann",      "/home/ann/.config",  "/home/ann/data",        "/usr",
    "/usr/bin", "/proc",          "/proc/sys"};

const Bounds kBounds{.home = "/home/ann",
                     .hidden = {"/home/ann/.ssh", "/home/ann/.config/gcloud"},
                     .is_directory = [](const std::string& path) { return kHost.contains(path); }};

TEST(LearnPlaces, NamesTheDirectoryOfAFileAndWhoWroteIt) {
  const std::vector<Written> files = {{"/srv/app/cache/a.json", 10, "gunicorn"},
                                      {"/srv/app/cache/b.json", 30, "celery"}};
  const Places places = places_of(files, kBounds);
  ASSERT_EQ(places.mounts.size(), 1U);
  EXPECT_EQ(places.mounts[0].directory, "/srv/app/cache");
  EXPECT_EQ(places.mounts[0].bytes, 40U);
  EXPECT_EQ(places.mounts[0].example, "/srv/app/cache/b.json");
  EXPECT_THAT(places.mounts[0].programs, ElementsAre("celery", "gunicorn"));
}

TEST(LearnPlaces, StopAtWhatEachRunMakesUp) {
  const std::vector<Written> files = {{"/var/lib/app/spool/17/part", 1, "app"},
                                      {"/var/lib/app/spool/18/part", 1, "app"},
                                      {"/var/lib/app/spool/tmpabc123/deep/er", 1, "app"}};
  const Places places = places_of(files, kBounds);
  ASSERT_EQ(places.mounts.size(), 1U);
  EXPECT_EQ(places.mounts[0].directory, "/var/lib/app/spool");
}

TEST(LearnPlaces, MergeWhatLiesBeneathAnother) {
  const std::vector<Written> files = {{"/srv/app/data/deep/a.b", 1, "app"}, {"/srv/app/data/top", 1, "app"}};
  const Places places = places_of(files, kBounds);
  ASSERT_EQ(places.mounts.size(), 1U);
  EXPECT_EQ(places.mounts[0].directory, "/srv/app/data");
}

TEST(LearnPlaces, NeverNameRootHomeKeysOrTheSystem) {
  for (const char* path : {"/core", "/home/ann/notes", "/home/x", "/home/ann/.ssh/known_hosts",
                           "/home/ann/.config/settings", "/etc/app/conf", "/usr/bin/x", "/proc/sys/x"}) {
    const std::vector<Written> files = {{path, 1, "app"}};
    const Places places = places_of(files, kBounds);
    EXPECT_THAT(places.mounts, IsEmpty()) << path;
    ASSERT_EQ(places.left_out.size(), 1U) << path;
    EXPECT_FALSE(places.left_out[0].why.empty()) << path;
  }
}

TEST(LearnPlaces, NameWhatTheHostHas) {
  const std::vector<Written> files = {{"/srv/app/new/sub/a.json", 1, "app"}};
  EXPECT_EQ(places_of(files, kBounds).mounts.at(0).directory, "/srv/app");
}

TEST(LearnPlaces, ADirectoryThatWasChangedIsItsOwnPlace) {
  const std::vector<Written> files = {{"/srv/app/data", 0, "chown"}};
  EXPECT_EQ(places_of(files, kBounds).mounts.at(0).directory, "/srv/app/data");
}

TEST(LearnPlaces, WhatTheMachineSharesIsTooMuch) {
  const std::vector<Written> files = {{"/var/lib/new/a.json", 1, "app"}};
  const Places places = places_of(files, kBounds);
  EXPECT_THAT(places.mounts, IsEmpty());
  EXPECT_THAT(places.left_out.at(0).why, HasSubstr("create the directory"));
}

TEST(LearnPlaces, ANameThatAPolicyCannotHoldIsLeftOut) {
  const Bounds bounds{.home = "", .hidden = {}, .is_directory = [](const std::string& path) {
                        return path == "/srv" || path == "/srv/a\n- b";
                      }};
  const std::vector<Written> files = {{"/srv/a\n- b/x", 1, "app"}};
  const Places places = places_of(files, bounds);
  EXPECT_THAT(places.mounts, IsEmpty());
  EXPECT_THAT(places.left_out.at(0).why, HasSubstr("can't hold"));
}

TEST(LearnPlaces, SayWhichHiddenPathIsInTheWay) {
  const std::vector<Written> files = {{"/home/ann/.ssh/known_hosts", 1, "git"}};
  EXPECT_THAT(places_of(files, kBounds).left_out.at(0).why, HasSubstr("/home/ann/.ssh"));
}

TEST(LearnPlaces, DoNotMergeIntoWhatIsLeftOut) {
  const std::vector<Written> files = {{"/home/ann/notes", 1, "app"}, {"/home/ann/data/x", 1, "app"}};
  const Places places = places_of(files, kBounds);
  ASSERT_EQ(places.mounts.size(), 1U);
  EXPECT_EQ(places.mounts[0].directory, "/home/ann/data");
}

TEST(SizeFor, LeavesHeadRoomAndIsAPowerOfTwo) {
  constexpr std::uint64_t kMiB = 1ULL << 20;
  EXPECT_EQ(size_for(0), 16 * kMiB);
  EXPECT_EQ(size_for(12 * kMiB), 16 * kMiB);
  EXPECT_EQ(size_for(13 * kMiB), 32 * kMiB);
  EXPECT_EQ(size_for(64 * kMiB), 128 * kMiB);
  EXPECT_EQ(size_for(~0ULL), 1ULL << 62);
}

}  // namespace
}  // namespace cofferdam::learn
