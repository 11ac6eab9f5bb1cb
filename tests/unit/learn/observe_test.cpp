#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/everywhere.hpp"
#include "learn/naming.hpp"
#include "learn/write_observer.hpp"

namespace cofferdam::learn {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::UnorderedElementsAre;

MountRule mount(const std::string& path, MountType type) {
  MountRule rule;
  rule.path = path;
  rule.type = type;
  return rule;
}

class WriteObserverTest : public testing::Test {
 protected:
  WriteObserverTest() {
    storage.mounts = {mount("/srv/shop", MountType::overlay), mount("/home/ann/.ssh", MountType::hidden)};
    storage.audit_ignore = {"**/__pycache__/**"};
  }

  void write(const std::string& call, const std::string& path, const std::string& to = "",
             WriteOutcome outcome = WriteOutcome::landed) {
    Event event;
    const auto process = std::make_shared<ProcessInfo>(ProcessInfo{1, "/usr/bin/app", {"app"}, {"app"}});
    event.body = WriteEvent{call, path, to, outcome, "", 0, process};
    observer.on_event(event);
  }

  Storage storage;
  WriteObserver observer{storage};
};

TEST_F(WriteObserverTest, SeesWhatLandsOutsideOfTheMounts) {
  write("openat", "/srv/shop/media/a");
  write("openat", "/var/lib/shop/__pycache__/a.pyc");
  write("openat", "/dev/null");
  write("openat", "/var/lib/refused/a", "", WriteOutcome::refused);
  write("openat", "/var/lib/shop/a");
  write("openat", "/var/lib/shop/b");
  write("rename", "/srv/shop/x", "/opt/x");
  EXPECT_THAT(observer.writes(),
              UnorderedElementsAre(Field(&Written::path, "/var/lib/shop/a"), Field(&Written::path, "/opt/x")));
}

TEST_F(WriteObserverTest, WhatEachRunMakesUpIsOnePlace) {
  for (int i = 0; i < 1000; ++i) write("mkdir", "/var/lib/shop/" + std::to_string(i) + "/sub");
  EXPECT_EQ(observer.writes().size(), 1U);
  EXPECT_FALSE(observer.has_missed_some());
}

TEST_F(WriteObserverTest, AnObjectsOwnChangeIsItsOwnPlace) {
  write("openat", "/var/lib/shop/data");
  write("fchmodat", "/var/lib/shop/data");
  EXPECT_EQ(observer.writes().size(), 2U);
}

TEST_F(WriteObserverTest, MemoryIsBounded) {
  for (std::size_t i = 0; i < WriteObserver::kMostPlaces + 10; ++i) write("mkdir", "/var/d" + std::to_string(i) + "/x");
  EXPECT_EQ(observer.writes().size(), WriteObserver::kMostPlaces);
  EXPECT_TRUE(observer.has_missed_some());
}

TEST(Everywhere, IsWhatHasNoRowAndIsNobodyElses) {
  Policy policy;
  policy.storage.mounts = {mount("/home/ann", MountType::overlay), mount("/opt", MountType::overlay)};
  const std::vector<std::string> top = {"/etc", "/home", "/opt", "/proc", "/run", "/tmp", "/var"};
  std::vector<kernel::MountEntry> mounts(6);
  mounts[0].mount_point = "/";
  mounts[1].mount_point = "/data";
  mounts[2].mount_point = "/var/lib/docker/overlay2/x/merged";
  mounts[3].mount_point = "/proc/sys/fs/binfmt_misc";
  mounts[4].mount_point = "/home/ann/net";
  mounts[5].mount_point = "/cdrom";
  mounts[5].read_only = true;
  EXPECT_THAT(everywhere(policy, top, mounts), ElementsAre("/data", "/etc", "/home", "/var"));
}

TEST(AsPolicyText, IsARowEach) {
  EXPECT_EQ(as_policy_text(std::vector<std::string>{"/var"}),
            "storage:\n  mounts:\n    - {path: \"/var\", type: overlay, optional: true}\n");
  EXPECT_EQ(as_policy_text({}), "");
}

TEST(HostsIn, AreThoseOfUrlsAndOfHostVariables) {
  EXPECT_THAT(hosts_in({{"DATABASE_URL", "postgres://u:p@db.internal/x"},
                        {"DB_HOST", "other.internal"},
                        {"REDIS_URL", "redis://10.0.0.1:6379"},
                        {"API_URL", "https://api.example.com/v1"},
                        {"VHOST", "not a host"},
                        {"SECRET", "db.secret.internal"}}),
              ElementsAre("api.example.com", "db.internal", "other.internal"));
}

TEST(EndpointOf, ReadsWhatEventsWrite) {
  EXPECT_TRUE(std::holds_alternative<plan::UnixPathEndpoint>(endpoint_of("unix:/run/x")));
  EXPECT_TRUE(std::holds_alternative<plan::UnixAbstractEndpoint>(endpoint_of("unix:@x")));
  EXPECT_EQ(plan::to_string(endpoint_of("[::1]:5432")), "[::1]:5432");
  EXPECT_TRUE(std::holds_alternative<plan::OtherEndpoint>(endpoint_of("family 16")));
}

}  // namespace
}  // namespace cofferdam::learn
