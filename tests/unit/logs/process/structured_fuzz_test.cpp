// The parser against nlohmann::json: what one takes the other takes, and both see the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "logs/process/structured.hpp"

namespace cofferdam::logs {
namespace {

using Json = nlohmann::json;
using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) {
  return random() % limit;
}

std::string random_text(Random& random) {
  static const char* const kParts[] = {
      "a",     "Z9",  " ",  "\"", "\\", "/", "\n", "\t",   "\b", "\x1f", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
      "level", "msg", "ts", "{",  "[",  ",", ":",  "error"};
  std::string text;
  for (std::size_t i = below(random, 12); i > 0; --i) text += kParts[below(random, std::size(kParts))];
  return text;
}

Json random_value(Random& random, int depth) {
  switch (below(random, depth > 0 ? 9 : 7)) {
    case 0: return nullptr;
    case 1: return true;
    case 2: return static_cast<std::int64_t>(random()) - 2'000'000'000;
    case 3: return static_cast<double>(random()) / 1024.0;
    case 4: return 1e300;
    case 5:
    case 6: return random_text(random);
    case 7: {
      Json array = Json::array();
      for (std::size_t i = below(random, 4); i > 0; --i) array.push_back(random_value(random, depth - 1));
      return array;
    }
    default: {
      Json object = Json::object();
      for (std::size_t i = below(random, 4); i > 0; --i) object[random_text(random)] = random_value(random, depth - 1);
      return object;
    }
  }
}

Json random_object(Random& random) {
  static const char* const kKeys[] = {"level", "msg",    "message", "event", "severity",   "trace_id", "span_id", "ts",
                                      "time",  "app.ts", "a",       "b",     "level_name", "traceId",  "fields"};
  Json object = Json::object();
  for (std::size_t i = below(random, 8); i > 0; --i) {
    object[below(random, 3) == 0 ? random_text(random) : kKeys[below(random, std::size(kKeys))]] =
        random_value(random, 4);
  }
  return object;
}

std::string mutated(Random& random, std::string line) {
  static const std::string kBytes = R"({}[]",:\u0129.eE+-tfn d8dc)"
                                    "\t\n\r\x7f\x80\xbf\xc2\xe2\xed\xf0\xff\x01";
  for (std::size_t i = 1 + below(random, 3); i > 0 && !line.empty(); --i) {
    const std::size_t at = below(random, line.size());
    const char byte = kBytes[below(random, kBytes.size())];
    switch (below(random, 5)) {
      case 0: line[at] = byte; break;
      case 1: line.insert(at, 1, byte); break;
      case 2: line.erase(at, 1 + below(random, 3)); break;
      case 3: line.insert(at, line.substr(below(random, line.size()), below(random, 12))); break;
      default: line.resize(at); break;
    }
  }
  return line;
}

// What may be refused although it is valid, by the rules in the headers.
bool may_be_refused(const std::string& line) {
  std::vector<std::string> names;
  bool refused = false;
  [[maybe_unused]] const Json parsed = Json::parse(
      line,
      [&](int depth, Json::parse_event_t event, Json& value) {
        if (depth > 32) refused = true;
        if (event == Json::parse_event_t::key && depth == 1) {
          const auto name = value.get<std::string>();
          refused |= std::ranges::find(names, name) != names.end() || name.size() > 251;
          names.push_back(name);
        }
        return true;
      },
      false);
  refused |= std::ranges::find(names, "app.ts") != names.end() && std::ranges::find(names, "ts") != names.end();
  for (const char* harmful : {"\x7f", "\xc2\x80", "\xc2\xbf", "\xe2\x80\xa8", "\xe2\x80\xa9", "\t", "\n", "\r"}) {
    refused |= line.find(harmful) != std::string::npos;
  }
  for (std::size_t at = line.find('\xc2'); at != std::string::npos; at = line.find('\xc2', at + 1)) {
    refused |= at + 1 < line.size() && static_cast<unsigned char>(line[at + 1]) < 0xa0;
  }
  return refused;
}

class Comparison {
 public:
  Comparison() {
    LogParse merge;
    merge.json = LogStructured::merge;
    merge_.emplace(merge);
    LogParse nest;
    nest.json = LogStructured::nest;
    nest_.emplace(nest);
  }

  void run(const std::string& line) {
    const std::vector<char> exact(line.begin(), line.end());
    const std::string_view view(exact.data(), exact.size());
    const Json expected = Json::parse(line, nullptr, false);
    if (line.find_first_not_of(" \t\r\n") != line.find('{')) return;
    if (!merge_->parse(view, out_)) {
      EXPECT_TRUE(!expected.is_object() || may_be_refused(line)) << line;
      return;
    }
    ++taken_;
    // It does not read numbers that no double holds.
    if (expected.is_discarded()) {
      EXPECT_TRUE(line.find_first_of("eE") != std::string::npos || line.size() > 300) << line;
      return;
    }
    ASSERT_TRUE(expected.is_object()) << line;
    std::size_t members = out_.fields.size();
    for (const Field& field : out_.fields) {
      std::string key(field.key);
      if (!expected.contains(key)) key.erase(0, 4);
      ASSERT_TRUE(expected.contains(key)) << line;
      EXPECT_EQ(Json::parse(field.json, nullptr, false), expected[key]) << line;
      EXPECT_EQ(field.json.find_first_of("\n\r\t\x1b\x7f"), std::string_view::npos) << line;
    }
    for (const char* key : {"msg", "message", "event"}) {
      if (!expected.contains(key) || !expected[key].is_string()) continue;
      EXPECT_EQ(out_.message, expected[key].get<std::string>()) << line;
      ++members;
      break;
    }
    members += out_.level ? 1 : 0;
    members += out_.trace_id.empty() ? 0 : 1;
    members += out_.span_id.empty() ? 0 : 1;
    EXPECT_EQ(members, expected.size()) << line;

    ASSERT_TRUE(nest_->parse(view, out_)) << line;
    for (const Field& field : out_.fields) {
      const Json data = Json::parse(field.json, nullptr, false);
      ASSERT_TRUE(data.is_object()) << line;
      for (const auto& [key, value] : data.items()) EXPECT_EQ(value, expected[key]) << line;
    }
  }

  [[nodiscard]] int taken() const { return taken_; }

 private:
  std::optional<StructuredParser> merge_;
  std::optional<StructuredParser> nest_;
  Structured out_;
  int taken_ = 0;
};

TEST(StructuredFuzz, ValidObjectsAreReadAsTheyAre) {
  Random random(20260131);
  Comparison comparison;
  for (int i = 0; i < 4000; ++i) {
    const Json object = random_object(random);
    comparison.run(object.dump(-1, ' ', below(random, 2) == 0));
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(comparison.taken(), 3500);
}

TEST(StructuredFuzz, DamagedObjectsAreTakenOrRefusedAlike) {
  Random random(20260201);
  Comparison comparison;
  for (int i = 0; i < 20000; ++i) {
    comparison.run(mutated(random, random_object(random).dump(-1, ' ', below(random, 2) == 0)));
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(comparison.taken(), 2000);
}

TEST(StructuredFuzz, RandomBytesAreBorne) {
  Random random(20260202);
  LogParse parse;
  parse.json = parse.logfmt = LogStructured::merge;
  StructuredParser parser(parse);
  Structured out;
  for (int i = 0; i < 20000; ++i) {
    std::string line(1, "{a \t"[below(random, 4)]);
    for (std::size_t size = below(random, 60); size > 0; --size) {
      line += below(random, 4) == 0 ? static_cast<char>(random()) : "{}[]\":,\\ =a1u"[below(random, 13)];
    }
    const std::vector<char> exact(line.begin(), line.end());
    if (!parser.parse({exact.data(), exact.size()}, out)) continue;
    for (const Field& field : out.fields) EXPECT_TRUE(Json::accept(field.json)) << line;
  }
}

}  // namespace
}  // namespace cofferdam::logs
