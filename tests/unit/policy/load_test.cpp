// How a policy is found, and what of it is read.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

class LoadPolicy : public PolicyFiles {};

TEST_F(LoadPolicy, ReadsEveryKey) {
  const Policy policy = policy_of(R"(version: 1
extends: none
mode: local
enforcement: degraded
app:
  also:
    - celery
    - {exe: node, argv: ["*", "*/worker.js"]}
    - ./bin/worker
storage:
  mounts:
    - {path: ".", type: overlay, size: 1GiB, watch: true}
    - {path: ./static, type: read-only}
    - {path: /scratch, type: tmpfs, exec: false}
    - {path: ~/.ssh, type: hidden}
    - {path: .next, type: persistent}
  audit: {ignore: ["**/__pycache__/**", "*.log"]}
database:
  engines: [postgres, redis]
  ports: [15432]
  sockets: ["./db/*.sock", "@db"]
  allow:
    - env:DATABASE_URL
    - {from: any, to: "cache.local:6379"}
    - {from: one-off, to: "unix:~/db.sock"}
access: {remote_login: allow, debug: allow}
devices: [/dev/dri, /dev/snd/]
sockets: [/run/user/1000/wayland-0, "@/tmp/.X11-unix/X0"]
environment:
  files: [.env]
  export: true
  require: [DATABASE_URL]
  set: {A: "1", B: ""}
  drop: [C]
logs:
  sinks:
    - {type: console}
    - {type: file, path: ./app.jsonl}
run: {stop_signal: QUIT, stop_grace: 500ms}
)");
  EXPECT_EQ(policy.name, "p.yaml");
  EXPECT_EQ(policy.mode, Mode::local);
  EXPECT_EQ(policy.enforcement, EnforcementMode::degraded);
  ASSERT_EQ(policy.also.size(), 3U);
  EXPECT_EQ(policy.also[0].exe, "celery");
  EXPECT_EQ(policy.also[0].origin.line, 7);
  EXPECT_EQ(policy.also[1].argv, (std::vector<std::string>{"*", "*/worker.js"}));
  EXPECT_EQ(policy.also[2].exe, root_ + "/bin/worker");

  ASSERT_EQ(policy.storage.mounts.size(), 5U);
  const MountRule& project = policy.storage.mounts[0];
  EXPECT_EQ(project.path, root_);
  EXPECT_EQ(project.written, ".");
  EXPECT_EQ(project.size, 1ULL << 30);
  EXPECT_TRUE(project.watch);
  EXPECT_FALSE(project.optional);
  EXPECT_EQ(project.origin.file, "p.yaml");
  EXPECT_EQ(project.origin.line, 12);
  EXPECT_EQ(project.origin.column, 14);
  EXPECT_EQ(policy.storage.mounts[1].type, MountType::read_only);
  EXPECT_FALSE(policy.storage.mounts[2].exec);
  EXPECT_EQ(policy.storage.mounts[2].size, 0U);
  EXPECT_EQ(policy.storage.mounts[3].path, "/home/ada/.ssh");
  EXPECT_EQ(policy.storage.mounts[4].type, MountType::persistent);
  EXPECT_EQ(policy.storage.audit_ignore, (std::vector<std::string>{"**/__pycache__/**", root_ + "/*.log"}));

  EXPECT_FALSE(policy.database.all_engines);
  EXPECT_EQ(policy.database.engines, (std::vector<std::string>{"postgres", "redis"}));
  EXPECT_EQ(policy.database.ports, std::vector<std::uint16_t>{15432});
  EXPECT_EQ(policy.database.sockets, (std::vector<std::string>{root_ + "/db/*.sock", "@db"}));
  ASSERT_EQ(policy.database.allow.size(), 3U);
  EXPECT_EQ(policy.database.allow[0].from, DatabaseAllow::From::app);
  EXPECT_EQ(policy.database.allow[0].to.variable, "DATABASE_URL");
  EXPECT_EQ(policy.database.allow[1].from, DatabaseAllow::From::any);
  EXPECT_EQ(policy.database.allow[2].to.path, "/home/ada/db.sock");
  EXPECT_EQ(policy.database.allow[2].to.written, "unix:~/db.sock");
  EXPECT_EQ(policy.database.origin.line, 22);

  EXPECT_TRUE(policy.access.remote_login);
  EXPECT_TRUE(policy.access.debug);
  EXPECT_EQ(policy.access.origin.line, 26);
  ASSERT_EQ(policy.devices.size(), 2U);
  EXPECT_EQ(policy.devices[1].path, "/dev/snd");
  EXPECT_EQ(policy.devices[1].origin.line, 27);
  EXPECT_EQ(policy.sockets, (std::vector<std::string>{"/run/user/1000/wayland-0", "@/tmp/.X11-unix/X0"}));
  EXPECT_EQ(policy.environment.files, std::vector<std::string>{root_ + "/.env"});
  EXPECT_TRUE(policy.environment.export_files);
  EXPECT_EQ(policy.environment.set.at("B"), "");
  ASSERT_EQ(policy.logs.sinks.size(), 2U);
  EXPECT_EQ(policy.logs.sinks[1].path, root_ + "/app.jsonl");
  EXPECT_EQ(policy.run.stop_signal, "SIGQUIT");
  EXPECT_EQ(policy.run.stop_grace, std::chrono::milliseconds(500));
}

TEST_F(LoadPolicy, SaysHowAPolicyIsFoundWhenThereIsNone) {
  const auto missing = load("missing.yaml");
  ASSERT_FALSE(missing);
  const std::string text = format_diagnostic(missing.error().front());
  EXPECT_TRUE(
      text.starts_with("missing.yaml: error: can't read the policy 'missing.yaml': No such file or directory [CD909]"))
      << text;
  EXPECT_NE(text.find("--policy FILE, then COFFERDAM_POLICY, then ./cofferdam.yaml"), std::string::npos);

  const auto unknown = load("twelvefactor");
  ASSERT_FALSE(unknown);
  const std::string named = format_diagnostic(unknown.error().front());
  EXPECT_NE(named.find("there is no shipped policy 'twelvefactor'"), std::string::npos) << named;
  EXPECT_NE(named.find("did you mean 'twelve-factor'? the shipped policies are django, go, node, twelve-factor"),
            std::string::npos)
      << named;

  EXPECT_FALSE(load("."));
  EXPECT_FALSE(load("./"));
}

TEST_F(LoadPolicy, AShippedNameWinsOverAFileOrDirectoryOfThatName) {
  write("django", "nonsense: [");
  EXPECT_TRUE(load("django"));
  EXPECT_FALSE(load("./django"));
  write("mine", "version: 1\n");
  EXPECT_TRUE(load("mine"));
}

TEST_F(LoadPolicy, WarnsOfRowsThatAdmitEverything) {
  const auto loaded = load_text("version: 1\napp: {also: [bash, python3, psql, {exe: node, argv: [\"*/w.js\"]}]}\n");
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 3U);
  for (const Diagnostic& each : loaded->warnings) {
    EXPECT_EQ(each.severity, Severity::warning);
    EXPECT_EQ(each.code, "CD908");
    EXPECT_EQ(each.where.line, 2);
  }
  EXPECT_EQ(loaded->warnings[1].where.column, 20);
}

TEST_F(LoadPolicy, WithoutAHomeItsOwnPathsAreMistakes) {
  context_.home = "";
  EXPECT_EQ(mistakes_of("version: 1\nstorage: {mounts: [{path: ~/x, type: tmpfs}]}\nenvironment: {files: [~/.env]}\n"),
            (Places{"2:27 CD903", "3:23 CD903"}));
}

TEST_F(LoadPolicy, WatchingTheHomeDirectoryIsAMistake) {
  context_.home = root_;
  EXPECT_EQ(mistakes_of("version: 1\nstorage: {mounts: [{path: ., type: overlay, watch: true}]}\n"),
            Places{"2:52 CD908"});
  EXPECT_TRUE(load_text("version: 1\nstorage: {mounts: [{path: ., size: 1GiB}]}\n"));
}

TEST_F(LoadPolicy, Discovers) {
  EXPECT_EQ(discover_policy(std::nullopt, context_), "twelve-factor");
  write("cofferdam.yaml", "version: 1\n");
  EXPECT_EQ(discover_policy(std::nullopt, context_), "cofferdam.yaml");
  context_.environment["COFFERDAM_POLICY"] = "";
  EXPECT_EQ(discover_policy(std::nullopt, context_), "cofferdam.yaml");
  context_.environment["COFFERDAM_POLICY"] = "node";
  EXPECT_EQ(discover_policy(std::nullopt, context_), "node");
  EXPECT_EQ(discover_policy("x.yaml", context_), "x.yaml");
}

TEST_F(LoadPolicy, ADanglingPolicyIsNotPassedOver) {
  std::filesystem::create_symlink("nowhere", root_ + "/cofferdam.yaml");
  EXPECT_EQ(discover_policy(std::nullopt, context_), "cofferdam.yaml");
  EXPECT_FALSE(load("cofferdam.yaml"));
}

TEST_F(LoadPolicy, InlineTextExtendsWhatIsLoaded) {
  context_.inline_text = "limits: {open_files: 77}\nstorage: {mounts: [{path: ./cache, type: tmpfs}]}";
  write("p.yaml", "version: 1\nextends: none\nlimits: {open_files: 5, processes: 6}\n");
  const auto loaded = load("p.yaml");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->policy.name, "p.yaml");
  EXPECT_EQ(loaded->policy.limits.open_files.value, 77U);
  EXPECT_EQ(loaded->policy.limits.open_files.origin.file, kInlinePolicyName);
  EXPECT_EQ(loaded->policy.limits.processes.value, 6U);
  ASSERT_EQ(loaded->policy.storage.mounts.size(), 1U);
  EXPECT_EQ(loaded->policy.storage.mounts[0].path, root_ + "/cache");
}

TEST_F(LoadPolicy, InlineTextThatExtendsStandsAlone) {
  context_.inline_text = "extends: none\nlimits: {open_files: 77}";
  const auto loaded = load("no-such-policy");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->policy.name, kInlinePolicyName);
  EXPECT_TRUE(loaded->policy.storage.mounts.empty());
}

TEST_F(LoadPolicy, MistakesOfInlineTextAreToldWithThoseOfThePolicy) {
  write("p.yaml", "version: 1\nnetwrk: {}\n");
  for (const auto& [text, line, code] : {std::tuple{"network: {egres: deny}", 1, "CD902"},
                                         {"\nlimits: [\n", 3, "CD901"},
                                         {"version: 2", 1, "CD903"},
                                         {"just words", 1, "CD903"}}) {
    context_.inline_text = text;
    const auto loaded = load("p.yaml");
    ASSERT_FALSE(loaded);
    ASSERT_EQ(loaded.error().size(), 2U) << text;
    EXPECT_EQ(loaded.error()[0].where.file, kInlinePolicyName);
    EXPECT_EQ(loaded.error()[0].where.line, line) << text;
    EXPECT_EQ(loaded.error()[0].code, code) << text;
    EXPECT_EQ(loaded.error()[1].where.file, "p.yaml");
  }
}

TEST(PolicyContext, IsThatOfThisProcess) {
  ASSERT_EQ(::setenv("COFFERDAM_POLICY", "node", 1), 0);
  const PolicyContext context = current_policy_context();
  ::unsetenv("COFFERDAM_POLICY");
  EXPECT_EQ(context.working_directory, std::filesystem::current_path());
  EXPECT_EQ(context.environment.at("COFFERDAM_POLICY"), "node");
}

TEST(ShippedPolicyNames, AreSorted) {
  const std::vector<std::string> names = shipped_policies();
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_TRUE(std::ranges::binary_search(names, "twelve-factor"));
}

}  // namespace
}  // namespace cofferdam
