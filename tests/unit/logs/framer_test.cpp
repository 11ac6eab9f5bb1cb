#include "logs/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace cofferdam::logs {
namespace {

struct Seen {
  std::string text;
  bool first, last, eol;
};

class Feed {
 public:
  void give(std::string_view bytes, std::size_t chunk) {
    while (!bytes.empty()) {
      framer_.make_room();
      const auto space = framer_.space();
      EXPECT_GE(space.size(), Framer::kReadSize);
      const std::size_t size = std::min({chunk, bytes.size(), space.size()});
      std::memcpy(space.data(), bytes.data(), size);
      framer_.commit(size, [this](const Piece& piece) { keep(piece); });
      bytes.remove_prefix(size);
    }
  }
  void finish() {
    framer_.finish([this](const Piece& piece) { keep(piece); });
  }
  [[nodiscard]] std::string joined() const {
    std::string all;
    for (const Seen& seen : pieces) {
      all += seen.text;
      if (seen.last && seen.eol) all += '\n';
    }
    return all;
  }
  Framer& framer() { return framer_; }

  std::vector<Seen> pieces;

 private:
  void keep(const Piece& piece) {
    EXPECT_LE(piece.bytes.size(), Framer::kMaxPiece);
    EXPECT_EQ(piece.first, pieces.empty() || pieces.back().last);
    pieces.push_back({std::string(piece.bytes), piece.first, piece.last, piece.eol});
  }
  std::unique_ptr<FramerMemory> memory_ = std::make_unique<FramerMemory>();
  Framer framer_{Stream::out, *memory_};
};

TEST(Framer, CutsAtLineFeedsWhereverReadsEnd) {
  for (const std::size_t chunk : {1U, 2U, 3U, 100U}) {
    Feed feed;
    feed.give("one\n\ntwo\r\nthree", chunk);
    EXPECT_EQ(feed.framer().tail(), "three");
    feed.finish();
    ASSERT_EQ(feed.pieces.size(), 4U);
    EXPECT_EQ(feed.pieces[1].text, "");
    EXPECT_EQ(feed.pieces[2].text, "two\r");
    EXPECT_TRUE(feed.pieces[2].eol);
    EXPECT_EQ(feed.pieces[3].text, "three");
    EXPECT_FALSE(feed.pieces[3].eol);
    EXPECT_TRUE(feed.pieces[3].last);
  }
}

TEST(Framer, EndsWithoutAPieceAfterALineFeed) {
  Feed feed;
  feed.give("one\n", 10);
  feed.finish();
  EXPECT_EQ(feed.pieces.size(), 1U);
}

TEST(Framer, AnEmptyStreamHasNoPieces) {
  Feed feed;
  feed.finish();
  EXPECT_TRUE(feed.pieces.empty());
}

TEST(Framer, LongLinesComeInPiecesCutBetweenCharacters) {
  std::string line;
  while (line.size() < (1U << 20)) line += "\xe2\x82\xac";
  for (const std::size_t chunk : {7U, 4096U, 65536U}) {
    Feed feed;
    feed.give(line + "\nnext\n", chunk);
    ASSERT_GE(feed.pieces.size(), 5U);
    for (const Seen& seen : feed.pieces) EXPECT_TRUE(seen.text == "next" || seen.text.size() % 3 == 0);
    EXPECT_EQ(feed.joined(), line + "\nnext\n");
    EXPECT_EQ(feed.pieces.back().text, "next");
    EXPECT_TRUE(feed.pieces.back().first);
  }
}

TEST(Framer, ALineThatEndsExactlyAtTheCutIsStillEnded) {
  for (const bool terminated : {true, false}) {
    Feed feed;
    const std::string text = std::string(Framer::kMaxPiece + 1, 'x') + (terminated ? "\n" : "");
    feed.give(text, 65536);
    feed.finish();
    EXPECT_EQ(feed.joined(), text);
    EXPECT_TRUE(feed.pieces.back().last);
    EXPECT_EQ(feed.pieces.back().eol, terminated);
  }
}

TEST(Framer, ReadsAlignedAfterAShortTail) {
  Feed feed;
  feed.give("line\ntail", 100);
  feed.framer().make_room();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(feed.framer().space().data()) % 4096, 0U);
  EXPECT_EQ(feed.framer().tail(), "tail");
}

TEST(Framer, GivesBackAnyBytesInAnyChunking) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::size_t size = round % 6 == 0 ? random() % 900000 : random() % 5000;
    const unsigned feeds = round % 3 == 0 ? 4000 : 20;
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = random() % feeds == 0 ? '\n' : static_cast<char>(random());
    if (feeds == 4000) std::replace(bytes.begin(), bytes.end(), '\n', round % 2 == 0 ? 'x' : '\n');
    Feed feed;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const std::size_t chunk = std::min<std::size_t>(rest.size(), 1 + random() % (round % 2 == 0 ? 70000 : 300));
      feed.give(rest.substr(0, chunk), chunk);
      rest.remove_prefix(chunk);
    }
    feed.finish();
    ASSERT_TRUE(feed.joined() == bytes) << "round " << round;
  }
}

TEST(CutBetweenCharacters, DoesNotDivideACharacter) {
  EXPECT_EQ(cut_between_characters("abc", 5), 3U);
  EXPECT_EQ(cut_between_characters("abcdef", 4), 4U);
  EXPECT_EQ(cut_between_characters("abc\xe2\x82\xac", 5), 3U);
  EXPECT_EQ(cut_between_characters("abc\xe2\x82\xac"
                                   "d",
                                   6),
            6U);
  EXPECT_EQ(cut_between_characters("abcd\xf0\x9f\x98\x80", 7), 4U);
  EXPECT_EQ(cut_between_characters("abcd\x80\x80\x80\x80", 7), 7U);
  EXPECT_EQ(cut_between_characters("abcd\xe2", 5), 5U);
}

// A pump that dies anywhere between make_room() and the next mark, and the one that takes over with the last mark.
TEST(Framer, WhatWasReadAndNotDeliveredOutlivesThePump) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    while (text.size() < 400'000)
      text += std::string(random() % (round % 3 == 0 ? 300'000 : 200), static_cast<char>('a' + random() % 26)) + "\n";
    const auto memory = std::make_unique<FramerMemory>();
    auto framer = std::make_unique<Framer>(Stream::out, *memory);
    Framer::Mark mark = framer->mark();
    std::string seen;
    const auto deliver = [&](const Piece& piece) {
      seen += piece.bytes;
      if (piece.last && piece.eol) seen += '\n';
    };
    std::size_t at = 0;
    while (at < text.size()) {
      const bool dies = random() % 4 == 0;
      const auto where = static_cast<unsigned>(random() % 5);
      const auto died = [&](unsigned step) { return dies && where == step; };
      const auto take_over = [&] {
        framer = std::make_unique<Framer>(Stream::out, *memory);
        const std::size_t found = framer->recover(mark);
        framer->commit(found, deliver);
        mark = framer->mark();
      };
      framer->make_room();
      mark = framer->mark();
      if (died(0)) take_over();
      const auto space = framer->space();
      if (died(1)) {
        take_over();
        continue;
      }
      mark = framer->mark();
      const std::size_t size = std::min<std::size_t>({text.size() - at, space.size(), 1 + random() % 70'000});
      std::memcpy(space.data(), text.data() + at, size);
      at += size;
      if (died(2)) {
        take_over();
        continue;
      }
      const std::size_t before = seen.size();
      framer->commit(size, deliver);
      if (died(3)) {
        seen.resize(before);  // it had not left
        take_over();
        continue;
      }
      mark = framer->mark();
      if (died(4)) take_over();
    }
    framer->finish(deliver);
    ASSERT_TRUE(seen == text) << round;
  }
}

}  // namespace
}  // namespace cofferdam::logs
