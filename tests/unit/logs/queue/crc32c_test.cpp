#include "logs/queue/crc32c.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace cofferdam::logs {
namespace {

// RFC 3720 appendix B.4.
TEST(Crc32c, KnowsTheExamplesOfTheRfc) {
  std::string rising(32, '\0');
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<char>(i);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

TEST(Crc32c, IsTheSameByTable) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(crc32c(bytes), crc32c_by_table(bytes)) << size;
  }
}

}  // namespace
}  // namespace cofferdam::logs
