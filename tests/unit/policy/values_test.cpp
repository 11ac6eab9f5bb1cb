#include "policy/values.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace cofferdam::policy {
namespace {

using namespace std::chrono_literals;

TEST(Size, IsAWholeNumberAndABinaryUnit) {
  EXPECT_EQ(parse_size("64KiB").value(), 65'536U);
  EXPECT_EQ(parse_size("512MiB").value(), 512ULL << 20);
  EXPECT_EQ(parse_size("2GiB").value(), 2ULL << 30);
  EXPECT_EQ(parse_size("8388607TiB").value(), 8'388'607ULL << 40);
}

TEST(Size, RefusesEverythingElse) {
  for (const char* text : {"",
                           "512",
                           "MiB",
                           "512 MiB",
                           "512mib",
                           "512M",
                           "512MB",
                           "512MiBs",
                           "-1MiB",
                           "+1MiB",
                           "0512MiB",
                           "1.5GiB",
                           "1e3MiB",
                           "0x10MiB",
                           "1_000MiB",
                           "63KiB",
                           "0MiB",
                           "00KiB",
                           "8388608TiB",
                           "18446744073709551616KiB",
                           "99999999999999999999999TiB",
                           "\xef\xbc\x95MiB"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_NE(size.error().message.find(text), std::string::npos);
    EXPECT_NE(size.error().hint.find("KiB, MiB, GiB or TiB"), std::string::npos) << text;
  }
}

TEST(Size, KnowsTheUnitThatWasMeant) {
  EXPECT_TRUE(parse_size("512M").error().hint.starts_with("did you mean '512MiB'?"));
  EXPECT_TRUE(parse_size("2gb").error().hint.starts_with("did you mean '2GiB'?"));
}

TEST(Inodes, AreAWholeNumber) {
  EXPECT_EQ(parse_inodes("64"), 64U);
  EXPECT_EQ(parse_inodes("1000000000"), 1'000'000'000U);
  for (const char* text :
       {"", "63", "0", "-1", "+64", "064", "64k", "1e3", "100_000", "1000000001", "99999999999999999999"})
    EXPECT_FALSE(parse_inodes(text)) << text;
}

TEST(Duration, IsAWholeNumberAndAUnit) {
  EXPECT_EQ(parse_duration("500ms").value(), 500ms);
  EXPECT_EQ(parse_duration("10s").value(), 10s);
  EXPECT_EQ(parse_duration("2m").value(), 2min);
  EXPECT_EQ(parse_duration("0s").value(), 0ms);
  EXPECT_EQ(parse_duration("24h").value(), 24h);
  EXPECT_EQ(parse_duration("86400s").value(), 24h);
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text :
       {"", "10", "s", "10 s", "1.5s", "-1s", "010s", "1d", "25h", "10S", "86401s", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Count, IsAWholeNumberFromOne) {
  EXPECT_EQ(parse_count("1"), 1U);
  EXPECT_EQ(parse_count("1000000000"), 1'000'000'000U);
  for (const char* text : {"", "0", "-1", "05", "5k", "1e3", "1_000", "1000000001", "99999999999999999999"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(Memory, BeginsAtEightMebibytes) {
  EXPECT_EQ(parse_memory("8MiB"), 8U << 20);
  EXPECT_EQ(parse_memory("2GiB"), 2ULL << 30);
  for (const char* text : {"", "8191KiB", "2", "2G", "0.5GiB"}) EXPECT_FALSE(parse_memory(text)) << text;
  EXPECT_TRUE(parse_memory("512Mi").error().hint.starts_with("did you mean '512MiB'?"));
}

TEST(Cores, AreThousandths) {
  EXPECT_EQ(parse_cores("2"), 2000U);
  EXPECT_EQ(parse_cores("1.5"), 1500U);
  EXPECT_EQ(parse_cores("0.25"), 250U);
  EXPECT_EQ(parse_cores("0.01"), 10U);
  EXPECT_EQ(parse_cores("0.125"), 125U);
  EXPECT_EQ(parse_cores("10000"), 10'000'000U);
  for (const char* text : {"", "0", "0.0", "0.009", ".5", "1.", "1.0000", "-1", "+1", "01", "1e3", "1,5", "500m", "1.x",
                           "10000.001", "10001", "99999999999999999999"}) {
    EXPECT_FALSE(parse_cores(text)) << text;
  }
}

TEST(RecordSize, BeginsAtOneKibibyte) {
  EXPECT_EQ(parse_record_size("1KiB"), 1024U);
  EXPECT_EQ(parse_record_size("1MiB"), 1U << 20);
  for (const char* text : {"", "0KiB", "1024", "16K", "1.5KiB"}) EXPECT_FALSE(parse_record_size(text)) << text;
}

TEST(VariablePattern, IsANameWithStars) {
  for (const char* text : {"DATABASE_URL", "*_TOKEN", "SECRET_*", "*KEY*", "*", "*2"}) {
    EXPECT_EQ(parse_variable_pattern(text), text);
  }
  for (const char* text : {"", "A B", "2A", "A-B", "pa$$word", "A?"}) {
    const auto refused = parse_variable_pattern(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().message, "this is no name of an environment variable") << "and shows no secret";
  }
}

TEST(Port, IsFrom1To65535) {
  EXPECT_EQ(parse_port("1").value(), 1);
  EXPECT_EQ(parse_port("65535").value(), 65'535);
  for (const char* text : {"", "0", "-1", "+80", "65536", "080", "0x50", "1e3", "5_432", "80.0", " 80", "http",
                           "99999999999999999999", "4294967296"}) {
    EXPECT_FALSE(parse_port(text)) << text;
  }
}

TEST(Signal, HasANameWithOrWithoutSig) {
  EXPECT_EQ(parse_signal("SIGTERM").value(), "SIGTERM");
  EXPECT_EQ(parse_signal("QUIT").value(), "SIGQUIT");
  EXPECT_EQ(signal_number("SIGWINCH"), SIGWINCH);
  EXPECT_EQ(signal_number("TERM"), 0);
  for (const char* text : {"", "SIG", "15", "sigterm", "SIGSTOP", "SIGSEGV"}) EXPECT_FALSE(parse_signal(text)) << text;
  EXPECT_TRUE(parse_signal("SIGTEMR").error().hint.starts_with("did you mean 'SIGTERM'?"));
}

TEST(Variable, HasTheNameOfAnEnvironmentVariable) {
  EXPECT_EQ(parse_variable("_A1").value(), "_A1");
  for (const char* text : {"", "1A", "A-B", "A B", "A=B", "\xc3\x84", "$A"}) EXPECT_FALSE(parse_variable(text)) << text;
}

TEST(Boolean, IsTrueOrFalseOnly) {
  EXPECT_TRUE(parse_boolean("true").value());
  EXPECT_FALSE(parse_boolean("False").value());
  for (const char* text : {"", "yes", "no", "on", "off", "0", "1", "tRUE"}) EXPECT_FALSE(parse_boolean(text)) << text;
}

TEST(OtherReading, FindsWhatIsNotTextToSomeReaders) {
  for (const char* text : {"no", "NO", "on", "y", "true", "Off"}) EXPECT_EQ(other_reading(text), "a boolean") << text;
  for (const char* text : {"0777", "1e3", "0x1F", "0o17", "1_000", "5432:30", "1:2:3", ".inf", "-.INF", ".nan", "3.11",
                           "-1", "+1", ".5", "1."}) {
    EXPECT_EQ(other_reading(text), "a number") << text;
  }
  for (const char* text :
       {"a", "nope", "1a", "10.0.0.1", "1.2.3", "-", ".", "..", ".env", "./1", "a:1", "1:a", "0x", "e3"}) {
    EXPECT_EQ(other_reading(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cofferdam::policy
