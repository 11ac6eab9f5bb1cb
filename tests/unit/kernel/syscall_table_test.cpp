#include "kernel/syscall_table.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>
#include <string>

namespace cofferdam::kernel {
namespace {

bool equal(const ArgumentShape& left, const ArgumentShape& right) {
  return left.dirfd == right.dirfd && left.path == right.path && left.second_dirfd == right.second_dirfd &&
         left.second_path == right.second_path && left.flags == right.flags && left.fd == right.fd &&
         left.data == right.data && left.length == right.length && left.follows == right.follows;
}

TEST(SyscallTable, RowsAreComplete) {
  for (const SyscallRow& row : syscall_table()) {
    SCOPED_TRACE(row.name);
    EXPECT_GE(row.number, 0);
    EXPECT_EQ(row.action == Action::refuse, row.errnum > 0);
    EXPECT_EQ(row.action == Action::notify, row.kind != NotifyKind::none);
    ASSERT_GT(row.why.size(), 10U);
    EXPECT_TRUE(row.why.front() >= 'A' && row.why.front() <= 'Z') << row.why;
    EXPECT_EQ(row.why.find('.'), row.why.size() - 1) << "one sentence: " << row.why;
    const ArgumentShape& at = row.shape;
    for (const std::int8_t index :
         {at.dirfd, at.path, at.second_dirfd, at.second_path, at.flags, at.fd, at.data, at.length}) {
      EXPECT_TRUE(index >= -1 && index < 6);
    }
    EXPECT_TRUE(row.action == Action::notify || equal(row.shape, {}));
  }
}

TEST(SyscallTable, ConditionsAreWellFormed) {
  for (const SyscallRow& row : syscall_table()) {
    SCOPED_TRACE(row.name);
    bool ended = false;
    for (const Condition& condition : row.conditions) {
      if (condition.op == Condition::Op::none) {
        ended = true;
        continue;
      }
      EXPECT_FALSE(ended) << "a condition after an empty one";
      EXPECT_LT(condition.arg, 6);
      const auto* const end = condition.values.begin() + condition.value_count;
      EXPECT_TRUE(std::is_sorted(condition.values.begin(), end));
      EXPECT_EQ(std::adjacent_find(condition.values.begin(), end), end) << "a value twice";
      const bool lists = condition.op == Condition::Op::one_of || condition.op == Condition::Op::outside;
      EXPECT_EQ(lists, condition.value_count > 0);
      if (condition.op == Condition::Op::one_of) {
        for (const auto* value = condition.values.begin(); value != end; ++value) {
          EXPECT_EQ(*value & ~condition.mask, 0U) << "a value that no argument can have";
        }
      }
    }
  }
}

TEST(SyscallTable, ARowWithAPassingValueIsTheOnlyOneOfItsCall) {
  for (const SyscallRow& row : syscall_table()) {
    const bool passes = std::ranges::any_of(
        row.conditions, [](const Condition& condition) { return condition.op == Condition::Op::other_than; });
    if (!passes) continue;
    EXPECT_EQ(std::ranges::count(syscall_table(), row.number, &SyscallRow::number), 1) << row.name;
  }
}

TEST(SyscallTable, AnUnconditionalRowIsTheOnlyOneOfItsCallAndScope) {
  for (const SyscallRow& row : syscall_table()) {
    if (row.conditions[0].op != Condition::Op::none) continue;
    EXPECT_EQ(std::ranges::count(syscall_table(), row.number, &SyscallRow::number), 1) << row.name;
  }
}

TEST(SyscallTable, NamesAndNumbersAgree) {
  std::map<std::string_view, int> numbers;
  std::map<int, std::string_view> names;
  for (const SyscallRow& row : syscall_table()) {
    EXPECT_EQ(numbers.try_emplace(row.name, row.number).first->second, row.number) << row.name;
    EXPECT_EQ(names.try_emplace(row.number, row.name).first->second, row.name);
  }
  EXPECT_EQ(numbers.at("mount_setattr"), 442);
  EXPECT_EQ(numbers.at("quotactl_fd"), 443);
  EXPECT_EQ(numbers.at("fchmodat2"), 452);
  EXPECT_EQ(numbers.at("setxattrat"), 463);
  EXPECT_EQ(numbers.at("removexattrat"), 466);
  EXPECT_EQ(numbers.at("open_tree_attr"), 467);
  EXPECT_EQ(numbers.at("file_setattr"), 469);
}

TEST(NotifyRow, FindsEveryNotifiedCallAndNoOther) {
  std::map<int, const SyscallRow*> notified;
  for (const SyscallRow& row : syscall_table()) {
    if (row.action != Action::notify) continue;
    const SyscallRow* const first = notified.try_emplace(row.number, &row).first->second;
    EXPECT_EQ(first->kind, row.kind) << row.name;
    EXPECT_TRUE(equal(first->shape, row.shape)) << row.name;
  }
  for (int number = -2; number < 1000; ++number) {
    const auto found = notified.find(number);
    EXPECT_EQ(notify_row(number), found == notified.end() ? nullptr : found->second) << number;
  }
}

TEST(NotifyRow, NeverCoversHotCalls) {
  for (const int number : {SYS_read, SYS_write, SYS_close, SYS_fork, SYS_vfork, SYS_clone, SYS_execve, SYS_execveat,
                           SYS_exit, SYS_exit_group, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_mmap,
                           SYS_futex, SYS_recvfrom, SYS_accept4}) {
    EXPECT_EQ(notify_row(number), nullptr) << number;
  }
  // Datagrams are notified where the policy asks for it, and nowhere else.
  for (const int number : {SYS_sendto, SYS_sendmsg, SYS_sendmmsg}) {
    ASSERT_NE(notify_row(number), nullptr) << number;
    EXPECT_EQ(notify_row(number)->scope, Scope::egress) << number;
  }
}

// What only reads a path is notified in a rehearsal and at no other time; the supervisor can tell by the row.
TEST(NotifyRow, LooksAreOfARehearsalOnly) {
  for (const SyscallRow& row : syscall_table()) {
    EXPECT_TRUE(row.kind != NotifyKind::look || row.scope == Scope::rehearsal) << row.name;
  }
  for (const int number : {SYS_stat, SYS_lstat, SYS_newfstatat, SYS_statx, SYS_access, SYS_faccessat, SYS_faccessat2,
                           SYS_readlink, SYS_readlinkat, SYS_chdir}) {
    ASSERT_NE(notify_row(number), nullptr) << number;
    EXPECT_EQ(notify_row(number)->kind, NotifyKind::look) << number;
  }
}

TEST(NotifyRow, SaysWhereTheArgumentsAre) {
  const ArgumentShape& openat = notify_row(SYS_openat)->shape;
  EXPECT_EQ(openat.dirfd, 0);
  EXPECT_EQ(openat.path, 1);
  EXPECT_EQ(openat.flags, 2);
  EXPECT_TRUE(openat.follows);
  const ArgumentShape& creat = notify_row(SYS_creat)->shape;
  EXPECT_EQ(creat.dirfd, -1);
  EXPECT_EQ(creat.flags, -1);
  const ArgumentShape& linkat = notify_row(SYS_linkat)->shape;
  EXPECT_EQ(linkat.second_dirfd, 2);
  EXPECT_EQ(linkat.second_path, 3);
  EXPECT_EQ(linkat.flags, 4);
  EXPECT_FALSE(linkat.follows);
  const ArgumentShape& symlinkat = notify_row(SYS_symlinkat)->shape;
  EXPECT_EQ(symlinkat.dirfd, 1);
  EXPECT_EQ(symlinkat.path, 2);
  const ArgumentShape& connect = notify_row(SYS_connect)->shape;
  EXPECT_EQ(connect.fd, 0);
  EXPECT_EQ(connect.data, 1);
  EXPECT_EQ(connect.length, 2);
  EXPECT_EQ(notify_row(SYS_set_tid_address)->kind, NotifyKind::new_image);
  EXPECT_EQ(notify_row(SYS_socket)->kind, NotifyKind::socket);
}

TEST(SyscallTableMarkdown, HasALineForEachRow) {
  const std::string text = syscall_table_markdown();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), syscall_table().size() + 2);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '|')), 7 * (syscall_table().size() + 2));
  EXPECT_NE(text.find("| `ptrace` | always | notify | access.debug: deny |"), std::string::npos);
  EXPECT_NE(text.find("| `open` | arg 1 & 0x243 is not 0 | notify |"), std::string::npos);
  EXPECT_NE(text.find("| `personality` | arg 0 & 0x40000 is not 0 and arg 0 is not 0xffffffff | EPERM |"),
            std::string::npos);
  EXPECT_NE(text.find("| `kill` | arg 0 is the protected pid | EPERM |"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::kernel
