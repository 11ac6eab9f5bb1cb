#include "policy/lint.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "policy/destination_cover.hpp"
#include "policy/mistakes.hpp"

namespace cofferdam::policy {

namespace {

bool is_shipped(const Origin& origin) {
  return origin.file.ends_with(" (built in)");
}

std::string place_text(const Origin& origin) {
  return base::printable(origin.file) + ":" + std::to_string(origin.line);
}

class Lint {
 public:
  explicit Lint(const Policy& policy) : policy_(policy) {}

  std::vector<Diagnostic> find() {
    programs();
    mounts();
    losses();
    databases();
    network();
    environment();
    return std::move(found_);
  }

 private:
  void add(const Origin& where, std::string_view code, std::string message, std::string hint) {
    if (is_shipped(where)) return;
    found_.push_back({Severity::warning, where, std::string(code), std::move(message), std::move(hint)});
  }

  // Of a list in which the order says nothing: rows that another one covers. Of two that say the same, the second.
  template <class Row, class Covers, class Written>
  void covered_rows(const std::vector<Row>& rows, Covers&& covers_row, Written&& written) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < rows.size(); ++j) {
        if (i == j || !covers_row(rows[j], rows[i]) || (covers_row(rows[i], rows[j]) && i < j)) continue;
        add(rows[i].origin, code::kNoEffect,
            in_quotes(written(rows[i])) + " is allowed by " + in_quotes(written(rows[j])) + " at " +
                place_text(rows[j].origin) + " already",
            "take one of them out");
        break;
      }
    }
  }

  void programs() {
    const auto covers_row = [](const AppAlso& wide, const AppAlso& narrow) {
      return wide.exe == narrow.exe && (wide.argv.empty() || wide.argv == narrow.argv);
    };
    covered_rows(policy_.also, covers_row, [](const AppAlso& row) { return row.exe; });
  }

  // The row of the nearest directory above.
  [[nodiscard]] const MountRule* above(const MountRule& rule) const {
    const MountRule* nearest = nullptr;
    for (const MountRule& other : policy_.storage.mounts) {
      if (other.path == rule.path || !base::is_beneath(rule.path, other.path)) continue;
      if (nearest == nullptr || other.path.size() > nearest->path.size()) nearest = &other;
    }
    return nearest;
  }

  // Why the mount changes nothing.
  [[nodiscard]] static std::optional<std::string> idle(const MountRule& rule, const MountRule* outer) {
    if (outer == nullptr) {
      if (rule.type != MountType::read_only) return std::nullopt;
      return "everything is read-only but what storage.mounts names";
    }
    const std::string place = in_quotes(outer->written) + " at " + place_text(outer->origin);
    if (outer->type == MountType::hidden) {
      return rule.type == MountType::hidden ? std::optional(place + " hides it already") : std::nullopt;
    }
    if (rule.type == MountType::hidden && outer->type == MountType::tmpfs) return place + " is empty at the start";
    if (rule.type != outer->type) return std::nullopt;
    if (rule.type == MountType::read_only || rule.type == MountType::persistent) return place + " says the same";
    const bool same_overlay =
        rule.type == MountType::overlay && rule.size == 0 && rule.inodes == 0 && rule.watch == outer->watch;
    return same_overlay ? std::optional(place + " is an overlay, too, and this one has no size of its own")
                        : std::nullopt;
  }

  void mounts() {
    for (const MountRule& rule : policy_.storage.mounts) {
      const auto why = idle(rule, above(rule));
      if (!why) continue;
      add(rule.origin, code::kNoEffect,
          "the " + std::string(to_string(rule.type)) + " mount of " + in_quotes(rule.written) +
              " does nothing: " + *why,
          "take it out");
    }
  }

  void losses() {
    constexpr std::string_view kAnything = "/any/file/at/all.txt";
    for (const std::string& glob : policy_.storage.audit_ignore) {
      if (!base::glob_match(glob, kAnything)) continue;
      add({policy_.name, 0, 0}, code::kTooMuch,
          "storage.audit.ignore has " + in_quotes(glob) + ": the report leaves out every loss",
          "name what is made again by itself, such as \"**/__pycache__/**\"");
    }
  }

  void databases() {
    const auto covers_row = [](const DatabaseAllow& wide, const DatabaseAllow& narrow) {
      return (wide.from == DatabaseAllow::From::any || wide.from == narrow.from) && covers(wide.to, narrow.to);
    };
    covered_rows(policy_.database.allow, covers_row, [](const DatabaseAllow& row) { return row.to.written; });
    for (const DatabaseAllow& allow : policy_.database.allow) {
      if (allow.from == DatabaseAllow::From::any) {
        add(allow.origin, code::kTooMuch,
            "every program of the instance may reach " + in_quotes(allow.to.written) +
                ": in production it is reachable from the app alone",
            "from: app, with a row in app.also for a worker that needs it");
      }
      if (is_everywhere(allow.to)) {
        add(allow.origin, code::kTooMuch, in_quotes(allow.to.written) + " is every database on that port",
            "name its host, or env:DATABASE_URL");
      }
    }
  }

  void network() {
    const auto covers_row = [](const NetworkAllow& wide, const NetworkAllow& narrow) {
      return covers(wide.to, narrow.to);
    };
    covered_rows(policy_.network.allow, covers_row, [](const NetworkAllow& row) { return row.to.written; });
    for (const NetworkAllow& allow : policy_.network.allow) {
      if (!policy_.network.deny) {
        add(allow.origin, code::kNoEffect, "network.allow says nothing while egress is not denied", "add egress: deny");
        break;
      }
      if (is_everywhere(allow.to) && allow.to.port == 0) {
        add(allow.origin, code::kTooMuch,
            in_quotes(allow.to.written) + " is every address and every port: egress: deny denies nothing",
            "name what the app needs");
      }
    }
  }

  // Names that secrets have. What begins like this may still hold none: a name that ends otherwise says so.
  [[nodiscard]] static bool names_a_secret(std::string_view name) {
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    constexpr std::string_view kEnds[] = {"PASSWORD", "PASSWD", "SECRET",      "SECRET_KEY", "TOKEN",
                                          "API_KEY",  "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIALS"};
    return std::ranges::any_of(kEnds, [&](std::string_view end) { return upper.ends_with(end); });
  }

  // scheme://user:password@host
  [[nodiscard]] static bool holds_a_password(std::string_view value) {
    const std::size_t scheme = value.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view rest = value.substr(scheme + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    const std::size_t at = authority.rfind('@');
    const std::size_t colon = authority.find(':');
    return at != std::string_view::npos && colon != std::string_view::npos && colon + 1 < at;
  }

  void environment() {
    const Origin where{policy_.name, 0, 0};
    for (const auto& [name, value] : policy_.environment.set) {
      if (value.empty() || !(names_a_secret(name) || holds_a_password(value))) continue;
      add(where, code::kSecret, "environment.set has the secret " + in_quotes(name) + " in clear text",
          "export it, or write it into a file of environment.files, and name it in environment.require");
    }
    for (const std::string& name : policy_.environment.require) {
      if (policy_.environment.set.contains(name)) {
        add(where, code::kNoEffect, "environment.require names " + in_quotes(name) + ", which environment.set sets",
            "take one of them out");
      }
    }
    for (const std::string& name : policy_.environment.drop) {
      const bool needed = std::ranges::find(policy_.environment.require, name) != policy_.environment.require.end();
      if (needed || policy_.environment.set.contains(name)) {
        add(where, code::kNoEffect,
            "environment.drop takes " + in_quotes(name) + " away, and the policy " + (needed ? "requires" : "sets") +
                " it",
            "take one of them out");
      }
    }
  }

  const Policy& policy_;
  std::vector<Diagnostic> found_;
};

}  // namespace

std::vector<Diagnostic> lint_policy(const Policy& policy) {
  return Lint(policy).find();
}

}  // namespace cofferdam::policy
