#include "base/magic.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::base {
namespace {

using namespace std::string_literals;

// `bytes` after `offset` zeros.
std::string at(std::size_t offset, const std::string& bytes) {
  return std::string(offset, '\0') + bytes;
}

TEST(Magic, FormatsByTheirFirstBytes) {
  const std::pair<std::string, const char*> cases[] = {
      {"SQLite format 3\0\x10\0\x01\x01"s, "sqlite"},
      {"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7rest"s, "sqlite-journal"},
      {"\x37\x7f\x06\x82\0\x2d\xe2\x18"s, "sqlite-wal"},
      {"\x37\x7f\x06\x83\0\x2d\xe2\x18"s, "sqlite-wal"},
      {at(12, "\x62\x31\x05\0\x09\0\0\0"s), "berkeley-db"},
      {at(12, "\x61\x15\x06\0\x09\0\0\0"s), "berkeley-db"},
      {at(12, "\0\x05\x31\x62"s), "berkeley-db"},
      {"\xcf\x9a\x57\x13\0\x10\0\0"s, "gdbm"},
      {at(16, "\xde\xc0\xef\xbe\x01\0\0\0"s), "lmdb"},
      {at(16, "\xed\xda\x0c\xed\x02\0\0\0"s), "bolt"},
      {at(8, "DUCK\x40"s), "duckdb"},
      {"H:2,block:2,blockSize:1000"s, "h2"},
      {"SET DATABASE UNIQUE NAME HSQLDB8BDD3B2742\n"s, "hsqldb"},
      {"#HSQL Database Engine 2.7.1\n"s, "hsqldb"},
      {"MANIFEST-000004\n"s, "leveldb"},
      {"REDIS0011\xfa"s, "redis-dump"},
      {"\x3f\xd7\x6c\x17\x12Lucene90"s, "lucene"},
      {"\x0f\rXapian Glass\x04"s, "xapian"},
      {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s, "image"},
      {"\xff\xd8\xff\xe0\0\x10JFIF"s, "image"},
      {"GIF89a"s, "image"},
      {"RIFF\x24\0\0\0WEBPVP8 "s, "image"},
      {"\0\0\0\x20"
       "ftypavif"s,
       "image"},
      {"\0\0\0\x20"
       "ftypisom"s,
       "video"},
      {"\0\0\0\x20"
       "ftypM4A "s,
       "audio"},
      {"\x1a\x45\xdf\xa3\x9f"s, "video"},
      {"RIFF\x24\0\0\0WAVEfmt "s, "audio"},
      {"ID3\x04"s, "audio"},
      {"%PDF-1.7\n"s, "pdf"},
      {"PK\x03\x04\x14"s, "zip"},
      {"\x1f\x8b\x08\0"s, "gzip"},
      {"\x28\xb5\x2f\xfd"s, "zstd"},
      {"\xfd"
       "7zXZ\0"s,
       "xz"},
      {"\x7f"
       "ELF\x02"s,
       "elf"},
  };
  for (const auto& [bytes, kind] : cases) EXPECT_EQ(content_kind(bytes), kind) << kind;
}

TEST(Magic, NothingIsGuessed) {
  for (const std::string& bytes :
       {""s, "S"s, "SQLite format 3"s, "SQLite format 4\0"s, "hello, world"s, "RIFF\x24\0\0\0"s, "REDIS"s, "\xff\xd8"s,
        std::string(64, '\0'), at(11, "\x62\x31\x05\0"s)}) {
    EXPECT_EQ(content_kind(bytes), "") << bytes;
  }
}

}  // namespace
}  // namespace cofferdam::base
