#include "logs/queue/fallback.hpp"

#include <utility>

#include "base/json.hpp"
#include "logs/json_encoder.hpp"
#include "logs/out_buffer.hpp"
#include "logs/sinks/write.hpp"

namespace cofferdam::logs {

struct Fallback::Encoder {
  explicit Encoder(std::string_view instance) : json(instance) {}

  JsonEncoder json;
  OutBuffer record;
  std::string line;
};

Fallback::Fallback(int fd, std::string instance, std::string sink)
    : fd_(fd), instance_(std::move(instance)), sink_(std::move(sink)) {}

Fallback::~Fallback() = default;

bool Fallback::append(const Record& record, std::string_view reason) {
  if (!exists()) return false;
  if (!encoder_) encoder_ = std::make_unique<Encoder>(instance_);
  encoder_->record.clear();
  encoder_->json.append(record, encoder_->record);
  std::string& line = encoder_->line;
  line = encoder_->record.view();
  line.resize(line.rfind('}'));
  line += R"(,"sink":)";
  base::append_json_string(line, sink_);
  line += R"(,"reason":)";
  base::append_json_string(line, reason);
  line += "}\n";
  return write_all(fd_, line).errnum == 0;
}

}  // namespace cofferdam::logs
