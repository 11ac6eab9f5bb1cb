#include "supervise/expectation.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace cofferdam::supervise {
namespace {

using Kind = kernel::NotifyKind;

TEST(TouchOf, AnOpenByItsFlags) {
  struct Row {
    std::uint64_t flags;
    Touch touch;
  };
  for (const auto& [flags, touch] : {
           Row{O_RDONLY, Touch::read},
           Row{O_RDONLY | O_DIRECTORY | O_CLOEXEC, Touch::read},
           Row{O_RDWR, Touch::read},
           Row{O_PATH, Touch::look},
           Row{O_PATH | O_DIRECTORY, Touch::look},
           Row{O_RDWR | O_CREAT, Touch::update},
           Row{O_RDONLY | O_CREAT, Touch::update},
           Row{O_RDWR | O_CREAT | O_APPEND, Touch::update},
           // A log goes on where it is, and begins where it is not.
           Row{O_WRONLY | O_CREAT | O_APPEND, Touch::make},
           Row{O_WRONLY, Touch::make},
           Row{O_WRONLY | O_CREAT | O_TRUNC, Touch::make},
           Row{O_RDWR | O_TRUNC, Touch::make},
           Row{O_RDWR | O_CREAT | O_EXCL, Touch::make},
           Row{O_TMPFILE | O_RDWR, Touch::none},
       }) {
    EXPECT_EQ(touch_of(Kind::open, flags), touch) << std::oct << flags;
    EXPECT_EQ(touch_of(Kind::open_how, flags), touch) << std::oct << flags;
  }
}

TEST(TouchOf, OtherCallsByWhatTheyDo) {
  for (const Kind kind : {Kind::look, Kind::connect}) EXPECT_EQ(touch_of(kind, 0), Touch::look);
  for (const Kind kind : {Kind::rename, Kind::link, Kind::symlink, Kind::make_directory, Kind::make_node, Kind::bind}) {
    EXPECT_EQ(touch_of(kind, 0), Touch::make);
  }
  for (const Kind kind : {Kind::unlink, Kind::remove_directory, Kind::chmod, Kind::chown, Kind::set_times,
                          Kind::set_xattr, Kind::listen, Kind::socket, Kind::new_image}) {
    EXPECT_EQ(touch_of(kind, O_RDONLY), Touch::none);
  }
}

// A call on a path: what it does, and whether the path is there.
struct Step {
  Touch touch;
  bool there = false;
};

Fate after(const ScannedChange& left, std::initializer_list<Step> steps) {
  Fate fate = Fate::untouched;
  for (const Step& step : steps) fate = next_fate(fate, step.touch, step.there, left);
  return fate;
}

ScannedChange file(Change change, std::uint64_t bytes = 10) {
  return {"/srv/file", "file", change, bytes};
}

TEST(NextFate, OfWhatTheFirstInstanceCreated) {
  const ScannedChange left = file(Change::created);
  struct Row {
    const char* who;
    std::initializer_list<Step> steps;
    Fate fate;
  };
  const Step look{Touch::look};
  const Step read{Touch::read};
  const Step update{Touch::update};
  const Step make{Touch::make};
  for (const auto& [who, steps, fate] : {
           Row{"nobody asks", {}, Fate::untouched},
           Row{"an upload's page: stat, 404", {look}, Fate::asked},
           Row{"an upload's page: open, 404", {look, read}, Fate::wanted},
           Row{"a session in a file, read first", {read, look}, Fate::wanted},
           Row{"PHP's session", {update, {Touch::read, true}}, Fate::reopened},
           Row{"SQLite: lstat, then open", {look, update}, Fate::reopened},
           Row{"a pid file", {make}, Fate::made},
           Row{"a pid file, looked for before", {look, make}, Fate::made},
           Row{"an upload of the same name: is it free?", {look, look, make}, Fate::made},
           Row{"and then served", {look, make, {Touch::read, true}}, Fate::made},
           Row{"a cache, or the state of a batch", {read, make}, Fate::remade},
           Row{"asked before and after", {make, look}, Fate::made},
           Row{"made by a rename of its directory", {{Touch::read, true}}, Fate::made},
           Row{"looked for, then there in the same way", {look, {Touch::look, true}}, Fate::made},
           Row{"wanted, then there in the same way", {read, {Touch::read, true}}, Fate::remade},
           Row{"removed only", {{Touch::none}}, Fate::untouched},
       }) {
    EXPECT_EQ(after(left, steps), fate) << who;
  }
}

TEST(NextFate, AnEmptyFileHasNothingToLose) {
  EXPECT_EQ(after(file(Change::created, 0), {{Touch::update}}), Fate::made);  // a lock file
  EXPECT_EQ(after(file(Change::created, 0), {{Touch::look}}), Fate::asked);   // a mark: that it is there says something
  EXPECT_EQ(after({"/srv/d", "directory", Change::created, 0}, {{Touch::read}}), Fate::wanted);
}

TEST(NextFate, OfWhatTheFirstInstanceChangedOrDeleted) {
  for (const Change change : {Change::modified, Change::deleted}) {
    const ScannedChange left = file(change);
    EXPECT_EQ(after(left, {{Touch::read, true}}), Fate::outdated);
    EXPECT_EQ(after(left, {{Touch::update, true}}), Fate::outdated);
    EXPECT_EQ(after(left, {{Touch::look, true}}), Fate::untouched) << "its name is no content";
    EXPECT_EQ(after(left, {{Touch::make, true}, {Touch::read, true}}), Fate::made);
    EXPECT_EQ(after(left, {{Touch::read, true}, {Touch::make, true}}), Fate::outdated);
    EXPECT_EQ(after(left, {{Touch::look, false}}), Fate::made) << "this instance has removed it as well";
  }
  EXPECT_EQ(after(file(Change::metadata), {{Touch::read, true}}), Fate::untouched);
}

TEST(IsMissed, OnlyWhatNobodyMade) {
  for (const Fate fate : {Fate::asked, Fate::wanted, Fate::reopened}) EXPECT_TRUE(is_missed(fate));
  for (const Fate fate : {Fate::untouched, Fate::made, Fate::remade, Fate::outdated}) EXPECT_FALSE(is_missed(fate));
}

}  // namespace
}  // namespace cofferdam::supervise
