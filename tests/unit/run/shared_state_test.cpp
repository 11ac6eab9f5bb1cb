#include "run/shared_state.hpp"

#include <gtest/gtest.h>

#include "supervise/look_audit.hpp"

namespace cofferdam::run {
namespace {

Event write_of(const char* call, const std::string& path, const std::string& to = "",
               WriteOutcome outcome = WriteOutcome::landed) {
  Event event;
  event.body = WriteEvent{.call = call, .path = path, .to = to, .outcome = outcome, .by = "mount", .process = {}};
  return event;
}

class SharedStateTest : public testing::Test {
 protected:
  void SetUp() override {
    state_.join("web.1", one_);
    state_.join("web.2", two_);
  }
  void by(const std::string& instance, const Event& event) { state_.listen(instance).on_event(event); }

  supervise::InstanceView view_;
  supervise::LookAudit one_{view_, {}};
  supervise::LookAudit two_{view_, {}};
  SharedState state_;
};

TEST_F(SharedStateTest, WhatOneMakesIsExpectedByTheOthersOnly) {
  by("web.1", write_of("openat", "/nowhere/a"));
  EXPECT_EQ(one_.size(), 0U);
  EXPECT_EQ(two_.size(), 1U);
  by("web.2", write_of("openat", "/nowhere/a"));  // both have it
  EXPECT_EQ(one_.size(), 0U);
}

TEST_F(SharedStateTest, WhatIsRefusedRemovedOrTheProjectsOwnIsNot) {
  by("web.1", write_of("openat", "/nowhere/a", "", WriteOutcome::refused));
  by("web.1", write_of("openat", "/etc/passwd"));
  by("web.1", write_of("chmod", "/nowhere/a"));
  EXPECT_EQ(two_.size(), 0U);
  by("web.1", write_of("openat", "/nowhere/a"));
  by("web.2", write_of("unlink", "/nowhere/a"));  // of its own
  EXPECT_EQ(two_.size(), 1U);
  by("web.1", write_of("unlink", "/nowhere/a"));
  EXPECT_EQ(two_.size(), 0U);
}

TEST_F(SharedStateTest, ARenameBringsTheNewName) {
  by("web.1", write_of("openat", "/nowhere/.tmp"));
  by("web.1", write_of("renameat2", "/nowhere/.tmp", "/nowhere/a"));
  EXPECT_EQ(two_.size(), 1U);
}

TEST_F(SharedStateTest, OneThatComesLaterExpectsWhatThereIs) {
  by("web.1", write_of("openat", "/nowhere/a"));
  supervise::LookAudit three{view_, {}};
  state_.join("web.3", three);
  EXPECT_EQ(three.size(), 1U);
  state_.leave("web.3");
  by("web.1", write_of("openat", "/nowhere/b"));
  EXPECT_EQ(three.size(), 1U);
}

TEST_F(SharedStateTest, MemoryIsBounded) {
  for (std::size_t i = 0; i < SharedState::kMostPaths + 10; ++i) {
    by("web.1", write_of("openat", "/nowhere/" + std::to_string(i)));
  }
  EXPECT_EQ(two_.size(), SharedState::kMostPaths);
}

}  // namespace
}  // namespace cofferdam::run
