#include "logs/stages.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "logs/queue/packed.hpp"

namespace cofferdam::logs {

namespace {

bool is_plain_line(LogParse parse) {
  parse.multiline.clear();
  return is_plain(parse);
}

}  // namespace

Stages::Stages(const PumpConfig& config, Stamper& stamper, Outlet& outlet)
    : parse_(config.parse),
      stamper_(stamper),
      outlet_(outlet),
      plain_(is_plain_line(config.parse) && config.syslog_fd < 0),
      joins_(!config.parse.multiline.empty()),
      structured_(config.parse) {
  for (std::size_t i = 0; joins_ && i < kLogStreams; ++i) joiners_.emplace_back(parse_.multiline);
}

void Stages::begin(Stream stream, std::string_view block, std::int64_t now) {
  (void)stream;
  (void)block;
  now_ = now;
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
  return first;
}

void Stages::on_due(std::int64_t now) {
  now_ = now;
  for (Joiner& joiner : joiners_) {
    if (const auto due = joiner.due(); due && *due <= now) {
      joiner.settle(now, [this](const Piece& joined) { place(joined); });
    }
  }
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
  stamp(line);
}

void Stages::add_own(std::string_view packed) {
  Record record;
  fields_.clear();
  if (!unpack(packed, record, fields_)) return;
  Line line;
  line.piece.stream = Stream::own;
  line.piece.bytes = record.message;
  line.level = record.level;
  line.fields = fields_;
  line.original = record.message;
  stamp(line);
}

}  // namespace cofferdam::logs
