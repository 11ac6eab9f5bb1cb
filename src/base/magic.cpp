#include "base/magic.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::base {

namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view kind;
  std::size_t offset;
  std::string_view bytes;
};

// The source of each group stands above it. A row that looks at an offset comes before rows that would match a shorter
// or more general beginning.
constexpr std::array kMagic = {
    // sqlite.org/fileformat2.html: 1.3 (header string), 3 (rollback journal), 4.1 (WAL, either checksum order)
    Magic{"sqlite", 0, "SQLite format 3\0"sv},
    Magic{"sqlite-journal", 0, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"sv},
    Magic{"sqlite-wal", 0, "\x37\x7f\x06\x82"sv},
    Magic{"sqlite-wal", 0, "\x37\x7f\x06\x83"sv},
    // Berkeley DB, dbinc/db_page.h: the magic of the meta page follows lsn and pgno; hash, btree, queue; both orders
    Magic{"berkeley-db", 12, "\x61\x15\x06\0"sv},
    Magic{"berkeley-db", 12, "\0\x06\x15\x61"sv},
    Magic{"berkeley-db", 12, "\x62\x31\x05\0"sv},
    Magic{"berkeley-db", 12, "\0\x05\x31\x62"sv},
    Magic{"berkeley-db", 12, "\x53\x22\x04\0"sv},
    Magic{"berkeley-db", 12, "\0\x04\x22\x53"sv},
    // GDBM, gdbmdefs.h: OMAGIC, MAGIC32, MAGIC64 and the numsync ones; Python's shelve and dbm write these
    Magic{"gdbm", 0, "\xce\x9a\x57\x13"sv},
    Magic{"gdbm", 0, "\xcd\x9a\x57\x13"sv},
    Magic{"gdbm", 0, "\xcf\x9a\x57\x13"sv},
    Magic{"gdbm", 0, "\xd0\x9a\x57\x13"sv},
    Magic{"gdbm", 0, "\xd1\x9a\x57\x13"sv},
    // LMDB, mdb.c: MDB_MAGIC 0xBEEFC0DE after a page header of 16 bytes
    Magic{"lmdb", 16, "\xde\xc0\xef\xbe"sv},
    // bbolt, db.go: magic 0xED0CDAED after a page header of 16 bytes
    Magic{"bolt", 16, "\xed\xda\x0c\xed"sv},
    // DuckDB, storage_info.hpp: MainHeader after a checksum of 8 bytes
    Magic{"duckdb", 8, "DUCK"sv},
    // H2: MVStore's header "H:2,block:..."; the page store of 1.x
    Magic{"h2", 0, "H:2,"sv},
    Magic{"h2", 0, "-- H2 0.5/B --"sv},
    // HSQLDB: its files NAME.script (from 2.0) and NAME.properties
    Magic{"hsqldb", 0, "SET DATABASE UNIQUE NAME "sv},
    Magic{"hsqldb", 0, "#HSQL Database Engine "sv},
    // LevelDB, doc/impl.md, and RocksDB: the file CURRENT holds the name of the manifest
    Magic{"leveldb", 0, "MANIFEST-0"sv},
    // Redis, rdb.c: "REDIS" and four digits
    Magic{"redis-dump", 0, "REDIS00"sv},
    // Lucene, CodecUtil.java: CODEC_MAGIC 0x3FD76C17, big endian
    Magic{"lucene", 0, "\x3f\xd7\x6c\x17"sv},
    // Xapian: glass_version.cc, honey_version.cc, chert_version.cc
    Magic{"xapian", 0, "\x0f\rXapian Glass"sv},
    Magic{"xapian", 0, "\x0f\rXapian Honey"sv},
    Magic{"xapian", 0, "IAmChert"sv},
    // PNG (RFC 2083), JPEG (SOI and a marker), GIF, TIFF 6.0, WebP (RFC 9649), HEIF (ISO 23008-12), AVIF
    Magic{"image", 0, "\x89PNG\r\n\x1a\n"sv},
    Magic{"image", 0, "\xff\xd8\xff"sv},
    Magic{"image", 0, "GIF87a"sv},
    Magic{"image", 0, "GIF89a"sv},
    Magic{"image", 0, "II*\0"sv},
    Magic{"image", 0, "MM\0*"sv},
    Magic{"image", 8, "WEBPVP8"sv},
    Magic{"image", 4, "ftypheic"sv},
    Magic{"image", 4, "ftypmif1"sv},
    Magic{"image", 4, "ftypavif"sv},
    // ISO 14496-12 (MP4, MOV, 3GP), Matroska and WebM (RFC 8794: EBML), AVI
    Magic{"audio", 4, "ftypM4A "sv},
    Magic{"video", 4, "ftyp"sv},
    Magic{"video", 0, "\x1a\x45\xdf\xa3"sv},
    Magic{"video", 8, "AVI LIST"sv},
    // ID3v2, FLAC (RFC 9639), Ogg (RFC 3533), WAVE
    Magic{"audio", 0, "ID3"sv},
    Magic{"audio", 0, "fLaC"sv},
    Magic{"audio", 0, "OggS"sv},
    Magic{"audio", 8, "WAVEfmt "sv},
    // ISO 32000; PKWARE APPNOTE 4.3.7 (also office documents)
    Magic{"pdf", 0, "%PDF-"sv},
    Magic{"zip", 0, "PK\x03\x04"sv},
    // RFC 1952, RFC 8878, the .xz file format 1.1, the System V ABI
    Magic{"gzip", 0, "\x1f\x8b\x08"sv},
    Magic{"zstd", 0, "\x28\xb5\x2f\xfd"sv},
    Magic{"xz", 0, "\xfd\x37zXZ\0"sv},
    Magic{"elf", 0,
          "\x7f"
          "ELF"sv},
};

constexpr bool all_within_reach() {
  return std::all_of(kMagic.begin(), kMagic.end(),
                     [](const Magic& row) { return row.offset + row.bytes.size() <= kMagicBytes; });
}
static_assert(all_within_reach());

}  // namespace

std::string_view content_kind(std::string_view first) {
  const auto* row = std::find_if(kMagic.begin(), kMagic.end(), [&](const Magic& magic) {
    return first.size() >= magic.offset && first.substr(magic.offset).starts_with(magic.bytes);
  });
  return row == kMagic.end() ? std::string_view{} : row->kind;
}

}  // namespace cofferdam::base
