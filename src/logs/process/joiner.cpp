#include "logs/process/joiner.hpp"

#include "logs/process/line_shapes.hpp"

namespace cofferdam::logs {

namespace {

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

bool blank(const Piece& piece) {
  return piece.bytes.empty() || piece.bytes == "\r";
}

}  // namespace

void Joiner::Group::append(const Piece& piece) {
  text.append(piece.bytes);
  ends.push_back(text.view().size());
  text.append("\n");
  eol = piece.eol;
}

Piece Joiner::Group::piece(std::size_t from, std::size_t to) const {
  const std::size_t begin = from == 0 ? 0 : ends[from - 1] + 1;
  return {stream, text.view().substr(begin, ends[to - 1] - begin), true, true, to == ends.size() ? eol : true};
}

void Joiner::Group::clear() {
  text.clear();
  ends.clear();
}

std::int64_t Joiner::deadline() const {
  return std::min(group_.times.last + time_of(group_.hold), group_.times.first + kMaxTime);
}

void Joiner::start(JoinState state, JoinHold hold, std::int64_t now_ms) {
  group_.certain = 0;
  group_.state = state;
  group_.hold = hold;
  group_.times = {now_ms, now_ms};
}

JoinStep Joiner::step_after_message(const Piece& piece) {
  const std::string_view message = group_.piece(0, 1).bytes;
  const bool directly = group_.ends.size() == 1;
  if (blank(piece)) {
    // Some loggers (Spring Boot's) put an empty line between the message and the trace.
    return directly && announces_exception(message) ? JoinStep{JoinVerdict::may, JoinState::message} : JoinStep{};
  }
  const JoinBeginning beginning = rules_.begin(piece.bytes);
  if (beginning.state != JoinState::none) {
    if (!beginning.bare || !announces_exception(message)) return {};
    group_.hold = beginning.hold;
    return {beginning.hold == JoinHold::confirmed ? JoinVerdict::joins : JoinVerdict::may, beginning.state};
  }
  const JoinState below = directly ? rules_.begin_below(piece.bytes) : JoinState::none;
  return below == JoinState::none ? JoinStep{} : JoinStep{JoinVerdict::joins, below};
}

JoinVerdict Joiner::extend(const Piece& piece, std::int64_t now_ms) {
  if (!whole(piece) || now_ms - group_.times.first >= kMaxTime || group_.ends.size() == kMaxLines ||
      group_.text.view().size() + piece.bytes.size() > kMaxBytes) {
    return JoinVerdict::ends;
  }
  const bool after_message = group_.state == JoinState::message;
  const JoinStep step = after_message ? step_after_message(piece) : rules_.step(group_.state, piece.bytes);
  if (step.verdict == JoinVerdict::ends) return step.verdict;
  if (step.verdict == JoinVerdict::may && !after_message) {
    const bool waits_long = group_.ends.size() - group_.certain >= patience_of(group_.state);
    // Two heads in a row: the second one's frames are not the first one's.
    const bool another = group_.state == JoinState::head && rules_.begin(piece.bytes).state != JoinState::none;
    if (waits_long || another) return JoinVerdict::ends;
  }
  group_.append(piece);
  group_.state = step.next;
  group_.times.last = now_ms;
  if (step.verdict != JoinVerdict::may) {
    group_.certain = group_.ends.size();
    group_.hold = JoinHold::confirmed;
  }
  return step.verdict;
}

JoinBeginning Joiner::find_beginning(const Piece& piece) const {
  // The line before is looked at last: it costs more than most lines need.
  const auto announced = [&] { return has_last_ && whole(last_) && announces_exception(last_.bytes); };
  if (!whole(piece)) return {};
  if (blank(piece)) return {announced() ? JoinState::message : JoinState::none, JoinHold::possible, true};
  JoinBeginning beginning = rules_.begin(piece.bytes);
  if (beginning.state == JoinState::none) {
    const JoinState below = rules_.begin_below(piece.bytes);
    if (below != JoinState::none && last_is_worth_holding()) return {below, JoinHold::confirmed, true};
  }
  beginning.bare = beginning.bare && announced();
  return beginning;
}

bool Joiner::last_is_worth_holding() const {
  return has_last_ && whole(last_) && (announces_exception(last_.bytes) || begins_with_label(last_.bytes));
}

}  // namespace cofferdam::logs
