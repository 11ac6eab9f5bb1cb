#include "supervise/name_watch.hpp"

namespace cofferdam::supervise {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

NameWatch::NameWatch(plan::NameTable names, const std::vector<std::string>& hosts, std::vector<plan::IpAddress> own,
                     plan::ResolverOptions options)
    : names_(std::move(names)), lookups_(std::move(options)) {
  network_.own = std::move(own);
  for (const std::string& host : hosts) show(host);
}

void NameWatch::show(const std::string& host) {
  network_.resolved[host] = names_.current(host, Clock::now());
  network_.earlier[host] = names_.ever(host);
}

bool NameWatch::must_wait_for(const std::vector<std::string>& hosts) {
  bool waiting = false;
  for (const std::string& host : hosts) {
    if (names_.is_due(host, Clock::now(), true)) lookups_.ask(host, kLongestWait);
  }
  work();  // the hosts file answers at once
  for (const std::string& host : hosts) waiting |= lookups_.is_asking(host);
  return waiting;
}

void NameWatch::refresh(const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) {
    if (names_.is_due(host, Clock::now(), false)) lookups_.ask(host, kLongestWait);
  }
}

bool NameWatch::work() {
  lookups_.work();
  const auto answers = lookups_.take();
  for (const plan::NameAnswer& answer : answers) {
    names_.learn(answer, Clock::now());
    show(answer.host);
  }
  return !answers.empty();
}

}  // namespace cofferdam::supervise
