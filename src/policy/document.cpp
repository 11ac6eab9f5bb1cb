#include "policy/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "policy/source_text.hpp"

namespace cofferdam::policy {
namespace {

Place place_of_mark(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

// The quotes of the scalar at `start` are closed somewhere. The parser itself takes the end of the file for a
// closing quote.
bool quote_is_closed(std::string_view text, std::size_t start) {
  const char quote = text[start];
  for (std::size_t at = start + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 == text.size() || text[at + 1] != quote) return true;
      ++at;
    }
  }
  return false;
}

// Builds the tree from the parser's events. Once a limit is passed it only lets the parser run out: input is
// bounded by then, and throwing through the parser would make its error handling ours.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, Mistakes& mistakes) : text_(text), mistakes_(mistakes) {}

  [[nodiscard]] bool stopped() const { return stopped_; }
  // Nothing when a limit was passed within the document.
  [[nodiscard]] std::optional<Node> take_root() {
    if (stopped_ && !complete_) return std::nullopt;
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ != 2 || stopped_) return;
    stopped_ = true;
    if (text_at(mark).starts_with("---")) {
      mistakes_.error(place_of_mark(mark), code::kStructure, "a second document is not allowed",
                      "one file, one document");
    } else {
      mistakes_.error(place_of_mark(mark), code::kSyntax, "text after the end of the document",
                      "the keys of one map begin in the same column");
    }
  }
  void OnDocumentEnd() override {
    if (!stopped_) complete_ = true;
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node{.kind = Node::Kind::null, .text = {}, .place = place_of_mark(mark), .items = {}, .entries = {}};
    node.text = null_at(mark);
    if (refuse_properties(mark, "?", anchor)) node.kind = Node::Kind::refused;
    // A value left out has the place of whatever comes next, which says nothing; its key does.
    if (node.text.empty() && node.kind == Node::Kind::null && !frames_.empty()) {
      if (const std::optional<Entry>& key = frames_.back().key) node.place = key->place;
    }
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (stopped_) return;
    refuse_alias(mark);
    add({.kind = Node::Kind::refused, .text = {}, .place = place_of_mark(mark), .items = {}, .entries = {}});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node{.kind = Node::Kind::scalar,
              .text = value,
              .quoted = tag == "!",
              .place = place_of_mark(mark),
              .items = {},
              .entries = {}};
    if (refuse_properties(mark, tag, anchor) || !check_scalar(mark, value)) node.kind = Node::Kind::refused;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  void refuse_alias(const YAML::Mark& mark) {
    mistakes_.error(place_of_mark(mark), code::kStructure, "aliases are not allowed", "write the value out");
  }

 private:
  struct Frame {
    Node node;
    std::optional<Entry> key;  // of a map: the key that waits for its value
    bool drop_value = false;   // the key was refused, and its value goes with it
  };

  [[nodiscard]] std::string_view text_at(const YAML::Mark& mark) const {
    return text_.substr(std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size()));
  }

  // How the null at `mark` is written; empty when it is left out and something else stands there.
  [[nodiscard]] std::string null_at(const YAML::Mark& mark) const {
    const std::string_view source = text_at(mark);
    const std::string_view word = source.substr(0, source.find_first_of(" \t\r\n,]}"));
    for (const std::string_view null : {"null", "Null", "NULL", "~"}) {
      if (word == null) return std::string(word);
    }
    return {};
  }

  bool refuse_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (stopped_) return false;
    const bool has_tag = (!tag.empty() && tag != "?" && tag != "!") || (tag == "!" && text_at(mark).starts_with('!'));
    if (anchor != YAML::NullAnchor) {
      mistakes_.error(place_of_mark(mark), code::kStructure, "anchors are not allowed", "remove the '&' and its name");
    }
    if (has_tag) {
      mistakes_.error(place_of_mark(mark), code::kStructure, "tags are not allowed",
                      "remove the '!' and its name; quotes make a value text");
    }
    return has_tag || anchor != YAML::NullAnchor;
  }

  bool check_scalar(const YAML::Mark& mark, const std::string& value) {
    if (stopped_) return true;
    const std::string_view source = text_at(mark);
    if ((source.starts_with('"') || source.starts_with('\'')) && !quote_is_closed(source, 0)) {
      mistakes_.error(place_of_mark(mark), code::kSyntax, "the quote is never closed");
      return false;
    }
    if (value.find('\0') != std::string::npos) {
      mistakes_.error(place_of_mark(mark), code::kSyntax, "a NUL character in " + in_quotes(value));
      return false;
    }
    return true;
  }

  bool count(Place place) {
    if (stopped_) return false;
    if (++nodes_ <= kMaxDocumentNodes) return true;
    stop(place, "more than " + std::to_string(kMaxDocumentNodes) + " keys and values");
    return false;
  }

  void stop(Place place, std::string message) {
    stopped_ = true;
    mistakes_.error(place, code::kLimit, std::move(message));
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const Place place = place_of_mark(mark);
    if (!count(place)) return;
    refuse_properties(mark, tag, anchor);
    if (frames_.size() == kMaxDocumentDepth) {
      stop(place, "nested deeper than " + std::to_string(kMaxDocumentDepth) + " levels");
      return;
    }
    frames_.push_back({{.kind = kind, .text = {}, .place = place, .items = {}, .entries = {}}, {}});
  }

  void close() {
    if (stopped_) return;
    Node done = std::move(frames_.back().node);
    frames_.pop_back();
    place_in_parent(std::move(done));
  }

  void add(Node node) {
    if (count(node.place)) place_in_parent(std::move(node));
  }

  void place_in_parent(Node node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = frames_.back();
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      take_key(parent, node);
    } else {
      if (!parent.drop_value) {
        parent.key->value = std::move(node);
        parent.node.entries.push_back(std::move(*parent.key));
      }
      parent.key.reset();
      parent.drop_value = false;
    }
  }

  void take_key(Frame& map, const Node& key) {
    map.key = Entry{key.text, key.place, {}};
    map.drop_value = true;
    if (key.kind == Node::Kind::refused) return;
    if (key.kind != Node::Kind::scalar) {
      mistakes_.error(key.place, code::kStructure, "a key must be text");
    } else if (key.text == "<<" && !key.quoted) {
      mistakes_.error(key.place, code::kStructure, "merge keys are not allowed", "write the keys out, or use extends");
    } else if (const auto first = std::ranges::find(map.node.entries, key.text, &Entry::key);
               first != map.node.entries.end()) {
      mistakes_.error(key.place, code::kDuplicateKey, "duplicate key " + in_quotes(key.text),
                      "the first is in line " + std::to_string(first->place.line));
    } else {
      map.drop_value = false;
    }
  }

  std::string_view text_;
  Mistakes& mistakes_;
  std::vector<Frame> frames_;
  Node root_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  bool complete_ = false;  // the first document was read to its end
  bool stopped_ = false;
};

std::string hint_for(std::string_view message) {
  using Row = std::pair<std::string_view, std::string_view>;
  static const std::array kHints = {
      Row{YAML::ErrorMsg::MAP_VALUE,
          "a value that contains ': ' needs quotes; the keys of one map begin in the same column"},
      Row{YAML::ErrorMsg::END_OF_MAP,
          "nothing may follow a quoted value or a bracket; the keys of one map begin in the same column"},
      Row{YAML::ErrorMsg::END_OF_SEQ, "the '-' of one list begin in the same column"},
      Row{YAML::ErrorMsg::END_OF_MAP_FLOW, "a '{' is not closed"},
      Row{YAML::ErrorMsg::END_OF_SEQ_FLOW, "a '[' is not closed"},
      Row{YAML::ErrorMsg::UNKNOWN_TOKEN, "a value that begins with '@', '`' or '%' needs quotes"},
      Row{YAML::ErrorMsg::INVALID_ESCAPE, "in single quotes a backslash stands for itself"},
  };
  for (const auto& [known, hint] : kHints) {
    if (message == known) return std::string(hint);
  }
  return {};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto entry = std::ranges::find(entries, key, &Entry::key);
  return entry == entries.end() ? nullptr : &entry->value;
}

std::optional<Node> parse_document(std::string_view text, Mistakes& mistakes) {
  if (text.size() > kMaxDocumentBytes) {
    mistakes.error({}, code::kLimit, "larger than " + std::to_string(kMaxDocumentBytes / 1024) + " KiB");
    return std::nullopt;
  }
  if (!check_encoding(text, mistakes) || !check_indentation(text, mistakes)) return std::nullopt;

  TreeBuilder builder(text, mistakes);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (!builder.stopped() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& exception) {
    // After a stop the parser gives up where its own limits are; ours has been reported.
    if (builder.stopped()) return builder.take_root();
    if (exception.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR) {
      builder.refuse_alias(exception.mark);
    } else {
      mistakes.error(place_of_mark(exception.mark), code::kSyntax, "not valid YAML: " + exception.msg,
                     hint_for(exception.msg));
    }
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace cofferdam::policy
