// Traces as real programs wrote them (tests/support/traces).
#include "logs/sinks/stack_trace.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "unit/logs/process/joiner_fixture.hpp"

namespace cofferdam::logs {
namespace {

// The record of the sample that has a trace; "java/caused".
std::string record_of(const std::string& name, std::size_t number = 0) {
  for (const Sample& sample : traces()) {
    if (sample.name == name) return sample.records.at(number);
  }
  ADD_FAILURE() << "no sample " << name;
  return {};
}

// "TYPE|VALUE|FUNCTION FILE:LINE" of the innermost call and the number of calls, for each exception.
Strings outline(std::string_view text) {
  Strings all;
  const auto trace = parse_stack_trace(text);
  if (!trace) return all;
  for (const StackException& each : trace->exceptions) {
    std::string line = std::string(each.type) + "|" + std::string(each.value) + "|";
    if (!each.frames.empty()) {
      const StackFrame& frame = each.frames.back();
      line += std::string(frame.function) + " " + std::string(frame.file) + ":" + std::to_string(frame.line);
    }
    all.push_back(line + "|" + std::to_string(each.frames.size()));
  }
  return all;
}

TEST(StackTrace, PythonCausesComeFirstAndCallsInTheOrderOfTheText) {
  EXPECT_EQ(outline(record_of("python/logged_3.11")),
            (Strings{"AttributeError|'str' object has no attribute 'missing'|parse /srv/app/trace.py:13|3",
                     "KeyError|'while handling'|chained /srv/app/trace.py:34|2",
                     "RuntimeError|the last of three|caused /srv/app/trace.py:41|2"}));
  const std::string text = record_of("python/logged_3.11");
  const auto trace = parse_stack_trace(text);
  EXPECT_EQ(trace->platform, "python");
  EXPECT_EQ(trace->head, "ERROR:root:the job failed");
  EXPECT_EQ(trace->exceptions[0].frames[1].source, "return parse(\"12\") + 1");
  EXPECT_TRUE(trace->exceptions[0].frames[1].in_app);
}

TEST(StackTrace, PythonGroupsAreTheirOwnPart) {
  EXPECT_EQ(outline(record_of("python/group_3.11")),
            (Strings{"ExceptionGroup|several (2 sub-exceptions)|group /srv/app/trace.py:51|2"}));
}

TEST(StackTrace, Java) {
  EXPECT_EQ(outline(record_of("java/caused")),
            (Strings{"java.lang.IllegalStateException|at the bottom|deep Trace.java:21|5",
                     "Trace$Refused|could not|wrapped Trace.java:29|2"}));
  EXPECT_EQ(outline(record_of("java/bare")), (Strings{"java.lang.NullPointerException||main Trace.java:49|1"}));
  EXPECT_EQ(outline(record_of("java/message")),
            (Strings{"java.lang.IllegalStateException|Unrecognized token\n at [Source: (String)\"x\"; line: 1, column: "
                     "2]|main Trace.java:60|1"}));
  const std::string text = record_of("java/spring");
  const auto trace = parse_stack_trace(text);
  ASSERT_TRUE(trace);
  EXPECT_TRUE(trace->head.ends_with("with root cause")) << trace->head;
  ASSERT_EQ(trace->exceptions.size(), 1U);
  EXPECT_EQ(trace->exceptions[0].type, "com.fasterxml.jackson.core.JsonParseException");
  ASSERT_EQ(trace->exceptions[0].frames.size(), 2U) << "what is suppressed is left out";
  EXPECT_EQ(trace->exceptions[0].frames[0].module, "java.lang.reflect.Method");
  EXPECT_FALSE(trace->exceptions[0].frames[0].in_app);
}

TEST(StackTrace, Node) {
  EXPECT_EQ(outline(record_of("node/cause")),
            (Strings{"SyntaxError|Unexpected token 'o', \"{\"a\": nothing}\" is not valid JSON|JSON.parse "
                     "<anonymous>:0|10",
                     "Refused|could not|Object.cause /srv/app/trace.js:25|4"}));
  EXPECT_EQ(outline(record_of("node/rejected")),
            (Strings{"Error|nobody waits|Object.rejected /srv/app/trace.js:37|8"}));
  EXPECT_EQ(outline(record_of("node/labelled")).back(),
            "Error|the job failed: Refused: could not|Object.cause /srv/app/trace.js:25|5");
  const std::string text = record_of("node/code");
  const auto trace = parse_stack_trace(text);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->platform, "node");
  EXPECT_EQ(trace->head, "") << "the program's line is no message";
  const auto& frames = trace->exceptions[0].frames;
  EXPECT_FALSE(frames.back().in_app);
  EXPECT_EQ(frames.back().column, 18U);
  EXPECT_TRUE(frames[frames.size() - 3].in_app);
}

TEST(StackTrace, Dotnet) {
  EXPECT_EQ(outline(record_of("dotnet/core_uncaught")),
            (Strings{"System.ArgumentException|Out of stock (Parameter 'item')|Shop.Stock.Take /src/Stock.cs:12|2",
                     "System.InvalidOperationException|The order could not be taken|Shop.Order.Take "
                     "/src/Order.cs:31|2"}));
  EXPECT_EQ(outline(record_of("dotnet/mono_printed")),
            (Strings{"System.InvalidOperationException|at the bottom|Shop.Deep /srv/app/trace.cs:14|4",
                     "Refused|could not|Shop.Wrapped[T] /srv/app/trace.cs:16|2"}));
  EXPECT_EQ(outline(record_of("dotnet/aspnet", 2)),
            (Strings{"System.InvalidOperationException|boom|Program.<>c.<<Main>$>b__0_0 /src/Program.cs:4|2"}));
}

TEST(StackTrace, Go) {
  EXPECT_EQ(outline(record_of("go/uncaught")),
            (Strings{"panic|assignment to entry in nil map|main.(*shop).take /srv/app/go/main.go:19|4"}));
  EXPECT_EQ(outline(record_of("go/asleep")),
            (Strings{"fatal error|all goroutines are asleep - deadlock!|main.main /srv/app/asleep/main.go:3|1"}));
  const std::string text = record_of("go/http");
  const auto trace = parse_stack_trace(text);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->exceptions[0].value, "assignment to entry in nil map");
  EXPECT_EQ(trace->exceptions[0].frames.front().function, "net/http.(*Server).Serve");
  EXPECT_FALSE(trace->exceptions[0].frames.front().in_app);
}

TEST(StackTrace, Rust) {
  EXPECT_EQ(outline(record_of("rust/message_backtrace", 1)),
            (Strings{"panic|first line\nsecond line\n\nafter a blank line|std::panicking::begin_panic::<&str> "
                     "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:761|3"}));
  EXPECT_EQ(outline(record_of("rust/expect", 1)), (Strings{"panic|no answer: Refused { tries: 3 }| trace.rs:23|1"}));
  EXPECT_EQ(outline(record_of("rust/before_1_73")), (Strings{"panic|attempt to add with overflow| src/main.rs:11|1"}));
}

TEST(StackTrace, Ruby) {
  EXPECT_EQ(outline(record_of("ruby/cause")), (Strings{"ArgumentError|at the bottom|deep trace.rb:7|5",
                                                       "Refused|could not|rescue in wrapped trace.rb:12|3"}));
  EXPECT_EQ(outline(record_of("ruby/quotes_3_4")), (Strings{"ZeroDivisionError|divided by 0|Integer#/ app.rb:7|5"}));
  EXPECT_EQ(outline(record_of("ruby/logged")), (Strings{"Refused|could not|rescue in wrapped trace.rb:12|3"}));
}

TEST(StackTrace, Php) {
  EXPECT_EQ(outline(record_of("php/wrapped")),
            (Strings{"InvalidArgumentException|at the bottom|Shop->deep /srv/app/trace.php:7|5",
                     "Refused|could not|Shop->wrapped /srv/app/trace.php:11|2"}));
  EXPECT_EQ(outline(record_of("php/type")),
            (Strings{"TypeError|strlen(): Argument #1 ($string) must be of type string, array given|{main} "
                     "/srv/app/trace.php:19|1"}));
}

TEST(StackTrace, OrdinaryLinesAreNone) {
  for (const Sample& sample : samples_of(COFFERDAM_SOURCE_DIR "/tests/support/ordinary.txt")) {
    for (const std::string& record : sample.records) EXPECT_EQ(outline(record), Strings{}) << sample.name;
  }
  EXPECT_TRUE(outline("").empty());
  EXPECT_TRUE(outline("Traceback (most recent call last):\nValueError: without a call").empty());
}

// Each runtime's samples are read by its own reader, whatever else is tried before.
TEST(StackTrace, NoRuntimeTakesAnothersTrace) {
  const std::map<std::string, std::string_view> platforms = {{"python", "python"}, {"java", "java"}, {"node", "node"},
                                                             {"dotnet", "csharp"}, {"go", "go"},     {"rust", "native"},
                                                             {"ruby", "ruby"},     {"php", "php"}};
  std::map<std::string, int> read;
  for (const Sample& sample : traces()) {
    const std::string runtime = sample.name.substr(0, sample.name.find('/'));
    for (const std::string& record : sample.records) {
      const auto trace = parse_stack_trace(record);
      if (!trace) continue;
      ASSERT_TRUE(platforms.contains(runtime)) << sample.name;
      EXPECT_EQ(trace->platform, platforms.at(runtime)) << sample.name;
      ++read[runtime];
      for (const StackException& each : trace->exceptions) EXPECT_FALSE(each.type.empty()) << sample.name;
    }
  }
  for (const auto& [runtime, platform] : platforms) EXPECT_GE(read[runtime], 4) << runtime;
}

// Cut, mixed and damaged traces: whatever is read lies inside the record.
TEST(StackTrace, ReadsNothingOutsideTheRecord) {
  std::mt19937 random(7);
  std::vector<std::string> records;
  for (const Sample& sample : traces()) records.insert(records.end(), sample.records.begin(), sample.records.end());
  for (int round = 0; round < 20000; ++round) {
    const std::string& first = records[random() % records.size()];
    const std::string& second = records[random() % records.size()];
    const std::string mixed =
        first.substr(0, random() % (first.size() + 1)) + second.substr(random() % (second.size() + 1));
    std::string text(mixed);
    for (unsigned changes = random() % 4; changes > 0 && !text.empty(); --changes) {
      text[random() % text.size()] = "\n\r \t:('\"\x80"[random() % 9];
    }
    const auto inside = [&](std::string_view view) {
      return view.empty() || (view.data() >= text.data() && view.data() + view.size() <= text.data() + text.size());
    };
    const auto trace = parse_stack_trace(text);
    if (!trace) continue;
    ASSERT_TRUE(inside(trace->head));
    for (const StackException& each : trace->exceptions) {
      ASSERT_TRUE((each.type == "panic" || each.type == "fatal error" || each.type == "Error" || inside(each.type)) &&
                  inside(each.value))
          << text;
      for (const StackFrame& frame : each.frames) {
        ASSERT_TRUE(inside(frame.function) && inside(frame.file) && inside(frame.module) && inside(frame.source));
      }
    }
  }
}

}  // namespace
}  // namespace cofferdam::logs
