#include "policy/rule_catalog.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::policy {

namespace {

constexpr std::array kRules = {
    RuleRow{"CD101", Severity::error, "a write outside the instance's storage was refused", "storage.mounts", 1,
            "read-only mounts (local), Landlock and performed metadata calls (container)",
            "src/supervise/write_audit.cpp", "report_refusal", "tests/cli/findings.py",
            "the image of a container is read-only or lost with the container",
            "write below a mount of the policy, or add a tmpfs or overlay row to storage.mounts"},
    RuleRow{"CD102", Severity::note, "files were written locally and are lost", "storage.mounts", 1,
            "scan of the tmpfs layers at the end of the run", "src/report/storage_findings.cpp", "storage_findings",
            "tests/unit/report/collector_test.cpp",
            "each deployment and each restart starts from the image: local files are gone",
            "keep what must last in the database or in object storage; --keep-writes DIR copies it out of this run"},
    RuleRow{"CD103", Severity::error, "a mount of the instance is full", "storage.mounts", 1,
            "fstatfs of each tmpfs while the app runs", "src/supervise/storage_alarm.cpp", "storage_finding",
            "tests/cli/findings.py", "local storage of an instance is small and counts as its memory",
            "raise size: or inodes: of the mount, or write less to local storage"},
    RuleRow{"CD104", Severity::warning, "the two witnesses of the write audit disagree", "storage", 1,
            "events compared with the scan", "src/report/collector.cpp", "compare",
            "tests/unit/report/collector_test.cpp", "none: this is a defect of cofferdam",
            "report it with the events file of the run"},
    RuleRow{"CD105", Severity::warning, "a host edit could not be replayed into the instance", "storage.mounts", 1,
            "inotify on the host's tree, copied through a directory handle", "src/supervise/watch.cpp", "report",
            "tests/cli/findings.py", "none: code does not change under a running instance",
            "restart the run to see the host's state"},
    RuleRow{"CD107", Severity::warning, "a mount of the instance is nearly full", "storage.mounts", 1,
            "fstatfs of each tmpfs while the app runs", "src/supervise/storage_alarm.cpp", "storage_finding",
            "tests/cli/sizes.py", "local storage of an instance is small and counts as its memory",
            "raise size: or inodes: of the mount, or write less to local storage"},
    RuleRow{"CD108", Severity::warning, "a disk is mounted where the container could write it", "storage.mounts", 1,
            "the container's mount table", "src/plan/storage_container.cpp", "report_volumes",
            "tests/unit/plan/storage_container_test.cpp",
            "a volume keeps files on one machine and hides that everything else is lost",
            "mount a tmpfs there (--tmpfs PATH), or name it in storage.mounts as persistent"},
    RuleRow{"CD201", Severity::error, "a process that is not the app wanted the database", "database", 2,
            "connect performed by the launcher after judging a private copy", "src/supervise/refusal.cpp",
            "refusal_finding", "tests/cli/database.py", "the database is reachable only from inside the application",
            "use the app's own admin or code; for a one-off: cofferdam shell -- COMMAND"},
    RuleRow{"CD202", Severity::error, "a process that looks like the app's worker wanted the database", "app.also", 2,
            "exec records: exec loses the app's identity", "src/supervise/refusal.cpp", "refusal_finding",
            "tests/cli/findings.py",
            "production admits the whole instance; cofferdam wants each executed program named",
            "if it is the app's own worker, add the printed row to app.also"},
    RuleRow{"CD203", Severity::error, "a database that the policy does not name was refused", "database.allow", 2,
            "connect performed by the launcher after judging a private copy", "src/supervise/refusal.cpp",
            "refusal_finding", "tests/cli/findings.py",
            "an instance reaches the backing services it is configured for and no others",
            "use the database of the environment, or add a row to database.allow"},
    RuleRow{"CD204", Severity::error, "a caller could not be identified", "database", 2,
            "the tuple of the caller's image is unreadable: refused", "src/supervise/refusal.cpp", "refusal_finding",
            "tests/cli/findings.py", "what can't be identified can't be let in",
            "start the app as its final user (--user), keep its programs readable"},
    RuleRow{"CD301", Severity::warning, "a log file was written locally", "logs.sinks", 3, "scan of the tmpfs layers",
            "src/report/storage_findings.cpp", "storage_findings", "tests/unit/report/collector_test.cpp",
            "there is no server to look into: insight comes from the log stream", "log to stdout or stderr"},
    RuleRow{"CD302", Severity::error, "the log pump failed", "logs.sinks", 3, "the launcher watches the pump's process",
            "src/run/loop.cpp", "on_pump_ended", "tests/cli/pump.py", "none: this is a defect of cofferdam",
            "report it with the output that caused it"},
    RuleRow{"CD401", Severity::error, "a socket of the host was refused", "sockets", 4,
            "connect performed by the launcher on the pinned socket", "src/supervise/refusal.cpp",
            "host_socket_finding", "tests/cli/findings.py", "a service beside the instance does not exist there",
            "if the app needs it in development, add its path to sockets"},
    RuleRow{"CD503", Severity::warning, "the app did not end within the grace and was killed", "run.stop_grace", 6,
            "timer of the launcher", "src/run/loop.cpp", "on_timers", "tests/cli/findings.py",
            "an instance that is slow to stop is killed in the middle of its work",
            "handle the stop signal, or raise run.stop_grace"},
    RuleRow{"CD504", Severity::error, "a database client as the entry command", "database", 2,
            "the command's name is looked up in the engine table", "src/plan/planner.cpp", "refuse_database_client",
            "tests/cli/findings.py", "a client in the place of the app would make every query the app's",
            "cofferdam shell -- CLIENT"},
    RuleRow{"CD901", Severity::error, "the policy is no YAML", "", 0, "strict reader", "src/policy/mistakes.hpp",
            "kSyntax", "tests/unit/policy/document_test.cpp", "", "mend the place that the message names"},
    RuleRow{"CD902", Severity::error, "unknown key", "", 0, "key table", "src/policy/mistakes.hpp", "kUnknownKey",
            "tests/unit/policy/validate_test.cpp", "", "use one of the keys that the message lists"},
    RuleRow{"CD903", Severity::error, "wrong type or value", "", 0, "key table", "src/policy/mistakes.hpp", "kValue",
            "tests/unit/policy/validate_test.cpp", "", "use one of the values that the message lists"},
    RuleRow{"CD904", Severity::error, "a key whose mechanism is not in this version", "", 0, "key table",
            "src/policy/mistakes.hpp", "kNotAvailable", "tests/unit/policy/validate_test.cpp", "",
            "take the key out until a version has it"},
    RuleRow{"CD905", Severity::error, "duplicate key", "", 0, "strict reader", "src/policy/mistakes.hpp",
            "kDuplicateKey", "tests/unit/policy/validate_test.cpp", "", "keep one of them"},
    RuleRow{"CD906", Severity::error, "anchor, alias, tag, merge key or second document", "", 0, "strict reader",
            "src/policy/mistakes.hpp", "kStructure", "tests/unit/policy/document_test.cpp", "", "write the value out"},
    RuleRow{"CD907", Severity::error, "too large, too deep or too many nodes", "", 0, "strict reader",
            "src/policy/mistakes.hpp", "kLimit", "tests/unit/policy/document_test.cpp", "",
            "a policy is a page, not a data file"},
    RuleRow{"CD908", Severity::error, "a path or program that is too broad", "storage.mounts", 1, "validation",
            "src/policy/mistakes.hpp", "kDangerousPath", "tests/unit/policy/validate_test.cpp", "",
            "name the directory that the app really writes"},
    RuleRow{"CD909", Severity::error, "a policy file that can't be read", "extends", 0, "loader",
            "src/policy/mistakes.hpp", "kUnreadable", "tests/unit/policy/load_test.cpp", "",
            "mend the path or the name"},
    RuleRow{"CD910", Severity::error, "an environment file that can't be understood", "environment.files", 0,
            "dotenv reader", "src/policy/mistakes.hpp", "kEnvironmentFile", "tests/unit/policy/dotenv_test.cpp", "",
            "mend the line that the message names"},
    RuleRow{"CD911", Severity::error, "a variable that database.allow names is unset or unreadable", "database.allow",
            2, "plan", "src/plan/backing_services.hpp", "kBackingServiceVariable",
            "tests/unit/plan/backing_services_test.cpp", "the app would not find its database either",
            "export the variable or write it into a file of environment.files"},
};

}  // namespace

std::span<const RuleRow> rule_catalog() {
  return kRules;
}

const RuleRow* find_rule(std::string_view code) {
  const auto* row = std::ranges::find(kRules, code, &RuleRow::code);
  return row == kRules.end() ? nullptr : row;
}

}  // namespace cofferdam::policy
