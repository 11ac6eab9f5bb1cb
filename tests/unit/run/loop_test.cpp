#include "run/loop.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace cofferdam::run {
namespace {

TEST(SignalNumber, NamesWithAndWithoutTheirPrefix) {
  struct Row {
    const char* name;
    int number;
  };
  for (const auto& [name, number] :
       {Row{"SIGTERM", SIGTERM}, Row{"TERM", SIGTERM}, Row{"INT", SIGINT}, Row{"SIGQUIT", SIGQUIT}, Row{"HUP", SIGHUP},
        Row{"SIGUSR1", SIGUSR1}, Row{"USR2", SIGUSR2}, Row{"SIGKILL", SIGKILL}, Row{"SIGWINCH", SIGWINCH}}) {
    EXPECT_EQ(signal_number(name), number) << name;
  }
}

TEST(SignalNumber, AnythingElseIsNone) {
  for (const char* name : {"", "SIG", "sigterm", "TERMINATE", "SIGSIGTERM", "15", " TERM", "TERM ", "SIGNOTHING"}) {
    EXPECT_EQ(signal_number(name), 0) << name;
  }
}

TEST(ForwardedSignals, ArePassedOnAndNeverTheLaunchersOwn) {
  const sigset_t set = forwarded_signals();
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP}) {
    EXPECT_EQ(::sigismember(&set, number), 1) << number;
  }
  // A fault of the launcher itself must end it.
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    EXPECT_EQ(::sigismember(&set, number), 0) << number;
}

}  // namespace
}  // namespace cofferdam::run
