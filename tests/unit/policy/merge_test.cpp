// What a policy and the policies that it extends make together.
#include <algorithm>
#include <chrono>
#include <map>

#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

class ExtendedPolicy : public PolicyFiles {};

const MountRule* mount_of(const Policy& policy, const std::string& path) {
  const auto found = std::ranges::find(policy.storage.mounts, path, &MountRule::path);
  return found == policy.storage.mounts.end() ? nullptr : &*found;
}

TEST_F(ExtendedPolicy, ExtendsNoneStartsEmpty) {
  const Policy policy = policy_of("version: 1\nextends: none\n");
  EXPECT_TRUE(policy.storage.mounts.empty());
  EXPECT_TRUE(policy.database.all_engines);
  EXPECT_TRUE(policy.environment.set.empty());
  EXPECT_EQ(policy.run.stop_signal, "SIGTERM");
  EXPECT_FALSE(policy.access.remote_login) << "what is not said is denied";
  EXPECT_FALSE(policy.access.debug);
}

TEST_F(ExtendedPolicy, MergesAccessByKeyAndAppendsDevices) {
  write("base.yaml", "version: 1\nextends: none\naccess: {remote_login: allow, debug: allow}\ndevices: [/dev/dri]\n");
  const Policy policy =
      policy_of("version: 1\nextends: ./base.yaml\naccess: {debug: deny}\ndevices: [/dev/dri/, /dev/kvm]\n");
  EXPECT_TRUE(policy.access.remote_login);
  EXPECT_FALSE(policy.access.debug);
  EXPECT_EQ(policy.access.origin.file, "p.yaml");
  ASSERT_EQ(policy.devices.size(), 2U);
  EXPECT_EQ(policy.devices[1].path, "/dev/kvm");
}

TEST_F(ExtendedPolicy, ExtendsTwelveFactorWhenItSaysNothing) {
  const Policy policy = policy_of("version: 1\n");
  ASSERT_NE(mount_of(policy, "/tmp"), nullptr);
  EXPECT_TRUE(mount_of(policy, "/tmp")->optional);
  EXPECT_EQ(mount_of(policy, "/tmp")->origin.file, "twelve-factor (built in)");
}

TEST_F(ExtendedPolicy, MergesMountsByPath) {
  const Policy policy = policy_of(
      "version: 1\nstorage:\n  mounts:\n    - {path: /tmp, size: 1GiB}\n    - {path: ., type: read-only}\n"
      "    - {path: ~/.ssh/, type: read-only}\n    - {path: /new, type: tmpfs}\n");
  const MountRule* tmp = mount_of(policy, "/tmp");
  ASSERT_NE(tmp, nullptr);
  EXPECT_EQ(tmp->type, MountType::tmpfs);
  EXPECT_EQ(tmp->size, 1ULL << 30);
  EXPECT_FALSE(tmp->optional);
  EXPECT_EQ(tmp->origin.line, 4);
  const MountRule* project = mount_of(policy, root_);
  EXPECT_EQ(project->type, MountType::read_only);
  EXPECT_FALSE(project->watch) << "of the overlay that it no longer is";
  EXPECT_EQ(project->size, 0U);
  EXPECT_EQ(mount_of(policy, "/home/ada/.ssh")->type, MountType::read_only);
  EXPECT_EQ(policy.storage.mounts.back().path, "/new");
  EXPECT_EQ(std::ranges::count(policy.storage.mounts, "/tmp", &MountRule::path), 1);
}

TEST_F(ExtendedPolicy, ChecksAMergedMountAgainstItsInheritedType) {
  EXPECT_EQ(mistakes_of("version: 1\nstorage: {mounts: [{path: /tmp, watch: true}]}\n"), Places{"2:40 CD903"});
}

TEST_F(ExtendedPolicy, MergesMapsByKeyAndAppendsLists) {
  write("base.yaml",
        "version: 1\nextends: none\nmode: container\nenvironment: {set: {A: a, B: b}, drop: [C, D], require: [X]}\n"
        "database: {engines: all, ports: [1000], allow: [env:A]}\nlogs: {sinks: [{type: console}]}\n"
        "run: {stop_signal: INT, stop_grace: 1s, replicas: 2, restart: always}\n");
  const Policy policy = policy_of(
      "version: 1\nextends: ./base.yaml\nenvironment: {set: {B: bb, C: c}, drop: [A], require: [X, Y]}\n"
      "database: {engines: [redis], ports: [2000], allow: [env:B, env:A]}\nlogs: {sinks: [{type: console}]}\n"
      "run: {stop_grace: 2s, replicas: 3, readiness: {port: 80}}\n");
  EXPECT_EQ(policy.mode, Mode::container);
  EXPECT_EQ(policy.environment.set, (std::map<std::string, std::string>{{"B", "bb"}, {"C", "c"}}));
  EXPECT_EQ(policy.environment.drop, (std::vector<std::string>{"D", "A"}));
  EXPECT_EQ(policy.environment.require, (std::vector<std::string>{"X", "Y"}));
  EXPECT_FALSE(policy.database.all_engines);
  EXPECT_EQ(policy.database.engines, std::vector<std::string>{"redis"});
  EXPECT_EQ(policy.database.ports, (std::vector<std::uint16_t>{1000, 2000}));
  ASSERT_EQ(policy.database.allow.size(), 2U);
  EXPECT_EQ(policy.database.allow[0].origin.file, root_ + "/base.yaml");
  EXPECT_EQ(policy.logs.sinks.size(), 1U);
  EXPECT_EQ(policy.run.stop_signal, "SIGINT");
  EXPECT_EQ(policy.run.stop_grace, std::chrono::seconds(2));
  EXPECT_EQ(policy.run.replicas, 3U);
  EXPECT_EQ(policy.run.restart, Restart::always);
  ASSERT_TRUE(policy.run.readiness);
  EXPECT_EQ(policy.run.readiness->port, 80);
  EXPECT_EQ(policy.run.readiness->timeout, std::chrono::seconds(30));
}

TEST_F(ExtendedPolicy, NetworkIsMergedAsTheRest) {
  write("base.yaml", "version: 1\nextends: none\nnetwork: {egress: deny, allow: [\"api:443\", \"10.0.0.0/8\"]}\n");
  const Policy more = policy_of("version: 1\nextends: ./base.yaml\nnetwork:\n  allow: [\"api:443\", www]\n");
  EXPECT_TRUE(more.network.deny);
  ASSERT_EQ(more.network.allow.size(), 3U);
  EXPECT_EQ(more.network.allow[2].to.host, "www");
  EXPECT_EQ(more.network.origin.line, 4);
  EXPECT_FALSE(policy_of("version: 1\nextends: ./base.yaml\nnetwork: {egress: allow}\n").network.deny);
  EXPECT_FALSE(policy_of("version: 1\nextends: none\n").network.deny);
}

TEST_F(ExtendedPolicy, ResolvesPathsFromTheFileThatWritesThem) {
  write("shared/base.yaml", "version: 1\nextends: none\nstorage: {mounts: [{path: ./a, type: tmpfs}]}\n");
  write("app/p.yaml", "version: 1\nextends: ../shared/base.yaml\nstorage: {mounts: [{path: ./b, type: tmpfs}]}\n");
  const auto loaded = load("app/p.yaml");
  ASSERT_TRUE(loaded);
  EXPECT_NE(mount_of(loaded->policy, root_ + "/shared/a"), nullptr);
  EXPECT_NE(mount_of(loaded->policy, root_ + "/app/b"), nullptr);
}

TEST_F(ExtendedPolicy, RefusesCyclesAndLongChains) {
  write("q.yaml", "version: 1\nextends: ./p.yaml\n");
  const auto cycle = load_text("version: 1\nextends: ./q.yaml\n");
  ASSERT_FALSE(cycle);
  EXPECT_EQ(cycle.error().front().where.file, root_ + "/q.yaml");
  EXPECT_EQ(cycle.error().front().where.line, 2);
  EXPECT_EQ(cycle.error().front().where.column, 10);
  EXPECT_EQ(cycle.error().front().code, "CD909");
  EXPECT_EQ(mistakes_of("version: 1\nextends: ././p.yaml\n"), Places{"2:10 CD909"});

  for (int i = 0; i < 9; ++i) {
    write(std::to_string(i) + ".yaml",
          "version: 1\nextends: " + (i == 0 ? "none" : "./" + std::to_string(i - 1) + ".yaml") + "\n");
  }
  EXPECT_TRUE(load("8.yaml"));
  EXPECT_EQ(mistakes_of("version: 1\nextends: ./8.yaml\n"), Places{"2:10 CD909"});
}

TEST_F(ExtendedPolicy, ReportsTheMistakesOfWhatItExtends) {
  write("base.yaml", "version: 1\nmode: x\n");
  const auto loaded = load_text("version: 1\nextends: base.yaml\nmode: y\n");
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 2U);
  EXPECT_EQ(loaded.error()[0].where.file, "p.yaml");
  EXPECT_EQ(loaded.error()[1].where.file, root_ + "/base.yaml");
}

TEST_F(ExtendedPolicy, SaysWhatCannotBeExtended) {
  EXPECT_EQ(printed("version: 1\nextends: djago\n").substr(0, 63),
            "p.yaml:2:10: error: there is no shipped policy 'djago' [CD909]\n");
  EXPECT_NE(printed("version: 1\nextends: djago\n").find("did you mean 'django'?"), std::string::npos);
  EXPECT_EQ(mistakes_of("version: 1\nextends: ./missing.yaml\n"), Places{"2:10 CD909"});
  EXPECT_EQ(mistakes_of("version: 1\nextends: [a, b]\n"), Places{"2:10 CD903"});
  EXPECT_EQ(mistakes_of("version: 1\nextends: \"\"\n"), Places{"2:10 CD903"});
}

}  // namespace
}  // namespace cofferdam
