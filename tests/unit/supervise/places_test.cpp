#include "supervise/places.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

TEST(OwnDescriptor, EveryNameOfOnesOwnDescriptors) {
  kernel::ThreadStatus status;
  status.tgid = 4711;
  status.inner_pid = 7;
  struct Row {
    const char* path;
    std::optional<int> number;
  };
  constexpr std::optional<int> kNone;
  for (const auto& [path, number] :
       {Row{"/dev/stdin", 0}, Row{"/dev/stdout", 1}, Row{"/dev/stderr", 2}, Row{"/dev/fd/3", 3},
        Row{"/proc/self/fd/1", 1}, Row{"/proc/thread-self/fd/12", 12}, Row{"/proc/7/fd/1234567", 1234567},
        // The pid as the app sees it, not as we do, and nobody else's.
        Row{"/proc/4711/fd/3", kNone}, Row{"/proc/1/fd/3", kNone}, Row{"/proc/77/fd/3", kNone},
        Row{"/proc/self/fd/", kNone}, Row{"/proc/self/fd/x", kNone}, Row{"/proc/self/fd/3/x", kNone},
        Row{"/proc/self/fd/-1", kNone}, Row{"/proc/self/fd/12345678", kNone}, Row{"/proc/self/fd/4294967299", kNone},
        Row{"/proc/self/fdinfo/3", kNone}, Row{"/dev/stdout/", kNone}, Row{"/dev/fd", kNone}, Row{"dev/stdout", kNone},
        Row{"", kNone}}) {
    EXPECT_EQ(own_descriptor(path, status), number) << path;
  }
}

TEST(ProcessPath, IsNeverStorage) {
  EXPECT_TRUE(is_process_path("/proc/self/status"));
  EXPECT_FALSE(is_process_path("/process"));
  EXPECT_FALSE(is_process_path("/tmp/proc/x"));
}

// A tree, and a child that stands in its directory `app` with the tree open as descriptor kDescriptor:
//   app/sub/file  app/out -> ../other  app/away -> /other  app/loop -> loop  app/dangling -> nowhere  other/
class Places : public testing::Test {
 protected:
  static constexpr int kDescriptor = 77;

  Places() {
    tree_.write("app/sub/file", "x");
    tree_.make_directory("other");
    tree_.make_link("app/out", "../other");
    tree_.make_link("app/away", "/other");
    tree_.make_link("app/loop", "loop");
    tree_.make_link("app/dangling", "nowhere");
    child_.emplace([this] {
      const int directory = ::open(tree_.path().c_str(), O_PATH | O_DIRECTORY);
      if (::dup2(directory, kDescriptor) < 0 || ::chdir(tree_("app").c_str()) != 0) return 1;
      (void)!::write(ready_.write.get(), "x", 1);
      return ::pause();
    });
    char byte = 0;
    EXPECT_EQ(::read(ready_.read.get(), &byte, 1), 1);
    view_ = kernel::ThreadView::open(child_->pid());
    EXPECT_TRUE(view_.has_value());
    host_.root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    root_ = kernel::Fd(host_.root);
    tree_root_ = kernel::Fd(::open(tree_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    inside_.root = tree_root_.get();
  }

  [[nodiscard]] Place find(const std::string& path, int dirfd = AT_FDCWD) const {
    return find_place(host_, *view_, dirfd, path);
  }
  // The place as the path below the tree, or the errno.
  [[nodiscard]] std::string shown(const Place& place) const {
    if (!place.parent) return "errno " + std::to_string(place.error);
    if (place.path == tree_.path()) return "(tree) " + place.name;
    if (!place.path.starts_with(tree_.path() + "/")) return place.path + " " + place.name;
    return place.path.substr(tree_.path().size() + 1) + " " + place.name;
  }

  test::TemporaryDirectory tree_;
  kernel::Pipe ready_ = kernel::make_pipe().value();
  std::optional<test::ChildProcess> child_;
  std::optional<kernel::ThreadView> view_;
  InstanceView host_;    // its root is the host's
  InstanceView inside_;  // its root is the tree
  InstanceView none_;    // container mode
  kernel::Fd root_;
  kernel::Fd tree_root_;
};

TEST_F(Places, ARelativePathStartsAtTheCallersDirectory) {
  struct Row {
    const char* path;
    const char* shown;
  };
  for (const auto& [path, wanted] :
       {Row{"new", "app/new new"}, Row{"./new", "app/new new"}, Row{"sub/file", "app/sub/file file"},
        Row{"sub//file", "app/sub/file file"}, Row{"sub/", "app/sub sub"}, Row{"sub///", "app/sub sub"},
        Row{"sub/../new", "app/new new"}, Row{"../new", "new new"}, Row{"../other/new", "other/new new"},
        Row{"out/new", "other/new new"}, Row{"..", "(tree) ."}, Row{"sub/..", "app ."}, Row{".", "app ."},
        Row{"sub/.", "app/sub ."},
        // The last component is not followed.
        Row{"out", "app/out out"}, Row{"dangling", "app/dangling dangling"}, Row{"loop", "app/loop loop"},
        Row{"", "app ."}}) {
    EXPECT_EQ(shown(find(path)), wanted) << path;
    EXPECT_EQ(shown(find_place(none_, *view_, AT_FDCWD, path)), wanted) << path << " in a container";
  }
}

TEST_F(Places, WhatIsInTheWayGivesTheKernelsError) {
  struct Row {
    const char* path;
    int error;
  };
  for (const auto& [path, error] : {Row{"nowhere/new", ENOENT}, Row{"sub/file/new", ENOTDIR}, Row{"loop/new", ELOOP},
                                    Row{"dangling/new", ENOENT}, Row{"away/cofferdam-none/new", ENOENT}}) {
    const Place place = find(path);
    EXPECT_FALSE(place.parent) << path;
    EXPECT_EQ(place.error, error) << path;
    EXPECT_EQ(place.path, path);
  }
}

TEST_F(Places, ADescriptorIsTheStart) {
  EXPECT_EQ(shown(find("app/new", kDescriptor)), "app/new new");
  EXPECT_EQ(shown(find("new", kDescriptor)), "new new");
  EXPECT_EQ(shown(find("../cofferdam-new", kDescriptor)),
            tree_.path().substr(0, tree_.path().rfind('/')) + "/cofferdam-new cofferdam-new");
  EXPECT_EQ(find("new", 4000).error, ENOENT);
  // An absolute path needs none.
  EXPECT_EQ(shown(find(tree_("app/new"), 4000)), "app/new new");
}

TEST_F(Places, AnAbsolutePathStartsAtTheRootOfTheInstance) {
  const auto inside = [&](const char* path) { return shown(find_place(inside_, *view_, AT_FDCWD, path)); };
  EXPECT_EQ(inside("/app/new"), "app/new new");
  EXPECT_EQ(inside("/new"), "new new");
  EXPECT_EQ(inside("/"), "(tree) .");
  EXPECT_EQ(inside("//"), "(tree) .");
  EXPECT_EQ(inside("/../../../new"), "new new");        // there is nothing above the root
  EXPECT_EQ(inside("/app/away/new"), "other/new new");  // the root of a link is the instance's too
  EXPECT_EQ(inside("/etc/passwd"), "errno " + std::to_string(ENOENT));
  EXPECT_EQ(shown(find("/new")), "/new new");
  EXPECT_EQ(shown(find("/")), "/ .");
}

TEST_F(Places, LinksOfTheProcessFileSystemLeadIntoTheInstanceOnly) {
  const std::string own = "/proc/" + std::to_string(child_->pid());
  for (const std::string& process : {std::string("/proc/self"), std::string("/proc/thread-self"), own,
                                     own + "/task/" + std::to_string(child_->pid())}) {
    EXPECT_EQ(shown(find(process + "/cwd/new")), "app/new new") << process;
    EXPECT_EQ(shown(find(process + "/cwd//sub/../new")), "app/new new") << process;
    EXPECT_EQ(shown(find(process + "/root" + tree_("app/new"))), "app/new new") << process;
  }
  // Other links, and names that are none of a process, stay closed.
  EXPECT_EQ(find(own + "/map_files/new/x").error, ENOENT);
  EXPECT_EQ(find(own + "/exe/new").error, ELOOP);
}

TEST(OtherProcesses, AreThoseWithAnotherNumber) {
  kernel::ThreadStatus status;
  status.inner_pid = 7;
  EXPECT_FALSE(passes_another_process("/proc/7/cwd/x", status));
  EXPECT_FALSE(passes_another_process("/proc/self/cwd/x", status));
  EXPECT_FALSE(passes_another_process("/tmp/proc/8/cwd", status));
  EXPECT_TRUE(passes_another_process("/proc/8/cwd/x", status));
}

TEST_F(Places, ThePinnedDirectoryIsIdentified) {
  const Place place = find("sub/file");
  const auto wanted = kernel::identify(AT_FDCWD, tree_("app/sub").c_str());
  ASSERT_TRUE(wanted.has_value());
  EXPECT_TRUE(place.parent_identity.same_file(*wanted));
  EXPECT_EQ(place.parent_identity.mount_id, wanted->mount_id);
  EXPECT_EQ(path_of(place.parent.get()), tree_("app/sub"));
  EXPECT_EQ(path_of(-1), "");
}

TEST_F(Places, AnObjectIsPinnedFollowedOrNot) {
  const kernel::ThreadStatus status = view_->status().value();
  const auto pinned = [&](const std::string& path, bool follow, int dirfd = AT_FDCWD) -> std::string {
    const kernel::Fd fd = pin_object(host_, *view_, status, dirfd, path, follow);
    return fd ? path_of(fd.get()) : "errno " + std::to_string(errno);
  };
  EXPECT_EQ(pinned("sub/file", true), tree_("app/sub/file"));
  EXPECT_EQ(pinned("out", true), tree_("other"));
  EXPECT_EQ(pinned("out", false), tree_("app/out"));
  EXPECT_EQ(pinned("dangling", false), tree_("app/dangling"));
  EXPECT_EQ(pinned("dangling", true), "errno " + std::to_string(ENOENT));
  EXPECT_EQ(pinned("loop", true), "errno " + std::to_string(ELOOP));
  EXPECT_EQ(pinned("", true, kDescriptor), tree_.path());  // AT_EMPTY_PATH
  // The caller's descriptor of that number, not ours.
  EXPECT_EQ(pinned("/proc/self/fd/" + std::to_string(kDescriptor), true), tree_.path());
  EXPECT_EQ(pinned("/dev/fd/" + std::to_string(kDescriptor), true), tree_.path());
}

}  // namespace
}  // namespace cofferdam::supervise
