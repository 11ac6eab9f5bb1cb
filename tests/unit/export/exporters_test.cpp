// A policy in the words of the engines, and what is said to be missing.
#include "export/exporters.hpp"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "export/words.hpp"
#include "unit/policy/policy_files.hpp"

namespace cofferdam::exporting {
namespace {

class Exporters : public PolicyFiles {
 protected:
  [[nodiscard]] Container container_of_text(const std::string& yaml) {
    policy_ = policy_of("version: 1\nextends: none\n" + yaml);
    return container_of(policy_, wishes_);
  }
  static bool misses(const Exported& exported, const std::string& key) {
    return std::ranges::any_of(exported.missing, [&](const Missing& each) { return each.key == key; });
  }

  Policy policy_;
  Wishes wishes_{.image = "shop:1",
                 .name = "web",
                 .working_directory = "/app",
                 .project = {},
                 .home = "/home/u",
                 .ports = {8000},
                 .command = {"serve", "it's"},
                 .runtime = {}};
};

TEST_F(Exporters, Words) {
  EXPECT_EQ(shell_word("plain-1.0"), "plain-1.0");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("it's $x"), "'it'\\''s $x'");
  EXPECT_EQ(thousandths(1500), "1.5");
  EXPECT_EQ(thousandths(2000), "2");
  EXPECT_EQ(thousandths(50), "0.05");
  EXPECT_EQ(bytes_text(64 << 20), "64m");
  EXPECT_EQ(bytes_text(3 << 10), "3k");
  EXPECT_EQ(bytes_text(1000), "1000");
  EXPECT_EQ(dollars_doubled("a$b"), "a$$b");
}

TEST_F(Exporters, ProjectBecomesTheImagesDirectory) {
  wishes_.project = "/work/shop";
  const Container container = container_of_text(
      "storage: {mounts: [{path: /work/shop, type: overlay}, {path: /work/shop/media, type: tmpfs, size: 1MiB},\n"
      "  {path: /home/u/.npm, type: tmpfs}, {path: /work/shop/db, type: persistent}, {path: /tmp, type: tmpfs}]}\n");
  ASSERT_EQ(container.scratch.size(), 2U);
  EXPECT_EQ(container.scratch[0].path, "/app/media");
  EXPECT_EQ(container.scratch[0].size, 1U << 20);
  EXPECT_EQ(container.scratch[1].path, "/tmp");
  EXPECT_EQ(container.kept, std::vector<std::string>{"/app/db"});
}

TEST_F(Exporters, Docker) {
  const Exported exported =
      to_docker(container_of_text("limits: {memory: 1GiB, cpu: 0.5, processes: 9, open_files: 99}\n"
                                  "environment: {set: {A: \"b c\"}, require: [B]}\n"
                                  "run: {stop_signal: SIGQUIT, stop_grace: 1500ms, replicas: 2}\n"),
                wishes_);
  for (const char* line :
       {"--read-only \\", "--cap-drop ALL \\", "--memory 1073741824 \\", "--cpus 0.5 \\", "--pids-limit 9 \\",
        "--ulimit nofile=99 \\", "--env 'A=b c' \\", "--env B \\", "--publish 8000:8000 \\", "--stop-signal SIGQUIT \\",
        "--stop-timeout 2 \\", "shop:1 serve 'it'\\''s'\n"}) {
    EXPECT_NE(exported.text.find(line), std::string::npos) << line << "\n" << exported.text;
  }
  EXPECT_TRUE(misses(exported, "run.replicas"));
  EXPECT_TRUE(misses(exported, "database"));
}

TEST_F(Exporters, WithTheRuntimeLittleIsMissing) {
  wishes_.runtime = "cofferdam";
  const Exported exported = to_compose(container_of_text("network: {egress: deny}\nstorage: {mounts: []}\n"), wishes_);
  EXPECT_TRUE(exported.missing.empty());
  EXPECT_EQ(YAML::Load(exported.text)["services"]["web"]["runtime"].as<std::string>(), "cofferdam");
}

TEST_F(Exporters, Compose) {
  const Exported exported =
      to_compose(container_of_text("environment: {set: {A: \"$x: #\"}}\nrun: {replicas: 2}\n"), wishes_);
  const YAML::Node web = YAML::Load(exported.text)["services"]["web"];
  EXPECT_TRUE(web["read_only"].as<bool>());
  EXPECT_EQ(web["environment"][0].as<std::string>(), "A=$$x: #");
  EXPECT_EQ(web["command"][1].as<std::string>(), "it's");
  EXPECT_EQ(web["deploy"]["replicas"].as<int>(), 2);
  EXPECT_FALSE(web["ports"]) << "two instances can't share a port of the host";
  EXPECT_EQ(web["expose"][0].as<std::string>(), "8000");
}

TEST_F(Exporters, Kubernetes) {
  const Exported exported =
      to_kubernetes(container_of_text("network: {egress: deny, allow: [\"10.0.0.0/8:5432\", \"api.example.com:443\"]}\n"
                                      "storage: {mounts: [{path: /data/Up_load, type: tmpfs, size: 1MiB}]}\n"
                                      "environment: {require: [SECRET]}\nrun: {readiness: {http: /healthz}}\n"),
                    wishes_);
  const std::vector<YAML::Node> documents = YAML::LoadAll(exported.text);
  ASSERT_EQ(documents.size(), 3U) << exported.text;
  const YAML::Node spec = documents[0]["spec"]["template"]["spec"];
  EXPECT_EQ(spec["volumes"][0]["name"].as<std::string>(), "scratch-data-up-load");
  EXPECT_EQ(spec["volumes"][0]["emptyDir"]["medium"].as<std::string>(), "Memory");
  const YAML::Node container = spec["containers"][0];
  EXPECT_TRUE(container["securityContext"]["readOnlyRootFilesystem"].as<bool>());
  EXPECT_EQ(container["readinessProbe"]["httpGet"]["port"].as<int>(), 8000);
  EXPECT_EQ(container["env"][0]["valueFrom"]["secretKeyRef"]["key"].as<std::string>(), "SECRET");
  EXPECT_EQ(documents[1]["kind"].as<std::string>(), "Service");
  const YAML::Node egress = documents[2]["spec"]["egress"];
  ASSERT_EQ(egress.size(), 2U) << "DNS and the network";
  EXPECT_EQ(egress[1]["ports"][0]["port"].as<int>(), 5432);
  EXPECT_TRUE(misses(exported, "network.egress"));
}

}  // namespace
}  // namespace cofferdam::exporting
