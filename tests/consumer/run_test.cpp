// run(): what goes in, what comes out, what an error says.
#include <sys/stat.h>

#include <atomic>
#include <cofferdam/testing.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

using namespace cofferdam;
using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

namespace {

RunRequest shop(std::vector<std::string> words) {
  RunRequest request;
  request.command = {SHOP};
  request.command.insert(request.command.end(), words.begin(), words.end());
  request.timeout = 20s;
  return request;
}

// An executable script beside the tests.
std::string script(const std::string& name, const std::string& text) {
  const std::string path = (std::filesystem::current_path() / name).string();
  std::ofstream(path) << text;
  ::chmod(path.c_str(), 0755);
  return path;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

}  // namespace

TEST(Run, BringsOutputStatusAndReport) {
  const auto run =
      cofferdam::run(shop({"say", "one", "complain", "two", "say", "three", "write", "media/a.png", "exit", "7"}));
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->exit_code, 7);
  EXPECT_EQ(run->output(), "one\nthree\n");
  EXPECT_EQ(run->output(LogStream::err), "two\n");
  EXPECT_EQ(run->records.at(0).instance, "web.1");
  EXPECT_FALSE(run->timed_out);
  EXPECT_THAT(run->messages, HasSubstr("web.1 exited 7"));
  ASSERT_THAT(run->report.instances, SizeIs(1));
  EXPECT_EQ(run->report.instances[0].code, 7);
  EXPECT_THAT(*run, Lost("media/a.png"));
  EXPECT_FALSE(std::filesystem::exists("media"));
  ASSERT_FALSE(run->events.empty());
  EXPECT_TRUE(std::holds_alternative<cofferdam::StartedEvent>(run->events.front().body));
  EXPECT_TRUE(std::holds_alternative<cofferdam::ExitedEvent>(run->events.back().body));
  EXPECT_EQ(run->events.back().seq, run->events.size());
}

TEST(Run, PassesInputEnvironmentAndDirectory) {
  auto request = shop({"cat", "getenv", "COLOUR", "getenv", "SECRET"});
  request.input = "bytes \xff without a line feed";
  request.environment = {{"COLOUR", "blue"}};
  ::setenv("SECRET", "x", 1);
  request.unset = {"SECRET"};
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->output(), "bytes \xff without a line feedblue\n(unset)\n");

  RunRequest where{.command = {"/bin/pwd"}, .working_directory = "/usr"};
  const auto elsewhere = cofferdam::run(where);
  ASSERT_TRUE(elsewhere) << elsewhere.error().message;
  EXPECT_EQ(elsewhere->output(), "/usr\n");
}

TEST(Run, TellsEventsAndRecordsWhileItGoesOn) {
  auto request = shop({"say", "one", "say", "two", "psql", "5432"});
  std::vector<std::uint64_t> numbers;
  std::vector<std::string> messages;
  request.on_event = [&](const cofferdam::Event& event) { numbers.push_back(event.seq); };
  request.on_record = [&](const cofferdam::LogRecord& record) { messages.push_back(record.message); };
  request.keep_events = 2;
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_THAT(run->events, SizeIs(2));
  EXPECT_EQ(run->events_missed, numbers.size() - 2);
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], i + 1);
  EXPECT_THAT(messages, testing::ElementsAre("one", "two", HasSubstr("psql ended with")));
}

TEST(Run, KeepsSoMuchOutput) {
  auto request = shop({"say", "12345", "say", "67890", "say", "x"});
  request.keep_output = 6;
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->output(), "12345\nx\n");
  EXPECT_EQ(run->records_missed, 1U);
}

TEST(Run, CarriesMuchOutput) {
  RunRequest request{.command = {"/usr/bin/seq", "50000"}, .timeout = 60s};
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  ASSERT_THAT(run->records, SizeIs(50'000));
  EXPECT_EQ(run->records.back().message, "50000");
  EXPECT_EQ(run->records.back().seq, 50'000U);
}

TEST(Run, FollowsThePolicyText) {
  auto request = shop({"say", "hi"});
  request.policy_text = "environment: {set: {A: b}}\nlogs: {parse: {rate: 1}}";
  request.policy = "django";
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->report.policy, "django");
  request.policy_text = "network: {egres: deny}";
  const auto wrong = cofferdam::run(request);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("(inline policy):1:11: error: unknown key 'egres'"));
  EXPECT_EQ(wrong.error().exit_code, 125);
}

TEST(Run, SeveralInstancesTellWhoSpeaks) {
  auto request = shop({"say", "hi"});
  request.replicas = 2;
  request.policy_text = "run: {restart: never}";
  const auto run = cofferdam::run(request);
  ASSERT_TRUE(run) << run.error().message;
  std::set<std::string> names;
  for (const auto& record : run->records) names.insert(record.instance);
  EXPECT_EQ(names, (std::set<std::string>{"web.1", "web.2"}));
}

TEST(Run, ACommandThatIsNotThereIsAnError) {
  const auto run = cofferdam::run({.command = {"/no/such/program"}});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().exit_code, 127);
  EXPECT_EQ(run.error().message, "/no/such/program: no such file");
  const auto broken = cofferdam::run({.command = {script("broken", "#!/no/such/interpreter\n")}});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().exit_code, 126) << broken.error().message;
  const auto garbage = cofferdam::run({.command = {script("garbage",
                                                          "\x7f"
                                                          "ELF")}});
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().exit_code, 126);
  EXPECT_THAT(garbage.error().message, HasSubstr("it is no program for this machine"));
  // The app's own 126 is no failure of ours.
  EXPECT_THAT(cofferdam::run(shop({"exit", "126"})), Exited(126));
  EXPECT_FALSE(cofferdam::run({}));
}

TEST(Run, NamesWhatIsMissing) {
  const auto nowhere = cofferdam::run({.command = {"true"}, .working_directory = "/no/such/directory"});
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("the working directory /no/such/directory is not there"));
  const auto without = cofferdam::run({.command = {"true"}, .binary = "/no/such/cofferdam"});
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, HasSubstr("RunRequest::binary is /no/such/cofferdam"));
}

TEST(Run, RefusesABinaryOfAnotherVersion) {
  const std::string binary = script("other", "#!/bin/sh\necho cofferdam 9.8.7\n");
  const auto run = cofferdam::run({.command = {"true"}, .binary = binary});
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message,
              HasSubstr(std::string("this library is cofferdam ") + cofferdam::version() + ", and "));
  EXPECT_THAT(run.error().message, HasSubstr(" is 9.8.7: install both from one release"));
  const auto stranger = cofferdam::run({.command = {"true"}, .binary = "/bin/true"});
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().message, HasSubstr("/bin/true is no cofferdam"));
}

TEST(Run, ManyAtOnceLeaveNoDescriptor) {
  ASSERT_TRUE(cofferdam::run(shop({})));
  const std::size_t before = open_descriptors();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&good, i] {
      const std::string word = "thread " + std::to_string(i);
      for (int round = 0; round < 3; ++round) {
        const auto run =
            cofferdam::run(shop({"say", word, "write", "f" + std::to_string(i), "exit", std::to_string(i)}));
        if (run && run->output() == word + "\n" && run->exit_code == i && run->report.lost.size() == 1) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 24);
  EXPECT_EQ(open_descriptors(), before);
}
