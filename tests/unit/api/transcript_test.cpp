#include "api/transcript.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace cofferdam::api {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> got;
  const auto keep = [&](std::string_view line) { got.emplace_back(line); };
  Lines lines;
  for (const std::string& piece : pieces) lines.add(piece, keep);
  lines.finish(keep);
  return got;
}

TEST(Lines, ComeInAnyPieces) {
  const std::vector<std::string> wanted = {"one", "", "three", "rest"};
  EXPECT_EQ(lines_of({"one\n\nthree\nrest"}), wanted);
  EXPECT_EQ(lines_of({"o", "ne", "\n", "\nthr", "ee\nre", "st"}), wanted);
  EXPECT_EQ(lines_of({"one\n"}), (std::vector<std::string>{"one"}));
  EXPECT_TRUE(lines_of({}).empty());
}

TEST(Transcript, ALineThatIsNoRecordIsText) {
  const RunRequest request;
  Transcript transcript(request);
  transcript.add_output("plain words\n{\"stream\":\"stderr\",\"message\":\"m\"}\n");
  const FinishedRun run = transcript.take();
  EXPECT_EQ(run.output(), "plain words\n");
  EXPECT_EQ(run.output(LogStream::err), "m\n");
}

TEST(Transcript, AnEventThatIsNotKnownIsLeftOut) {
  const RunRequest request;
  Transcript transcript(request);
  transcript.add_events("{\"event\":\"moved\",\"seq\":1}\n{\"event\":\"gap\",\"seq\":2}\n");
  const FinishedRun run = transcript.take();
  ASSERT_EQ(run.events.size(), 1U);
  EXPECT_EQ(run.events[0].seq, 2U);
}

TEST(Transcript, WhoWaitsIsWokenByWhatComesAndByTheEnd) {
  const RunRequest request;
  Transcript transcript(request);
  const auto says = [](const char* text) { return [text](const LogRecord& record) { return record.message == text; }; };
  std::thread writer([&] {
    transcript.add_output("one\n");
    transcript.add_output("two\n");
    transcript.end(transcript.take());
  });
  EXPECT_TRUE(transcript.wait_for_record(says("two"), 10s));
  EXPECT_TRUE(transcript.wait_for_record(says("one"), 10s));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(transcript.wait_for_record(says("three"), 10s));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  writer.join();
  EXPECT_TRUE(transcript.ended());
  EXPECT_TRUE(transcript.wait());
}

TEST(Transcript, NobodyWaitsForLongerThanAsked) {
  const RunRequest request;
  const Transcript transcript(request);
  EXPECT_FALSE(transcript.wait_for_end(1ms));
  EXPECT_FALSE(transcript.wait_for_event([](const Event&) { return true; }, 1ms));
}

}  // namespace
}  // namespace cofferdam::api
