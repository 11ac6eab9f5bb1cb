#include "policy/limits.hpp"

#include <array>
#include <cstdint>

#include "base/text.hpp"
#include "policy/effective_text.hpp"
#include "policy/node_values.hpp"

namespace cofferdam::policy {

namespace {

std::uint64_t size_of(const MountRule& mount) {
  return mount.size != 0 ? mount.size : kDefaultMountSize;
}

bool has_size(const MountRule& mount) {
  return mount.type == MountType::overlay || mount.type == MountType::tmpfs;
}

std::string place_text(const Origin& origin) {
  return base::printable(origin.file) + ":" + std::to_string(origin.line);
}

}  // namespace

Limits read_limits(const Node& limits, const Mistakes& mistakes) {
  Limits out;
  const auto read = [&](const char* key, Value<std::uint64_t> (*parse)(std::string_view), bool plain) {
    const Node& node = child(limits, key);
    const auto value = value_of(node, parse);
    return value && !(plain && node.quoted) ? Limit{*value, mistakes.origin(node.place)} : Limit{};
  };
  out.memory = read("memory", &parse_memory, false);
  out.processes = read("processes", &parse_count, true);
  out.cpu = read("cpu", &parse_cores, true);
  out.open_files = read("open_files", &parse_count, true);
  return out;
}

void apply_limits(Limits& to, const Limits& from) {
  for (const auto member : {&Limits::memory, &Limits::processes, &Limits::cpu, &Limits::open_files}) {
    if ((from.*member).value != 0) to.*member = from.*member;
  }
}

std::vector<Diagnostic> check_limits(const Policy& policy) {
  const Limit& memory = policy.limits.memory;
  std::vector<Diagnostic> warnings;
  if (memory.value == 0) return warnings;
  constexpr const char* kWhy = ": what it holds counts as memory, so the app is killed before it gets ENOSPC";
  const std::string limit = "the limits.memory of " + size_text(memory.value);
  std::string unsized;
  for (const MountRule& mount : policy.storage.mounts) {
    if (!has_size(mount) || size_of(mount) <= memory.value) continue;
    const std::string size = size_text(size_of(mount));
    if (mount.optional || mount.size == 0) {
      unsized += (unsized.empty() ? "" : ", ") + mount.written + " (" + size + ")";
      continue;
    }
    warnings.push_back({Severity::warning, mount.origin, std::string(code::kMemoryBelowStorage),
                        "the mount of " + in_quotes(mount.written) + " may hold " + size + ", more than " + limit +
                            " at " + place_text(memory.origin) + kWhy,
                        "give it a smaller size, or raise limits.memory"});
  }
  // In a container such a mount has the size that the container gave it.
  if (!unsized.empty() && policy.mode != Mode::container) {
    warnings.push_back({Severity::note, memory.origin, std::string(code::kMemoryBelowStorage),
                        limit + " is less than what mounts may hold that you gave no size: " + unsized + kWhy,
                        "give them a size in storage.mounts"});
  }
  return warnings;
}

std::string cores_text(std::uint64_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  std::string fraction = std::to_string(1000 + thousandths % 1000).substr(1);
  while (fraction.ends_with('0')) fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

}  // namespace cofferdam::policy
