#include "kernel/procfs.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <thread>

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::kernel {
namespace {

using testing::Contains;
using testing::ElementsAre;

std::uint64_t address(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

ThreadView view_of(pid_t pid) {
  return ThreadView::open(pid).value();
}

// Two pages, the second of which can't be read. It stays mapped, so that nothing else takes its place.
class LastPage {
 public:
  LastPage()
      : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
        memory_(static_cast<char*>(
            ::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    EXPECT_NE(memory_, MAP_FAILED);
    EXPECT_EQ(::mprotect(memory_ + page_, page_, PROT_NONE), 0);
    std::memset(memory_, 'a', page_);
  }
  ~LastPage() { (void)::munmap(memory_, 2 * page_); }
  LastPage(const LastPage&) = delete;
  LastPage& operator=(const LastPage&) = delete;

  // The text, with its NUL when it has one, right before the end.
  [[nodiscard]] std::uint64_t at_end(std::string_view text) const {
    char* const at = memory_ + page_ - text.size();
    std::memcpy(at, text.data(), text.size());
    return address(at);
  }

 private:
  std::size_t page_;
  char* memory_;
};

TEST(ReadPath, EndsAtItsNul) {
  const ThreadView self = view_of(::getpid());
  EXPECT_EQ(self.read_path(address("/etc/passwd")).value(), "/etc/passwd");
  EXPECT_EQ(self.read_path(address("")).value(), "");
  EXPECT_EQ(self.read_path(address("a\0b")).value(), "a");
}

TEST(ReadPath, MayEndRightBeforeAHole) {
  const LastPage memory;
  const ThreadView self = view_of(::getpid());
  EXPECT_EQ(self.read_path(memory.at_end(std::string_view("/tmp/x\0", 7))).value(), "/tmp/x");
  EXPECT_EQ(self.read_path(memory.at_end(std::string_view("\0", 1))).value(), "");
  const auto open_end = self.read_path(memory.at_end("/tmp/x"));
  ASSERT_FALSE(open_end.has_value());
  EXPECT_EQ(open_end.error().errnum, EFAULT);
}

TEST(ReadPath, CrossesPages) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<char> memory(3 * page, 'x');
  const std::uint64_t start = (address(memory.data()) + page) / page * page;  // the first boundary in it
  char* const boundary = memory.data() + (start - address(memory.data()));
  std::memcpy(boundary - 3, "/a/b/c", 7);
  EXPECT_EQ(view_of(::getpid()).read_path(start - 3).value(), "/a/b/c");
}

TEST(ReadPath, IsAsLongAsTheKernelsAndNoLonger) {
  const ThreadView self = view_of(::getpid());
  std::string path(PATH_MAX - 1, 'p');
  EXPECT_EQ(self.read_path(address(path.c_str())).value(), path);
  path += 'p';
  const auto too_long = self.read_path(address(path.c_str()));
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().errnum, ENAMETOOLONG);
}

TEST(ReadPath, ABadPointerIsAFault) {
  const ThreadView self = view_of(::getpid());
  for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{16}, std::uint64_t{0x7ffffffff000},
                                  std::uint64_t{0xffff800000000000}, ~std::uint64_t{0}}) {
    const auto path = self.read_path(bad);
    ASSERT_FALSE(path.has_value()) << std::hex << bad;
    EXPECT_EQ(path.error().errnum, EFAULT) << std::hex << bad;
  }
}

TEST(ReadMemory, IsShortAtAHole) {
  const LastPage memory;
  const ThreadView self = view_of(::getpid());
  std::array<std::byte, 64> into{};
  EXPECT_EQ(self.read_memory(memory.at_end("0123456789"), into), 10);
  EXPECT_EQ(std::memcmp(into.data(), "0123456789", 10), 0);
  EXPECT_EQ(self.read_memory(memory.at_end(""), into), -EFAULT);
}

// A child with memory, descriptors and a directory that this process does not have.
class ViewOfAChild : public testing::Test {
 protected:
  static constexpr int kDescriptor = 77;

  ViewOfAChild() : ready_(make_pipe().value()) {
    child_.emplace([this] {
      std::strncpy(word_.data(), "/of/the/child", word_.size() - 1);
      const int directory = ::open(directory_.path().c_str(), O_PATH | O_DIRECTORY);
      if (::dup2(directory, kDescriptor) < 0 || ::chdir(directory_.path().c_str()) != 0) return 1;
      (void)!::write(ready_.write.get(), "x", 1);
      return ::pause();
    });
    char byte = 0;
    EXPECT_EQ(::read(ready_.read.get(), &byte, 1), 1);
    view_ = ThreadView::open(child_->pid());
    EXPECT_TRUE(view_.has_value());
  }

  test::TemporaryDirectory directory_;
  std::array<char, 32> word_{};
  Pipe ready_;
  std::optional<test::ChildProcess> child_;
  std::optional<ThreadView> view_;
};

TEST_F(ViewOfAChild, ReadsItsMemoryAndNotOurs) {
  EXPECT_EQ(view_->read_path(address(word_.data())).value(), "/of/the/child");
  EXPECT_EQ(view_of(::getpid()).read_path(address(word_.data())).value(), "");
}

TEST_F(ViewOfAChild, ForkKeepsTheImage) {
  EXPECT_EQ(view_->auxiliary_vector().value(), view_of(::getpid()).auxiliary_vector().value());
  EXPECT_TRUE(view_->executable_identity()->same_file(view_of(::getpid()).executable_identity().value()));
}

TEST_F(ViewOfAChild, Status) {
  const ThreadStatus status = view_->status().value();
  EXPECT_EQ(status.tgid, child_->pid());
  EXPECT_EQ(status.ppid, ::getpid());
  EXPECT_EQ(status.euid, ::geteuid());
  EXPECT_EQ(status.fsuid, ::geteuid());
  EXPECT_EQ(status.egid, ::getegid());
  EXPECT_EQ(status.fsgid, ::getegid());
  EXPECT_EQ(status.inner_pid, child_->pid());
}

TEST_F(ViewOfAChild, PinsItsPlaces) {
  const FileIdentity wanted = identify(AT_FDCWD, directory_.path().c_str()).value();
  for (const Fd& fd : {view_->pin_working_directory(), view_->pin_descriptor(kDescriptor)}) {
    ASSERT_TRUE(fd);
    EXPECT_TRUE(identify(fd.get(), "")->same_file(wanted));
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  }
  EXPECT_TRUE(identify(view_->pin_root().get(), "")->same_file(identify(AT_FDCWD, "/").value()));
  EXPECT_EQ(view_->descriptor_link(kDescriptor).value(), directory_.path());
  EXPECT_FALSE(view_->pin_descriptor(4000));
  EXPECT_EQ(view_->descriptor_link(4000).error().errnum, ENOENT);
}

TEST_F(ViewOfAChild, StaysBoundToAProcessThatIsGone) {
  ASSERT_EQ(::kill(child_->pid(), SIGKILL), 0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child_->pid()), &info, WEXITED | WNOWAIT), 0);
  // A zombie has no memory: no identity, and no path.
  EXPECT_FALSE(view_->auxiliary_vector().has_value());
  EXPECT_FALSE(view_->executable_identity().has_value());
  EXPECT_FALSE(view_->read_path(address(word_.data())).has_value());
  (void)child_->wait();
  EXPECT_FALSE(view_->status().has_value());
  EXPECT_FALSE(view_->arguments().has_value());
  EXPECT_FALSE(view_->pin_working_directory());
  EXPECT_FALSE(ThreadView::open(view_->tid()).has_value());
}

TEST_F(ViewOfAChild, IsADescendantAtAQuickLook) {
  const auto found = quick_descendants_of(::getpid());
  if (!found) GTEST_SKIP() << "this kernel has no /proc/PID/task/TID/children";
  EXPECT_THAT(*found, testing::Contains(child_->pid()));
  EXPECT_GT(private_memory(child_->pid()), 0U);
  EXPECT_EQ(private_memory(1 << 22), 0U);
}

TEST_F(ViewOfAChild, IsADescendant) {
  EXPECT_THAT(descendants_of(::getpid()), Contains(child_->pid()));
  EXPECT_THAT(descendants_of(child_->pid()), testing::IsEmpty());
  EXPECT_THAT(descendants_of(::getpid()), testing::Not(Contains(::getpid())));
}

TEST(ThreadView, TheAuxiliaryVectorIsTheImages) {
  const AuxiliaryVector vector = view_of(::getpid()).auxiliary_vector().value();
  EXPECT_EQ(vector.random, ::getauxval(AT_RANDOM));
  EXPECT_EQ(vector.base, ::getauxval(AT_BASE));
  EXPECT_EQ(vector.entry, ::getauxval(AT_ENTRY));
  EXPECT_EQ(vector.sysinfo_ehdr, ::getauxval(AT_SYSINFO_EHDR));
  EXPECT_NE(vector.random, 0U);
}

TEST(ThreadView, AnotherImageHasAnother) {
  Pipe in = make_pipe().value();
  Pipe out = make_pipe().value();
  const test::ChildProcess child([&] {
    (void)::dup2(in.read.get(), 0);
    (void)::dup2(out.write.get(), 1);
    char* const environment[] = {const_cast<char*>("ONE=1"), const_cast<char*>("EMPTY="), nullptr};
    ::execle("/bin/sh", "sh", "-c", "echo; read x", "", "two words", nullptr, environment);
    return 127;
  });
  char byte = 0;
  ASSERT_EQ(::read(out.read.get(), &byte, 1), 1);
  const ThreadView view = view_of(child.pid());
  EXPECT_NE(view.auxiliary_vector()->random, view_of(::getpid()).auxiliary_vector()->random);
  EXPECT_TRUE(view.executable_identity()->same_file(identify(AT_FDCWD, "/bin/sh").value()));
  EXPECT_THAT(view.executable_path().value(), testing::EndsWith("sh"));
  EXPECT_THAT(view.arguments().value(), ElementsAre("sh", "-c", "echo; read x", "", "two words"));
  EXPECT_THAT(view.environment().value(), ElementsAre("ONE=1", "EMPTY="));
  EXPECT_THAT(view.arguments(4).value(), ElementsAre("sh", "-"));  // cut at the limit
}

TEST(ThreadView, AThreadIsOfItsProcess) {
  Pipe ready = make_pipe().value();
  Pipe end = make_pipe().value();
  std::thread thread([&] {
    const auto tid = static_cast<pid_t>(::syscall(SYS_gettid));
    (void)!::write(ready.write.get(), &tid, sizeof tid);
    char byte = 0;
    (void)!::read(end.read.get(), &byte, 1);
  });
  pid_t tid = 0;
  EXPECT_EQ(::read(ready.read.get(), &tid, sizeof tid), static_cast<ssize_t>(sizeof tid));
  const auto view = ThreadView::open(tid);
  EXPECT_TRUE(view.has_value());
  if (view) {
    EXPECT_EQ(view->status()->tgid, ::getpid());
    EXPECT_EQ(view->tid(), tid);
  }
  end.write.reset();
  thread.join();
}

// A parent in vfork(2) sleeps as a notified call does: only a fatal signal wakes it, others wait.
TEST(ThreadView, ASignalWaitsForAThreadThatSleepsThroughIt) {
  for (const bool blocked : {false, true}) {
    const test::ChildProcess child([&] {
      struct sigaction action{};
      action.sa_handler = [](int) {};
      ::sigaction(SIGUSR1, &action, nullptr);
      sigset_t set;
      ::sigemptyset(&set);
      ::sigaddset(&set, SIGUSR2);
      if (blocked) ::sigaddset(&set, SIGUSR1);
      ::sigprocmask(SIG_SETMASK, &set, nullptr);
      ::kill(::getpid(), SIGUSR2);  // always blocked: the sign that we are ready
      if (::syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) ::pause();
      }
      return 0;
    });
    const ThreadView view = view_of(child.pid());
    const auto state = [&] { return read_file_at(view.directory(), "stat", 4096).value_or(""); };
    ASSERT_TRUE(test::eventually([&] { return state().find(") D ") != std::string::npos; }));
    EXPECT_FALSE(view.has_signal());
    ASSERT_EQ(::kill(child.pid(), SIGUSR1), 0);
    EXPECT_EQ(view.has_signal(), !blocked);
  }
}

TEST(ThreadView, NamesOfDescriptors) {
  const ThreadView self = view_of(::getpid());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct stat status{};
  ASSERT_EQ(::fstat(socket.get(), &status), 0);
  EXPECT_EQ(socket_inode(self.descriptor_link(socket.get()).value()), status.st_ino);
  const Pipe pipe = make_pipe().value();
  EXPECT_THAT(self.descriptor_link(pipe.read.get()).value(), testing::StartsWith("pipe:["));
}

TEST(SocketInode, IsReadFromTheLinkOnly) {
  EXPECT_EQ(socket_inode("socket:[123]"), 123U);
  EXPECT_EQ(socket_inode("socket:[18446744073709551615]"), ~std::uint64_t{0});
  for (const char* link : {"", "socket:[]", "socket:[x]", "socket:[12", "socket:[12x]", "socket:[-1]", "pipe:[12]",
                           "/tmp/socket:[1]", "socket:[18446744073709551616]"}) {
    EXPECT_FALSE(socket_inode(link).has_value()) << link;
  }
}

}  // namespace
}  // namespace cofferdam::kernel
