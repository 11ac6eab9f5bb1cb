#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "logs/process/plain.hpp"
#include "logs/queue/packed.hpp"
#include "unit/logs/pump_fixture.hpp"
#include "unit/logs/sink_fixture.hpp"

namespace cofferdam::logs {
namespace {

TEST_F(PumpTest, CarriesEverythingToJson) {
  start(Format::json);
  std::string huge;
  while (huge.size() < (1U << 20)) huge += "0123456789abcdef\xe2\x82\xac";
  std::thread app([&] {
    put(out.write, "one\n" + huge + "\n" + std::string("n\0l\n", 4) + "x\xff\n\nprompt> ");
    end_streams();
  });
  const auto all = records(read_all(console.read));
  app.join();
  EXPECT_EQ(wait(), kPumpDone);
  std::string joined;
  for (std::size_t i = 1; i + 4 < all.size(); ++i) joined += all[i].at("message").get<std::string>();
  EXPECT_TRUE(joined == huge);
  ASSERT_GE(all.size(), 60U);
  EXPECT_EQ(all[all.size() - 4]["message"], std::string("n\0l", 3));
  EXPECT_EQ(all[all.size() - 3]["message_b64"], "eP8=");
  EXPECT_EQ(all[all.size() - 2]["message"], "");
  EXPECT_EQ(all.back()["message"], "prompt> ");
  EXPECT_EQ(all.back()["eol"], false);
  EXPECT_EQ(counters->streams[0].records, all.size());
  EXPECT_EQ(counters->streams[0].bytes, 4 + huge.size() + 1 + 4 + 3 + 1 + 8);
  EXPECT_EQ(counters->sinks[0].delivered, all.size());
  EXPECT_EQ(counters->sinks[0].pending, 0U);
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(PumpTest, AFastWriterAndASlowConsoleLoseNothing) {
  start(Format::json);
  constexpr int kLines = 30'000;
  std::thread app([&] {
    std::string block;
    for (int i = 0; i < kLines; ++i) {
      block += "line " + std::to_string(i) + "\n";
      if (block.size() > 60'000) {
        put(i % 2 == 0 ? out.write : err.write, block);
        block.clear();
      }
    }
    put(out.write, block);
    end_streams();
  });
  std::this_thread::sleep_for(50ms);
  const auto all = records(read_all(console.read));
  app.join();
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(all.size(), kLines);
  EXPECT_EQ(counters->streams[0].records + counters->streams[1].records, kLines);
  EXPECT_EQ(counters->sinks[0].delivered, kLines);
}

// Another program may have made the console non-blocking.
TEST_F(PumpTest, ANonBlockingConsoleIsWaitedFor) {
  ASSERT_EQ(fcntl(console.write, F_SETFL, O_NONBLOCK), 0);
  start(Format::raw);
  const std::string bytes(3U << 20, 'x');
  std::thread app([&] {
    put(out.write, bytes);
    end_streams();
  });
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(read_all(console.read) == bytes);
  app.join();
  EXPECT_EQ(wait(), kPumpDone);
}

TEST_F(PumpTest, RawPassesBytesToTheirStreams) {
  start(Format::raw);
  const std::string bytes("a\0\xff\r\n\x1b[2Jprompt> ", 17);
  put(out.write, bytes);
  put(err.write, "oops\n");
  EXPECT_EQ(read_within(console.read, 2s, bytes.size()), bytes);
  EXPECT_EQ(read_within(console_err.read, 2s, 5), "oops\n");
  end_streams();
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(counters->streams[0].records, 2U);
  EXPECT_EQ(counters->streams[1].records, 1U);
  EXPECT_EQ(counters->sinks[0].delivered, 3U);
}

// What a joiner held comes when nothing else does, and still on its own stream.
TEST_F(PumpTest, AHeldTraceBelongsToItsStream) {
  parse.multiline = {"java"};
  start(Format::raw);
  put(err.write, "java.lang.Error: x\n\tat a.B.c(B.java:1)\n");
  std::this_thread::sleep_for(20ms);
  put(out.write, "goes on\n");
  EXPECT_EQ(read_within(console.read, 2s, 8), "goes on\n");
  EXPECT_EQ(read_within(console_err.read, 2s, 41), "java.lang.Error: x\n\tat a.B.c(B.java:1)\n");
  end_streams();
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(counters->streams[0].records, 1U);
  EXPECT_EQ(counters->streams[1].records, 1U);
}

TEST_F(PumpTest, PrettyShowsAPromptSoon) {
  start(Format::pretty);
  put(out.write, "name: ");
  EXPECT_EQ(read_within(console.read, 2s), "web.1 | name: ");
  put(out.write, "bob\n");
  EXPECT_EQ(read_within(console.read, 2s), "bob\n");
  end_streams();
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(read_all(console.read), "");
}

TEST_F(PumpTest, AGoneConsoleEndsThePumpAtOnce) {
  start(Format::json);
  console.close_read();
  put(out.write, "a\n");
  EXPECT_EQ(wait(), kPumpConsoleGone);
  EXPECT_TRUE(counters->console_gone);
  EXPECT_EQ(dropped(), 1U);
  EXPECT_EQ(counters->sinks[0].delivered, 0U);
}

TEST_F(PumpTest, AGoneConsoleDoesNotDisturbTheFile) {
  const std::string path = directory / "app.jsonl";
  start(Format::pretty, {LogSink{}, file_sink(path)});
  console.close_read();
  put(out.write, "a\nb\n");
  std::this_thread::sleep_for(50ms);
  put(err.write, "c\n");
  end_streams();
  EXPECT_EQ(wait(), kPumpDone);
  std::ifstream file(path);
  const auto all = records(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(counters->console_gone);
  EXPECT_EQ(dropped(), 3U);
  EXPECT_EQ(counters->sinks[0].delivered, 0U);
  EXPECT_EQ(counters->sinks[1].delivered, 3U);
}

TEST_F(PumpTest, AFullDiskDropsRecordsAndCountsThem) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "needs /dev/full";
  start(Format::json, {file_sink("/dev/full"), LogSink{}});
  put(out.write, "a\nb\n");
  end_streams();
  EXPECT_EQ(records(read_all(console.read)).size(), 2U);
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(counters->sinks[0].delivered, 0U);
  EXPECT_EQ(counters->sinks[1].delivered, 2U);
  EXPECT_EQ(dropped(), 2U);
}

TEST_F(PumpTest, DrainsWhenTheAppIsGoneAndAPipeIsHeldOpen) {
  start(Format::json);
  put(out.write, "last words");
  const auto before = std::chrono::steady_clock::now();
  control.close_write();
  EXPECT_EQ(wait(), kPumpDone);
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_GE(took, 250ms);
  EXPECT_LT(took, 3s);
  const auto all = records(read_all(console.read));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["message"], "last words");
  EXPECT_EQ(all[0]["eol"], false);
}

TEST_F(PumpTest, WhatASurvivorWritesWhileDrainingStillComes) {
  start(Format::json);
  put(out.write, "app\n");
  put(control.write, "x");
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(120ms);
    put(err.write, "survivor\n");
  }
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(records(read_all(console.read)).size(), 5U);
}

TEST_F(PumpTest, AChattySurvivorDoesNotHoldItForever) {
  drain_at_most = 600ms;
  start(Format::json);
  control.close_write();
  const auto before = std::chrono::steady_clock::now();
  std::thread console_reader([&] { (void)read_all(console.read); });
  while (waitpid(pid, nullptr, WNOHANG) == 0) {
    (void)!::write(out.write, "again\n", 6);
    std::this_thread::sleep_for(50ms);
    ASSERT_LT(std::chrono::steady_clock::now() - before, 4s);
  }
  pid = -1;
  console_reader.join();
  EXPECT_GE(std::chrono::steady_clock::now() - before, 550ms);
}

TEST_F(PumpTest, SurvivesTheSignalsOfATerminal) {
  start(Format::json);
  put(out.write, "a\n");
  EXPECT_NE(read_within(console.read, 2s), "");
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE}) kill(pid, signal);
  put(out.write, "b\n");
  end_streams();
  EXPECT_EQ(wait(), kPumpDone);
  EXPECT_EQ(counters->streams[0].records, 2U);
}

// Killed at any moment, again and again: the next one goes on, no line is missing, and what comes twice has its number.
TEST_F(PumpTest, AKilledPumpLosesNothing) {
  constexpr int kLines = 60'000;
  std::string lines;
  std::thread reader([&] { lines = read_all(console.read); });
  spawn(Format::json);
  std::thread app([&] {
    std::string block;
    for (int i = 0; i < kLines; ++i) {
      block += "line " + std::to_string(i) + "\n";
      if (block.size() < 3000 && i + 1 < kLines) continue;
      put(out.write, block);
      block.clear();
      if (i % 10 == 0) std::this_thread::sleep_for(1ms);
    }
    out.close_write();
    err.close_write();
  });
  for (int round = 0; round < 40; ++round) {
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 137 * round));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    spawn(Format::json);
  }
  app.join();
  EXPECT_EQ(wait(), kPumpDone);
  console.close_write();
  reader.join();

  std::map<std::uint64_t, std::string> records;
  std::istringstream stream(lines);
  int cut = 0;
  std::uint64_t last = 0;
  for (std::string line; std::getline(stream, line);) {
    const json record = json::parse(line, nullptr, false);
    if (record.is_discarded()) {
      ++cut;
      continue;
    }
    const std::uint64_t seq = record.at("seq");
    EXPECT_LE(seq, last + 1);
    last = seq;
    const auto [place, fresh] = records.emplace(seq, record.at("message"));
    EXPECT_TRUE(fresh || place->second == record.at("message"));
  }
  ASSERT_EQ(records.size(), kLines);
  for (int i = 0; i < kLines; ++i) ASSERT_EQ(records.at(i + 1), "line " + std::to_string(i));
  EXPECT_LE(cut, 40);
}

// Killed in the middle of a trace, in front of a private key's end, of a datagram and of a record of our own.
TEST_F(PumpTest, AKilledPumpLosesNothingThatItHeld) {
  parse.multiline = {"java"};
  parse.redact = {"private-key"};
  spawn(Format::json);
  put(out.write, "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n");
  put(err.write, "java.lang.Error: x\n\tat a.B.c(B.java:1)\n");
  for (int i = 0; i < 200 && counters->streams[1].bytes < 41; ++i) std::this_thread::sleep_for(1ms);
  for (int i = 2; i < 40; ++i) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    spawn(Format::json);
    put(err.write, "\tat a.B.c(B.java:" + std::to_string(i) + ")\n");
  }
  put(out.write, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n");
  for (Pipe* pipe : {&out, &err}) pipe->close_write();
  EXPECT_EQ(wait(), kPumpDone);
  console.close_write();
  const std::string all = read_all(console.read);
  EXPECT_EQ(all.find("MIIE"), std::string::npos);
  std::string lines;
  std::map<std::uint64_t, json> by_seq;
  std::istringstream stream(all);
  for (std::string line; std::getline(stream, line);) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_discarded()) by_seq[record.at("seq")] = record;
  }
  for (const auto& [seq, record] : by_seq) {
    if (record.at("stream") == "stderr") lines += record.at("message").get<std::string>() + "\n";
  }
  std::string wanted = "java.lang.Error: x\n";
  for (int i = 1; i < 40; ++i) wanted += "\tat a.B.c(B.java:" + std::to_string(i) + ")\n";
  EXPECT_EQ(lines, wanted);
}

// Records and datagrams that a pump was killed over come in the next one.
TEST_F(PumpTest, AKilledPumpLosesNoMessages) {
  std::array<int, 2> ends{};
  std::array<int, 2> datagrams{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams.data()), 0);
  own = ends[0];
  syslog = datagrams[0];
  launchers = {ends[1], datagrams[1]};
  LogSink sink;
  sink.match.streams = {Stream::out, Stream::err, Stream::syslog, Stream::own};
  std::string lines;
  std::thread reader([&] { lines = read_all(console.read); });
  spawn(Format::json, {sink});
  for (int i = 0; i < 3000; ++i) {
    const std::string said = "said " + std::to_string(i);
    Record record;
    record.stream = Stream::own;
    record.message = said;
    std::string packed(packed_size(record), '\0');
    (void)pack(record, packed.data());
    ASSERT_EQ(send(ends[1], packed.data(), packed.size(), 0), static_cast<ssize_t>(packed.size()));
    const std::string logged = "<14>app: logged " + std::to_string(i);
    ASSERT_EQ(send(datagrams[1], logged.data(), logged.size(), 0), static_cast<ssize_t>(logged.size()));
    if (i % 50 != 49) continue;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    spawn(Format::json, {sink});
  }
  close(ends[1]);
  for (Pipe* pipe : {&out, &err}) pipe->close_write();
  EXPECT_EQ(wait(), kPumpDone);
  console.close_write();
  reader.join();
  for (const int fd : {ends[0], datagrams[0], datagrams[1]}) close(fd);
  std::map<std::uint64_t, std::string> by_seq;
  std::map<std::string, std::vector<std::string>> by_stream;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const json record = json::parse(line, nullptr, false);
    if (record.is_discarded()) continue;
    if (by_seq.emplace(record.at("seq"), record.at("message")).second) {
      by_stream[record.at("stream")].push_back(record.at("message"));
    }
  }
  ASSERT_EQ(by_stream["cofferdam"].size(), 3000U);
  ASSERT_EQ(by_stream["syslog"].size(), 3000U);
  for (int i = 0; i < 3000; ++i) {
    EXPECT_EQ(by_stream["cofferdam"][static_cast<std::size_t>(i)], "said " + std::to_string(i));
    EXPECT_EQ(by_stream["syslog"][static_cast<std::size_t>(i)], "logged " + std::to_string(i));
  }
}

TEST_F(PumpTest, SecretsInOurOwnRecordsAreTakenOutToo) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  own = ends[0];
  launchers = {ends[1]};
  parse.redact = {"aws-key"};
  LogSink sink;
  sink.match.streams = {Stream::own};
  spawn(Format::json, {sink});
  Record record;
  record.stream = Stream::own;
  record.message = "uploaded with AKIAIOSFODNN7EXAMPLE";
  const std::array<Field, 1> fields = {Field{"exe", "\"/srv/AKIAIOSFODNN7EXAMPLE\""}};
  record.fields = fields;
  std::string packed(packed_size(record), '\0');
  (void)pack(record, packed.data());
  ASSERT_EQ(send(ends[1], packed.data(), packed.size(), 0), static_cast<ssize_t>(packed.size()));
  close(ends[1]);
  for (Pipe* pipe : {&out, &err}) pipe->close_write();
  EXPECT_EQ(wait(), kPumpDone);
  console.close_write();
  close(ends[0]);
  const std::string said = read_all(console.read);
  EXPECT_EQ(said.find("AKIA"), std::string::npos) << said;
  const auto all = records(said);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0]["message"].get<std::string>().starts_with("uploaded with [REDACTED:aws-key:"));
  EXPECT_TRUE(all[0]["fields"]["exe"].get<std::string>().starts_with("/srv/[REDACTED:aws-key:"));
}

// A pump that no longer joins, since the lines may have crashed the one before, has what that one held.
TEST_F(PumpTest, APumpThatNoLongerJoinsGivesBackWhatWasHeld) {
  parse.multiline = {"java"};
  spawn(Format::json);
  put(err.write, "java.lang.Error: x\n\tat a.B.c(B.java:1)\n");
  for (int i = 0; i < 200 && counters->streams[1].bytes < 41; ++i) std::this_thread::sleep_for(1ms);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  parse = only_redacted(parse);
  spawn(Format::json);
  for (Pipe* pipe : {&out, &err}) pipe->close_write();
  EXPECT_EQ(wait(), kPumpDone);
  console.close_write();
  const auto all = records(read_all(console.read));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["message"], "java.lang.Error: x");
  EXPECT_EQ(all[1]["message"], "\tat a.B.c(B.java:1)");
}

}  // namespace
}  // namespace cofferdam::logs
