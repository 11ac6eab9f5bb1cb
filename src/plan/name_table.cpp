#include "plan/name_table.hpp"

#include <algorithm>

namespace cofferdam::plan {

void NameTable::learn(const NameAnswer& answer, Time now) {
  Name& name = names_[answer.host];
  name.asked = now;
  name.failed = answer.addresses.empty();
  name.ttl = name.failed ? kLeastTtl : std::clamp(answer.ttl, kLeastTtl, kMostTtl);
  if (name.failed) return;  // what was true stays so until somebody says otherwise
  name.answered = now;
  for (const IpAddress& address : answer.addresses) {
    std::erase_if(name.seen, [&](const Seen& seen) { return seen.address == address; });
    name.seen.push_back({address, now});
  }
  if (name.seen.size() > kMostAddresses) {
    name.seen.erase(name.seen.begin(), name.seen.end() - static_cast<std::ptrdiff_t>(kMostAddresses));
  }
}

bool NameTable::is_due(const std::string& host, Time now, bool pressing) const {
  const auto name = names_.find(host);
  if (name == names_.end()) return true;
  const bool early = pressing && !name->second.failed;
  return now - name->second.asked >= (early ? kLeastPressing : name->second.ttl);
}

std::vector<IpAddress> NameTable::current(const std::string& host, Time now) const {
  std::vector<IpAddress> addresses;
  const auto name = names_.find(host);
  if (name == names_.end()) return addresses;
  for (const Seen& seen : name->second.seen) {
    // What the last answer had is good until the next one, however long nobody asks.
    if (seen.last == name->second.answered || now - seen.last < kGrace) addresses.push_back(seen.address);
  }
  return addresses;
}

std::vector<IpAddress> NameTable::ever(const std::string& host) const {
  std::vector<IpAddress> addresses;
  const auto name = names_.find(host);
  if (name == names_.end()) return addresses;
  for (const Seen& seen : name->second.seen) addresses.push_back(seen.address);
  return addresses;
}

}  // namespace cofferdam::plan
