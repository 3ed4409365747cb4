// Checks an LMDB file before anything else maps it. See structure.c for what is checked, walk.c for how a crash stays
// in a child process.
#pragma once

#include <stdint.h>

enum clm_walk_status {
  // Every page of every tree was read, by our own checks and by LMDB.
  CLM_WALK_SOUND = 0,
  // A page contradicts the file, its parent, or another page.
  CLM_WALK_STRUCTURE = 1,
  // LMDB returned an error; `code` is its number.
  CLM_WALK_LMDB = 2,
  // The child died of the signal `code`.
  CLM_WALK_SIGNAL = 3,
  // The child did not end in time.
  CLM_WALK_TIMEOUT = 4,
  // The check could not be made: `code` is errno of opening, forking, piping or allocating. Trying again may help.
  CLM_WALK_NOT_DONE = 5,
};

struct clm_walk_result {
  int32_t status;
  int32_t code;
  // The page at fault, or UINT64_MAX.
  uint64_t page;
  // Of the newest transaction, when sound.
  uint64_t transaction;
  // Pages of the trees, and pages that are neither used nor free.
  uint64_t used_pages;
  uint64_t lost_pages;
  // Entries of the named databases.
  uint64_t entries;
  char text[160];
};

// Forks, walks the file in the child, waits, and fills `result`. Blocks for at most `seconds` and a bit. Leaves no
// descriptor and no child behind, may be called by any thread, and needs no signal set up in a certain way.
void clm_tree_walk(const char *path, unsigned seconds, struct clm_walk_result *result);

// The checks of structure.c alone, in the calling process and without LMDB: no crash but SIGBUS, when the file is cut
// short meanwhile. For tests and tools.
void clm_check_structure(const uint8_t *bytes, uint64_t length, struct clm_walk_result *result);
