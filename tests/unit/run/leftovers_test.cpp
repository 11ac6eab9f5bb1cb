#include "run/leftovers.hpp"

#include <gtest/gtest.h>

namespace cofferdam::run {
namespace {

ProcessRef program(const char* name) {
  return std::make_shared<ProcessInfo>(ProcessInfo{7, std::string("/usr/bin/") + name, {name}, {name}});
}

Event write(std::time_t when, const char* call, const char* path, const char* to, const ProcessRef& by,
            WriteOutcome outcome = WriteOutcome::landed) {
  Event event;
  event.ts = {when, 0};
  event.body = WriteEvent{call, path, to, outcome, "mount", 0, by};
  return event;
}

std::vector<supervise::Leftover> visit(Leftovers& leftovers, const std::vector<ScannedChange>& changes) {
  for (const ScannedChange& change : changes) leftovers.visit(change);
  return leftovers.take();
}

TEST(Leftovers, TheLastWhoGaveItContentOrItsName) {
  Leftovers leftovers;
  const ProcessRef app = program("app");
  const ProcessRef tool = program("tool");
  leftovers.on_event(write(1, "openat", "/m/a", "", app));
  leftovers.on_event(write(2, "chmod", "/m/a", "", tool));
  leftovers.on_event(write(3, "openat", "/m/a", "", tool, WriteOutcome::refused));
  leftovers.on_event(write(4, "openat", "/m/t.tmp", "", app));
  leftovers.on_event(write(5, "rename", "/m/t.tmp", "/m/b", tool));
  const auto left = visit(leftovers, {{"/m/a", "file", Change::created, 1}, {"/m/b", "file", Change::created, 1}});
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].writer, app);
  EXPECT_EQ(left[0].call, "openat");
  EXPECT_EQ(left[0].when.tv_sec, 1);
  EXPECT_EQ(left[1].writer, tool);
  EXPECT_EQ(left[1].call, "rename");
}

TEST(Leftovers, ARenamedDirectoryBringsItsFiles) {
  Leftovers leftovers;
  const ProcessRef app = program("app");
  leftovers.on_event(write(9, "renameat2", "/m/new", "/m/live", app));
  const auto left = visit(leftovers, {{"/m/live/x/y", "file", Change::created, 1}, {"/n", "file", Change::created, 1}});
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].writer, app);
  EXPECT_EQ(left[1].writer, nullptr);
  EXPECT_EQ(left[1].call, "");
}

TEST(Leftovers, WhatCanBeMissed) {
  Leftovers leftovers;
  const auto left = visit(leftovers, {{"/a", "file", Change::created, 1},
                                      {"/b", "file", Change::metadata, 1},
                                      {"/c", "fifo", Change::created, 0},
                                      {"/d", "directory", Change::created, 0},
                                      {"/e", "file", Change::deleted, 1},
                                      {"/f", "symlink", Change::modified, 0},
                                      {"/g", "socket", Change::created, 0}});
  std::string paths;
  for (const auto& entry : left) paths += entry.what.path;
  EXPECT_EQ(paths, "/a/d/e/f/g");
  EXPECT_EQ(count_files(left), 2U);
}

TEST(Leftovers, RemembersABoundedNumber) {
  Leftovers leftovers;
  const ProcessRef app = program("app");
  for (std::size_t i = 0; i <= Leftovers::kMostPaths; ++i) {
    leftovers.on_event(write(1, "openat", ("/m/" + std::to_string(i)).c_str(), "", app));
  }
  const std::string last = "/m/" + std::to_string(Leftovers::kMostPaths);
  EXPECT_EQ(visit(leftovers, {{last, "file", Change::created, 1}}).front().writer, nullptr);
  EXPECT_EQ(visit(leftovers, {{"/m/0", "file", Change::created, 1}}).front().writer, app);
}

}  // namespace
}  // namespace cofferdam::run
