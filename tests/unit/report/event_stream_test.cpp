#include "report/event_stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <thread>

#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

template <class Body>
Event event(std::uint64_t seq, Body body) {
  return {seq, {1769860800, 5}, "web.1", std::move(body)};
}

constexpr const char* kStart = R"({"v":1,"seq":1,"ts":"2026-01-31T12:00:00.000000005Z","instance":"web.1","event":)";
constexpr const char* kApp = R"({"pid":1,"exe":"/usr/bin/gunicorn","argv":["gunicorn","app"],"lineage":["gunicorn"]})";

template <class Body>
void expect(Body body, const std::string& rest) {
  EXPECT_EQ(event_json(event(1, std::move(body))), kStart + rest);
}

TEST(EventJson, EachKindAsTheDesignSays) {
  StartedEvent started;
  started.mode = "local";
  started.command = {"x"};
  started.enforcement = {{"storage", Level::partial, "m", "a"}};
  started.notices = {"n"};
  expect(started, R"("started","mode":"local","command":["x"],"enforcement":[{"rule":"storage","level":"partial",)"
                  R"("mechanism":"m","advice":"a"}],"notices":["n"]})");
  expect(ExecEvent{sample_app(), 4}, std::string(R"("exec","process":)") + kApp + R"(,"parent":4})");
  expect(
      WriteEvent{"rename", "/a", "/b", WriteOutcome::refused, "landlock", 13, sample_app()},
      std::string(R"("write","call":"rename","path":"/a","to":"/b","outcome":"refused","by":"landlock","errno":13,)") +
          R"("process":)" + kApp + "}");
  expect(WriteEvent{"openat", "/a\n", "", WriteOutcome::landed, "mount", 0, nullptr},
         R"("write","call":"openat","path":"/a\n","outcome":"landed","by":"mount","errno":0,"process":null})");
  expect(
      ConnectEvent{"[::1]:5432", "postgres", false, false, 13, nullptr},
      R"("connect","destination":"[::1]:5432","engine":"postgres","verdict":"refused","outcome":"failed","errno":13,)"
      R"("process":null})");
  expect(GapEvent{3, "full", ""}, R"("gap","count":3,"reason":"full","sink":null})");
  expect(RepeatedEvent{7, 9, {1769860801, 6}},
         R"("repeated","of":7,"count":9,"last":"2026-01-31T12:00:01.000000006Z"})");
  expect(ExitedEvent{std::nullopt, 9}, R"("exited","code":null,"signal":9})");
  Finding finding;
  finding.code = "CD101";
  finding.severity = Severity::note;
  finding.path = "/x";
  expect(finding, R"("finding","code":"CD101","severity":"note","message":"","fix":"","policy":{"key":"","file":null,)"
                  R"("line":0},"process":null,"path":"/x","destination":null})");
}

TEST(EventStream, WritesLinesInOrderThroughASlowPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  std::string all;
  std::thread reader([&] {
    std::array<char, 1000> buffer{};
    for (;;) {
      const ssize_t count = read(ends[0], buffer.data(), buffer.size());
      if (count == 0) return;
      if (count > 0) all.append(buffer.data(), static_cast<std::size_t>(count));
      if (count < 0) std::this_thread::yield();
    }
  });
  std::string expected;
  {
    EventStream stream(ends[1]);
    for (std::uint64_t seq = 1; seq <= 5000; ++seq) {
      const Event one = event(seq, RepeatedEvent{seq, 1});
      expected += event_json(one) + "\n";
      stream.on_event(one);
      if (seq == 10) {
        EXPECT_TRUE(stream.flush());
      }
    }
  }
  close(ends[1]);
  reader.join();
  close(ends[0]);
  EXPECT_TRUE(all == expected);
}

TEST(EventStream, WhoFollowsSeesAnEventSoon) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  EventStream stream(ends[1]);
  EXPECT_EQ(stream.next_tick().count(), -1);
  const Event one = event(1, RepeatedEvent{1, 1});
  stream.on_event(one);
  const auto wait = stream.next_tick();
  EXPECT_GE(wait.count(), 0);
  EXPECT_LE(wait.count(), 100);
  std::this_thread::sleep_for(wait);
  stream.on_tick();
  std::string line(1000, '\0');
  line.resize(static_cast<std::size_t>(std::max<ssize_t>(read(ends[0], line.data(), line.size()), 0)));
  EXPECT_EQ(line, event_json(one) + "\n");
  EXPECT_EQ(stream.next_tick().count(), -1);
  close(ends[0]);
  close(ends[1]);
}

TEST(EventStream, AReaderThatStandsStillIsNotWaitedForAndCostsAGap) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  constexpr std::uint64_t kMany = 100'000;
  std::string all;
  {
    EventStream stream(ends[1]);
    for (std::uint64_t seq = 1; seq <= kMany; ++seq) stream.on_event(event(seq, RepeatedEvent{seq, 1}));
    std::array<char, 65536> buffer{};
    const auto take = [&] {
      for (ssize_t count = 0; (count = read(ends[0], buffer.data(), buffer.size())) > 0;) {
        all.append(buffer.data(), static_cast<std::size_t>(count));
      }
    };
    while (stream.next_tick().count() >= 0) {
      take();
      std::this_thread::sleep_for(stream.next_tick());
      stream.on_tick();
    }
    take();
  }
  EXPECT_LT(all.size(), 5U << 20);
  const auto lines = static_cast<std::uint64_t>(std::ranges::count(all, '\n'));
  const std::size_t at = all.rfind('\n', all.size() - 2) + 1;
  const std::string last = all.substr(at);
  EXPECT_NE(last.find("\"seq\":" + std::to_string(lines) + ","), std::string::npos) << last;
  EXPECT_NE(last.find("\"event\":\"gap\",\"count\":" + std::to_string(kMany - lines + 1) + ","), std::string::npos)
      << last;
  close(ends[0]);
  close(ends[1]);
}

TEST(EventStream, RemembersTheFirstErrorAndStops) {
  const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (fd < 0) GTEST_SKIP() << "needs /dev/full";
  EventStream stream(fd);
  stream.on_event(event(1, RepeatedEvent{1, 1}));
  const auto flushed = stream.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().errnum, ENOSPC);
  stream.on_event(event(2, RepeatedEvent{1, 1}));
  EXPECT_FALSE(stream.flush());
  close(fd);
}

}  // namespace
}  // namespace cofferdam::report
