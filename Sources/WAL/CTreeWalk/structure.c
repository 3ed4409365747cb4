// Checks of LMDB's file format (data version 1, 64 bits, little-endian) that need no trust in any page: every number is
// checked before it is used. LMDB itself checks next to nothing of this; it follows page numbers out of the file, and
// takes whichever meta page claims the larger transaction.
//
// A sound file: two meta pages with consecutive transactions, each on its own side; trees whose depth, page counts and
// entry counts are those that their roots claim; pages that carry their own number, are used once, and are not free at
// the same time; nodes that fill their page without gap or overlap; keys in order and within what the parents say.
//
// Not allowed, because the log does not use them: duplicate keys (MDB_DUPSORT), keys compared from the end, and values in
// the main database beside the named ones.
//
// Source: lmdb 0.9 as in Debian 12, mdb.c: MDB_page, MDB_node, MDB_db, MDB_meta.
#include "ctreewalk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  PAGE_HEADER = 16,
  NODE_HEADER = 8,
  PAGE_BRANCH = 0x01,
  PAGE_LEAF = 0x02,
  PAGE_OVERFLOW = 0x04,
  PAGE_META = 0x08,
  NODE_BIG = 0x01,
  NODE_SUBTREE = 0x02,
  DB_INTEGER_KEY = 0x08,
  ENVIRONMENT_IS_FILE = 0x4000,
  DB_BYTES = 48,
  DEPTH_LIMIT = 32,
  // Pages that are neither used nor free do no harm, and LMDB leaves none; more of them mean a last page that is wrong.
  LOST_LIMIT = 16,
};

static const uint64_t NO_PAGE = UINT64_MAX;

struct tree {
  uint32_t pad;
  uint16_t flags;
  uint16_t depth;
  uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
  uint64_t last_page, transaction;
  struct tree free, main;
};

struct key {
  const uint8_t *bytes;
  uint16_t length;
  int set;
};

struct check {
  const uint8_t *bytes;
  uint64_t pages;      // whole pages in the file
  uint64_t last_page;  // by the meta page
  uint32_t page_size;
  uint8_t *used;  // one byte a page: 1 used by a tree, 2 free
  uint64_t free_pages;
  struct clm_walk_result *result;
};

static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return (uint32_t)u16(p) | (uint32_t)u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return (uint64_t)u32(p) | (uint64_t)u32(p + 4) << 32; }

__attribute__((format(printf, 3, 4))) static int broken(struct check *c, uint64_t page, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(c->result->text, sizeof c->result->text, format, arguments);
  va_end(arguments);
  c->result->status = CLM_WALK_STRUCTURE;
  c->result->page = page;
  return 0;
}

static struct tree read_tree(const uint8_t *p) {
  return (struct tree){u32(p),      u16(p + 4),  u16(p + 6),  u64(p + 8),
                       u64(p + 16), u64(p + 24), u64(p + 32), u64(p + 40)};
}

// Takes the pages for a tree (mark 1) or the free list (mark 2); each page is taken once.
static int take(struct check *c, uint64_t page, uint64_t count, uint8_t mark, uint64_t from) {
  if (page < 2 || page > c->last_page || count > c->last_page - page + 1)
    return broken(c, from, "names pages %llu+%llu, the last one is %llu", (unsigned long long)page,
                  (unsigned long long)count, (unsigned long long)c->last_page);
  if (mark == 1 && (page >= c->pages || count > c->pages - page))
    return broken(c, from, "names pages %llu+%llu, the file has %llu", (unsigned long long)page,
                  (unsigned long long)count, (unsigned long long)c->pages);
  for (uint64_t i = page; i < page + count; i++) {
    // Free pages past the end of the file were never written; there is no room for their mark, and no need.
    if (i >= c->pages) break;
    if (c->used[i]) return broken(c, from, "names page %llu, which is %s", (unsigned long long)i,
                                  c->used[i] == 1 ? "used elsewhere" : "free");
    c->used[i] = mark;
  }
  if (mark == 1) c->result->used_pages += count;
  if (mark == 2) c->free_pages += count;
  return 1;
}

static int compare(const struct key *a, const struct key *b, int integers) {
  if (integers && a->length == b->length && (a->length == 8 || a->length == 4)) {
    uint64_t x = a->length == 8 ? u64(a->bytes) : u32(a->bytes);
    uint64_t y = b->length == 8 ? u64(b->bytes) : u32(b->bytes);
    return x < y ? -1 : x > y;
  }
  int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
  return order ? order : (int)a->length - (int)b->length;
}

enum kind { TREE_FREE, TREE_MAIN, TREE_NAMED };

static int walk_tree(struct check *c, const struct tree *expected, enum kind kind, uint64_t from);

// The free list's entry: a count and that many page numbers, descending.
static int take_free(struct check *c, const uint8_t *value, uint64_t length, uint64_t from) {
  if (length < 8 || length % 8) return broken(c, from, "free list entry of %llu bytes", (unsigned long long)length);
  uint64_t count = u64(value);
  if (count > length / 8 - 1)
    return broken(c, from, "free list entry of %llu bytes claims %llu pages", (unsigned long long)length,
                  (unsigned long long)count);
  uint64_t above = UINT64_MAX;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t page = u64(value + 8 + i * 8);
    if (page >= above) return broken(c, from, "free list out of order at page %llu", (unsigned long long)page);
    above = page;
    if (!take(c, page, 1, 2, from)) return 0;
  }
  return 1;
}

static int walk_leaf_value(struct check *c, const uint8_t *node, uint64_t room, const struct key *key, enum kind kind,
                           struct tree *seen, uint64_t from, uint64_t *node_bytes) {
  uint32_t size = u32(node);
  uint16_t flags = u16(node + 4);
  const uint8_t *value = node + NODE_HEADER + key->length;
  room -= NODE_HEADER + key->length;
  if (flags & ~(NODE_BIG | NODE_SUBTREE)) return broken(c, from, "node with flags %u", flags);
  uint64_t here = flags & NODE_BIG ? 8 : size;
  if (here > room) return broken(c, from, "value of %u bytes passes the page's end", size);
  *node_bytes = (NODE_HEADER + key->length + here + 1) & ~1ull;
  seen->entries++;
  if (flags & NODE_BIG) {
    uint64_t page = u64(value);
    if (page < 2 || page >= c->pages)
      return broken(c, from, "a value is on page %llu, the file has %llu", (unsigned long long)page,
                    (unsigned long long)c->pages);
    const uint8_t *start = c->bytes + page * c->page_size;
    uint64_t need = ((uint64_t)size + PAGE_HEADER - 1) / c->page_size + 1, have = u32(start + 12);
    if (u64(start) != page || u16(start + 10) != PAGE_OVERFLOW || have < need)
      return broken(c, page, "not the %llu pages of a value that page %llu names", (unsigned long long)need,
                    (unsigned long long)from);
    if (!take(c, page, have, 1, from)) return 0;
    seen->overflow_pages += have;
    value = start + PAGE_HEADER;
  }
  if (kind == TREE_FREE) {
    if (flags & NODE_SUBTREE || key->length != 8) return broken(c, from, "free list entry of another kind");
    return take_free(c, value, size, from);
  }
  if (flags & NODE_SUBTREE) {
    if (kind != TREE_MAIN || flags & NODE_BIG || size != DB_BYTES)
      return broken(c, from, "a database of %u bytes where none can be", size);
    struct tree named = read_tree(value);
    c->result->entries += named.entries;
    return walk_tree(c, &named, TREE_NAMED, from);
  }
  // A page of another tree, with a root that points there by a flipped bit, would be a main database without databases.
  if (kind == TREE_MAIN) return broken(c, from, "a plain value in the main database");
  return 1;
}

// Walks the page and what it names. The page is already taken. `low` is the smallest key allowed, `high` the first that
// is not.
static int walk_page(struct check *c, uint64_t page, unsigned level, const struct tree *expected, enum kind kind,
                     struct key low, struct key high, struct tree *seen) {
  const uint8_t *start = c->bytes + page * c->page_size;
  int leaf = level == expected->depth, integers = expected->flags & DB_INTEGER_KEY;
  if (u64(start) != page) return broken(c, page, "carries the number %llu", (unsigned long long)u64(start));
  if (u16(start + 10) != (leaf ? PAGE_LEAF : PAGE_BRANCH))
    return broken(c, page, "flags %u at level %u of %u", u16(start + 10), level, expected->depth);
  uint32_t lower = u16(start + 12), upper = u16(start + 14);
  if (lower < PAGE_HEADER || lower % 2 || lower > upper || upper > c->page_size)
    return broken(c, page, "free room from %u to %u", lower, upper);
  unsigned keys = (lower - PAGE_HEADER) / 2;
  if (keys < (leaf ? 1u : 2u)) return broken(c, page, "%u keys", keys);
  if (leaf) seen->leaf_pages++; else seen->branch_pages++;

  struct key before = {0};
  uint64_t filled = 0;
  for (unsigned i = 0; i < keys; i++) {
    uint32_t at = u16(start + PAGE_HEADER + 2 * i);
    if (at % 2 || at < upper || at > c->page_size - NODE_HEADER) return broken(c, page, "node %u at byte %u", i, at);
    const uint8_t *node = start + at;
    uint64_t room = c->page_size - at;
    struct key key = {node + NODE_HEADER, u16(node + 6), 1};
    if ((uint64_t)NODE_HEADER + key.length > room) return broken(c, page, "key %u has %u bytes", i, key.length);
    // The leftmost key of a branch page stands for everything smaller, whatever its bytes.
    if (leaf || i > 0) {
      if (integers && key.length != 8 && key.length != 4)
        return broken(c, page, "integer key %u has %u bytes", i, key.length);
      if (before.set && compare(&before, &key, integers) >= 0) return broken(c, page, "key %u is out of order", i);
      if (low.set && compare(&key, &low, integers) < 0) return broken(c, page, "key %u is below the page's range", i);
      if (high.set && compare(&key, &high, integers) >= 0)
        return broken(c, page, "key %u is above the page's range", i);
      before = key;
    }
    uint64_t node_bytes;
    if (leaf) {
      if (!walk_leaf_value(c, node, room, &key, kind, seen, page, &node_bytes)) return 0;
    } else {
      node_bytes = ((uint64_t)NODE_HEADER + key.length + 1) & ~1ull;
      uint64_t child = (uint64_t)u32(node) | (uint64_t)u16(node + 4) << 32;
      struct key child_low = i > 0 ? key : low, child_high = high;
      if (i + 1 < keys) {
        uint32_t next = u16(start + PAGE_HEADER + 2 * (i + 1));
        if (next < upper || next > c->page_size - NODE_HEADER) return broken(c, page, "node %u at byte %u", i + 1, next);
        child_high = (struct key){start + next + NODE_HEADER, u16(start + next + 6), 1};
        if ((uint64_t)next + NODE_HEADER + child_high.length > c->page_size)
          return broken(c, page, "key %u has %u bytes", i + 1, child_high.length);
      }
      if (!take(c, child, 1, 1, page)) return 0;
      if (!walk_page(c, child, level + 1, expected, kind, child_low, child_high, seen)) return 0;
    }
    filled += node_bytes;
  }
  if (filled != c->page_size - upper)
    return broken(c, page, "nodes fill %llu bytes of %u", (unsigned long long)filled, c->page_size - upper);
  return 1;
}

static int walk_tree(struct check *c, const struct tree *expected, enum kind kind, uint64_t from) {
  struct tree seen = {0};
  uint16_t allowed = kind == TREE_MAIN ? 0 : DB_INTEGER_KEY;
  // The free list's flags also carry those of the environment, and its pad the page size.
  if (kind != TREE_FREE && (expected->flags & ~allowed || expected->pad))
    return broken(c, from, "a database with flags %u, pad %u", expected->flags, expected->pad);
  if (expected->depth > DEPTH_LIMIT) return broken(c, from, "a tree %u levels deep", expected->depth);
  if (expected->root == NO_PAGE) {
    if (expected->depth) return broken(c, from, "a tree without a root, %u levels deep", expected->depth);
  } else {
    if (!expected->depth) return broken(c, from, "a tree with a root and no levels");
    if (!take(c, expected->root, 1, 1, from)) return 0;
    struct key none = {0};
    if (!walk_page(c, expected->root, 1, expected, kind, none, none, &seen)) return 0;
  }
  if (seen.branch_pages != expected->branch_pages || seen.leaf_pages != expected->leaf_pages ||
      seen.overflow_pages != expected->overflow_pages || seen.entries != expected->entries)
    return broken(c, from, "a tree with %llu entries on %llu+%llu+%llu pages claims %llu on %llu+%llu+%llu",
                  (unsigned long long)seen.entries, (unsigned long long)seen.branch_pages,
                  (unsigned long long)seen.leaf_pages, (unsigned long long)seen.overflow_pages,
                  (unsigned long long)expected->entries, (unsigned long long)expected->branch_pages,
                  (unsigned long long)expected->leaf_pages, (unsigned long long)expected->overflow_pages);
  return 1;
}

static int read_meta(struct check *c, uint64_t page, struct meta *meta) {
  const uint8_t *start = c->bytes + page * c->page_size, *p = start + PAGE_HEADER;
  if (u64(start) != page || u16(start + 10) != PAGE_META) return broken(c, page, "not a meta page");
  if (u32(p) != 0xBEEFC0DE || u32(p + 4) != 1)
    return broken(c, page, "not LMDB's format 1: magic %08x, version %u", u32(p), u32(p + 4));
  meta->free = read_tree(p + 24);
  meta->main = read_tree(p + 72);
  meta->last_page = u64(p + 120);
  meta->transaction = u64(p + 128);
  if (meta->free.pad != c->page_size) return broken(c, page, "pages of %u bytes", meta->free.pad);
  // Only "a file, not a directory" may stand beside it, of the environment's flags.
  if ((meta->free.flags & ~ENVIRONMENT_IS_FILE) != DB_INTEGER_KEY)
    return broken(c, page, "a free list with flags %u", meta->free.flags);
  uint64_t map = u64(p + 16);
  // LMDB maps what the meta page says: an absurd size must not become its error, or everybody's memory.
  if (map > 1ull << 40 || map < (uint64_t)2 * c->page_size)
    return broken(c, page, "a map of %llu bytes", (unsigned long long)map);
  return 1;
}

void clm_check_structure(const uint8_t *bytes, uint64_t length, struct clm_walk_result *result) {
  memset(result, 0, sizeof *result);
  result->page = NO_PAGE;
  struct check c = {.bytes = bytes, .page_size = 4096, .result = result};
  c.pages = length / c.page_size;
  if (c.pages < 2) {
    broken(&c, NO_PAGE, "%llu bytes are no environment", (unsigned long long)length);
    return;
  }
  struct meta meta[2];
  if (!read_meta(&c, 0, &meta[0]) || !read_meta(&c, 1, &meta[1])) return;
  unsigned newer = meta[1].transaction > meta[0].transaction;
  uint64_t t = meta[newer].transaction, other = meta[!newer].transaction;
  // A commit writes the meta page of its number's parity, and numbers have no gaps: anything else is a flipped bit that
  // would make LMDB use the wrong tree.
  if (!(t == 0 && other == 0) && !(t == other + 1 && (t & 1) == newer)) {
    broken(&c, newer, "meta pages of transactions %llu and %llu", (unsigned long long)meta[0].transaction,
           (unsigned long long)meta[1].transaction);
    return;
  }
  c.last_page = meta[newer].last_page;
  if (c.last_page < 1 || c.last_page > 1ull << 28) {
    broken(&c, newer, "last page %llu", (unsigned long long)c.last_page);
    return;
  }
  c.used = calloc(c.pages, 1);
  if (!c.used) {
    result->status = CLM_WALK_NOT_DONE;
    result->code = ENOMEM;
    snprintf(result->text, sizeof result->text, "no memory for %llu pages", (unsigned long long)c.pages);
    return;
  }
  if (walk_tree(&c, &meta[newer].main, TREE_MAIN, newer) && walk_tree(&c, &meta[newer].free, TREE_FREE, newer)) {
    result->transaction = t;
    // The free list may name a page past the file's end twice, which is not marked: then nothing is lost.
    uint64_t known = result->used_pages + c.free_pages;
    result->lost_pages = c.last_page - 1 > known ? c.last_page - 1 - known : 0;
    if (result->lost_pages > LOST_LIMIT)
      broken(&c, newer, "last page %llu, but only %llu are used or free", (unsigned long long)c.last_page,
             (unsigned long long)known);
  }
  free(c.used);
}
