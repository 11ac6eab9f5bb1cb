#include "supervise/write_ways.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "kernel/syscall_table.hpp"

namespace cofferdam::supervise {
namespace {

using Kind = kernel::NotifyKind;

std::string read(const std::string& name) {
  std::ifstream file(std::string(COFFERDAM_SOURCE_DIR) + "/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::set<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

// A notified write, or a refusal that the corpus files under storage. Keyrings are there for their Landlock bug.
bool changes_a_tree(const kernel::SyscallRow& row) {
  static const std::set<std::string_view> kKeyrings{"keyctl", "add_key", "request_key"};
  if (row.action == kernel::Action::notify) return row.kind >= Kind::open && row.kind <= Kind::bind;
  const std::set<std::string> corpus = words(row.corpus);
  return !kKeyrings.contains(row.name) &&
         std::ranges::any_of(corpus, [](const std::string& id) { return id.starts_with('S'); });
}

TEST(WriteWays, EverySyscallThatChangesATreeHasAWay) {
  std::set<std::string> covered;
  for (const WriteWay& way : write_ways()) covered.merge(words(way.calls));
  for (const kernel::SyscallRow& row : kernel::syscall_table()) {
    EXPECT_TRUE(!changes_a_tree(row) || covered.contains(std::string(row.name))) << row.name;
  }
}

TEST(WriteWays, EveryCallIsInTheFilterOrWorksOnADescriptor) {
  std::set<std::string_view> known;
  for (const kernel::SyscallRow& row : kernel::syscall_table()) known.insert(row.name);
  for (const WriteWay& way : write_ways()) {
    for (const std::string& call : words(way.calls)) {
      EXPECT_TRUE(known.contains(call) || is_data_call(call)) << way.id << ": " << call;
    }
  }
}

TEST(WriteWays, AnEventIsOfANotifiedCallOfTheWay) {
  for (const WriteWay& way : write_ways()) {
    if (way.event.empty()) {
      EXPECT_NE(way.note, "") << way.id << " has no event and does not say why";
      continue;
    }
    for (const std::string& event : words(way.event)) {
      EXPECT_TRUE(words(way.calls).contains(event)) << way.id;
      const bool notified = std::ranges::any_of(kernel::syscall_table(), [&](const kernel::SyscallRow& row) {
        return row.name == event && row.action == kernel::Action::notify;
      });
      EXPECT_TRUE(notified) << way.id;
    }
  }
}

TEST(WriteWays, NamesAreTakenOnce) {
  std::set<std::string_view> seen;
  for (const WriteWay& way : write_ways()) EXPECT_TRUE(seen.insert(way.id).second) << way.id;
}

// With COFFERDAM_PRINT_DOCS set it prints the document first.
TEST(WriteWays, TheDocumentIsCurrent) {
  if (std::getenv("COFFERDAM_PRINT_DOCS") != nullptr) {
    std::ofstream(std::string(COFFERDAM_SOURCE_DIR) + "/docs/write-matrix.md") << write_ways_markdown();
  }
  EXPECT_EQ(read("docs/write-matrix.md"), write_ways_markdown());
}

}  // namespace
}  // namespace cofferdam::supervise
