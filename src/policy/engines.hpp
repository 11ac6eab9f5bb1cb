// The database engines that the database rule knows: their ports, sockets, client programs and URL schemes.
// One row an engine; to teach cofferdam a new one, add a row. The facts are the engines' documented defaults.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam {
struct Database;
}

namespace cofferdam::policy {

// A list of words in one literal, separated by single spaces ("" is the empty list).
using Words = std::string_view;
inline constexpr Words kNone;
[[nodiscard]] std::vector<std::string_view> words(Words list);

struct Engine {
  std::string_view name = kNone;             // as written in `database.engines` and shown in events
  Words aliases = kNone;                     // other names that `database.engines` accepts
  std::array<std::uint16_t, 6> ports{};      // TCP, the default first; 0 ends the list
  std::array<std::uint16_t, 6> ambiguous{};  // count only when the engine is named: other software uses them too
  Words socket_globs = kNone;                // base::glob_match patterns of socket paths
  Words directories = kNone;                 // that hold its sockets below /run
  Words clients = kNone;                     // program names, without directory
  Words schemes = kNone;                     // of URLs, lower case, without a "+driver" suffix
  bool optional = false;                     // counts only when named: not everybody calls it a database
};

[[nodiscard]] std::span<const Engine> engines();

// By name or alias; null when unknown.
[[nodiscard]] const Engine* find_engine(std::string_view name);

// Every name and alias, for messages and the schema.
[[nodiscard]] std::vector<std::string_view> engine_names();

// Which engines count as databases.
class EngineSet {
 public:
  // `engines: all`: every engine that is not optional, without the ambiguous ports.
  EngineSet() = default;

  // Only the named engines, each with its ambiguous ports. An unknown name is an error that shows the nearest
  // and all known names.
  [[nodiscard]] static Result<EngineSet> of(std::span<const std::string> names);

  // `all_engines` and `engines` of a validated policy; names beside `all` add their ambiguous ports. A name that
  // is not in the table is ignored: the loader has refused it.
  [[nodiscard]] static EngineSet from(const Database& database);

  [[nodiscard]] bool contains(const Engine& engine) const;
  [[nodiscard]] bool is_named(const Engine& engine) const;

 private:
  bool all_ = true;
  std::bitset<32> named_;
};

// The engine of `set` that listens on this TCP port by default; null when none does.
[[nodiscard]] const Engine* engine_by_port(std::uint16_t port, const EngineSet& set);

// The engine of `set` to which a socket of this path belongs. An abstract socket is given as "@name" or "name".
// `/var/run` and `/run` are the same directory here.
[[nodiscard]] const Engine* engine_by_socket(std::string_view path, const EngineSet& set);

// The engine of a URL scheme in any case, optional ones included: "postgresql+psycopg2", "rediss",
// "prisma+postgres". Null for http, https and every other scheme.
[[nodiscard]] const Engine* engine_by_scheme(std::string_view scheme);

// The engine whose client program this is ("psql", "redis-cli"; no directory); null when it is none.
[[nodiscard]] const Engine* engine_of_client(std::string_view basename);
[[nodiscard]] bool is_client_program(std::string_view basename);

// The port that a URL of this engine means when it names none.
[[nodiscard]] std::uint16_t default_port(const Engine& engine);

// The directories below /run that hold the sockets of these engines, sorted; they need not exist.
[[nodiscard]] std::vector<std::string> socket_directories(const EngineSet& set);

// `path` with a leading /var/run replaced by /run, which it is a link to on every current distribution.
[[nodiscard]] std::string unify_run(std::string_view path);

}  // namespace cofferdam::policy
