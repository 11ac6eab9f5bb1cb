// Which records a sink gets.
#pragma once

#include <algorithm>

#include "cofferdam/logs.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

class Match {
 public:
  explicit Match(const LogMatch& match) : wanted_(match) {
    for (std::size_t i = 0; i < kLogStreams; ++i) {
      const auto stream = static_cast<Stream>(i);
      const bool named = std::ranges::find(match.streams, stream) != match.streams.end();
      streams_.at(i) = match.streams.empty() ? stream != Stream::own : named;
    }
  }

  // Any record of this stream passes, whatever is in it.
  [[nodiscard]] bool takes_all(Stream stream) const {
    return streams_[index_of(stream)] && !wanted_.at_least && wanted_.contains.empty();
  }
  [[nodiscard]] bool takes(const Record& record) const {
    return streams_[index_of(record.stream)] && (!wanted_.at_least || record.level >= *wanted_.at_least) &&
           (wanted_.contains.empty() || contains(record.message));
  }

  friend bool operator==(const Match&, const Match&) = default;

 private:
  // Apart, so that those who look for no text have a short way.
  [[gnu::noinline]] [[nodiscard]] bool contains(std::string_view message) const {
    return message.find(wanted_.contains) != std::string_view::npos;
  }

  LogMatch wanted_;
  std::array<bool, kLogStreams> streams_{};
};

}  // namespace cofferdam::logs
