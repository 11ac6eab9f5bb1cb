// Takes secrets out of lines, before any sink or spill sees them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/logs.hpp"
#include "logs/process/literal_finder.hpp"
#include "logs/process/redact_rules.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// One an instance. What is found becomes [REDACTED:RULE:8HEX]: the digits are a keyed hash, so that the same secret is
// the same mark within a run, and nothing can be told from it. The key is drawn when the object is made.
//
// `rules`: names of kRedactRules. `secrets`: values that are taken out wherever they stand: as they are, URL-encoded,
// as the inside of a JSON string, and in base64, at each of its three alignments (without the characters at the edges,
// which depend on what stands beside). Shorter than kShortestSecret bytes they are not looked for.
class Redactor {
 public:
  static constexpr std::size_t kShortestSecret = 6;

  // What another redactor needs to go on.
  struct State {
    std::array<bool, kLogStreams> inside_key{};
    std::array<std::uint64_t, 2> hash_key{};
  };

  Redactor(const std::vector<std::string>& rules, const std::vector<std::string>& secrets);

  [[nodiscard]] const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

  // Whether there can be anything in the block, for a look at many lines at once. False: redact() would leave each line
  // of it as it is.
  [[nodiscard]] bool may_match(Stream stream, std::string_view block) const {
    return state_.inside_key[index_of(stream)] || finder_.finds(block);
  }

  // `text` itself when it is clean, else a view of `scratch`, which is written anew. Lines of one stream in their
  // order: a private key spans lines, each of which is then a mark.
  [[nodiscard]] std::string_view redact(Stream stream, std::string_view text, std::string& scratch);

 private:
  struct Cut {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string_view rule;
  };

  void find_secrets(std::string_view text, std::vector<Cut>& cuts) const;
  void find_keys(Stream stream, std::string_view text, std::vector<Cut>& cuts);
  void append_mark(std::string& out, std::string_view rule, std::string_view secret) const;

  std::vector<RedactRule> rules_;
  std::vector<std::string> needles_;  // the secrets in all their forms, the longest first
  bool keys_ = false;                 // the rule private-key
  LiteralFinder finder_;
  State state_;
  std::vector<Cut> cuts_;
};

}  // namespace cofferdam::logs
