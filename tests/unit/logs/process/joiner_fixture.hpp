// A stream with a joiner behind it, and what real programs wrote.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/logs.hpp"
#include "logs/framer.hpp"
#include "logs/process/joiner.hpp"

namespace cofferdam::logs {

using Strings = std::vector<std::string>;

inline Strings all_rules() {
  return {kMultilineRules.begin(), kMultilineRules.end()};
}

struct Seen {
  std::string text;
  bool first, last, eol;
};

// A stream with a joiner, read in pieces of any size. Time stands still unless it is moved.
class Reader {
 public:
  explicit Reader(const Strings& rules = all_rules()) { joiner.emplace(rules, Stream::err, *held_); }

  void read(std::string_view bytes) {
    while (!bytes.empty()) {
      framer_.make_room();
      const auto space = framer_.space();
      const std::size_t size = std::min(bytes.size(), space.size());
      std::copy_n(bytes.begin(), size, space.begin());
      framer_.commit(size, [this](const Piece& piece) { joiner->add(piece, now, emit); });
      joiner->settle(now, emit);
      bytes.remove_prefix(size);
    }
  }
  void wait(std::int64_t milliseconds) {
    now += milliseconds;
    joiner->settle(now, emit);
  }
  void finish() {
    framer_.finish([this](const Piece& piece) { joiner->add(piece, now, emit); });
    joiner->flush(emit);
  }
  [[nodiscard]] Strings texts() const {
    Strings texts;
    for (const Seen& piece : seen) texts.push_back(piece.text);
    return texts;
  }
  [[nodiscard]] std::string bytes() const {
    std::string all;
    for (const Seen& piece : seen) {
      all += piece.text;
      if (piece.last && piece.eol) all += '\n';
    }
    return all;
  }

  // As a pump that takes over from one that was killed just after a read.
  void replace(const Strings& rules = all_rules()) {
    const HeldText::Mark mark = joiner->mark();
    joiner.emplace(rules, Stream::err, *held_);
    joiner->recover(mark, now, emit);
  }

  std::int64_t now = 1000;
  std::vector<Seen> seen;

 private:
  std::unique_ptr<HeldMemory> held_ = std::make_unique<HeldMemory>();

 public:
  std::optional<Joiner> joiner;

 private:
  struct Keep {
    Reader* run;
    void operator()(const Piece& piece) const {
      run->seen.push_back({std::string(piece.bytes), piece.first, piece.last, piece.eol});
    }
  };
  std::unique_ptr<FramerMemory> memory_ = std::make_unique<FramerMemory>();
  Framer framer_{Stream::err, *memory_};

 public:
  Keep emit{this};
};

inline std::string joined(const Strings& records) {
  std::string bytes;
  for (const std::string& record : records) bytes += record + "\n";
  return bytes;
}

// What real programs wrote: a line "%%%% NAME" begins a sample, a line "%%" ends a record.
struct Sample {
  std::string name;
  Strings records;
};
inline std::vector<Sample> samples_of(const std::filesystem::path& path) {
  std::vector<Sample> all;
  std::ifstream in(path, std::ios::binary);
  bool fresh = true;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("%%%% ")) {
      all.push_back({path.stem().string() + "/" + line.substr(5), {}});
      fresh = true;
    } else if (line == "%%") {
      fresh = true;
    } else if (fresh) {
      all.back().records.push_back(line);
      fresh = false;
    } else {
      all.back().records.back() += "\n" + line;
    }
  }
  return all;
}
inline std::vector<Sample> traces() {
  std::vector<Sample> all;
  for (const auto& entry : std::filesystem::directory_iterator(COFFERDAM_SOURCE_DIR "/tests/support/traces")) {
    std::ranges::move(samples_of(entry.path()), std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &Sample::name);
  return all;
}
inline std::string ordinary_output() {
  std::string all;
  for (const Sample& sample : samples_of(COFFERDAM_SOURCE_DIR "/tests/support/ordinary.txt"))
    all += joined(sample.records);
  return all;
}

}  // namespace cofferdam::logs
