#include "supervise/held_sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "support/child_process.hpp"

namespace cofferdam::supervise {
namespace {

int wait_for_the_end() {
  for (;;) ::pause();
}

// A socket as the broker makes it, before anybody else has it.
class Made {
 public:
  explicit Made(int type) : socket_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    inode_ = kernel::identify(socket_.get(), "").value().inode;
  }
  [[nodiscard]] std::uint64_t inode() const { return inode_; }
  [[nodiscard]] int number() const { return socket_.get(); }
  void hand_to(HeldSockets& held, SocketUser user) {
    held.keep(inode_, std::move(socket_), user);
    held.watch_closely(inode_);
  }

 private:
  kernel::Fd socket_;
  std::uint64_t inode_ = 0;
};

TEST(HeldSockets, StaysWhileItsMakerHasItUnderAnyNumber) {
  Made made(SOCK_DGRAM);
  const int number = made.number();
  std::optional<test::ChildProcess> maker(std::in_place, [&] {
    ::dup2(number, 77);
    ::close(number);
    return wait_for_the_end();
  });
  ASSERT_TRUE(test::eventually([&] { return SocketUser{maker->pid(), maker->pid(), 77}.has(made.inode()); }));
  HeldSockets held;
  made.hand_to(held, {maker->pid(), maker->pid(), number});
  held.free_ports();
  EXPECT_EQ(held.size(), 1U);
  EXPECT_TRUE(held.copy(made.inode(), {maker->pid(), maker->pid(), 77}));
  maker.reset();
  held.free_ports();
  EXPECT_EQ(held.size(), 0U);
}

TEST(HeldSockets, AStreamIsLookedForInOtherProcesses) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    Made made(type);
    const test::ChildProcess other(wait_for_the_end);
    const int number = made.number();
    const test::ChildProcess maker([&] {
      ::close(number);
      return wait_for_the_end();
    });
    const SocketUser user{maker.pid(), maker.pid(), number};
    ASSERT_TRUE(test::eventually([&] { return !user.has(made.inode()); }));
    HeldSockets held;
    made.hand_to(held, user);
    held.free_ports();
    EXPECT_EQ(held.size(), type == SOCK_STREAM ? 1U : 0U);
  }
}

TEST(HeldSockets, AConnectedOneIsRememberedAndNotHeld) {
  HeldSockets held;
  Made told(SOCK_STREAM);
  Made untold(SOCK_STREAM);
  told.hand_to(held, {::getpid(), ::getpid()});
  untold.hand_to(held, {::getpid(), ::getpid()});
  EXPECT_EQ(held.connected_answer(told.inode()), std::nullopt);
  held.release_connected(told.inode(), true);
  held.release_connected(untold.inode(), false);
  EXPECT_EQ(held.size(), 0U);
  EXPECT_EQ(held.connected_answer(told.inode()), EISCONN);
  EXPECT_EQ(held.connected_answer(untold.inode()), 0);
  EXPECT_EQ(held.connected_answer(untold.inode()), EISCONN);
  EXPECT_FALSE(held.copy(told.inode(), {::getpid(), ::getpid(), 1}));
}

TEST(HeldSockets, LooksMoreOftenAtWhatOthersWaitFor) {
  HeldSockets held;
  EXPECT_EQ(held.next_look().count(), -1);
  Made made(SOCK_STREAM);
  const std::uint64_t inode = made.inode();
  made.hand_to(held, {::getpid(), ::getpid()});
  EXPECT_EQ(held.next_look().count(), 50);
  held.release(inode);
  EXPECT_EQ(held.next_look().count(), -1);
}

}  // namespace
}  // namespace cofferdam::supervise
