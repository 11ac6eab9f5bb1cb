// A pump in its own process, with the test as the app, the launcher and the console.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "logs/pump.hpp"

namespace cofferdam::logs {

using namespace std::chrono_literals;
using nlohmann::json;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read = ends[0];
    write = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_read();
    close_write();
  }
  void close_read() { close_end(read); }
  void close_write() { close_end(write); }
  static void close_end(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  int read = -1;
  int write = -1;
};

inline void put(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    ASSERT_GT(count, 0) << strerror(errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

inline std::string read_all(int fd) {
  std::string all;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count <= 0) return all;
    all.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// What can be read within the time.
inline std::string read_within(int fd, std::chrono::milliseconds time, std::size_t enough = 1) {
  std::string all;
  const auto until = std::chrono::steady_clock::now() + time;
  while (all.size() < enough) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) break;
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count <= 0) break;
    all.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return all;
}

class PumpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    void* memory = mmap(nullptr, sizeof(PumpMemory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared = static_cast<PumpMemory*>(memory);
    counters = &shared->counters;
    directory = std::filesystem::temp_directory_path() / ("cofferdam-pump-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory);
  }
  void TearDown() override {
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    munmap(shared, sizeof(PumpMemory));
    std::filesystem::remove_all(directory);
  }

  void start(Format format, const std::vector<LogSink>& sinks = {}) {
    spawn(format, sinks);
    for (Pipe* pipe : {&out, &err, &control}) pipe->close_read();
    for (Pipe* pipe : {&console, &console_err}) pipe->close_write();
  }

  // As the launcher does, who keeps all ends, so that another pump can take over.
  void spawn(Format format, const std::vector<LogSink>& sinks = {}) {
    auto opened = open_sinks(sinks);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    pid = fork();
    if (pid != 0) return;
    for (Pipe* pipe : {&out, &err, &control}) pipe->close_write();
    for (Pipe* pipe : {&console, &console_err}) pipe->close_read();
    for (const int fd : launchers) close(fd);
    PumpConfig config;
    config.instance = "web.1";
    config.out_fd = out.read;
    config.err_fd = err.read;
    config.control_fd = control.read;
    config.console_out = console.write;
    config.console_err = console_err.write;
    config.format = format;
    config.sinks = std::move(*opened);
    config.memory = shared;
    config.parse = parse;
    config.own_fd = own;
    config.syslog_fd = syslog;
    config.drain_at_most = drain_at_most;
    _exit(run_pump(config));
  }

  [[nodiscard]] std::uint64_t dropped() const {
    std::uint64_t sum = 0;
    for (const auto& sink : counters->sinks) sum += sink.dropped;
    return sum;
  }

  void end_streams() {
    out.close_write();
    err.close_write();
  }

  int wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    pid = -1;
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WEXITSTATUS(status);
  }

  static std::vector<json> records(const std::string& lines) {
    std::vector<json> all;
    std::size_t at = 0;
    while (at < lines.size()) {
      const std::size_t feed = lines.find('\n', at);
      EXPECT_LE(feed - at, 16383U);
      all.push_back(json::parse(lines.substr(at, feed - at)));
      EXPECT_EQ(all.back().at("seq"), all.size());
      at = feed + 1;
    }
    return all;
  }

  Pipe out, err, control, console, console_err;
  PumpMemory* shared = nullptr;
  PumpCounters* counters = nullptr;
  pid_t pid = -1;
  LogParse parse;
  int own = -1;
  int syslog = -1;
  std::vector<int> launchers;  // what a pump must not hold
  std::chrono::milliseconds drain_at_most{5000};
  std::filesystem::path directory;
};

}  // namespace cofferdam::logs
