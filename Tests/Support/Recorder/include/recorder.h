// What a program does to the files below one directory, recorded, limited, or ended: see recorder.c.
#pragma once

#include <stddef.h>
#include <stdint.h>

// One entry of the trace: this head, `name` bytes of path, `data` bytes. Little-endian, nothing between.
struct clm_trace_entry {
  uint32_t kind;
  // The file's inode, which a later creation may use again; 0 for directories' entries.
  uint32_t file;
  uint64_t offset;
  uint32_t name;
  uint32_t data;
};

enum clm_trace_kind {
  CLM_TRACE_CREATE = 1,    // name: path below the root
  CLM_TRACE_WRITE = 2,     // offset, data
  CLM_TRACE_WRITE_DURABLE = 3,  // the same through O_DSYNC or O_SYNC: on the disk when it returns
  CLM_TRACE_FLUSH = 4,     // fsync or fdatasync of a file
  CLM_TRACE_FLUSH_DIRECTORY = 5,  // name: the directory
  CLM_TRACE_LENGTH = 6,    // ftruncate, or fallocate that makes it longer; offset: the new length
  CLM_TRACE_RENAME = 7,    // name: old path; data: new path
  CLM_TRACE_UNLINK = 8,    // name
  CLM_TRACE_MKDIR = 9,     // name
  CLM_TRACE_MARK = 10,     // data: what the program says, for example that an append was acknowledged
};

// Adds the program's own word to the trace, in order with the writes. Does nothing when no trace is kept.
void clm_record_mark(const void *bytes, size_t count);
