// What becomes of a bundle's documents.
#include "oci/spec.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cofferdam::oci {
namespace {

using json = nlohmann::ordered_json;

class OciSpec : public testing::Test {
 protected:
  [[nodiscard]] json govern(const json& config) const {
    const auto text = govern_spec(config.dump(),
                                  {.launcher = "/usr/bin/cofferdam",
                                   .policy_file = "/bundle/policy.yaml",
                                   .policy = policy_,
                                   .facts = facts_,
                                   .one_off = one_off_,
                                   .on_tmpfs = [](const std::string& path) { return path.starts_with("/memory/"); },
                                   .in_image =
                                       [](const std::string& path) {
                                         return path == "/owned" ? std::optional(Owner{1000, 100, 0750}) : std::nullopt;
                                       }});
    EXPECT_TRUE(text) << (text ? "" : text.error().message);
    return text ? json::parse(*text) : json();
  }
  [[nodiscard]] static json config(const json& args, const json& mounts = json::array()) {
    return {{"ociVersion", "1.0.2"},
            {"process", {{"args", args}, {"cwd", "/app"}, {"env", {"HOME=/root", "A=b=c"}}}},
            {"root", {{"path", "rootfs"}}},
            {"mounts", mounts}};
  }
  static const json* at(const json& governed, const std::string& destination) {
    for (const json& mount : governed["mounts"]) {
      if (mount["destination"] == destination) return &mount;
    }
    return nullptr;
  }
  static bool has_option(const json& mount, const std::string& option) {
    for (const json& each : mount["options"]) {
      if (each == option) return true;
    }
    return false;
  }
  void add(const std::string& path, MountType type, bool optional = false) {
    policy_.storage.mounts.push_back({.path = path, .written = path, .type = type, .size = 1 << 20, .origin = {}});
    policy_.storage.mounts.back().optional = optional;
  }

  Policy policy_;
  bool one_off_ = false;
  SpecFacts facts_{.root = {},
                   .working_directory = "/app",
                   .home = {},
                   .environment = {},
                   .annotations = {},
                   .bind_sources = {},
                   .anonymous_volumes = {}};
};

const json kLaunched = {"/dev/cofferdam/cofferdam",   "run", "--format", "raw", "--policy",
                        "/dev/cofferdam/policy.yaml", "--"};

json launched(const json& args) {
  json all = kLaunched;
  for (const json& word : args) all.push_back(word);
  return all;
}

TEST_F(OciSpec, AOneOffIsASession) {
  one_off_ = true;
  const json governed = govern(config({"psql", "--", "x"}));
  EXPECT_EQ(governed["process"]["args"], json({"/dev/cofferdam/cofferdam", "shell", "--policy",
                                               "/dev/cofferdam/policy.yaml", "--", "psql", "--", "x"}));
  EXPECT_EQ(govern(governed), governed);
}

TEST_F(OciSpec, TheLauncherStandsBeforeTheProcess) {
  const json governed = govern(config({"nginx", "-g", "daemon off;"}));
  EXPECT_EQ(governed["process"]["args"], launched({"nginx", "-g", "daemon off;"}));
  EXPECT_EQ(governed["process"]["noNewPrivileges"], true);
  EXPECT_EQ(governed["root"]["readonly"], true);
  EXPECT_EQ((*at(governed, "/dev/cofferdam/cofferdam"))["source"], "/usr/bin/cofferdam");
  EXPECT_TRUE(has_option(*at(governed, "/dev/cofferdam/policy.yaml"), "ro"));
}

TEST_F(OciSpec, TwiceIsOnce) {
  add("/tmp", MountType::tmpfs);
  const json volume = {{"destination", "/data"},
                       {"type", "bind"},
                       {"source", "/var/lib/docker/volumes/" + std::string(64, 'a') + "/_data"},
                       {"options", {"rbind"}}};
  const json once = govern(config({"app", "--", "x"}, json::array({volume})));
  EXPECT_EQ(govern(once), once);
}

TEST_F(OciSpec, WhatIsUnknownStays) {
  json unknown = config({"app"});
  unknown["x-future"] = {{"big", 18446744073709551615ULL}, {"nested", {1, nullptr, "\xC3\xA4", 0.5}}};
  unknown["linux"] = {{"seccomp", {{"defaultAction", "SCMP_ACT_ERRNO"}}}, {"zzz", json::object()}};
  unknown["hooks"] = {{"prestart", {{{"path", "/proc/1/exe"}}}}};
  const json governed = govern(unknown);
  for (const char* key : {"x-future", "linux", "hooks", "ociVersion"}) EXPECT_EQ(governed[key], unknown[key]) << key;
  EXPECT_EQ(governed["process"]["env"], unknown["process"]["env"]);
}

TEST_F(OciSpec, DockersInitGoes) {
  EXPECT_EQ(govern(config({"/sbin/docker-init", "--", "app", "x"}))["process"]["args"], launched({"app", "x"}));
  EXPECT_EQ(govern(config({"/sbin/docker-init", "-v"}))["process"]["args"], launched({"/sbin/docker-init", "-v"}));
}

TEST_F(OciSpec, StorageOfThePolicy) {
  add("/tmp", MountType::tmpfs, true);
  add("/cache", MountType::tmpfs);
  add("/app", MountType::overlay, true);  // of a shipped policy: nobody has asked for it here
  add("/srv/data", MountType::overlay);
  add("/etc/ssl", MountType::read_only);
  add("/owned", MountType::overlay, true);
  add("/not-there", MountType::overlay, true);
  policy_.storage.mounts[1].exec = false;
  const json own = {{"destination", "/tmp"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"size=5"}}};
  const json governed = govern(config({"app"}, json::array({own})));
  EXPECT_EQ(*at(governed, "/tmp"), own) << "what the user gave it stays";
  EXPECT_TRUE(has_option(*at(governed, "/cache"), "size=1048576"));
  EXPECT_TRUE(has_option(*at(governed, "/cache"), "noexec"));
  EXPECT_FALSE(has_option(*at(governed, "/cache"), "tmpcopyup"));
  EXPECT_TRUE(has_option(*at(governed, "/srv/data"), "tmpcopyup"));
  EXPECT_FALSE(has_option(*at(governed, "/srv/data"), "noexec"));
  EXPECT_EQ(at(governed, "/app"), nullptr);
  EXPECT_EQ(at(governed, "/not-there"), nullptr);
  for (const char* option : {"mode=0750", "uid=1000", "gid=100"}) {
    EXPECT_TRUE(has_option(*at(governed, "/owned"), option)) << option;
  }
  EXPECT_EQ(at(governed, "/etc/ssl"), nullptr);
}

TEST_F(OciSpec, WhatIsBoundFromADisk) {
  add("/kept", MountType::persistent);
  const auto bind = [](const std::string& to, const std::string& from, const json& options) {
    return json{{"destination", to}, {"type", "bind"}, {"source", from}, {"options", options}};
  };
  json none = bind("/by-option", "/srv/b", {"rbind", "rw"});
  none["type"] = "none";
  const json governed = govern(
      config({"app"}, {bind("/etc/hosts", "/var/lib/docker/containers/1/hosts", {"rbind", "rprivate"}),
                       bind("/data", "/srv/data", {"rbind", "rw"}), none, bind("/kept/x", "/srv/kept", {"rbind"}),
                       bind("/dev/shm", "/memory/shm", {"rbind"}),
                       bind("/var/lib/db", "/var/lib/docker/volumes/" + std::string(64, '0') + "/_data", {"rbind"}),
                       bind("/named", "/var/lib/docker/volumes/named/_data", {"rbind"})}));
  EXPECT_TRUE(has_option(*at(governed, "/etc/hosts"), "ro"));
  EXPECT_TRUE(has_option(*at(governed, "/data"), "ro"));
  EXPECT_FALSE(has_option(*at(governed, "/data"), "rw"));
  EXPECT_TRUE(has_option(*at(governed, "/by-option"), "ro"));
  EXPECT_FALSE(has_option(*at(governed, "/kept/x"), "ro"));
  EXPECT_FALSE(has_option(*at(governed, "/dev/shm"), "ro"));
  EXPECT_EQ((*at(governed, "/var/lib/db"))["type"], "tmpfs");
  EXPECT_TRUE(has_option(*at(governed, "/var/lib/db"), "tmpcopyup"));
  EXPECT_TRUE(has_option(*at(governed, "/named"), "ro"));
}

TEST_F(OciSpec, VolumesBecomeRows) {
  add("/named", MountType::tmpfs);
  add("/kept", MountType::persistent);
  SpecFacts facts;
  facts.anonymous_volumes = {"/data", "/named", "/kept/x"};
  add_volumes(policy_, facts);
  ASSERT_EQ(policy_.storage.mounts.size(), 3U);
  EXPECT_EQ(policy_.storage.mounts.back().path, "/data");
  EXPECT_TRUE(policy_.storage.mounts.back().optional);
}

TEST_F(OciSpec, TextThatIsNoConfig) {
  const Governed by{.launcher = "l",
                    .policy_file = "p",
                    .policy = policy_,
                    .facts = facts_,
                    .on_tmpfs = [](const std::string&) { return false; },
                    .in_image = [](const std::string&) { return std::optional<Owner>(); }};
  for (const char* text : {"", "[]", "{", "{\"process\": {}}", "{\"process\": {\"args\": []}}", "{\"a\": \"\xff\"}"}) {
    EXPECT_FALSE(govern_spec(text, by)) << text;
  }
}

TEST_F(OciSpec, Facts) {
  const json bind = {{"destination", "/x"}, {"type", "bind"}, {"source", "/y"}};
  json with = config({"app"}, json::array({bind}));
  with["annotations"] = {{"cofferdam.policy", "django"}, {"n", 1}};
  const auto facts = read_spec(with.dump());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->root, "rootfs");
  EXPECT_EQ(facts->working_directory, "/app");
  EXPECT_EQ(facts->home, "/root");
  EXPECT_EQ(facts->environment.at("A"), "b=c");
  EXPECT_EQ(facts->annotations.at("cofferdam.policy"), "django");
  EXPECT_EQ(facts->bind_sources, std::vector<std::string>{"/y"});
}

TEST_F(OciSpec, ProcessOfExec) {
  EXPECT_TRUE(read_process(R"({"terminal": true, "args": ["sh"]})")->terminal);
  EXPECT_FALSE(read_process(R"({"args": ["sh"]})")->terminal);
  EXPECT_FALSE(read_process("{"));
  const json governed = json::parse(*govern_process(R"({"args": ["sh"], "zzz": {"b": 1, "a": 2}})"));
  EXPECT_EQ(governed.dump(), R"({"args":["sh"],"zzz":{"b":1,"a":2},"noNewPrivileges":true})");
}

}  // namespace
}  // namespace cofferdam::oci
