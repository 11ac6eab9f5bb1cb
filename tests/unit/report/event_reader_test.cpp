// What event_json writes, parse_event reads.
#include <gtest/gtest.h>

#include "cofferdam/event.hpp"
#include "report/event_stream.hpp"

namespace cofferdam::report {
namespace {

ProcessRef psql() {
  return std::make_shared<const ProcessInfo>(ProcessInfo{7, "/usr/bin/psql", {"psql", "-h", "db"}, {"psql", "sh"}});
}

class EventReader : public ::testing::TestWithParam<Event> {};

TEST_P(EventReader, ReadsWhatWasWritten) {
  const std::string line = event_json(GetParam());
  const auto read = parse_event(line);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(event_json(*read), line);
  EXPECT_EQ(read->body.index(), GetParam().body.index());
}

INSTANTIATE_TEST_SUITE_P(
    All, EventReader,
    ::testing::Values(
        Event{1,
              {1700000000, 5},
              "web.1",
              StartedEvent{"local", {"sh", "-c", "a b"}, {{"storage", Level::partial, "x", "y"}}, {"n"}}},
        Event{2, {1700000000, 999999999}, "web.2", ExecEvent{psql(), 3}},
        Event{
            3, {1700000001, 0}, "web.1", WriteEvent{"rename", "/a", "/b", WriteOutcome::refused, "mount", 30, psql()}},
        Event{4, {1700000001, 0}, "web.1", WriteEvent{"openat", "/a", "", WriteOutcome::landed, "mount", 0, nullptr}},
        Event{5, {1700000001, 0}, "web.1", ConnectEvent{"127.0.0.1:5432", "postgres", true, false, 111, psql()}},
        Event{6, {1700000001, 0}, "web.1", ConnectEvent{"[::1]:80", "", false, false, 13, nullptr}},
        Event{7, {1700000001, 0}, "web.1", GapEvent{12, "slow", ""}},
        Event{8,
              {1700000001, 0},
              "web.1",
              Finding{"CD201", Severity::warning, "m", "f", {"database.allow", "p.yaml", 3}, psql(), "/p", "d:1"}},
        Event{9, {1700000001, 0}, "web.1", RepeatedEvent{3, 1ULL << 40U, {1700000002, 7}}},
        Event{10, {1700000001, 0}, "web.1", ExitedEvent{std::nullopt, 9}},
        Event{11, {1700000001, 0}, "web.1", ExitedEvent{0, std::nullopt}}));

TEST(EventReader, SaysWhatALineIsInstead) {
  EXPECT_EQ(parse_event("{\"v\":1,").error().message, "this is no JSON, so no event: {\"v\":1,");
  EXPECT_EQ(parse_event("[1]").error().message, "this is JSON, but no event of cofferdam");
  EXPECT_EQ(parse_event("{\"event\":\"moved\\u001b\"}").error().message,
            "this cofferdam does not know the event moved\\x1b");
}

TEST(EventReader, AValueOfAWrongTypeIsMissing) {
  const auto read = parse_event(R"({"event":"connect","seq":-1,"ts":7,"destination":5,"process":[],"errno":"x"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->seq, 0U);
  EXPECT_EQ(std::get<ConnectEvent>(read->body).process, nullptr);
}

}  // namespace
}  // namespace cofferdam::report
