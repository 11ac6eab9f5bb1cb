// doctor of cofferdam/doctor.hpp.
#include "cofferdam/doctor.hpp"

#include <utility>

#include "api/binary.hpp"
#include "api/child.hpp"
#include "base/text.hpp"
#include "report/json_values.hpp"

namespace cofferdam {

namespace {

constexpr std::chrono::milliseconds kTimeout{30'000};

Capabilities read_capabilities(const report::json& document) {
  Capabilities capabilities;
  capabilities.mode = report::text_at(document, "mode");
  capabilities.enforcement = report::enforcement_of(document);
  for (const report::json& value : report::list_at(document, "probes")) {
    capabilities.probes.push_back(
        {report::text_at(value, "probe"), report::flag_at(value, "ok"), report::text_at(value, "detail")});
  }
  for (const report::json& value : report::list_at(document, "storage")) {
    capabilities.storage.push_back({report::text_at(value, "path"), report::text_at(value, "kind"),
                                    report::number_at(value, "size"), report::number_at(value, "inodes"),
                                    report::text_at(value, "advice")});
  }
  capabilities.notices = report::texts_at(document, "notices");
  return capabilities;
}

}  // namespace

Result<Capabilities> doctor(const DoctorRequest& request) {
  auto binary = api::find_binary(request.binary);
  if (!binary) return std::unexpected(binary.error());
  api::ChildRequest child;
  child.binary = std::move(*binary);
  child.arguments = {"doctor", "--json"};
  if (request.policy) child.arguments.push_back("--policy=" + *request.policy);
  if (!request.policy_text.empty()) child.arguments.push_back("--policy-text=" + request.policy_text);
  child.environment = api::child_environment(request.environment, {});
  child.working_directory = request.working_directory;
  const auto captured = api::capture(std::move(child), kTimeout);
  if (!captured) return std::unexpected(captured.error());
  // 1: a rule is not enforced in full, which the rows say.
  if (captured->status > 1) return fail(api::own_words(captured->err), 0, captured->status);
  const auto document = report::json::parse(captured->out, nullptr, false);
  if (!document.is_object())
    return fail("cofferdam doctor said no JSON: " + base::printable(captured->out.substr(0, 80)));
  return read_capabilities(document);
}

}  // namespace cofferdam
