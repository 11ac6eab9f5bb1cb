#include "policy/merge.hpp"

#include <algorithm>
#include <utility>

#include "policy/limits.hpp"

namespace cofferdam::policy {
namespace {

template <class T, class Equal = std::equal_to<>>
void append(std::vector<T>& to, std::vector<T> rows, Equal equal = {}) {
  for (T& row : rows) {
    if (std::ranges::none_of(to, [&](const T& each) { return equal(each, row); })) to.push_back(std::move(row));
  }
}

void apply_environment(Environment& to, Layer& layer) {
  auto& from = layer.environment;
  for (const std::string& name : from.drop) to.set.erase(name);
  for (auto& [name, value] : from.set) {
    std::erase(to.drop, name);
    to.set.insert_or_assign(name, std::move(value));
  }
  append(to.files, std::move(from.files));
  append(to.require, std::move(from.require));
  append(to.drop, std::move(from.drop));
  to.export_files = from.export_files.value_or(to.export_files);
}

void apply_database(Database& to, Layer& layer) {
  auto& from = layer.database;
  if (from.all_engines) {
    to.all_engines = *from.all_engines;
    to.engines = std::move(from.engines);
  }
  append(to.ports, std::move(from.ports));
  append(to.sockets, std::move(from.sockets));
  const bool has_list = !to.allow.empty();
  append(to.allow, std::move(from.allow), [](const DatabaseAllow& a, const DatabaseAllow& b) {
    return a.from == b.from && a.to.written == b.to.written && a.to.path == b.to.path;
  });
  // A finding should lead to the list that decided, or to where one would stand.
  if (from.allow_origin) {
    to.origin = *from.allow_origin;
  } else if (from.origin && !has_list) {
    to.origin = *from.origin;
  }
}

void apply_network(Network& to, Layer& layer) {
  auto& from = layer.network;
  to.deny = from.deny.value_or(to.deny);
  const bool has_list = !to.allow.empty();
  append(to.allow, std::move(from.allow),
         [](const NetworkAllow& a, const NetworkAllow& b) { return a.to.written == b.to.written; });
  if (from.allow_origin) {
    to.origin = *from.allow_origin;
  } else if (from.origin && !has_list) {
    to.origin = *from.origin;
  }
}

void apply_access(Access& to, Layer& layer) {
  to.remote_login = layer.access.remote_login.value_or(to.remote_login);
  to.debug = layer.access.debug.value_or(to.debug);
  if (layer.access.origin) to.origin = std::move(*layer.access.origin);
}

}  // namespace

void apply_layer(Policy& policy, Layer layer, const PathBase& base, Mistakes& mistakes) {
  policy.mode = layer.mode.value_or(policy.mode);
  policy.enforcement = layer.enforcement.value_or(policy.enforcement);
  append(policy.also, std::move(layer.also),
         [](const AppAlso& a, const AppAlso& b) { return a.exe == b.exe && a.argv == b.argv; });
  merge_mounts(policy.storage.mounts, layer.mounts, base, mistakes);
  append(policy.storage.audit_ignore, std::move(layer.audit_ignore));
  apply_database(policy.database, layer);
  apply_network(policy.network, layer);
  apply_access(policy.access, layer);
  append(policy.devices, std::move(layer.devices),
         [](const DeviceRule& a, const DeviceRule& b) { return a.path == b.path; });
  append(policy.sockets, std::move(layer.sockets));
  apply_limits(policy.limits, layer.limits);
  apply_environment(policy.environment, layer);
  for (const auto& change : layer.logs) change(policy.logs);
  policy.run.replicas = layer.run.replicas.value_or(policy.run.replicas);
  if (layer.run.restart) policy.run.restart = layer.run.restart;
  if (layer.run.readiness) policy.run.readiness = std::move(layer.run.readiness);
  if (layer.run.stop_signal) policy.run.stop_signal = std::move(*layer.run.stop_signal);
  policy.run.stop_grace = layer.run.stop_grace.value_or(policy.run.stop_grace);
}

}  // namespace cofferdam::policy
