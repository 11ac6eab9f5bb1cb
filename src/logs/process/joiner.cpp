#include "logs/process/joiner.hpp"

#include "logs/process/line_shapes.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::size_t kKeptCapacity = 64 << 10;

constexpr std::int64_t time_of(JoinHold hold) {
  switch (hold) {
    case JoinHold::possible: return 2;
    case JoinHold::probable: return 100;
    case JoinHold::confirmed: break;
  }
  return 500;
}

// How many lines may wait for one that shows whether they belong to the trace.
constexpr std::size_t patience_of(JoinState state) {
  return state == JoinState::node_message ? 80 : 12;  // an assertion of Node.js prints both values
}

bool whole(const Piece& piece) {
  return piece.first && piece.last;
}

bool indented(std::string_view line) {
  return line.empty() || line[0] == ' ' || line[0] == '\t';
}

}  // namespace

void Joiner::Group::append(const Piece& piece) {
  bytes += piece.bytes;
  ends.push_back(bytes.size());
  bytes += '\n';
  stream = piece.stream;
  eol = piece.eol;
}

Piece Joiner::Group::piece(std::size_t from, std::size_t to) const {
  const std::size_t begin = from == 0 ? 0 : ends[from - 1] + 1;
  const std::string_view text = std::string_view(bytes).substr(begin, ends[to - 1] - begin);
  return {stream, text, true, true, to == ends.size() ? eol : true};
}

void Joiner::Group::clear() {
  bytes.clear();
  if (bytes.capacity() > kKeptCapacity) bytes.shrink_to_fit();
  ends.clear();
}

std::int64_t Joiner::deadline() const {
  return std::min(group_.last_ms + time_of(group_.hold), group_.first_ms + kMaxTime);
}

void Joiner::start(JoinState state, JoinHold hold, std::int64_t now_ms) {
  group_.certain = 0;
  group_.state = state;
  group_.hold = hold;
  group_.first_ms = group_.last_ms = now_ms;
}

JoinVerdict Joiner::extend(const Piece& piece, std::int64_t now_ms) {
  if (!whole(piece) || now_ms - group_.first_ms >= kMaxTime || group_.ends.size() == kMaxLines ||
      group_.bytes.size() + piece.bytes.size() > kMaxBytes) {
    return JoinVerdict::ends;
  }
  JoinStep step;
  if (group_.state == JoinState::message) {
    const JoinBeginning beginning = rules_.begin(piece.bytes);
    const JoinState below = beginning.state == JoinState::none ? rules_.begin_below(piece.bytes) : JoinState::none;
    if (beginning.bare) {
      step = {beginning.hold == JoinHold::confirmed ? JoinVerdict::joins : JoinVerdict::may, beginning.state};
      group_.hold = beginning.hold;
    } else if (below != JoinState::none) {
      step = {JoinVerdict::joins, below};
    }
  } else {
    step = rules_.step(group_.state, piece.bytes);
    if (step.verdict == JoinVerdict::may) {
      const bool waits_long = group_.ends.size() - group_.certain >= patience_of(group_.state);
      // Two heads in a row: the second one's frames are not the first one's.
      const bool another = group_.state == JoinState::head && rules_.begin(piece.bytes).state != JoinState::none;
      if (waits_long || another) return JoinVerdict::ends;
    }
  }
  if (step.verdict == JoinVerdict::ends) return step.verdict;
  group_.append(piece);
  group_.state = step.next;
  group_.last_ms = now_ms;
  if (step.verdict != JoinVerdict::may) {
    group_.certain = group_.ends.size();
    group_.hold = JoinHold::confirmed;
  }
  return step.verdict;
}

JoinBeginning Joiner::find_beginning(const Piece& piece) const {
  if (!whole(piece) || piece.bytes.empty()) return {};
  JoinBeginning beginning = rules_.begin(piece.bytes);
  if (beginning.state != JoinState::none) {
    beginning.bare = beginning.bare && has_last_ && whole(last_) && announces_exception(last_.bytes);
    return beginning;
  }
  const JoinState below = has_last_ && last_may_be_head() ? rules_.begin_below(piece.bytes) : JoinState::none;
  if (below == JoinState::none) return {};
  return {below, JoinHold::confirmed, true};
}

bool Joiner::last_may_be_head() const {
  if (!whole(last_) || indented(last_.bytes)) return false;
  if (announces_exception(last_.bytes) || begins_with_label(last_.bytes)) return true;
  // After a trace that another line ended, what follows may be the rest of it.
  return !last_follows_trace_ && !stands_alone(last_.bytes);
}

bool Joiner::last_is_worth_holding() const {
  return whole(last_) && last_.eol && (announces_exception(last_.bytes) || begins_with_label(last_.bytes));
}

}  // namespace cofferdam::logs
