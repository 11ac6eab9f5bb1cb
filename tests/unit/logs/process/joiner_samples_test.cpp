// The rules, on what real programs wrote (tests/support/traces, tests/support/ordinary.txt).
#include <gtest/gtest.h>

#include <random>

#include "unit/logs/process/joiner_fixture.hpp"

namespace cofferdam::logs {
namespace {

TEST(JoinerSamples, CutsTheOutputOfEveryRuntimeIntoTheRightRecords) {
  const std::vector<Sample> all = traces();
  ASSERT_GT(all.size(), 150U);
  for (const Sample& sample : all) {
    Reader reader;
    reader.read(joined(sample.records));
    reader.finish();
    EXPECT_EQ(reader.texts(), sample.records) << sample.name;
  }
}

// Java's println and Ruby's warn write a line at a time.
TEST(JoinerSamples, JoinsLinesThatAreReadOneByOne) {
  for (const Sample& sample : traces()) {
    Reader reader;
    const std::string bytes = joined(sample.records);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t end = bytes.find('\n', at) + 1;
      reader.read(std::string_view(bytes).substr(at, end - at));
      reader.wait(1);
      at = end;
    }
    reader.finish();
    EXPECT_EQ(reader.texts(), sample.records) << sample.name;
  }
}

TEST(JoinerSamples, GivesTheSameRecordsWhereverReadsEnd) {
  std::mt19937 random(11);
  for (const Sample& sample : traces()) {
    const std::string bytes = joined(sample.records);
    for (const std::size_t longest : {3U, 50U, 700U}) {
      Reader reader;
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % longest, bytes.size() - at);
        reader.read(std::string_view(bytes).substr(at, size));
        at += size;
      }
      reader.finish();
      EXPECT_EQ(reader.texts(), sample.records) << sample.name << " " << longest;
    }
  }
}

TEST(JoinerSamples, KnowsTracesWithTheLineEndsOfATerminal) {
  for (const Sample& sample : traces()) {
    Strings records;
    for (const std::string& record : sample.records) {
      std::string& text = records.emplace_back();
      for (const char c : record) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
      text += '\r';
    }
    Reader reader;
    reader.read(joined(records));
    reader.finish();
    EXPECT_EQ(reader.texts(), records) << sample.name;
  }
}

TEST(JoinerSamples, JoinsNothingOfOrdinaryOutput) {
  const std::string bytes = ordinary_output();
  ASSERT_GT(bytes.size(), 50000U);
  Reader reader;
  reader.read(bytes);
  reader.finish();
  EXPECT_EQ(reader.bytes(), bytes);
  for (const std::string& text : reader.texts()) EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

// Bytes come back, whatever is mixed: traces, parts of traces, ordinary lines, any bytes.
TEST(JoinerSamples, GivesBackAnyBytesInAnyChunking) {
  std::mt19937 random(5);
  Strings lines;
  for (const Sample& sample : traces()) {
    for (const std::string& record : sample.records) {
      std::string rest = record;
      for (std::size_t at = 0; (at = rest.find('\n')) != std::string::npos; rest.erase(0, at + 1)) {
        lines.push_back(rest.substr(0, at));
      }
      lines.push_back(rest);
    }
  }
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    std::size_t at = random() % lines.size();
    for (int i = 0; i < 400; ++i) {
      // Mostly the next line of a trace, sometimes another one, sometimes noise.
      at = random() % 4 == 0 ? random() % lines.size() : (at + 1) % lines.size();
      bytes += lines[at];
      if (random() % 40 == 0) bytes.resize(bytes.size() - random() % (lines[at].size() + 1));
      if (random() % 40 == 0) bytes += static_cast<char>(random());
      bytes += random() % 30 == 0 ? "\r\n" : "\n";
    }
    if (random() % 2 == 0) bytes.pop_back();
    Reader whole;
    whole.read(bytes);
    whole.finish();
    Reader parts;
    for (std::size_t from = 0; from < bytes.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 300, bytes.size() - from);
      parts.read(std::string_view(bytes).substr(from, size));
      from += size;
    }
    parts.finish();
    ASSERT_EQ(whole.bytes(), bytes) << round;
    ASSERT_EQ(whole.texts(), parts.texts()) << round;
    Reader slow;
    for (std::size_t from = 0; from < bytes.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 300, bytes.size() - from);
      slow.read(std::string_view(bytes).substr(from, size));
      slow.wait(random() % 8 == 0 ? 600 : random() % 3);
      from += size;
    }
    slow.finish();
    ASSERT_EQ(slow.bytes(), bytes) << round;
  }
}

TEST(JoinerSamples, TracesAmongOrdinaryLinesStayWhole) {
  std::mt19937 random(3);
  const std::vector<Sample> all = traces();
  const Strings between = {"2026-11-23 05:33:10 INFO goes on",
                           "GET / 200",
                           R"({"level":"info","msg":"x"})",
                           "plain text",
                           "  indented text",
                           "[info] x"};
  for (int round = 0; round < 40; ++round) {
    Strings records;
    for (int i = 0; i < 30; ++i) {
      const Sample& sample = all[random() % all.size()];
      records.insert(records.end(), sample.records.begin(), sample.records.end());
      records.push_back("2026-11-23 05:33:10 INFO ends it");
      for (std::size_t n = random() % 4; n > 0; --n) records.push_back(between[random() % between.size()]);
      records.push_back("2026-11-23 05:33:11 INFO next");
    }
    Reader reader;
    reader.read(joined(records));
    reader.finish();
    ASSERT_EQ(reader.texts(), records) << round;
  }
}

// Whatever line the pump was killed after, the next one has the lines that it held.
TEST(JoinerSamples, AnotherPumpGoesOnWithWhatWasHeld) {
  for (const Sample& sample : traces()) {
    Reader reader;
    const std::string bytes = joined(sample.records);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t end = bytes.find('\n', at) + 1;
      reader.read(bytes.substr(at, end - at));
      reader.replace();
      at = end;
    }
    reader.finish();
    EXPECT_EQ(reader.bytes(), bytes) << sample.name;
    Reader whole;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t end = bytes.find('\n', at) + 1;
      whole.read(bytes.substr(at, end - at));
      at = end;
    }
    whole.finish();
    EXPECT_EQ(reader.texts(), whole.texts()) << sample.name;
  }
}

TEST(JoinerSamples, EachRuleJoinsItsOwnSamples) {
  for (const Sample& sample : traces()) {
    const std::string rule = sample.name.substr(0, sample.name.find('/'));
    const std::string& largest = *std::ranges::max_element(sample.records, {}, &std::string::size);
    Reader reader(Strings{rule});
    reader.read(largest + "\n");
    reader.finish();
    EXPECT_EQ(reader.texts(), Strings{largest}) << sample.name;
  }
}

}  // namespace
}  // namespace cofferdam::logs
