// What is lost, sorted by what a summary says about it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

using Files = std::vector<const LostFile*>;

// Lost files of one kind: those that are named, and how many there are with those that are folded.
struct LossGroup {
  Files named;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

// Created and modified files and links. Deletions are counted, changes of metadata and directories are left out.
struct Losses {
  LossGroup source;        // changed ones before new ones
  LossGroup vcs;           // beneath .git and its like
  bool committed = false;  // of vcs: a branch or its log moved, so commits are among the losses
  LossGroup others;        // no class of their own, and temporary files
  LossGroup logs;
  LossGroup made_again;                         // caches, PID and lock files
  std::vector<const CountedFinding*> findings;  // of the classes: uploads, databases, sessions, ...
  const CountedFinding* one_off = nullptr;      // CD119
  std::uint64_t deletions = 0;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

[[nodiscard]] Losses sort_losses(const Report& report);

// "/srv/app/.git" of the first file that is named.
[[nodiscard]] std::string_view repository_of(const LossGroup& vcs);

}  // namespace cofferdam::report
