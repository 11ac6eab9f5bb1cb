#include "supervise/event_log.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace cofferdam::supervise {
namespace {

class Recorder : public EventSink {
 public:
  void on_event(const Event& event) override { events.push_back(event); }
  // How often a write of `path` was told, repetitions included; a reference that is too old counts nothing.
  [[nodiscard]] std::uint64_t writes(const std::string& path) const {
    std::uint64_t count = 0;
    for (const Event& event : events) {
      if (const auto* write = std::get_if<WriteEvent>(&event.body)) count += write->path == path ? 1 : 0;
      const auto* repeated = std::get_if<RepeatedEvent>(&event.body);
      if (repeated == nullptr || event.seq - repeated->of > kRepeatWindow) continue;
      if (std::get<WriteEvent>(events.at(repeated->of - 1).body).path == path) count += repeated->count;
    }
    return count;
  }
  std::vector<Event> events;
};

class EventLogTest : public testing::Test {
 protected:
  void write(const std::string& path, const char* call = "openat") {
    WriteEvent event;
    event.call = call;
    event.path = path;
    event.process = process_;
    log_.emit(std::move(event));
  }
  void expect_no_holes() const {
    std::uint64_t seq = 0;
    for (const Event& event : recorder_.events) EXPECT_EQ(event.seq, ++seq);
    EXPECT_EQ(log_.count(), seq);
  }

  Recorder recorder_;
  EventLog log_{"web.1", {&recorder_}};
  ProcessRef process_ = std::make_shared<const ProcessInfo>();
};

TEST_F(EventLogTest, AWriteThatComesAgainIsToldOnceAndCounted) {
  for (int i = 0; i < 1000; ++i) write("/x");
  write("/y");
  log_.emit(ExitedEvent{0, std::nullopt});
  ASSERT_EQ(recorder_.events.size(), 4U);
  const auto& repeated = std::get<RepeatedEvent>(recorder_.events[2].body);
  EXPECT_EQ(repeated.of, 1U);
  EXPECT_EQ(repeated.count, 999U);
  EXPECT_GE(repeated.last.tv_sec, recorder_.events[0].ts.tv_sec);
  EXPECT_TRUE(std::holds_alternative<ExitedEvent>(recorder_.events[3].body));
  expect_no_holes();
}

TEST_F(EventLogTest, AnotherCallProcessOrOutcomeIsAnotherEvent) {
  write("/x");
  write("/x", "truncate");
  process_ = std::make_shared<const ProcessInfo>();
  write("/x");
  WriteEvent failed{"openat", "/x", "", WriteOutcome::failed, "mount", 13, process_};
  log_.emit(failed);
  failed.errnum = 2;
  log_.emit(failed);
  EXPECT_EQ(recorder_.events.size(), 5U);
}

TEST_F(EventLogTest, NamesThatComeAndGoAreToldEachTime) {
  for (int i = 0; i < 10; ++i) {
    for (const char* call : {"mkdir", "rmdir", "rename", "unlink", "symlinkat", "linkat", "mknodat", "bind"})
      write("/x", call);
  }
  EXPECT_EQ(recorder_.events.size(), 80U);
}

TEST_F(EventLogTest, NothingIsLostWhenThereAreMoreWritesThanAreRemembered) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10'000; ++i) {
      write("/often");
      write("/" + std::to_string(i));
      write("/" + std::to_string(i));
    }
  }
  log_.emit(ExitedEvent{0, std::nullopt});
  EXPECT_EQ(recorder_.writes("/often"), 30'000U);
  EXPECT_EQ(recorder_.writes("/4711"), 6U);
  expect_no_holes();
}

TEST_F(EventLogTest, ACountIsToldBeforeItsEventIsForgotten) {
  write("/x");
  write("/x");
  for (int i = 0; i < 10'000; ++i) log_.emit(ExecEvent{process_, 1});
  write("/x");
  write("/x");
  log_.emit(ExitedEvent{0, std::nullopt});
  EXPECT_EQ(recorder_.writes("/x"), 4U);
  expect_no_holes();
}

}  // namespace
}  // namespace cofferdam::supervise
