#include "logs/stages.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "logs/process/ansi.hpp"
#include "logs/queue/packed.hpp"

namespace cofferdam::logs {

namespace {

bool is_plain_line(LogParse parse) {
  parse.multiline.clear();
  return is_plain(parse);
}

bool is_plain_but_redacted(LogParse parse) {
  parse.redact.clear();
  parse.redact_values.clear();
  return is_plain_line(std::move(parse));
}

}  // namespace

Stages::Stages(const PumpConfig& config, Stamper& stamper, Outlet& outlet)
    : parse_(config.parse),
      held_memory_(config.memory->held),
      stamper_(stamper),
      outlet_(outlet),
      plain_(is_plain_line(config.parse) && config.syslog_fd < 0),
      joins_(!config.parse.multiline.empty()),
      only_redacts_(is_plain_but_redacted(config.parse) && config.syslog_fd < 0),
      structured_(config.parse) {
  if (!parse_.redact.empty() || !config.secrets.empty()) redactor_.emplace(parse_.redact, config.secrets);
  if (parse_.rate != 0 || parse_.sample > 1) limiter_.emplace(parse_);
  for (std::size_t i = 0; joins_ && i < kLogStreams; ++i) {
    joiners_.emplace_back(parse_.multiline, static_cast<Stream>(i), held_memory_.at(i));
  }
}

StagesState Stages::state() {
  StagesState state;
  for (std::size_t i = 0; i < joiners_.size(); ++i) state.held.at(i) = joiners_[i].mark();
  state.left_out = left_out_;
  if (redactor_) state.redactor = redactor_->state();
  if (limiter_) state.limiter = limiter_->state();
  return state;
}

void Stages::recover(const StagesState& state, std::int64_t now) {
  now_ = now;
  left_out_ = state.left_out;
  if (redactor_) redactor_->restore(state.redactor);
  if (limiter_) limiter_->restore(state.limiter);
  for (std::size_t i = 0; i < kLogStreams; ++i) {
    const HeldText::Mark& held = state.held.at(i);
    if (joins_) {
      joiners_[i].recover(held, now, [this](const Piece& joined) { place(joined); });
      continue;
    }
    // The one before joined lines, which this one no longer does.
    for_each_line(HeldText(held_memory_.at(i)).recover(held), held.eol,
                  [&](std::string_view line, bool eol) { place({static_cast<Stream>(i), line, true, true, eol}); });
  }
}

void Stages::begin(Stream stream, std::string_view block, std::int64_t now) {
  now_ = now;
  // What a joiner holds came with another block.
  clean_block_ = redactor_ && !joins_ && !redactor_->may_match(stream, block);
}

// Not in the header: what most lines take shall stay short.
void Stages::join(const Piece& piece) {
  joiners_[index_of(piece.stream)].add(piece, now_, [this](const Piece& joined) { place(joined); });
}

void Stages::stamp(const Line& line) {
  stamper_.stamp(line, [this](const Record& record) { outlet_.append(record); });
}

void Stages::stamp_long(const Piece& piece, LogLevel level) {
  Line line;
  line.piece = piece;
  line.level = level;
  stamp(line);
}

void Stages::settle(Stream stream) {
  if (!joins_) return;
  joiners_[index_of(stream)].settle(now_, [this](const Piece& joined) { place(joined); });
}

void Stages::flush(Stream stream) {
  if (!joins_) return;
  joiners_[index_of(stream)].flush([this](const Piece& joined) { place(joined); });
}

std::optional<std::int64_t> Stages::due() const {
  std::optional<std::int64_t> first;
  for (const Joiner& joiner : joiners_) {
    if (const auto due = joiner.due(); due && (!first || *due < *first)) first = due;
  }
  if (const auto due = limiter_ ? limiter_->due() : std::nullopt; due && (!first || *due < *first)) first = due;
  return first;
}

void Stages::on_due(std::int64_t now) {
  now_ = now;
  for (Joiner& joiner : joiners_) {
    if (const auto due = joiner.due(); due && *due <= now) {
      joiner.settle(now, [this](const Piece& joined) { place(joined); });
    }
  }
  while (const auto suppressed = limiter_ ? limiter_->take_due(now) : std::nullopt) summarise(*suppressed);
}

void Stages::finish() {
  while (const auto suppressed = limiter_ ? limiter_->take_rest() : std::nullopt) summarise(*suppressed);
}

// A record of its own, in the stream that has fewer for it.
void Stages::summarise(const Suppressed& suppressed) {
  const std::string message = limiter_->describe(suppressed);
  const std::string count = std::to_string(suppressed.count);
  const std::string reason = "\"" + std::string(to_string(suppressed.reason)) + "\"";
  const std::array<Field, 2> fields = {Field{"suppressed", count}, Field{"reason", reason}};
  Line line;
  line.piece.stream = suppressed.stream;
  line.piece.bytes = message;
  line.level = LogLevel::warning;
  line.fields = fields;
  line.original = message;
  stamp(line);
}

// The header becomes fields: who said it.
void Stages::read_syslog(Line& line) {
  const SyslogLine said = parse_syslog(line.piece.bytes);
  line.piece.bytes = said.message;
  line.level = said.level;
  fields_.clear();
  const auto add = [&](std::size_t i, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    texts_.at(i).clear();
    base::append_json_string(texts_.at(i), text);
    fields_.push_back({key, texts_.at(i)});
  };
  add(0, "ident", said.ident);
  add(1, "pid", said.pid);
  add(2, "facility", said.facility);
  line.fields = fields_;
}

void Stages::process(const Piece& piece) {
  Line line;
  line.piece = piece;
  const bool syslog = piece.stream == Stream::syslog;
  if (syslog) read_syslog(line);
  // First what could stand in the middle of a secret.
  if (parse_.strip_ansi) line.piece.bytes = strip_ansi(line.piece.bytes, clean_);
  if (redactor_) line.piece.bytes = redactor_->redact(piece.stream, line.piece.bytes, redacted_);
  const bool whole = piece.first && piece.last;
  line.original = line.piece.bytes;
  if (whole && structured_.parse(line.piece.bytes, said_)) {
    line.piece.bytes = said_.message;
    line.trace_id = said_.trace_id;
    line.span_id = said_.span_id;
    if (syslog) said_.fields.insert(said_.fields.begin(), fields_.begin(), fields_.end());
    line.fields = said_.fields;
    if (!syslog) line.level = said_.level ? *said_.level : level_of(line.piece.bytes);
  } else if (piece.first && !syslog) {
    line.level = level_of(line.piece.bytes);
  }
  // Asked once a line, whose other pieces share its fate.
  bool& left_out = left_out_[index_of(piece.stream)];
  if (piece.first) left_out = limiter_ && !limiter_->admit(piece.stream, line.level, line.trace_id, now_);
  if (!left_out) stamp(line);
}

void Stages::add_own(std::string_view packed) {
  Record record;
  fields_.clear();
  if (!unpack(packed, record, fields_)) return;
  std::vector<std::string> values;
  if (redactor_) {
    record.message = redactor_->redact(Stream::own, record.message, redacted_);
    values.resize(fields_.size());
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      fields_[i].json = redactor_->redact(Stream::own, fields_[i].json, values[i]);
    }
  }
  Line line;
  line.piece.stream = Stream::own;
  line.piece.bytes = record.message;
  line.level = record.level;
  line.fields = fields_;
  line.original = record.message;
  stamp(line);
}

}  // namespace cofferdam::logs
