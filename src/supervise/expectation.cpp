#include "supervise/expectation.hpp"

#include <fcntl.h>

namespace cofferdam::supervise {

namespace {

using Kind = kernel::NotifyKind;

Touch touch_of_open(std::uint64_t flags) {
  if ((flags & O_TMPFILE) == O_TMPFILE) return Touch::none;  // a nameless file; the path is its directory
  if ((flags & O_PATH) != 0) return Touch::look;
  const bool creates = (flags & O_CREAT) != 0;
  if ((flags & O_TRUNC) != 0 || (creates && (flags & O_EXCL) != 0)) return Touch::make;
  if ((flags & O_ACCMODE) == O_WRONLY) return Touch::make;
  return creates ? Touch::update : Touch::read;
}

Fate after_making(Fate fate) {
  switch (fate) {
    case Fate::untouched:
    case Fate::asked: return Fate::made;
    case Fate::wanted: return Fate::remade;
    default: return fate;
  }
}

// What the first instance changed or deleted is there, in the version of before.
Fate next_of_old_version(Fate fate, Touch touch, bool there) {
  if (fate != Fate::untouched) return fate;
  if (touch == Touch::make || !there) return Fate::made;
  return touch == Touch::read || touch == Touch::update ? Fate::outdated : fate;
}

}  // namespace

Touch touch_of(Kind kind, std::uint64_t open_flags) {
  switch (kind) {
    case Kind::open:
    case Kind::open_how: return touch_of_open(open_flags);
    case Kind::look:
    case Kind::connect: return Touch::look;
    case Kind::truncate:
    case Kind::rename:
    case Kind::link:
    case Kind::symlink:
    case Kind::make_directory:
    case Kind::make_node:
    case Kind::bind: return Touch::make;
    default: return Touch::none;
  }
}

Fate next_fate(Fate fate, Touch touch, bool there, const ScannedChange& left) {
  if (touch == Touch::none || left.change == Change::metadata) return fate;
  if (left.change != Change::created) return next_of_old_version(fate, touch, there);
  // It is there although it was not left to this instance: somebody here has made it.
  if (there || touch == Touch::make) return after_making(fate);
  if (touch == Touch::update) {
    const bool had_content = left.type == "file" && left.bytes > 0;
    const bool missed = had_content && (fate == Fate::untouched || is_missed(fate));
    return missed ? Fate::reopened : after_making(fate);
  }
  if (touch == Touch::read && (fate == Fate::untouched || fate == Fate::asked)) return Fate::wanted;
  return fate == Fate::untouched ? Fate::asked : fate;
}

}  // namespace cofferdam::supervise
