#include "supervise/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "policy/rule_catalog.hpp"

namespace cofferdam::supervise {
namespace {

ProcessRef process(std::vector<std::string> lineage) {
  return std::make_shared<const ProcessInfo>(ProcessInfo{7, "/usr/bin/psql", {"psql", "-h", "db"}, std::move(lineage)});
}

ConnectEvent event(ProcessRef who = process({"psql", "sh", "gunicorn"})) {
  ConnectEvent event;
  event.destination = "127.0.0.1:5432";
  event.engine = "postgres";
  event.process = std::move(who);
  return event;
}

Verdict verdict(Reason reason) {
  Verdict verdict;
  verdict.reason = reason;
  verdict.engine = "postgres";
  verdict.policy = {"database.allow", "p.yaml", 3};
  return verdict;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Refusal, AVariableThatMakesTheDifferenceIsNamed) {
  const auto record = std::make_shared<ExecRecord>();
  record->differs = "NODE_OPTIONS";
  Caller caller;
  caller.record = record;
  const Finding finding = refusal_finding(event(), verdict(Reason::not_the_app), caller, "");
  EXPECT_EQ(finding.code, "CD201");
  EXPECT_TRUE(says(finding.message, "another NODE_OPTIONS than the app")) << finding.message;
  EXPECT_TRUE(says(finding.fix, "environment: {set: {NODE_OPTIONS:")) << finding.fix;
}

TEST(Refusal, EachReasonHasItsCodeAndItsWayOut) {
  struct Row {
    Reason reason;
    std::string row;
    const char* code;
    const char* message;
    const char* fix;
  };
  const Row rows[] = {
      {Reason::not_the_app, "", "CD201", "only the app itself may reach the database", "cofferdam shell -- psql"},
      {Reason::not_the_app, "{exe: python3}", "CD202", "looks like its worker", "app.also: {exe: python3}"},
      {Reason::destination_not_allowed, "", "CD203", "database.allow does not name it",
       "add \"127.0.0.1:5432\" to database.allow"},
      // The destination is refused whoever asks: a row of app.also would not help.
      {Reason::destination_not_allowed, "{exe: python3}", "CD203", "database.allow", "to database.allow"},
      {Reason::caller_unknown, "", "CD204", "psql can't be identified (its image is not known)", "--user"},
  };
  for (const Row& row : rows) {
    const Finding finding = refusal_finding(event(), verdict(row.reason), {}, row.row);
    EXPECT_EQ(finding.code, row.code);
    EXPECT_EQ(finding.severity, Severity::error);
    EXPECT_TRUE(says(finding.message, row.message)) << finding.message;
    EXPECT_TRUE(says(finding.message, "postgres at 127.0.0.1:5432")) << finding.message;
    EXPECT_TRUE(says(finding.fix, row.fix)) << finding.fix;
    EXPECT_EQ(finding.policy.key, "database.allow");
    EXPECT_EQ(finding.policy.file, "p.yaml");
    EXPECT_EQ(finding.policy.line, 3);
    EXPECT_EQ(finding.destination, "127.0.0.1:5432");
    ASSERT_NE(finding.process, nullptr);
    EXPECT_EQ(finding.process->pid, 7);
    const auto* catalogued = policy::find_rule(finding.code);
    ASSERT_NE(catalogued, nullptr) << finding.code;
    EXPECT_EQ(catalogued->severity, finding.severity) << finding.code;
  }
}

TEST(Refusal, NamesTheChainOfWhoAsked) {
  for (const Reason reason : {Reason::not_the_app, Reason::destination_not_allowed}) {
    const Finding finding = refusal_finding(event(), verdict(reason), {}, "");
    EXPECT_TRUE(says(finding.message, "psql <- sh <- gunicorn")) << finding.message;
  }
  const Finding bare = refusal_finding(event(process({})), verdict(Reason::not_the_app), {}, "");
  EXPECT_TRUE(says(bare.message, "/usr/bin/psql")) << bare.message;
  EXPECT_TRUE(says(bare.fix, "-- /usr/bin/psql")) << bare.fix;
}

// An entry that only starts the app took the app's place.
TEST(Refusal, AWrapperInTheAppsPlaceIsNamed) {
  const auto fix = [](std::vector<std::string> lineage) {
    return refusal_finding(event(process(std::move(lineage))), verdict(Reason::not_the_app), {}, "").fix;
  };
  EXPECT_TRUE(says(fix({"server", "npm"}), "so npm counts as the app: start it with exec")) << fix({"server", "npm"});
  EXPECT_TRUE(says(fix({"main", "go"}), "write `extends: go` into the policy")) << fix({"main", "go"});
  const Finding offered =
      refusal_finding(event(process({"app.py", "sh"})), verdict(Reason::not_the_app), {}, "{exe: python3}");
  EXPECT_TRUE(
      says(offered.fix, "sh counts as the app: start it with exec, or add this row to app.also: {exe: python3}"))
      << offered.fix;
  EXPECT_TRUE(says(fix({"server", "start.sh"}), "so start.sh counts as the app"));
  for (const auto& lineage : std::vector<std::vector<std::string>>{
           {"psql", "sh"}, {"server", "gunicorn"}, {"server", "sh", "npm"}, {"npm"}}) {
    EXPECT_TRUE(says(fix(lineage), "cofferdam shell -- " + lineage.front())) << fix(lineage);
  }
}

TEST(Refusal, SaysWhyACallerIsUnknown) {
  Caller caller;
  caller.why_unknown = "exe: Permission denied";
  const Finding finding = refusal_finding(event(), verdict(Reason::caller_unknown), caller, "{exe: python3}");
  EXPECT_EQ(finding.code, "CD204");
  EXPECT_TRUE(says(finding.message, "(exe: Permission denied)")) << finding.message;
}

TEST(Refusal, AHostSocketIsNamedByItsPath) {
  const Finding finding = host_socket_finding("unix:/run/docker.sock", process({"docker", "npm"}));
  EXPECT_EQ(finding.code, "CD401");
  EXPECT_EQ(finding.severity, Severity::error);
  EXPECT_TRUE(says(finding.message, "host's socket /run/docker.sock refused")) << finding.message;
  EXPECT_TRUE(says(finding.message, "docker <- npm")) << finding.message;
  EXPECT_EQ(finding.fix, "if the app needs it, add \"/run/docker.sock\" to sockets");
  EXPECT_EQ(finding.policy.key, "sockets");
  EXPECT_EQ(finding.destination, "unix:/run/docker.sock");
  EXPECT_TRUE(says(host_socket_finding("unix:@dbus", process({})).message, "@dbus"));
}

TEST(Refusal, MessagesAreSentencesWithoutAnEnd) {
  for (const Reason reason : {Reason::not_the_app, Reason::destination_not_allowed, Reason::caller_unknown}) {
    for (const char* row : {"", "{exe: a}"}) {
      const Finding finding = refusal_finding(event(), verdict(reason), {}, row);
      for (const std::string& text : {finding.message, finding.fix}) {
        ASSERT_FALSE(text.empty());
        EXPECT_TRUE(std::islower(static_cast<unsigned char>(text.front()))) << text;
        EXPECT_NE(text.back(), '.') << text;
        EXPECT_EQ(text.find('\n'), std::string::npos) << text;
      }
    }
  }
}

}  // namespace
}  // namespace cofferdam::supervise
