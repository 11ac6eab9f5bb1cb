// RunningApp: following, stopping, killing, and what is left when somebody dies.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cofferdam/testing.hpp>
#include <filesystem>
#include <fstream>
#include <string>

using namespace cofferdam;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

RunRequest shop(std::vector<std::string> words) {
  RunRequest request;
  request.command = {SHOP};
  request.command.insert(request.command.end(), words.begin(), words.end());
  return request;
}

bool eventually(auto condition) {
  for (const auto end = Clock::now() + 10s; Clock::now() < end; ::usleep(10'000)) {
    if (condition()) return true;
  }
  return condition();
}

// Running programs that were started with this argument, in any namespace.
int processes_with(const std::string& argument) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string words((std::istreambuf_iterator<char>(file)), {});
    if (words.starts_with(SHOP) && words.contains(argument)) ++count;
  }
  return count;
}

}  // namespace

TEST(RunningApp, IsFollowedAndStopped) {
  auto app = cofferdam::start(shop({"say", "ready", "wait"}));
  ASSERT_TRUE(app) << app.error().message;
  EXPECT_TRUE(app->wait_for_output("ready", 10s));
  EXPECT_TRUE(app->wait_for_event(
      [](const cofferdam::Event& event) { return std::holds_alternative<cofferdam::StartedEvent>(event.body); }, 10s));
  EXPECT_FALSE(app->wait_for_output("never said", 50ms));
  EXPECT_FALSE(app->ended());
  EXPECT_TRUE(app->stop());
  const auto run = app->wait();
  EXPECT_THAT(run, Exited(0));
  EXPECT_TRUE(app->ended());
  EXPECT_FALSE(app->signal(SIGTERM));
  EXPECT_THAT(app->wait(), Exited(0));
  EXPECT_FALSE(app->wait_for_output("never said", 10s));  // at once: it has ended
}

TEST(RunningApp, PassesSignalsOn) {
  auto app = cofferdam::start(shop({"say", "ready", "wait"}));
  ASSERT_TRUE(app) << app.error().message;
  ASSERT_TRUE(app->wait_for_output("ready", 10s));
  EXPECT_TRUE(app->signal(SIGUSR1));
  EXPECT_THAT(app->wait(), Exited(128 + SIGUSR1));
}

TEST(RunningApp, ItsTimeIsBounded) {
  auto request = shop({"ignore", "say", "ready", "write", "left.txt", "wait"});
  request.timeout = 300ms;
  request.policy_text = "run: {stop_grace: 200ms}";
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_THAT(run, TimedOut());
  EXPECT_THAT(run, testing::Not(Exited(128 + SIGKILL)));
  EXPECT_THAT(run, HasFinding("CD503"));
  EXPECT_THAT(run, Lost("left.txt"));
  EXPECT_GE(run->duration, 500ms);
  EXPECT_LT(run->duration, 5s);
}

TEST(RunningApp, KillKeepsTheReport) {
  auto app = cofferdam::start(shop({"ignore", "write", "left.txt", "say", "ready", "wait"}));
  ASSERT_TRUE(app) << app.error().message;
  ASSERT_TRUE(app->wait_for_output("ready", 10s));
  app->kill();
  const auto run = app->wait();
  EXPECT_THAT(run, Exited(128 + SIGKILL));
  EXPECT_THAT(run, Lost("left.txt"));
}

TEST(RunningApp, DiesWithItsObject) {
  const std::string mark = "object " + std::to_string(::getpid());
  pid_t pid = 0;
  {
    auto app = cofferdam::start(shop({"ignore", "say", mark, "wait"}));
    ASSERT_TRUE(app) << app.error().message;
    ASSERT_TRUE(app->wait_for_output(mark, 10s));
    EXPECT_EQ(processes_with(mark), 1);
    pid = app->pid();
    auto moved = std::move(*app);
    EXPECT_FALSE(moved.ended());
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_TRUE(eventually([&] { return processes_with(mark) == 0; }));
}

// Killed in a way that no handler sees.
TEST(RunningApp, DiesWithItsProgram) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t leaver = ::fork();
  if (leaver == 0) {
    ::dup2(ends[1], 1);
    ::execl(LEAVER, LEAVER, SHOP, nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  char text[32] = {};
  ASSERT_GT(::read(ends[0], text, sizeof text - 1), 0);
  const pid_t launcher = std::stoi(text);
  ASSERT_EQ(::kill(launcher, 0), 0);
  ::kill(leaver, SIGKILL);
  ::waitpid(leaver, nullptr, 0);
  ::close(ends[0]);
  EXPECT_TRUE(eventually([&] {
    std::ifstream stat("/proc/" + std::to_string(launcher) + "/stat");
    std::string line;
    return !std::getline(stat, line) || line.contains(") Z ");  // nobody may be there to reap it
  }));
}
