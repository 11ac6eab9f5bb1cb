#include "policy/dotenv.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "policy/mistakes.hpp"
#include "policy/source_text.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

class Parser {
 public:
  Parser(std::string_view text, Mistakes& mistakes) : text_(text), mistakes_(mistakes) {}

  Variables parse() {
    while (!at_end()) parse_line();
    return std::move(variables_);
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] bool at_line_end() const {
    return at_end() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
  }
  void skip_blanks() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1; }

  void error(std::size_t offset, std::string message, std::string hint = {}) {
    mistakes_.error(place_of(text_, offset), code::kEnvironmentFile, std::move(message), std::move(hint));
  }

  void parse_line() {
    skip_blanks();
    if (at_line_end() || text_[at_] == '#') return skip_line();
    if (text_.substr(at_).starts_with("export") && at_ + 6 < text_.size() && is_blank(text_[at_ + 6])) {
      at_ += 6;
      skip_blanks();
    }
    const std::size_t start = at_;
    const std::size_t line_end = std::min(text_.find('\n', start), text_.size());
    const std::size_t equals = text_.find('=', start);
    if (equals >= line_end) {
      // The line may be a secret that was pasted alone: it is not repeated.
      error(start, "a line without '='", "write KEY=value, or begin a comment with '#'");
      return skip_line();
    }
    const std::string_view name = text_.substr(start, equals - start);
    const auto variable = parse_variable(name);
    if (!variable) {
      const bool spaced = parse_variable(name.substr(0, name.find_last_not_of(" \t") + 1)).has_value();
      error(start, spaced ? "a blank before '='" : variable.error().message,
            spaced ? "write KEY=value" : variable.error().hint);
      return skip_line();
    }
    at_ = equals + 1;
    if (auto value = parse_value(start)) variables_.emplace_back(name, std::move(*value));
  }

  std::optional<std::string> parse_value(std::size_t line_start) {
    if (!at_end() && is_blank(text_[at_])) {
      const std::size_t blank = at_;
      skip_blanks();
      if (!at_line_end() && text_[at_] != '#') {
        error(blank, "a blank after '='", "write KEY=value, or KEY=\" value\" to keep the blank");
        skip_line();
        return std::nullopt;
      }
      skip_line();
      return "";
    }
    if (!at_end() && (text_[at_] == '"' || text_[at_] == '\'')) return parse_quoted(text_[at_], line_start);
    const std::size_t start = at_;
    while (!at_line_end() && !(text_[at_] == '#' && at_ > start && is_blank(text_[at_ - 1]))) ++at_;
    std::string_view value = text_.substr(start, at_ - start);
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    skip_line();
    return std::string(value);
  }

  std::optional<std::string> parse_quoted(char quote, std::size_t line_start) {
    const std::size_t open = at_++;
    std::string value;
    for (; !at_end() && text_[at_] != quote; ++at_) {
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size() && unescape(text_[at_ + 1], value)) {
        ++at_;
      } else if (!text_.substr(at_).starts_with("\r\n")) {
        value += text_[at_];
      }
    }
    if (at_end()) {
      error(open, std::string("the ") + (quote == '"' ? "double" : "single") + " quote is never closed");
      // The quote swallowed the rest of the file; the next line is where reading makes sense again.
      at_ = line_start;
      skip_line();
      return std::nullopt;
    }
    const std::size_t end = ++at_;
    skip_blanks();
    if (!at_line_end() && (text_[at_] != '#' || at_ == end)) {
      error(at_, "text after the closing quote", "nothing but a comment may follow");
      skip_line();
      return std::nullopt;
    }
    skip_line();
    return value;
  }

  static bool unescape(char c, std::string& value) {
    switch (c) {
      case 'n': value += '\n'; return true;
      case 'r': value += '\r'; return true;
      case 't': value += '\t'; return true;
      case '"':
      case '\\':
      case '$': value += c; return true;
      default: return false;
    }
  }

  std::string_view text_;
  Mistakes& mistakes_;
  std::size_t at_ = 0;
  Variables variables_;
};

// The first byte that no .env file may have.
std::size_t find_bad_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = base::utf8_sequence(text.substr(at));
    if (length == 0 || text[at] == '\0') return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace

std::expected<Variables, std::vector<Diagnostic>> parse_dotenv(std::string_view text, const std::string& file) {
  Mistakes mistakes(file);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Variables variables;
  if (text.size() > kMaxDotenvBytes) {
    mistakes.error({}, code::kEnvironmentFile, "larger than " + std::to_string(kMaxDotenvBytes / 1024) + " KiB");
  } else if (const std::size_t bad = find_bad_byte(text); bad != std::string_view::npos) {
    const bool nul = text[bad] == '\0';
    mistakes.error(place_of(text, bad), code::kEnvironmentFile, nul ? "a NUL byte" : "not UTF-8",
                   "save the file as UTF-8 text");
  } else {
    variables = Parser(text, mistakes).parse();
  }
  if (mistakes.has_error()) return std::unexpected(mistakes.take());
  return variables;
}

}  // namespace cofferdam::policy
