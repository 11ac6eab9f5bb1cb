// What a file is, by its first bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace cofferdam::base {

// No row of the table looks further.
inline constexpr std::size_t kMagicBytes = 64;

// The name of the format that `first` (the first bytes of a file, at most kMagicBytes are looked at) begins, empty when
// it is none of the table. Databases: sqlite, sqlite-wal, sqlite-journal, berkeley-db, gdbm, lmdb, bolt, duckdb, h2,
// hsqldb (its script and properties; its data have no beginning of their own), leveldb (also RocksDB), redis-dump.
// Search indexes: lucene, xapian. What people upload: image, video, audio, pdf, zip. Else: gzip, zstd, xz, elf. Derby,
// Whoosh and Tantivy have no first bytes of their own: they are known by name.
[[nodiscard]] std::string_view content_kind(std::string_view first);

}  // namespace cofferdam::base
