#include "supervise/emptying.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

// A tmpfs of the container, played by a directory that holds a file `before`; beside it what must not be touched.
class Emptying : public testing::Test {
 protected:
  Emptying() {
    tree_.write("outside/kept", "1");
    tree_.write("tmp/before", "12");
    plan_.type = MountType::tmpfs;
    plan_.path = tree_("tmp");
    layer_.reset(::open(plan_.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    view_.container = true;
    view_.mounts.push_back({&plan_, 1, layer_.get(), layer_.get()});
    baseline_ = take_baseline(view_);
  }

  test::TemporaryDirectory tree_;
  plan::PlannedMount plan_;
  kernel::Fd layer_;
  InstanceView view_;
  Baseline baseline_;
};

TEST_F(Emptying, WhatWasCreatedGoesAndNothingElse) {
  tree_.write("tmp/a", "1");
  tree_.write("tmp/d/e/f", "1");
  tree_.make_directory("tmp/d-e");
  tree_.make_link("tmp/out", "../outside");
  tree_.make_link("tmp/d/up", tree_("outside/kept"));
  ASSERT_EQ(::mkfifo(tree_("tmp/fifo").c_str(), 0600), 0);
  EXPECT_EQ(empty_mounts(view_, baseline_), std::vector<std::string>{});
  for (const char* name : {"tmp/a", "tmp/d", "tmp/d-e", "tmp/out", "tmp/fifo"}) EXPECT_FALSE(tree_.has(name)) << name;
  EXPECT_EQ(tree_.read("tmp/before"), "12");
  EXPECT_EQ(tree_.read("outside/kept"), "1");
}

TEST_F(Emptying, NothingIsAnEmptyMount) {
  EXPECT_EQ(empty_mounts(view_, baseline_), std::vector<std::string>{});
  EXPECT_EQ(tree_.read("tmp/before"), "12");
}

TEST_F(Emptying, WhatWasChangedOrDeletedCanNotBePutBack) {
  tree_.write("tmp/before", "123");
  tree_.write("tmp/new", "1");
  EXPECT_EQ(empty_mounts(view_, baseline_),
            std::vector<std::string>{tree_("tmp/before") + " was modified and can't be put back"});
  EXPECT_FALSE(tree_.has("tmp/new"));
  EXPECT_EQ(tree_.read("tmp/before"), "123");
  ASSERT_EQ(::unlink(tree_("tmp/before").c_str()), 0);
  EXPECT_EQ(empty_mounts(view_, baseline_),
            std::vector<std::string>{tree_("tmp/before") + " was deleted and can't be put back"});
}

}  // namespace
}  // namespace cofferdam::supervise
