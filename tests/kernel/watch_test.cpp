// Host edits replayed into an instance: real inotify, and plain directories in the place of the merged view and of its
// upper layer.
#include "supervise/watch.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Findings : public EventSink {
 public:
  void on_event(const Event& event) override {
    if (const auto* finding = std::get_if<Finding>(&event.body)) all.push_back(*finding);
  }
  std::vector<Finding> all;
};

// Inotify inside the instance, as a reloader uses it.
class Listener {
 public:
  explicit Listener(const std::string& directory) : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    EXPECT_GE(::inotify_add_watch(inotify_.get(), directory.c_str(), IN_ALL_EVENTS), 0);
  }
  // Every event since the last call, as "NAME what".
  std::vector<std::string> take() {
    constexpr std::array<std::pair<std::uint32_t, const char*>, 7> kNames = {{{IN_MODIFY, "modified"},
                                                                              {IN_ATTRIB, "attributes"},
                                                                              {IN_CLOSE_WRITE, "closed"},
                                                                              {IN_CREATE, "created"},
                                                                              {IN_DELETE, "deleted"},
                                                                              {IN_MOVED_FROM, "moved from"},
                                                                              {IN_MOVED_TO, "moved to"}}};
    std::vector<std::string> events;
    alignas(inotify_event) std::array<char, 16384> buffer{};
    for (ssize_t got = 0; (got = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
        for (const auto& [bit, what] : kNames) {
          if ((event->mask & bit) != 0) events.push_back(std::string(event->name) + " " + what);
        }
      }
    }
    return events;
  }

 private:
  kernel::Fd inotify_;
};

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    root_ = kernel::Fd(::open(inside_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    layer_ = kernel::Fd(::open(inside_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    plan_.type = MountType::overlay;
    plan_.watch = true;
    plan_.path = host_.path();
    plan_.size = 1 << 20;
    plan_.policy.key = "storage.mounts";
    instance_.mounts.push_back(
        {.plan = &plan_, .mount_id = 1, .root = root_.get(), .layer = layer_.get(), .filesystem = -1, .stage = -1});
  }

  // What the supervisor's loop does, until `done`.
  bool run_until(const std::function<bool()>& done) {
    return test::eventually([&] {
      pollfd host{watch_->fd(), POLLIN, 0};
      if (host.fd >= 0 && ::poll(&host, 1, 0) == 1) watch_->on_host_change();
      if (watch_->next_look() == std::chrono::milliseconds(0)) watch_->look();
      return done();
    });
  }
  // Starts, and goes on until every directory is watched.
  void begin() {
    // What was written in the last tick of the clock of file times may count as an edit of the run.
    ASSERT_TRUE(time_passes());
    watch_.emplace(instance_, events_);
    ASSERT_TRUE(run_until([&] { return watch_->fd() >= 0 && watch_->next_look() == std::chrono::milliseconds(-1); }));
  }
  static bool time_passes() {
    const auto now = [] {
      timespec time{};
      ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
      return time.tv_sec * 1000000000L + time.tv_nsec;
    };
    return test::eventually([&, start = now()] { return now() > start + 15000000; });
  }
  // Everything that the host has done until now is replayed: changes go in the order of their paths.
  void catch_up() {
    const std::string mark = "~mark" + std::to_string(++marks_);
    host_.write(mark, "x");
    ASSERT_TRUE(run_until([&] { return inside_.read(mark) == "x"; }));
    ASSERT_TRUE(run_until([&] { return watch_->next_look() == std::chrono::milliseconds(-1); }));
  }
  [[nodiscard]] std::uint64_t inode(const std::string& name) const {
    return kernel::identify(AT_FDCWD, inside_(name).c_str(), false).value_or(kernel::FileIdentity{}).inode;
  }
  // As an editor saves: a new file takes the name.
  void replace(const std::string& name, const std::string& text) const {
    host_.write(name + ".new", text);
    std::filesystem::rename(host_(name + ".new"), host_(name));
  }

  test::TemporaryDirectory host_;
  test::TemporaryDirectory inside_;
  kernel::Fd root_;
  kernel::Fd layer_;
  plan::PlannedMount plan_;
  InstanceView instance_;
  Findings findings_;
  EventLog events_{"web.1", {&findings_}};
  std::optional<Watch> watch_;
  int marks_ = 0;
};

TEST_F(WatchTest, AWriteInPlaceKeepsTheFile) {
  host_.write("a", "one");
  begin();
  host_.write("a", "two");
  catch_up();
  EXPECT_EQ(inside_.read("a"), "two");
  const std::uint64_t before = inode("a");
  host_.write("a", "3");  // shorter than before
  catch_up();
  EXPECT_EQ(inside_.read("a"), "3");
  EXPECT_EQ(inode("a"), before);
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, ARenameArrivesAsOne) {
  begin();
  host_.write("a", "one");
  catch_up();
  const kernel::Fd reader(::open(inside_("a").c_str(), O_RDONLY | O_CLOEXEC));
  const std::uint64_t before = inode("a");
  replace("a", "two");
  catch_up();
  EXPECT_EQ(inside_.read("a"), "two");
  EXPECT_NE(inode("a"), before);
  // Who has the old one open reads the old one to its end.
  char text[8] = {};
  EXPECT_EQ(::read(reader.get(), text, sizeof text), 3);
  EXPECT_STREQ(text, "one");
  EXPECT_FALSE(inside_.has("a.new"));
  EXPECT_FALSE(inside_.has(".cofferdam-replay~"));
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, RightsAndTimesAreTheHosts) {
  begin();
  host_.write("script", "x", 0750);
  const timespec times[2] = {{1000000000, 7}, {1000000000, 7}};
  ASSERT_EQ(::utimensat(AT_FDCWD, host_("script").c_str(), times, 0), 0);
  catch_up();
  struct stat status{};
  ASSERT_EQ(::stat(inside_("script").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1000000000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 7);
  ASSERT_EQ(::chmod(host_("script").c_str(), 0640), 0);
  catch_up();
  ASSERT_EQ(::stat(inside_("script").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST_F(WatchTest, ARemovalIsReplayed) {
  begin();
  host_.write("a", "x");
  host_.write("directory/b", "x");
  catch_up();
  ASSERT_EQ(inside_.read("directory/b"), "x");
  std::filesystem::remove(host_("a"));
  std::filesystem::remove_all(host_("directory"));
  catch_up();
  EXPECT_FALSE(inside_.has("a"));
  EXPECT_FALSE(inside_.has("directory"));
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, ARemovalSparesWhatTheAppMade) {
  begin();
  host_.write("directory/host", "x");
  catch_up();
  inside_.write("directory/app", "mine");
  std::filesystem::remove_all(host_("directory"));
  catch_up();
  EXPECT_FALSE(inside_.has("directory/host"));
  EXPECT_EQ(inside_.read("directory/app"), "mine");
}

TEST_F(WatchTest, ANewTreeArrivesAndIsWatched) {
  begin();
  const test::TemporaryDirectory elsewhere;
  elsewhere.write("tree/a/b/file", "deep");
  elsewhere.write("tree/top", "top");
  std::filesystem::rename(elsewhere("tree"), host_("tree"));
  catch_up();
  EXPECT_EQ(inside_.read("tree/a/b/file"), "deep");
  EXPECT_EQ(inside_.read("tree/top"), "top");
  host_.write("tree/a/b/file", "changed");
  host_.write("tree/a/new/file", "new");
  catch_up();
  EXPECT_EQ(inside_.read("tree/a/b/file"), "changed");
  EXPECT_EQ(inside_.read("tree/a/new/file"), "new");
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, ALinkArrivesAsALink) {
  begin();
  host_.make_link("link", "/nowhere/else");
  catch_up();
  EXPECT_EQ(std::filesystem::read_symlink(inside_("link")), "/nowhere/else");
  std::filesystem::remove(host_("link"));
  host_.make_link("link", "b");
  catch_up();
  EXPECT_EQ(std::filesystem::read_symlink(inside_("link")), "b");
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, ADirectoryThatTheAppMadeALinkLeadsNowhere) {
  const test::TemporaryDirectory elsewhere;
  elsewhere.write("file", "victim");
  elsewhere.write("gone", "victim");
  host_.write("sub/file", "x");
  host_.write("sub/gone", "x");
  inside_.make_link("sub", elsewhere.path());
  begin();
  host_.write("sub/file", "from the host");
  host_.write("sub/new", "from the host");
  replace("sub/replaced", "from the host");
  host_.make_link("sub/link", "x");
  host_.make_directory("sub/directory");
  std::filesystem::remove(host_("sub/gone"));
  catch_up();
  EXPECT_EQ(elsewhere.read("file"), "victim");
  EXPECT_EQ(elsewhere.read("gone"), "victim");
  for (const char* name : {"new", "replaced", "link", "directory"}) EXPECT_FALSE(elsewhere.has(name)) << name;
}

TEST_F(WatchTest, AFileThatTheAppMadeALinkIsLeftAlone) {
  const test::TemporaryDirectory elsewhere;
  elsewhere.write("victim", "victim");
  host_.write("a", "x");
  inside_.make_link("a", elsewhere("victim"));
  begin();
  host_.write("a", "from the host");
  catch_up();
  EXPECT_EQ(elsewhere.read("victim"), "victim");
  EXPECT_EQ(std::filesystem::read_symlink(inside_("a")), elsewhere("victim"));
  ASSERT_THAT(findings_.all, SizeIs(1));
  EXPECT_EQ(findings_.all.front().path, host_("a"));
}

// The race that changed_by_app can't see: the link is planted after the upper layer was looked at.
TEST_F(WatchTest, AReplayNeverWritesThroughALink) {
  const test::TemporaryDirectory elsewhere;
  const test::TemporaryDirectory upper;
  const kernel::Fd layer(::open(upper.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  instance_.mounts.front().layer = layer.get();
  elsewhere.write("victim", "victim");
  inside_.make_link("a", elsewhere("victim"));
  inside_.make_link(".cofferdam-replay~", elsewhere("victim"));
  host_.write("a", "old");
  begin();
  host_.write("a", "from the host");
  replace("b", "from the host");
  catch_up();
  EXPECT_EQ(elsewhere.read("victim"), "victim");
  EXPECT_THAT(findings_.all,
              testing::Contains(testing::Field(&Finding::message, HasSubstr(host_("a") + " could not be replayed"))));
}

TEST_F(WatchTest, WhatTheAppChangedStaysAndIsReportedOnce) {
  host_.write("before", "x");
  inside_.write("before", "the app's");
  begin();
  host_.write("later", "one");
  catch_up();
  ASSERT_EQ(inside_.read("later"), "one");
  inside_.write("later", "the app's");
  for (const char* text : {"two", "three"}) {
    host_.write("before", text);
    host_.write("later", text);
    catch_up();
  }
  EXPECT_EQ(inside_.read("before"), "the app's");
  EXPECT_EQ(inside_.read("later"), "the app's");
  ASSERT_THAT(findings_.all, SizeIs(2));
  EXPECT_EQ(findings_.all[0].path, host_("before"));
  EXPECT_EQ(findings_.all[1].path, host_("later"));
  for (const Finding& finding : findings_.all) {
    EXPECT_EQ(finding.code, "CD106");
    EXPECT_EQ(finding.severity, Severity::warning);
    EXPECT_EQ(finding.policy.key, "storage.mounts");
    EXPECT_THAT(finding.message, HasSubstr("changed by the app and changed on the host"));
    EXPECT_THAT(finding.fix, HasSubstr("restart the run"));
  }
}

TEST_F(WatchTest, ARemovalOnTheHostSparesWhatTheAppChanged) {
  begin();
  host_.write("a", "one");
  catch_up();
  inside_.write("a", "the app's");
  std::filesystem::remove(host_("a"));
  catch_up();
  EXPECT_EQ(inside_.read("a"), "the app's");
}

TEST_F(WatchTest, WhatIsNotTheMountsIsNotReplayed) {
  plan::PlannedMount inner;
  inner.type = MountType::tmpfs;
  inner.path = host_("cache");
  instance_.mounts.push_back({.plan = &inner, .mount_id = 2, .root = -1, .layer = -1});
  plan_.hidden = {"secret"};
  for (const char* name : {".git", "sub/.git", "__pycache__", "cache", "secret", "cached"}) host_.make_directory(name);
  inside_.make_directory("cached");
  begin();
  for (const char* name :
       {".git/HEAD", "sub/.git/HEAD", "__pycache__/a.pyc", "cache/page", "secret/key", "cached/page"})
    host_.write(name, "x");
  catch_up();
  EXPECT_EQ(inside_.read("cached/page"), "x");
  for (const char* name : {".git", "sub/.git", "__pycache__", "cache", "secret"})
    EXPECT_FALSE(inside_.has(name)) << name;
}

// Watching begins a moment after the start; an editor does not wait for it.
TEST_F(WatchTest, EditsBeforeTheWatchBeginsAreReplayed) {
  host_.write("src/edited", "old");
  host_.write("src/same", "old");
  inside_.make_directory("src");
  ASSERT_TRUE(time_passes());
  watch_.emplace(instance_, events_);
  replace("src/edited", "new");
  host_.write("src/created", "new");
  ASSERT_LT(watch_->fd(), 0);
  ASSERT_TRUE(run_until([&] { return inside_.read("src/edited") == "new" && inside_.read("src/created") == "new"; }));
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, OnlyFilesDirectoriesAndLinksAreReplayed) {
  begin();
  ASSERT_EQ(::mkfifo(host_("pipe").c_str(), 0600), 0);
  catch_up();
  EXPECT_FALSE(inside_.has("pipe"));
}

TEST_F(WatchTest, TooManyFilesAtOnceStopIt) {
  begin();
  for (int i = 0; i <= 2000; ++i) std::ofstream(host_("file" + std::to_string(i))) << "x";
  ASSERT_TRUE(run_until([&] { return watch_->fd() < 0; }));
  EXPECT_EQ(watch_->next_look(), std::chrono::milliseconds(-1));
  ASSERT_THAT(findings_.all, SizeIs(1));
  EXPECT_EQ(findings_.all.front().code, "CD105");
  EXPECT_THAT(findings_.all.front().message, HasSubstr("live reload has stopped"));
  EXPECT_THAT(findings_.all.front().fix, HasSubstr("restart to see host changes"));
}

TEST_F(WatchTest, ATreeThatIsTooLargeStopsItBeforeAnyOfItIsCopied) {
  const test::TemporaryDirectory elsewhere;
  elsewhere.make_directory("modules/deep");
  for (int i = 0; i <= 2000; ++i) std::ofstream(elsewhere("modules/deep/" + std::to_string(i))) << "x";
  begin();
  std::filesystem::rename(elsewhere("modules"), host_("modules"));
  ASSERT_TRUE(run_until([&] { return watch_->fd() < 0 || inside_.has("modules/deep/2000"); }));
  EXPECT_LT(watch_->fd(), 0);
  EXPECT_FALSE(inside_.has("modules"));
  ASSERT_THAT(findings_.all, SizeIs(1));
  EXPECT_EQ(findings_.all.front().path, "");
}

TEST_F(WatchTest, AChangeOfADirectoryItselfCopiesNothing) {
  host_.write("sub/deep/file", "lower");
  inside_.make_directory("sub/deep");
  begin();
  ASSERT_EQ(::chmod(host_("sub").c_str(), 0750), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, host_("sub").c_str(), nullptr, 0), 0);
  catch_up();
  EXPECT_FALSE(inside_.has("sub/deep/file"));
  struct stat status{};
  ASSERT_EQ(::stat(inside_("sub").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
}

TEST_F(WatchTest, ANewTreeIsReplayedOnce) {
  begin();
  host_.write("a/b/c/d/file", "x");
  ASSERT_TRUE(run_until([&] { return inside_.read("a/b/c/d/file") == "x"; }));
  const std::uint64_t before = inode("a/b/c/d/file");
  catch_up();
  catch_up();
  EXPECT_EQ(inode("a/b/c/d/file"), before);
}

TEST_F(WatchTest, ADirectoryThatBecameAFileOrALinkDoesSo) {
  begin();
  for (const char* name : {"link/file", "file/file", "saved/file"}) host_.write(name, "x");
  catch_up();
  for (const char* name : {"link", "file", "saved"}) std::filesystem::remove_all(host_(name));
  host_.make_link("link", "x");
  host_.write("file", "now a file");
  replace("saved", "now a file");
  catch_up();
  EXPECT_EQ(std::filesystem::is_symlink(inside_("link")), true);
  EXPECT_EQ(inside_.read("file"), "now a file");
  EXPECT_EQ(inside_.read("saved"), "now a file");
  EXPECT_FALSE(inside_.has(".cofferdam-replay~"));
}

TEST_F(WatchTest, NothingIsLeftOfAReplayThatFailed) {
  begin();
  for (const char* name : {"link/file", "saved/file"}) host_.write(name, "x");
  catch_up();
  for (const char* name : {"link/app", "saved/app"}) inside_.write(name, "mine");
  for (const char* name : {"link", "saved"}) std::filesystem::remove_all(host_(name));
  host_.make_link("link", "x");
  replace("saved", "now a file");
  catch_up();
  EXPECT_FALSE(inside_.has(".cofferdam-replay~"));
  EXPECT_EQ(inside_.read("link/app"), "mine");
  EXPECT_THAT(findings_.all, SizeIs(2));
}

TEST_F(WatchTest, TheEndOfItIsSaidAfterAHundredFindings) {
  for (int i = 0; i < 120; ++i) inside_.write("a" + std::to_string(i), "mine");
  begin();
  for (int i = 0; i < 120; ++i) host_.write("a" + std::to_string(i), "host");
  catch_up();
  EXPECT_THAT(findings_.all, SizeIs(100));
  for (int i = 0; i <= 2000; ++i) std::ofstream(host_("file" + std::to_string(i))) << "x";
  ASSERT_TRUE(run_until([&] { return watch_->fd() < 0; }));
  EXPECT_THAT(findings_.all.back().message, HasSubstr("live reload has stopped"));
}

TEST_F(WatchTest, TooManyBytesAtOnceStopIt) {
  plan_.size = 400;
  begin();
  host_.write("a", std::string(100, 'x'));
  ASSERT_TRUE(run_until([&] { return inside_.has("a"); }));
  EXPECT_THAT(findings_.all, IsEmpty());
  host_.write("b", std::string(101, 'x'));
  ASSERT_TRUE(run_until([&] { return watch_->fd() < 0; }));
  EXPECT_FALSE(inside_.has("b"));
  ASSERT_THAT(findings_.all, SizeIs(1));
  EXPECT_THAT(findings_.all.front().message, HasSubstr("live reload has stopped"));
}

TEST_F(WatchTest, AnEditInPlaceBeforeTheWatchBeginsIsHeardInside) {
  host_.write("src/edited", "old");
  inside_.write("src/edited", "old");
  const test::TemporaryDirectory upper;
  const kernel::Fd layer(::open(upper.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  instance_.mounts.front().layer = layer.get();
  Listener inside(inside_("src"));
  ASSERT_TRUE(time_passes());
  watch_.emplace(instance_, events_);
  std::ofstream(host_("src/edited")) << "new";
  ASSERT_LT(watch_->fd(), 0);
  ASSERT_TRUE(run_until([&] { return inside_.read("src/edited") == "new"; }));
  ASSERT_TRUE(run_until([&] { return watch_->next_look() == std::chrono::milliseconds(-1); }));
  EXPECT_THAT(inside.take(), testing::IsSupersetOf({"edited modified", "edited closed"}));
}

TEST_F(WatchTest, NothingIsReplayedWhileTheHostWritesIt) {
  host_.write("a", "old");
  inside_.write("a", "old");
  const test::TemporaryDirectory upper;
  const kernel::Fd layer(::open(upper.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  instance_.mounts.front().layer = layer.get();
  begin();
  for (const char* name : {"a", "new"}) {
    std::ofstream file(host_(name), std::ios::trunc);
    file << "first half, " << std::flush;
    catch_up();
    EXPECT_NE(inside_.read(name), "first half, ");
    EXPECT_NE(inside_.read(name), "");
    file << "second half";
    file.close();
    catch_up();
    EXPECT_EQ(inside_.read(name), "first half, second half");
  }
}

TEST_F(WatchTest, AnEmptyFileArrivesThoughItStaysOpen) {
  begin();
  const std::ofstream open(host_("empty"));
  host_.write("file", "x");
  std::filesystem::create_hard_link(host_("file"), host_("link"));
  ASSERT_TRUE(run_until([&] { return inside_.has("empty") && inside_.has("link"); }));
  EXPECT_EQ(inside_.read("empty"), "");
}

TEST_F(WatchTest, RightsAloneLeaveTheContentAlone) {
  begin();
  host_.write("script", "x", 0644);
  catch_up();
  Listener inside(inside_.path());
  ASSERT_EQ(::chmod(host_("script").c_str(), 0755), 0);
  ASSERT_TRUE(run_until([&] {
    return (std::filesystem::status(inside_("script")).permissions() & std::filesystem::perms::owner_exec) !=
           std::filesystem::perms::none;
  }));
  EXPECT_THAT(inside.take(), testing::Each(std::string("script attributes")));
}

TEST_F(WatchTest, WhatIsNewComesBeforeWhatNamesIt) {
  host_.write("b_old", "x");
  host_.write("a_user", "imports b_old");
  inside_.write("b_old", "x");
  inside_.write("a_user", "imports b_old");
  const test::TemporaryDirectory upper;
  const kernel::Fd layer(::open(upper.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  instance_.mounts.front().layer = layer.get();
  begin();
  Listener inside(inside_.path());
  std::filesystem::rename(host_("b_old"), host_("z_new"));
  host_.write("a_user", "imports z_new");
  ASSERT_TRUE(run_until([&] { return !inside_.has("b_old"); }));
  const auto events = inside.take();
  const auto when = [&](const char* event) { return std::ranges::find(events, event) - events.begin(); };
  EXPECT_LT(when("z_new moved to"), when("a_user modified"));
  EXPECT_LT(when("a_user modified"), when("b_old deleted"));
  EXPECT_LT(when("b_old deleted"), static_cast<std::ptrdiff_t>(events.size()));
}

TEST_F(WatchTest, AFileThatACheckoutMadeAnewIsAnotherOne) {
  begin();
  host_.write("a", "one");
  catch_up();
  const kernel::Fd reader(::open(inside_("a").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::remove(host_("a"));
  host_.write("a", "two");
  catch_up();
  char text[8] = {};
  EXPECT_EQ(::read(reader.get(), text, sizeof text), 3);
  EXPECT_STREQ(text, "one");
  EXPECT_EQ(inside_.read("a"), "two");
}

TEST_F(WatchTest, AProgramThatRunsIsReplacedAndNotWritten) {
  begin();
  std::filesystem::copy_file("/bin/sleep", host_("program"));
  catch_up();
  const test::ChildProcess running([&] { return ::execl(inside_("program").c_str(), "program", "30", nullptr); });
  ASSERT_TRUE(test::eventually([&] {
    std::error_code gone;
    return std::filesystem::read_symlink("/proc/" + std::to_string(running.pid()) + "/exe", gone) == inside_("program");
  }));
  std::ofstream(host_("program"), std::ios::trunc) << "another";
  catch_up();
  EXPECT_EQ(inside_.read("program"), "another");
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, AFileThatBecameADirectoryDoesSo) {
  begin();
  host_.write("a", "x");
  catch_up();
  std::filesystem::remove(host_("a"));
  host_.write("a/inner", "x");
  catch_up();
  EXPECT_EQ(inside_.read("a/inner"), "x");
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, ARemovalOfWhatTheAppChangedIsAConflict) {
  begin();
  for (const char* name : {"file", "directory/file"}) host_.write(name, "one");
  catch_up();
  for (const char* name : {"file", "directory/app"}) inside_.write(name, "the app's");
  for (const char* name : {"file", "directory"}) std::filesystem::remove_all(host_(name));
  catch_up();
  ASSERT_THAT(findings_.all, SizeIs(2));
  for (const Finding& finding : findings_.all) {
    EXPECT_EQ(finding.code, "CD106");
    EXPECT_THAT(finding.message, HasSubstr("by the app and removed on the host"));
  }
  EXPECT_FALSE(inside_.has("directory/file"));
}

TEST_F(WatchTest, AWriteOfTheAppIsNotHiddenByTheTimesOfAReplay) {
  begin();
  host_.write("a", "host");
  ASSERT_TRUE(run_until([&] { return inside_.read("a") == "host"; }));
  catch_up();
  EXPECT_TRUE(watch_->is_replay(host_("a")));
  struct stat left{};
  ASSERT_EQ(::stat(inside_("a").c_str(), &left), 0);
  std::ofstream(inside_("a"), std::ios::in | std::ios::out) << "mine";
  const timespec times[2] = {left.st_atim, left.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, inside_("a").c_str(), times, 0), 0);
  EXPECT_FALSE(watch_->is_replay(host_("a")));
  std::filesystem::remove(inside_("a"));
  inside_.make_directory("a");
  EXPECT_FALSE(watch_->is_replay(host_("a")));
}

TEST_F(WatchTest, ADeepTreeOfTheAppStaysWhereTheHostRemovesItsRoot) {
  host_.write("build/file", "x");
  begin();
  inside_.make_directory("build");
  std::string deep = "build";
  for (int i = 0; i < 300; ++i) deep += "/d";
  inside_.make_directory(deep);
  inside_.write(deep + "/mine", "x");
  std::filesystem::remove_all(host_("build"));
  catch_up();
  EXPECT_TRUE(inside_.has(deep + "/mine"));
}

TEST_F(WatchTest, BothSidesMakingTheSameIsNoConflict) {
  begin();
  inside_.write("formatted", "same");
  host_.write("formatted", "same");
  catch_up();
  host_.write("formatted", "later");
  catch_up();
  EXPECT_EQ(inside_.read("formatted"), "later");
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, HundredsOfFilesOfABranchArriveWhileTheAppIsAnswered) {
  begin();
  for (int i = 0; i < 800; ++i)
    host_.write("package" + std::to_string(i % 40) + "/file" + std::to_string(i), "branch " + std::to_string(i));
  std::chrono::steady_clock::duration longest{};
  ASSERT_TRUE(test::eventually([&] {
    pollfd host{watch_->fd(), POLLIN, 0};
    if (::poll(&host, 1, 0) == 1) watch_->on_host_change();
    const auto before = std::chrono::steady_clock::now();
    watch_->look();
    longest = std::max(longest, std::chrono::steady_clock::now() - before);
    return inside_.read("package39/file799") == "branch 799" && watch_->next_look() == std::chrono::milliseconds(-1);
  }));
  for (int i = 0; i < 800; ++i) {
    ASSERT_EQ(inside_.read("package" + std::to_string(i % 40) + "/file" + std::to_string(i)),
              "branch " + std::to_string(i));
  }
  EXPECT_LT(longest, std::chrono::milliseconds(50));
  EXPECT_THAT(findings_.all, IsEmpty());
}

TEST_F(WatchTest, WhatToolsFillIsWatchedLastAndSaysWhatItLacks) {
  for (int i = 0; i < 20; ++i) host_.make_directory("node_modules/" + std::to_string(i));
  host_.write("src/deep/file", "old");
  inside_.make_directory("src/deep");
  ASSERT_TRUE(time_passes());
  watch_.emplace(instance_, events_, WatchLimits{.watches = 8});
  ASSERT_TRUE(run_until([&] { return watch_->fd() >= 0 && watch_->next_look() == std::chrono::milliseconds(-1); }));
  ASSERT_THAT(findings_.all, SizeIs(1));
  EXPECT_EQ(findings_.all.front().code, "CD105");
  EXPECT_THAT(findings_.all.front().message,
              testing::AllOf(HasSubstr("20 directories"), HasSubstr(host_("node_modules/")),
                             HasSubstr("fs.inotify.max_user_watches is 8")));
  EXPECT_THAT(findings_.all.front().fix, HasSubstr("sysctl -w fs.inotify.max_user_watches=524288"));
  host_.write("src/deep/file", "new");
  catch_up();
  EXPECT_EQ(inside_.read("src/deep/file"), "new");
}

// In a user namespace of its own, whose limits are lowered.
template <typename Body>
int with_limit(const char* name, const char* value, const Body& body) {
  test::ChildProcess child([&] {
    if (::unshare(CLONE_NEWUSER) != 0) return 77;
    std::ofstream(std::string("/proc/sys/user/") + name) << value << std::flush;
    return body();
  });
  return child.wait();
}

TEST_F(WatchTest, TheLimitOfWatchesIsNamed) {
  for (int i = 0; i < 20; ++i) host_.make_directory("src/" + std::to_string(i));
  const int code = with_limit("max_inotify_watches", "5", [&] {
    watch_.emplace(instance_, events_);
    if (!run_until([&] { return !findings_.all.empty(); })) return 1;
    const Finding& finding = findings_.all.front();
    const bool named = finding.message.find("17 directories are not followed") != std::string::npos &&
                       finding.fix.find("sysctl -w fs.inotify.max_user_watches=") != std::string::npos;
    return named && watch_->fd() >= 0 ? 0 : 2;
  });
  if (code == 77) GTEST_SKIP() << "user namespaces";
  EXPECT_EQ(code, 0);
}

TEST_F(WatchTest, TheLimitOfInstancesIsNamed) {
  const int code = with_limit("max_inotify_instances", "0", [&] {
    watch_.emplace(instance_, events_);
    if (!run_until([&] { return !findings_.all.empty(); })) return 1;
    return findings_.all.front().fix.find("sysctl -w fs.inotify.max_user_instances=") != std::string::npos &&
                   watch_->next_look() == std::chrono::milliseconds(-1)
               ? 0
               : 2;
  });
  if (code == 77) GTEST_SKIP() << "user namespaces";
  EXPECT_EQ(code, 0);
}

TEST_F(WatchTest, NothingIsWatchedThatDoesNotAskForIt) {
  plan_.watch = false;
  const Watch quiet(instance_, events_);
  EXPECT_EQ(quiet.next_look(), std::chrono::milliseconds(-1));
  EXPECT_EQ(quiet.fd(), -1);
  plan_.watch = true;
  instance_.container = true;
  const Watch container(instance_, events_);
  EXPECT_EQ(container.next_look(), std::chrono::milliseconds(-1));
}

}  // namespace
}  // namespace cofferdam::supervise
