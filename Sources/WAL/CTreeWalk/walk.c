// The walk in a child process. LMDB dies of SIGSEGV, SIGBUS or an assertion on some broken trees, and follows others
// for ever; here that costs a child, and the parent learns what happened.
//
// The child is forked, not executed: the log must not depend on where its program's file lies. Between fork and _exit
// the child touches nothing of the parent but this stack frame and malloc, which glibc keeps usable after a fork of a
// program with many threads.
#define _GNU_SOURCE
#include "ctreewalk.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void not_done(struct clm_walk_result *result, const char *what, int error) {
  memset(result, 0, sizeof *result);
  result->status = CLM_WALK_NOT_DONE;
  result->code = error;
  result->page = UINT64_MAX;
  snprintf(result->text, sizeof result->text, "%s: %s", what, strerror(error));
}

static int lmdb_error(struct clm_walk_result *result, const char *what, int error) {
  result->status = CLM_WALK_LMDB;
  result->code = error;
  snprintf(result->text, sizeof result->text, "%s: %s", what, mdb_strerror(error));
  return 0;
}

// Reads every byte of the value, so that a page that cannot be read fails here and not in the parent.
static uint64_t touch(const MDB_val *value) {
  const volatile uint8_t *p = value->mv_data;
  uint64_t sum = 0;
  for (size_t i = 0; i < value->mv_size; i += 512) sum += p[i];
  if (value->mv_size) sum += p[value->mv_size - 1];
  return sum;
}

static int walk_database(MDB_txn *txn, MDB_dbi dbi, int is_main, struct clm_walk_result *result) {
  MDB_cursor *cursor;
  MDB_val key, value;
  int error = mdb_cursor_open(txn, dbi, &cursor);
  if (error) return lmdb_error(result, "mdb_cursor_open", error);
  while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
    touch(&key);
    touch(&value);
    if (!is_main || key.mv_size > 511) continue;
    char name[512];
    memcpy(name, key.mv_data, key.mv_size);
    name[key.mv_size] = 0;
    MDB_dbi named;
    int opened = mdb_dbi_open(txn, name, 0, &named);
    // A plain value in the main database is no database.
    if (opened == MDB_INCOMPATIBLE) continue;
    if (opened) {
      error = opened;
      break;
    }
    if (!walk_database(txn, named, 0, result)) {
      mdb_cursor_close(cursor);
      return 0;
    }
  }
  mdb_cursor_close(cursor);
  return error == MDB_NOTFOUND ? 1 : lmdb_error(result, "mdb_cursor_get", error);
}

// LMDB would print before it aborts.
static void assertion(MDB_env *env, const char *text) {
  (void)env;
  (void)text;
  abort();
}

static void walk_with_lmdb(const char *path, struct clm_walk_result *result) {
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi main_dbi;
  int error = mdb_env_create(&env);
  if (!error) error = mdb_env_set_assert(env, assertion);
  if (!error) error = mdb_env_set_maxdbs(env, 64);
  if (!error) error = mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR, 0);
  if (error) {
    lmdb_error(result, "mdb_env_open", error);
    return;
  }
  if ((error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) || (error = mdb_dbi_open(txn, NULL, 0, &main_dbi))) {
    lmdb_error(result, "mdb_txn_begin", error);
    return;
  }
  // Database 0 is the free list.
  if (walk_database(txn, main_dbi, 1, result)) walk_database(txn, 0, 0, result);
  // Nothing is closed: the process ends.
}

static void child(int out, const char *path, unsigned seconds, const sigset_t *signals) {
  // The parent's handlers must not run here; those of a crash reporter would take half a second each.
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, signals, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  alarm(seconds);
  // Sockets and locks of the parent do not live on here.
  if (out != 3) {
    dup2(out, 3);
    out = 3;
  }
  close_range(4, ~0u, 0);

  struct clm_walk_result result;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) < 0) {
    not_done(&result, "open", errno);
  } else {
    uint64_t length = (uint64_t)status.st_size;
    const uint8_t *bytes = length ? mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0) : NULL;
    if (bytes == MAP_FAILED) {
      not_done(&result, "mmap", errno);
    } else {
      clm_check_structure(bytes, length, &result);
      if (bytes) munmap((void *)bytes, length);
      if (result.status == CLM_WALK_SOUND) walk_with_lmdb(path, &result);
    }
  }
  ssize_t written;
  do written = write(out, &result, sizeof result);
  while (written < 0 && errno == EINTR);
  _exit(0);
}

static int64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Reads the answer. 1: there is one; 0: the child ended without; -1: out of time.
static int receive(int in, unsigned seconds, struct clm_walk_result *result) {
  // The child's alarm comes first; this is for a child that cannot even be interrupted.
  int64_t deadline = milliseconds() + ((int64_t)seconds + 2) * 1000;
  size_t have = 0;
  while (have < sizeof *result) {
    int64_t left = deadline - milliseconds();
    if (left <= 0) return -1;
    struct pollfd poller = {.fd = in, .events = POLLIN};
    int ready = poll(&poller, 1, (int)left);
    if (ready < 0 && errno != EINTR) return 0;
    if (ready <= 0) continue;
    ssize_t count = read(in, (char *)result + have, sizeof *result - have);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return 0;
    have += (size_t)count;
  }
  return 1;
}

void clm_tree_walk(const char *path, unsigned seconds, struct clm_walk_result *result) {
  int ends[2];
  if (seconds == 0) seconds = 1;
  if (pipe2(ends, O_CLOEXEC) < 0) {
    not_done(result, "pipe", errno);
    return;
  }
  // No handler of the parent may run in the child before they are all gone there.
  sigset_t all, before, open;
  sigfillset(&all);
  sigemptyset(&open);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  if (pid == 0) child(ends[1], path, seconds, &open);
  int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    not_done(result, "fork", fork_error);
    return;
  }

  memset(result, 0, sizeof *result);
  int received = receive(ends[0], seconds, result);
  close(ends[0]);
  if (received <= 0) kill(pid, SIGKILL);
  int status = 0;
  pid_t waited;
  do waited = waitpid(pid, &status, 0);
  while (waited < 0 && errno == EINTR);
  if (received > 0) {
    result->text[sizeof result->text - 1] = 0;
    return;
  }
  // When somebody else reaped the child (SIGCHLD ignored, or a wait for any child) how it died is not known, only that.
  int number = waited == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  int late = received < 0 || number == SIGALRM;
  memset(result, 0, sizeof *result);
  result->status = late ? CLM_WALK_TIMEOUT : CLM_WALK_SIGNAL;
  result->code = late ? (int)seconds : number;
  result->page = UINT64_MAX;
  if (late)
    snprintf(result->text, sizeof result->text, "not done within %u s", seconds);
  else
    snprintf(result->text, sizeof result->text, "LMDB died of signal %d", number);
}
