#include "plan/host.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/fd.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::plan {
namespace {

using testing::ElementsAre;

class Users : public testing::Test {
 protected:
  [[nodiscard]] std::optional<UserEntry> find(const std::string& who) const { return find_user(who, passwd_); }
  [[nodiscard]] std::vector<gid_t> groups(const std::string& who) const { return groups_of(find(who).value(), group_); }

  test::TemporaryDirectory directory_;
  std::string passwd_ = directory_.write("passwd",
                                         "root:x:0:0:root:/root:/bin/bash\n"
                                         "# a comment\n"
                                         "short:x:5:5\n"
                                         "\n"
                                         "ada:x:1000:1001:Ada, Countess:/home/ada:/bin/zsh\n"
                                         "1000x:x:1002:1002::/home/x:\n"
                                         "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin");
  std::string group_ = directory_.write("group",
                                        "root:x:0:\nstaff:x:50:ada,root\nada:x:1001:ada\ndocker:x:999:bob,ada\n"
                                        "adas:x:60:adas\nshort:x:70\nagain:x:50:ada\n");
};

TEST_F(Users, AreFoundByNameOrNumber) {
  for (const char* who : {"ada", "1000"}) {
    const auto user = find(who);
    ASSERT_TRUE(user.has_value()) << who;
    EXPECT_EQ(user->name, "ada");
    EXPECT_EQ(user->uid, 1000U);
    EXPECT_EQ(user->gid, 1001U);
    EXPECT_EQ(user->home, "/home/ada");
    EXPECT_EQ(user->shell, "/bin/zsh");
  }
  EXPECT_EQ(find("0")->name, "root");
  EXPECT_EQ(find("1000x")->uid, 1002U);
  EXPECT_EQ(find("nobody")->shell, "/usr/sbin/nologin");  // the last line has no end
}

TEST_F(Users, WhoIsNotThereIsNobody) {
  for (const char* who : {"", "bob", "1003", "ad", "short", "# a comment", "x", "01000"})
    EXPECT_FALSE(find(who)) << who;
  EXPECT_FALSE(find_user("root", directory_("none")));
}

TEST_F(Users, GroupsAreThePrimaryOneAndThoseThatNameTheUser) {
  EXPECT_THAT(groups("ada"), ElementsAre(1001, 50, 999));
  EXPECT_THAT(groups("root"), ElementsAre(0, 50));
  EXPECT_THAT(groups("nobody"), ElementsAre(65534));
  EXPECT_THAT(groups_of(find("ada").value(), directory_("none")), ElementsAre(1001));
}

TEST(HostFacts, AreThoseOfThisProcess) {
  const auto facts = read_host_facts({});
  ASSERT_TRUE(facts.has_value()) << facts.error().message;
  EXPECT_EQ(facts->uid, ::geteuid());
  EXPECT_EQ(facts->gid, ::getegid());
  EXPECT_EQ(facts->is_pid_1, ::getpid() == 1);
  EXPECT_GE(facts->landlock_abi, 0);
  const auto root = kernel::identify(AT_FDCWD, "/");
  ASSERT_TRUE(root.has_value());
  EXPECT_TRUE(std::ranges::any_of(facts->mounts, [&](const auto& entry) { return entry.id == root->mount_id; }));
}

}  // namespace
}  // namespace cofferdam::plan
