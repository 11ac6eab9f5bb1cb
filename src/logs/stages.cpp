#include "logs/stages.hpp"

#include <algorithm>

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
      joins_(!config.parse.multiline.empty()) {
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

void Stages::process(const Piece& piece) {
  Line line;
  line.piece = piece;
  fields_.clear();
  std::string pid;
  std::string ident;
  std::string facility;
  if (piece.stream == Stream::syslog) {
    const SyslogLine said = parse_syslog(piece.bytes);
    line.piece.bytes = said.message;
    line.level = said.level;
  } else if (piece.first) {
    line.level = detect_level(piece.bytes);
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
