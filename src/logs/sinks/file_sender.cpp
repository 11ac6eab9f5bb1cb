#include "logs/sinks/file_sender.hpp"

#include <cstring>

namespace cofferdam::logs {

SendResult FileSender::send(std::string_view body, std::size_t /*records*/, Deadline /*deadline*/) {
  SendResult result;
  done_ += file_.append(body.substr(done_));
  if (done_ == body.size()) {
    done_ = 0;
    return result;
  }
  result.outcome = SendResult::Outcome::retry;
  result.why = std::strerror(file_.error());
  return result;
}

}  // namespace cofferdam::logs
