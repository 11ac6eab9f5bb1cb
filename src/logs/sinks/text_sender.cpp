#include "logs/sinks/text_sender.hpp"

#include "logs/raw_encoder.hpp"

namespace cofferdam::logs {

std::string TextSender::describe() const {
  return "console or file";
}

std::string TextSender::encode(std::span<const Record> records) {
  OutBuffer out;
  for (const Record& record : records) {
    switch (sink_->encoding()) {
      case Encoding::json: json_.append(record, out); break;
      case Encoding::pretty: pretty_.append(record, out); break;
      case Encoding::raw: append_raw(record, out); break;
    }
  }
  return std::string(out.view());
}

SendResult TextSender::send(std::string_view body, std::size_t records, Deadline /*deadline*/) {
  // What could not be written is dropped, not repeated: a part of it may stand in the file.
  const Delivery delivery = sink_->deliver({body, records, Stream::out});
  SendResult result;
  if (delivery.gone) {
    result.outcome = SendResult::Outcome::failed;
    result.why = "nobody reads it any more";
  } else if (delivery.dropped != 0) {
    result.rejected_records = delivery.dropped;
    result.why = "it could not be written";
  }
  return result;
}

}  // namespace cofferdam::logs
