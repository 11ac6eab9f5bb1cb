#include "policy/service_variables.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "policy/engines.hpp"
#include "policy/service_endpoints.hpp"

namespace cofferdam::policy {
namespace {

using Environment = std::map<std::string, std::string>;

struct Pair {
  std::string_view host;
  std::string_view port;
  std::string_view engine;  // empty: one of `engine_in` tells
  Words engine_in = kNone;  // variables
};
constexpr auto kPairs = std::to_array<Pair>({
    {"PGHOST", "PGPORT", "postgres"},
    {"PGHOSTADDR", "PGPORT", "postgres"},
    {"POSTGRES_HOST", "POSTGRES_PORT", "postgres"},
    {"POSTGRESQL_HOST", "POSTGRESQL_PORT", "postgres"},
    {"MYSQL_HOST", "MYSQL_PORT", "mysql"},
    {"MARIADB_HOST", "MARIADB_PORT", "mysql"},
    {"REDIS_HOST", "REDIS_PORT", "redis"},
    {"VALKEY_HOST", "VALKEY_PORT", "redis"},
    {"MONGO_HOST", "MONGO_PORT", "mongodb"},
    {"MONGODB_HOST", "MONGODB_PORT", "mongodb"},
    {"MEMCACHED_HOST", "MEMCACHED_PORT", "memcached"},
    {"SPRING_REDIS_HOST", "SPRING_REDIS_PORT", "redis"},
    {"SPRING_DATA_REDIS_HOST", "SPRING_DATA_REDIS_PORT", "redis"},
    {"SPRING_DATA_MONGODB_HOST", "SPRING_DATA_MONGODB_PORT", "mongodb"},
    {"TYPEORM_HOST", "TYPEORM_PORT", "", "TYPEORM_CONNECTION"},
    {"DB_SOCKET", "DB_PORT", "", "DB_CONNECTION DB_ENGINE DB_ADAPTER"},
    {"DB_HOST", "DB_PORT", "", "DB_CONNECTION DB_ENGINE DB_ADAPTER"},
    {"DATABASE_HOST", "DATABASE_PORT", "", "DATABASE_CONNECTION DATABASE_ENGINE DATABASE_ADAPTER"},
});

std::string value_of(const Environment& environment, std::string_view name) {
  const auto variable = environment.find(std::string(name));
  return variable == environment.end() ? "" : variable->second;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "5432", or as many as there are hosts: "1,2"
bool are_numbers(std::string_view text) {
  return std::ranges::all_of(base::split(text, ','), is_number);
}

// "mysql", "pgsql", "django.db.backends.postgresql", "postgresql_psycopg2"
const Engine* engine_named(const std::string& text) {
  std::string name = to_lower(text.substr(text.rfind('.') + 1));
  if (const Engine* engine = engine_by_scheme(name)) return engine;
  return engine_by_scheme(name.substr(0, name.find('_')));
}

const Engine* engine_of(const Pair& pair, const Environment& environment) {
  if (!pair.engine.empty()) return find_engine(pair.engine);
  for (const std::string_view name : words(pair.engine_in)) {
    if (const std::string value = value_of(environment, name); !value.empty()) return engine_named(value);
  }
  const std::string port = value_of(environment, pair.port);
  if (!is_number(port) || port.size() > 5 || std::stoi(port) > 65535) return nullptr;
  return engine_by_port(static_cast<std::uint16_t>(std::stoi(port)), EngineSet());
}

bool looks_like_hosts(const std::string& text) {
  const bool socket = text.starts_with('/');
  return !text.empty() && text.size() <= 1024 && std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("._-:,[]%").find(static_cast<char>(c)) != std::string_view::npos ||
           (socket && c == '/');
  });
}

std::vector<ServiceEndpoint> endpoints_of(const Pair& pair, const Environment& environment) {
  const std::string hosts = value_of(environment, pair.host);
  const Engine* engine = engine_of(pair, environment);
  if (engine == nullptr || !looks_like_hosts(hosts)) return {};
  const std::string port = value_of(environment, pair.port);
  EndpointCollector collector(engine, default_port(*engine));
  Parameters parameters{{"host", hosts}};
  if (are_numbers(port)) parameters.emplace("port", port);
  if (hosts.find(':') == std::string::npos && hosts.find('[') == std::string::npos) {
    if (collector.add_parameters(parameters)) return {};
    return collector.take();
  }
  const auto list = split_hosts(hosts);
  if (!list) return {};
  for (HostText host : *list) {
    if (host.port.empty() && is_number(port)) host.port = port;
    if (collector.add_host(host)) return {};
  }
  return collector.take();
}

bool has_engine_scheme(std::string_view value) {
  const std::size_t end = value.find("://");
  if (end == std::string_view::npos) return false;
  return std::ranges::any_of(base::split(value.substr(0, end), ':'),
                             [](std::string_view part) { return engine_by_scheme(part) != nullptr; });
}

// ELASTICSEARCH_URL=http://search:9200: the scheme tells nothing, the word before the suffix does.
const Engine* engine_of_name(std::string_view name) {
  name.remove_suffix(std::string_view("_URL").size());
  return find_engine(to_lower(name.substr(name.rfind('_') + 1)));  // npos + 1 is 0
}

}  // namespace

std::vector<ServiceVariable> service_variables(const Environment& environment) {
  std::vector<ServiceVariable> found;
  for (const auto& [name, value] : environment) {
    const auto* const pair = std::ranges::find(kPairs, std::string_view(name), &Pair::host);
    if (pair != kPairs.end()) {
      found.push_back({name, endpoints_of(*pair, environment), ""});
    } else if (name.ends_with("_URL") || name.ends_with("_URI") || name.ends_with("_DSN")) {
      auto endpoints = parse_service_url(value);
      if (endpoints) {
        const Engine* engine = engine_of_name(name);
        for (ServiceEndpoint& endpoint : *endpoints) {
          if (endpoint.engine.empty() && engine != nullptr) endpoint.engine = engine->name;
        }
        std::erase_if(*endpoints, [](const ServiceEndpoint& endpoint) { return endpoint.engine.empty(); });
        found.push_back({name, *std::move(endpoints), ""});
      } else if (has_engine_scheme(value)) {
        found.push_back({name, {}, endpoints.error().message});
      }
    }
  }
  std::erase_if(found, [](const ServiceVariable& one) { return one.endpoints.empty() && one.problem.empty(); });
  return found;
}

}  // namespace cofferdam::policy
