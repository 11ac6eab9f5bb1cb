#include "cli/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RunOptions run(const std::vector<std::string>& arguments) {
  auto options = parse_run(arguments);
  if (options) return *std::move(options);
  ADD_FAILURE() << options.error().message;
  return {};
}

// The message, when the arguments are refused as a usage error.
template <class Options>
std::string refusal(const Result<Options>& options) {
  if (options) return "accepted";
  EXPECT_EQ(options.error().exit_code, 2);
  return options.error().message;
}

TEST(RunOptions, EachOption) {
  const RunOptions options =
      run({"--policy", "p.yaml", "--user", "ada", "--format", "json", "--report", "r.json", "--events", "e.jsonl",
           "--keep-writes", "out", "--fail-on", "CD201,warning", "app", "x"});
  EXPECT_EQ(options.policy, "p.yaml");
  EXPECT_EQ(options.user, "ada");
  EXPECT_EQ(options.format, "json");
  EXPECT_EQ(options.report, "r.json");
  EXPECT_EQ(options.events, "e.jsonl");
  EXPECT_EQ(options.keep_writes, "out");
  EXPECT_THAT(options.fail_on, ElementsAre("CD201", "warning"));
  EXPECT_THAT(options.command, ElementsAre("app", "x"));
  EXPECT_FALSE(options.help);
}

TEST(RunOptions, NothingMeansTheDefaults) {
  const RunOptions options = run({});
  EXPECT_EQ(options.policy, std::nullopt);
  EXPECT_EQ(options.user, std::nullopt);
  EXPECT_EQ(options.format, "");
  EXPECT_THAT(options.fail_on, IsEmpty());
  EXPECT_THAT(options.command, IsEmpty());
  EXPECT_EQ(run({"--policy", ""}).policy, "");  // given, and empty
}

TEST(RunOptions, ValuesMayBeAttached) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--policy=p", "app"},
                                                                     {"--policy", "p", "app"},
                                                                     {"-p", "p", "app"},
                                                                     {"-pp", "app"},
                                                                     {"--policy=p", "--", "app"}}) {
    const RunOptions options = run(arguments);
    EXPECT_EQ(options.policy, "p") << arguments.front();
    EXPECT_THAT(options.command, ElementsAre("app")) << arguments.front();
  }
  EXPECT_EQ(run({"--report=a=b", "app"}).report, "a=b");
}

TEST(RunOptions, WhatFollowsTheCommandIsTheCommands) {
  EXPECT_THAT(run({"app", "--policy", "x", "-h", "--", "--user"}).command,
              ElementsAre("app", "--policy", "x", "-h", "--", "--user"));
  EXPECT_EQ(run({"app", "--policy", "x"}).policy, std::nullopt);
  EXPECT_FALSE(run({"app", "--help"}).help);
  EXPECT_THAT(run({"-f", "raw", "python3", "-c", "1"}).command, ElementsAre("python3", "-c", "1"));
}

TEST(RunOptions, TwoDashesEndTheOptions) {
  EXPECT_THAT(run({"--", "app"}).command, ElementsAre("app"));
  EXPECT_THAT(run({"--", "--policy", "x"}).command, ElementsAre("--policy", "x"));
  EXPECT_THAT(run({"--", "--", "x"}).command, ElementsAre("--", "x"));
  EXPECT_THAT(run({"--"}).command, IsEmpty());
  EXPECT_THAT(run({"-p", "x", "--", "-v"}).command, ElementsAre("-v"));
  EXPECT_THAT(run({"-"}).command, ElementsAre("-"));
  EXPECT_THAT(run({""}).command, ElementsAre(""));
  // An option whose value was forgotten does not take the separator for it.
  EXPECT_NE(refusal(parse_run({"--policy", "--", "app"})), "accepted");
}

TEST(RunOptions, AnUnknownOptionNamesTheNearest) {
  EXPECT_THAT(refusal(parse_run({"--polcy", "x", "app"})), HasSubstr("unknown option --polcy; did you mean --policy?"));
  EXPECT_THAT(refusal(parse_run({"--fail-one", "x"})), HasSubstr("did you mean --fail-on?"));
  const std::string far = refusal(parse_run({"--completely-different", "app"}));
  EXPECT_THAT(far, HasSubstr("unknown option --completely-different"));
  EXPECT_THAT(far, testing::Not(HasSubstr("did you mean")));
  // No option is guessed from its beginning.
  EXPECT_THAT(refusal(parse_run({"--pol", "x", "app"})), HasSubstr("unknown option --pol"));
  EXPECT_THAT(refusal(parse_run({"-x", "app"})), HasSubstr("unknown option -x"));
  EXPECT_THAT(refusal(parse_run({"--bad\x1b[31m", "app"})), HasSubstr("\\x1b[31m"));
}

TEST(RunOptions, AValueThatIsMissingOrGivenTwiceIsRefused) {
  EXPECT_NE(refusal(parse_run({"--policy"})), "accepted");
  EXPECT_NE(refusal(parse_run({"--policy", "a", "--policy", "b", "app"})), "accepted");
  EXPECT_NE(refusal(parse_run({"--help=yes"})), "accepted");
}

TEST(RunOptions, Formats) {
  for (const char* format : {"pretty", "json", "raw"}) EXPECT_EQ(run({"-f", format}).format, format);
  for (const char* format : {"yaml", "JSON", "pretty "}) {
    EXPECT_THAT(refusal(parse_run({"--format", format})), HasSubstr("must be pretty, json or raw")) << format;
  }
}

TEST(RunOptions, FailOnTakesCodesAndSeverities) {
  for (const char* what : {"CD201", "error", "warning", "CD101,CD201", "error,CD102"}) {
    EXPECT_NE(run({"--fail-on", what}).fail_on.size(), 0U) << what;
  }
  for (const char* what :
       {"CD20", "CD2011", "cd201", "note", "CDabc", "CD201,", ",", "CD201 ", "all", "CD201;CD202", "CD999", ""}) {
    EXPECT_THAT(refusal(parse_run({"--fail-on", what})), HasSubstr("a code such as CD201")) << what;
  }
}

TEST(RunOptions, Help) {
  EXPECT_TRUE(run({"--help"}).help);
  EXPECT_TRUE(run({"-h", "app"}).help);
  for (const char* option : {"--policy", "--user", "--format", "--report", "--events", "--keep-writes", "--fail-on"}) {
    EXPECT_THAT(run_help(), HasSubstr(option));
  }
}

TEST(ShellOptions, HaveNoRecordsToFormat) {
  const auto options = parse_shell({"-p", "x", "--", "psql", "-c", "1"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->policy, "x");
  EXPECT_THAT(options->command, ElementsAre("psql", "-c", "1"));
  EXPECT_THAT(parse_shell({})->command, IsEmpty());
  EXPECT_THAT(refusal(parse_shell({"--format", "json"})), HasSubstr("unknown option --format"));
  EXPECT_THAT(refusal(parse_shell({"--fail-on", "error"})), HasSubstr("unknown option --fail-on"));
  EXPECT_THAT(shell_help(), HasSubstr("--keep-writes"));
}

TEST(RunOptions, TakeWhatProgramsSay) {
  const auto options = parse_run({"--policy-text=network: {egress: deny}", "--parent-pipe", "5", "true"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->policy_text, "network: {egress: deny}");
  EXPECT_EQ(options->parent_pipe, 5);
  EXPECT_EQ(parse_run({"true"})->parent_pipe, -1);
  for (const char* wrong : {"2", "-1", "5x", "99999999999"}) {
    EXPECT_THAT(refusal(parse_run({std::string("--parent-pipe=") + wrong, "true"})),
                HasSubstr("must be the number of a descriptor from 3 on"));
  }
}

TEST(CheckOptions, TakeFiles) {
  EXPECT_THAT(parse_check({"a.yaml", "b.yaml"})->files, ElementsAre("a.yaml", "b.yaml"));
  EXPECT_THAT(parse_check({})->files, IsEmpty());
  EXPECT_THAT(parse_check({"--", "-odd.yaml"})->files, ElementsAre("-odd.yaml"));
  EXPECT_TRUE(parse_check({"-h"})->help);
  EXPECT_THAT(refusal(parse_check({"--policy", "x"})), HasSubstr("unknown option --policy"));
  EXPECT_NE(check_help(), "");
}

TEST(DoctorOptions, TakeNoArgument) {
  const auto options = parse_doctor({"--json", "-p", "django"});
  ASSERT_TRUE(options.has_value());
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->policy, "django");
  EXPECT_FALSE(parse_doctor({})->json);
  EXPECT_EQ(parse_doctor({"--policy-text", "version: 1"})->policy_text, "version: 1");
  EXPECT_THAT(refusal(parse_doctor({"now"})), HasSubstr("takes no argument: now"));
  EXPECT_THAT(refusal(parse_doctor({"--polcy", "p.yaml"})), HasSubstr("did you mean --policy"));
  EXPECT_THAT(refusal(parse_doctor({"--jsn"})), HasSubstr("did you mean --json?"));
  EXPECT_NE(doctor_help(), "");
}

TEST(ExplainOptions, StandOnEitherSideOfTheWords) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--as", "psql", "db:5432", "-p", "x.yaml"},
                                                                     {"-p", "x.yaml", "--as=psql", "--", "db:5432"},
                                                                     {"db:5432", "--policy=x.yaml", "--as", "psql"}}) {
    const auto options = parse_explain(arguments);
    ASSERT_TRUE(options.has_value()) << options.error().message;
    EXPECT_EQ(options->program, "psql");
    EXPECT_EQ(options->policy, "x.yaml");
    EXPECT_THAT(options->words, ElementsAre("db:5432"));
  }
  EXPECT_THAT(parse_explain({"CD101", "--", "CD102", "--as"})->words, ElementsAre("CD101", "CD102", "--as"));
  EXPECT_EQ(parse_explain({"--write", "a b"})->write_path, "a b");
  EXPECT_TRUE(parse_explain({"--effective"})->effective);
  EXPECT_EQ(parse_explain({"--effective", "--policy-text", "mode: local"})->policy_text, "mode: local");
  EXPECT_TRUE(parse_explain({"--as", "psql", "--help"})->help);
}

TEST(ExplainOptions, OneQuestionAtATime) {
  EXPECT_THAT(refusal(parse_explain({"--effective", "--write", "x"})), HasSubstr("at a time"));
  EXPECT_THAT(refusal(parse_explain({"--effective", "x"})), HasSubstr("too many: x"));
  EXPECT_THAT(refusal(parse_explain({"--write", ""})), HasSubstr("needs a path"));
  EXPECT_THAT(refusal(parse_explain({"--as", "", "db:1"})), HasSubstr("--as PROGRAM DESTINATION"));
  EXPECT_THAT(refusal(parse_explain({"--as", "psql", "a:1", "b:1"})), HasSubstr("--as PROGRAM DESTINATION"));
  EXPECT_THAT(refusal(parse_explain({"-p", "x.yaml", "CD101"})), HasSubstr("goes with"));
}

TEST(ReportOptions, OneFile) {
  EXPECT_EQ(parse_report({"r.json", "--all"})->file, "r.json");
  EXPECT_TRUE(parse_report({"r.json", "--all"})->all);
  EXPECT_EQ(parse_report({"-a", "--", "-odd.json"})->file, "-odd.json");
  EXPECT_THAT(refusal(parse_report({"a", "b"})), HasSubstr("one file at a time: b"));
  EXPECT_THAT(refusal(parse_report({"--", "a", "--all"})), HasSubstr("one file at a time: --all"));
}

TEST(RehearseOptions, EachOption) {
  const auto options =
      parse_rehearse({"--drive", "./visit.sh now", "--reader", "worker -v", "--reader=job", "--ready-after", "0.5",
                      "--reader-for", "12", "--fail-on", "error", "--", "app", "--drive"});
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_EQ(options->drive, "./visit.sh now");
  EXPECT_THAT(options->readers, ElementsAre("worker -v", "job"));
  EXPECT_EQ(options->ready_after, 0.5);
  EXPECT_EQ(options->reader_for, 12);
  EXPECT_THAT(options->run.fail_on, ElementsAre("error"));
  EXPECT_THAT(options->run.command, ElementsAre("app", "--drive"));
  const auto none = parse_rehearse({"app"});
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ(none->drive, "");
  EXPECT_EQ(none->ready_after, std::nullopt);
  EXPECT_THAT(none->readers, IsEmpty());
}

TEST(RehearseOptions, SecondsAreANumberUpToADay) {
  for (const char* text : {"", "soon", "-1", "86401", "1s", "nan", "inf", " 1"}) {
    EXPECT_THAT(refusal(parse_rehearse({"--reader-for", text, "app"})), HasSubstr("must be a number of seconds"))
        << text;
  }
  for (const char* text : {"0", "1", "0.25", "86400"}) {
    EXPECT_TRUE(parse_rehearse({"--ready-after", text, "app"}).has_value()) << text;
  }
}

TEST(LogsTestOptions, EachOption) {
  const auto options = parse_logs_test({"--policy", "p.yaml", "-s", "otlp", "--stderr"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->policy, "p.yaml");
  EXPECT_EQ(options->sink, "otlp");
  EXPECT_TRUE(options->from_stderr);
  EXPECT_TRUE(parse_logs_test({"-h"})->help);
  EXPECT_FALSE(parse_logs_test({})->policy);
  EXPECT_THAT(refusal(parse_logs_test({"app.log"})), HasSubstr("the sample comes from stdin"));
  EXPECT_THAT(refusal(parse_logs_test({"--polcy", "x"})), HasSubstr("did you mean --policy?"));
}

}  // namespace
}  // namespace cofferdam::cli
