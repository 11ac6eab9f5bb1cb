#include "supervise/storage_alarm.hpp"

#include "base/text.hpp"
#include "plan/storage.hpp"

namespace cofferdam::supervise {

namespace {

std::string counted(std::uint64_t inodes) {
  return base::grouped(inodes) + " files, directories and links";
}

std::string what_holds_it(const std::string& place, const StorageAlarm& alarm) {
  const Heaviest& heaviest = alarm.heaviest;
  if (heaviest.path.empty()) return "";
  const std::string where = base::printable(place + "/" + heaviest.path);
  if (!heaviest.complete) return "; much of it is in " + where;
  return "; " + (alarm.of_inodes ? counted(heaviest.inodes) : base::human_bytes(heaviest.bytes)) + " of it in " + where;
}

}  // namespace

Finding storage_finding(const plan::PlannedMount& mount, bool container, const StorageAlarm& alarm) {
  Finding finding;
  finding.code = alarm.full ? "CD103" : "CD107";
  finding.severity = alarm.full ? Severity::error : Severity::warning;
  finding.policy = mount.policy;
  finding.path = mount.path;
  const std::string place = base::printable(mount.path);
  if (alarm.full) {
    finding.message = "storage is full: " + place + " has used its " +
                      (alarm.of_inodes ? counted(alarm.inodes) : base::human_bytes(alarm.size)) +
                      "; the app gets ENOSPC (no space left on device)";
    if (alarm.of_inodes) finding.message += " although " + base::human_bytes(alarm.size - alarm.used) + " are free";
  } else {
    const std::uint64_t percent =
        alarm.of_inodes ? alarm.used_inodes * 100 / alarm.inodes : alarm.used * 100 / alarm.size;
    finding.message = "storage is nearly full: " + place + " has used " + std::to_string(percent) + " % of its " +
                      (alarm.of_inodes ? counted(alarm.inodes) : base::human_bytes(alarm.size)) +
                      "; at 100 % the app gets ENOSPC (no space left on device)";
  }
  finding.message += what_holds_it(mount.path, alarm);
  const std::uint64_t more = 2 * (alarm.of_inodes ? alarm.inodes : alarm.size);
  finding.fix = plan::how_to_enlarge(mount, container, alarm.of_inodes ? 0 : more, alarm.of_inodes ? more : 0) +
                ", or write less there";
  return finding;
}

}  // namespace cofferdam::supervise
