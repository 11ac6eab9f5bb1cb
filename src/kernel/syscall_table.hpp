// The one table of system calls that the filter refuses or notifies. It drives the BPF program (filter.cpp), the
// supervisor's decoder (notify_row) and the documentation (syscall_table_markdown). A call that no row matches runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cofferdam::kernel {

// When a row is part of the filter.
enum class Scope : std::uint8_t {
  both,         // local and container mode
  container,    // container mode: no mounts of our own stand behind the call
  shared_pids,  // the launcher's pid is visible to the app (FilterOptions::shared_pid_namespace)
  broker,       // the socket broker is on (FilterOptions::broker)
  egress,       // where the instance may send to is a rule (FilterOptions::egress)
  rehearsal,    // reads are looked at as well (FilterOptions::rehearsal)
  terminals,    // nobody opens a terminal (unless FilterOptions::terminals)
  debugging,    // nobody traces anybody (unless FilterOptions::debugging)
};

enum class Action : std::uint8_t { refuse, notify };

// A test of one argument register. All but `outside` read the low 32 bits, because that is what the kernel takes from
// an int: garbage in the high half doesn't change the answer (corpus P8). `outside` refuses such garbage, unless a
// notify row covers the low half; whoever decodes a notification takes the low 32 bits of an int as well.
struct Condition {
  enum class Op : std::uint8_t {
    none,             // an unused place
    one_of,           // (low & mask) is one of values
    any_bit,          // (low & mask) != 0
    other_than,       // low != mask; the row must be the only one of its call, for that value passes them all
    outside,          // the whole register is none of values
    protected_pid,    // low == FilterOptions::protected_pid; such a row is left out when that is 0
    protected_group,  // low == -FilterOptions::protected_pid; likewise
  };
  static constexpr std::size_t kMaxValues = 12;

  Op op = Op::none;
  std::uint8_t arg = 0;             // index of the register, 0 to 5
  std::uint32_t mask = 0xffffffff;  // also the one value of other_than
  std::uint8_t value_count = 0;
  std::array<std::uint32_t, kMaxValues> values = {};  // ascending
};

// What the supervisor has to do with a notified call.
enum class NotifyKind : std::uint8_t {
  none,       // not a notify row
  new_image,  // set_tid_address: libc's first call after an exec; take the exec record
  open,       // open, openat: flags in a register; creat: none, it means O_CREAT | O_WRONLY | O_TRUNC
  open_how,   // openat2: flags are in the struct open_how that `data` points to, and may turn out to be read-only
  truncate,
  rename,
  link,
  symlink,
  unlink,
  remove_directory,  // rmdir; unlinkat is `unlink` and says AT_REMOVEDIR in its flags
  make_directory,
  make_node,  // regular file, FIFO or socket
  chmod,
  chown,
  set_times,
  set_xattr,
  remove_xattr,
  set_attributes,  // file_setattr: what FS_IOC_FSSETXATTR does, by path
  bind,
  connect,
  listen,
  socket,
  send,  // sendto with an address, sendmsg, sendmmsg: `data` is the address, the struct msghdr or the array of mmsghdr
  terminal,  // makes or takes a terminal: refused by the supervisor, for the sake of the finding
  debug,     // looks into another process: likewise
  look,      // asks for a path without opening it for writing; only in a rehearsal
};

// Where a notified call keeps its arguments: indexes of registers, -1 for "has none".
// A path without a dirfd is relative to the working directory. `fd` is a call's object that is no directory.
struct ArgumentShape {
  std::int8_t dirfd = -1;
  std::int8_t path = -1;
  std::int8_t second_dirfd = -1;  // the destination of rename and link
  std::int8_t second_path = -1;
  std::int8_t flags = -1;  // open flags, AT_*, RENAME_*
  std::int8_t fd = -1;
  std::int8_t data = -1;    // pointer to the sockaddr, struct open_how or message
  std::int8_t length = -1;  // bytes behind `data`; of sendmmsg: how many
  bool follows = false;     // whether a symbolic link at the end of `path` is followed when the flags are silent
};

struct SyscallRow {
  std::string_view name;
  int number = -1;  // x86-64
  Action action = Action::refuse;
  int errnum = 0;  // Action::refuse: what the caller gets
  NotifyKind kind = NotifyKind::none;
  ArgumentShape shape;
  Scope scope = Scope::both;
  std::array<Condition, 3> conditions;  // all must hold; a row without any covers every use of the call
  std::string_view why;                 // one sentence
  std::string_view corpus;              // ids of the bypass corpus, separated by blanks
};
using NotifyRow = SyscallRow;

// All rows, grouped by subject. Rows of one call may overlap only when both refuse; then the caller gets either errno.
[[nodiscard]] std::span<const SyscallRow> syscall_table() noexcept;

// Kind and shape of a notified call; null for a number that is never notified. Where a call has several notify rows
// (socket), all have the same kind and shape, and the first is returned.
[[nodiscard]] const NotifyRow* notify_row(int number) noexcept;

// The table as a markdown table, one line a row, in table order.
[[nodiscard]] std::string syscall_table_markdown();

}  // namespace cofferdam::kernel
