#include "supervise/program_place.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

class ProgramPlace : public testing::Test {
 protected:
  [[nodiscard]] std::string settled(const std::string& path, Changeable changeable = {}) const {
    return settled_path(root_, path, changeable);
  }
  [[nodiscard]] InterpreterHome home(const std::string& argv0, const std::string& search,
                                     Changeable changeable = {}) const {
    return interpreter_home(root_, directory_.path(), argv0, {"X=PATH=/", "PATH=" + search}, changeable);
  }
  void program(const std::string& name) {
    directory_.write(name, "");
    ASSERT_EQ(::chmod(directory_(name).c_str(), 0755), 0);
  }

  test::TemporaryDirectory directory_;
  kernel::Fd root_{::open("/", O_PATH | O_CLOEXEC)};
};

TEST_F(ProgramPlace, WordsThatLeadAroundAreLeftOut) {
  directory_.write("a/b", "");
  EXPECT_EQ(settled(directory_("a/b")), directory_("a/b"));
  EXPECT_EQ(settled(directory_("./a//../a/b")), directory_("a/b"));
  EXPECT_EQ(settled(directory_("a/missing")), directory_("a/missing"));
  EXPECT_EQ(settled("/"), "/");
  EXPECT_EQ(settled("/.."), "/");
}

TEST_F(ProgramPlace, ALinkIsFollowedOnlyWhereItStays) {
  directory_.write("a/b", "");
  std::filesystem::create_symlink("a", directory_("link"));
  std::filesystem::create_symlink(directory_("link"), directory_("links"));
  std::filesystem::create_symlink("self", directory_("self"));
  EXPECT_EQ(settled(directory_("link/./b")), directory_("link/./b"));  // as it was written: ".." would be a guess
  EXPECT_EQ(settled(directory_("link/../a")), directory_("link/../a"));
  struct stat about{};
  ASSERT_EQ(::stat(directory_.path().c_str(), &about), 0);
  const Changeable elsewhere{.tmpfs_only = true};
  if (!elsewhere.at(kernel::Fd(::open(directory_.path().c_str(), O_PATH | O_CLOEXEC)).get())) {
    EXPECT_EQ(settled(directory_("links/b"), elsewhere), directory_("a/b"));
    EXPECT_EQ(settled(directory_("links/../a/b"), elsewhere), directory_("a/b"));
    EXPECT_EQ(settled(directory_("self"), elsewhere), directory_("self"));
  }
}

TEST_F(ProgramPlace, AHomeIsWhereArgv0OrPathLeads) {
  program("a/python3");
  program("b/python3");
  EXPECT_EQ(home(directory_("a/python3"), "").place, directory_("a"));
  EXPECT_EQ(home("a/python3", "").place, directory_("a"));
  EXPECT_EQ(home("./a/missing", "").place, directory_("a"));
  EXPECT_EQ(home("python3", directory_("b") + ":" + directory_("a")).place, directory_("b"));
  EXPECT_EQ(home("python3", directory_("b")).search, "");
  EXPECT_EQ(home("python3", "b:a").place, directory_("b"));
  EXPECT_EQ(home("python", directory_("b")).place, "");
}

TEST_F(ProgramPlace, APlaceBeforeItMayHaveTheProgramByNow) {
  program("a/python3");
  directory_.write("b/python3", "no program");
  const std::string search = directory_("b") + ":" + directory_("a");
  EXPECT_EQ(home("python3", search).search, search + ":");
  EXPECT_EQ(home("python3", directory_("missing") + ":" + directory_("a") + ":/x").search,
            directory_("missing") + ":" + directory_("a") + ":");
}

TEST_F(ProgramPlace, HomesAreTheSameWhateverComesAfterwards) {
  const InterpreterHome typed{.place = "/usr/bin", .search = "/home/dev/bin:/usr/bin:"};
  const InterpreterHome named{.place = "/usr/bin", .search = ""};
  EXPECT_TRUE(same_home(typed, named));
  EXPECT_TRUE(same_home(named, named));
  EXPECT_TRUE(same_home(typed, typed));
  EXPECT_FALSE(same_home(named, typed));
  EXPECT_FALSE(same_home(typed, {.place = "/usr/bin", .search = "/tmp:/usr/bin:"}));
  EXPECT_FALSE(same_home(typed, {.place = "/opt", .search = ""}));
  EXPECT_FALSE(same_home({}, {}));
}

}  // namespace
}  // namespace cofferdam::supervise
