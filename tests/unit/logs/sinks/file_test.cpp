#include "logs/sinks/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "logs/sinks/file_sender.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::logs {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

kernel::Fd open_log(const std::string& path) {
  return kernel::Fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
}

std::string record(std::uint64_t seq, const std::string& message = "x") {
  return R"({"ts":"2026-01-31T12:00:00.00000000)" + std::to_string(seq % 10) + R"(Z","seq":)" + std::to_string(seq) +
         R"(,"instance":"web.1","stream":"stdout","level":"info","message":")" + message + "\"}\n";
}

// A file size limit stands in for a full disk: the write is short, then fails, then succeeds again.
int in_child(const std::function<bool()>& test) {
  const pid_t child = fork();
  if (child == 0) {
    (void)signal(SIGXFSZ, SIG_IGN);
    _exit(test() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}
void limit_files_to(rlim_t size) {
  const rlimit limit{size, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(FileSink, CompletesARecordThatWasCutByAFullDisk) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(in_child([&] {
              const kernel::Fd fd = open_log(directory("log"));
              FileSink sink(Encoding::json, fd.get());
              limit_files_to(10);
              const Delivery first = sink.deliver({"{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", 3});
              const Delivery second = sink.deliver({"{\"d\":4}\n", 1});
              limit_files_to(RLIM_INFINITY);
              const Delivery third = sink.deliver({"{\"e\":5}\n", 1});
              return first.delivered == 2 && first.dropped == 1 && second.dropped == 1 && third.delivered == 1 &&
                     !first.gone && !second.gone;
            }),
            0);
  EXPECT_EQ(directory.read("log"), "{\"a\":1}\n{\"b\":2}\n{\"e\":5}\n");
}

TEST(FileSink, AnnouncesWhatAFullDiskCost) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(in_child([&] {
              const kernel::Fd fd = open_log(directory("log"));
              FileSink sink(Encoding::json, fd.get());
              limit_files_to(record(1).size() + 20);
              const Delivery first = sink.deliver({record(1) + record(2) + record(3) + record(5), 4});
              const Delivery second = sink.deliver({record(6) + record(8), 2});
              limit_files_to(RLIM_INFINITY);
              const Delivery third = sink.deliver({record(9), 1});
              return first.delivered == 2 && first.dropped == 2 && second.dropped == 2 && third.delivered == 1;
            }),
            0);
  EXPECT_EQ(directory.read("log"),
            record(1) + record(2) +
                R"({"ts":"2026-01-31T12:00:00.000000008Z","seq":8,"instance":"web.1","stream":"cofferdam",)"
                R"("level":"warning","message":"4 records lost here: File too large",)"
                R"("gap":{"first":3,"last":8,"count":4,"reason":"File too large"}})"
                "\n" +
                record(9));
}

TEST(FileSink, AnnouncesForPeopleInAPrettyFile) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(in_child([&] {
              const kernel::Fd fd = open_log(directory("log"));
              FileSink sink(Encoding::pretty, fd.get());
              limit_files_to(6);
              (void)sink.deliver({"first\nsecond\n", 2});
              limit_files_to(RLIM_INFINITY);
              return sink.deliver({"third\n", 1}).delivered == 1;
            }),
            0);
  EXPECT_EQ(directory.read("log"), "first\ncofferdam: 1 record lost here: File too large\nthird\n");
}

TEST(FileSink, CompletesTheLastRecordAtItsEnd) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(in_child([&] {
              const kernel::Fd fd = open_log(directory("log"));
              {
                FileSink sink(Encoding::json, fd.get());
                limit_files_to(20);
                (void)sink.deliver({record(1), 1});
                limit_files_to(RLIM_INFINITY);
              }
              return true;
            }),
            0);
  EXPECT_EQ(directory.read("log"), record(1));
}

// A file with its rotation.
class Rotating {
 public:
  explicit Rotating(const LogRotation& rotate, Encoding encoding = Encoding::json) {
    const std::string path = directory("app.log");
    fd_ = open_log(path);
    place_ = *locate(path).value();
    FileRotation rotation;
    rotation.directory = place_.directory.get();
    rotation.name = place_.name;
    rotation.rotate = rotate;
    rotation.look_each = milliseconds{0};
    sink = std::make_unique<FileSink>(encoding, fd_.get(), rotation);
  }
  [[nodiscard]] std::string read(const std::string& name) const { return directory.read(name); }

  test::TemporaryDirectory directory;
  std::unique_ptr<FileSink> sink;

 private:
  kernel::Fd fd_;
  FilePlace place_;
};

LogRotation by_size(std::uint64_t size, std::uint32_t keep = 5) {
  LogRotation rotation;
  rotation.size = size;
  rotation.keep = keep;
  return rotation;
}

TEST(FileSink, RotatesBeforeAFileWouldBeTooLarge) {
  const std::uint64_t three = record(1).size() * 3;
  Rotating f(by_size(three));
  std::string batch;
  for (std::uint64_t seq = 1; seq <= 8; ++seq) batch += record(seq);
  const Delivery delivery = f.sink->deliver({batch, 8});
  EXPECT_EQ(delivery.delivered, 8U);
  EXPECT_EQ(f.read("app.log.2"), record(1) + record(2) + record(3));
  EXPECT_EQ(f.read("app.log.1"), record(4) + record(5) + record(6));
  EXPECT_EQ(f.read("app.log"), record(7) + record(8));
}

TEST(FileSink, ARecordThatIsLargerThanAFileHasItsOwn) {
  Rotating f(by_size(100));
  const std::string large = record(2, std::string(300, 'y'));
  (void)f.sink->deliver({record(1), 1});
  (void)f.sink->deliver({large + record(3), 2});
  EXPECT_EQ(f.read("app.log.2"), record(1));
  EXPECT_EQ(f.read("app.log.1"), large);
  EXPECT_EQ(f.read("app.log"), record(3));
}

TEST(FileSink, ALineOfARawFileStaysInOneFile) {
  Rotating f(by_size(10), Encoding::raw);
  (void)f.sink->deliver({"0123", 0});
  (void)f.sink->deliver({"456789abcd", 0});
  (void)f.sink->deliver({"ef\nnext\n", 2});
  EXPECT_EQ(f.read("app.log.1"), "0123456789abcdef\n");
  EXPECT_EQ(f.read("app.log"), "next\n");
}

TEST(FileSink, KeepsSoManyAndNoMore) {
  Rotating f(by_size(10, 2));
  for (std::uint64_t seq = 1; seq <= 6; ++seq) (void)f.sink->deliver({record(seq), 1});
  EXPECT_EQ(f.read("app.log"), record(6));
  EXPECT_EQ(f.read("app.log.1"), record(5));
  EXPECT_EQ(f.read("app.log.2"), record(4));
  EXPECT_FALSE(f.directory.has("app.log.3"));
}

TEST(FileSink, KeepsNoneWhereNoneIsWanted) {
  Rotating f(by_size(10, 0));
  for (std::uint64_t seq = 1; seq <= 3; ++seq) (void)f.sink->deliver({record(seq), 1});
  EXPECT_EQ(f.read("app.log"), record(3));
  EXPECT_FALSE(f.directory.has("app.log.1"));
}

TEST(FileSink, KeepsSoManyBytesAndNoMore) {
  LogRotation rotation = by_size(10, 100);
  rotation.total = record(1).size() * 3;
  Rotating f(rotation);
  for (std::uint64_t seq = 1; seq <= 9; ++seq) (void)f.sink->deliver({record(seq), 1});
  EXPECT_TRUE(f.directory.has("app.log.3"));
  EXPECT_FALSE(f.directory.has("app.log.4"));
}

TEST(FileSink, RotatesAnOldFile) {
  LogRotation rotation;
  rotation.age = std::chrono::seconds{1};
  Rotating f(rotation);
  (void)f.sink->deliver({record(1), 1});
  (void)f.sink->deliver({record(2), 1});
  EXPECT_FALSE(f.directory.has("app.log.1"));
  std::this_thread::sleep_for(milliseconds{1050});
  (void)f.sink->deliver({record(3), 1});
  EXPECT_EQ(f.read("app.log.1"), record(1) + record(2));
  EXPECT_EQ(f.read("app.log"), record(3));
}

TEST(FileSink, ANewFileIsLikeTheOldOne) {
  Rotating f(by_size(10));
  ASSERT_EQ(::chmod(f.directory("app.log").c_str(), 0606), 0);
  (void)f.sink->deliver({record(1), 1});
  (void)f.sink->deliver({record(2), 1});
  struct stat status{};
  ASSERT_EQ(::stat(f.directory("app.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0606U);
  EXPECT_EQ(status.st_uid, ::getuid());
}

TEST(FileSink, FollowsALogrotateThatRenames) {
  Rotating f(LogRotation{});
  (void)f.sink->deliver({record(1), 1});
  fs::rename(f.directory("app.log"), f.directory("app.log-20260131"));
  (void)f.sink->deliver({record(2), 1});
  EXPECT_EQ(f.read("app.log-20260131"), record(1));
  EXPECT_EQ(f.read("app.log"), record(2));
  fs::remove(f.directory("app.log"));
  (void)f.sink->deliver({record(3), 1});
  EXPECT_EQ(f.read("app.log"), record(3));
}

TEST(FileSink, GoesOnAfterACopytruncate) {
  Rotating f(by_size(record(1).size() * 2));
  (void)f.sink->deliver({record(1) + record(2), 2});
  fs::resize_file(f.directory("app.log"), 0);
  (void)f.sink->deliver({record(3) + record(4), 2});
  EXPECT_EQ(f.read("app.log"), record(3) + record(4));
  EXPECT_FALSE(f.directory.has("app.log.1"));
}

TEST(FileSink, ARotationThatFailsLosesNothing) {
  if (::geteuid() == 0) {
    // Root may write everywhere: a directory in the way of the name does it, too.
    Rotating f(by_size(10));
    fs::create_directory(f.directory("app.log.1"));
    f.directory.write("app.log.1/file", "");
    (void)f.sink->deliver({record(1), 1});
    const Delivery delivery = f.sink->deliver({record(2), 1});
    EXPECT_EQ(delivery.delivered, 1U);
    EXPECT_EQ(f.read("app.log"), record(1) + record(2));
    return;
  }
  Rotating f(by_size(10));
  ASSERT_EQ(::chmod(f.directory.path().c_str(), 0500), 0);
  (void)f.sink->deliver({record(1), 1});
  const Delivery delivery = f.sink->deliver({record(2), 1});
  ASSERT_EQ(::chmod(f.directory.path().c_str(), 0700), 0);
  EXPECT_EQ(delivery.delivered, 1U);
  EXPECT_EQ(f.read("app.log"), record(1) + record(2));
}

TEST(FileSink, ALineThatARunLeftWithoutItsEndGetsOne) {
  const test::TemporaryDirectory directory;
  directory.write("app.log", record(1) + "{\"ts\":\"2026");
  for (int run = 0; run < 2; ++run) {
    const kernel::Fd fd = open_log(directory("app.log"));
    const FilePlace place = *locate(directory("app.log")).value();
    FileSink sink(Encoding::json, fd.get(), {place.directory.get(), place.name, {}});
    (void)sink.deliver({record(2), 1});
  }
  EXPECT_EQ(directory.read("app.log"), record(1) + "{\"ts\":\"2026\n" + record(2) + record(2));
}

TEST(FileSender, ADiskThatIsFullForATimeCostsNothing) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(in_child([&] {
              const kernel::Fd fd = open_log(directory("log"));
              FileSender sender(std::make_unique<FileSink>(Encoding::json, fd.get()), "web.1", 0, false);
              const std::string body = record(1) + record(2) + record(3);
              limit_files_to(record(1).size() + 10);
              const SendResult first = sender.send(body, 3, {});
              const SendResult second = sender.send(body, 3, {});
              limit_files_to(RLIM_INFINITY);
              const SendResult third = sender.send(body, 3, {});
              const SendResult fourth = sender.send(record(4), 1, {});
              using enum SendResult::Outcome;
              return first.outcome == retry && first.why == "File too large" && second.outcome == retry &&
                     third.outcome == delivered && fourth.outcome == delivered;
            }),
            0);
  EXPECT_EQ(directory.read("log"), record(1) + record(2) + record(3) + record(4));
}

// Two instances with one file: each record is there once, whoever rotates.
TEST(FileSink, SeveralProcessesMayRotateOneFile) {
  const test::TemporaryDirectory directory;
  const std::string path = directory("app.log");
  constexpr std::uint64_t kEach = 400;
  std::vector<pid_t> children;
  for (std::uint64_t which = 0; which < 3; ++which) {
    const pid_t child = fork();
    if (child == 0) {
      const kernel::Fd fd = open_log(path);
      const FilePlace place = *locate(path).value();
      FileRotation rotation{place.directory.get(), place.name, by_size(5000, 1000), milliseconds{0}};
      FileSink sink(Encoding::json, fd.get(), rotation);
      for (std::uint64_t i = 1; i <= kEach; ++i) (void)sink.deliver({record(which * kEach + i), 1});
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::vector<int> times(3 * kEach + 1);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    ++files;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      const std::uint64_t seq = std::stoull(line.substr(line.find("\"seq\":") + 6));
      ASSERT_EQ(line + "\n", record(seq));
      ++times.at(seq);
    }
  }
  EXPECT_GT(files, 5U);
  for (std::size_t seq = 1; seq < times.size(); ++seq) EXPECT_EQ(times[seq], 1) << seq;
}

}  // namespace
}  // namespace cofferdam::logs
