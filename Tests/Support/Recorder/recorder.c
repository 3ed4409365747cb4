// Linked into a test program, this stands before libc's calls that change files, also for the shared libraries that the
// program uses, LMDB among them. By environment variables it
//   CLM_ROOT          names the directory that all of this is about, absolute and without links
//   CLM_TRACE         appends what happens below it to this file: creations, writes with their bytes, flushes, renames
//   CLM_KILL_AT       ends the program by SIGKILL before the nth such call
//   CLM_QUOTA_BYTES   answers ENOSPC when the files would take more than so many bytes
//   CLM_QUOTA_FILE    reads that number from a file at each write instead, so that a disk can become full and empty again
// and without them it does nothing but the call.
//
// One lock around call and record keeps the trace in the order of the disk.
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <dirent.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int trace = -1;
static long kill_at, calls;
static long quota = -1;
static char quota_file[PATH_MAX];
static __thread int busy;

__attribute__((constructor)) static void start(void) {
  const char *value = getenv("CLM_ROOT");
  if (!value) return;
  root_length = strlen(value);
  if (root_length >= sizeof root) return;
  strcpy(root, value);
  if ((value = getenv("CLM_KILL_AT"))) kill_at = atol(value);
  if ((value = getenv("CLM_QUOTA_BYTES"))) quota = atol(value);
  if ((value = getenv("CLM_QUOTA_FILE"))) snprintf(quota_file, sizeof quota_file, "%s", value);
  if ((value = getenv("CLM_TRACE"))) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) trace = fcntl(fd, F_DUPFD_CLOEXEC, 700);
    if (fd >= 0) syscall(SYS_close, fd);
  }
}

static int active(void) { return root_length && !busy; }

// The path below the root, or NULL.
static const char *below(int directory, const char *path, char *buffer) {
  if (path[0] != '/') {
    char link[64];
    if (directory == AT_FDCWD) {
      if (!getcwd(buffer, PATH_MAX)) return NULL;
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
      ssize_t length = readlink(link, buffer, PATH_MAX - 1);
      if (length < 0) return NULL;
      buffer[length] = 0;
    }
    size_t length = strlen(buffer);
    snprintf(buffer + length, PATH_MAX - length, "/%s", path);
  } else {
    snprintf(buffer, PATH_MAX, "%s", path);
  }
  if (strncmp(buffer, root, root_length)) return NULL;
  if (buffer[root_length] == 0) return buffer + root_length;
  return buffer[root_length] == '/' ? buffer + root_length + 1 : NULL;
}

static void record(uint32_t kind, uint32_t file, uint64_t offset, const char *name, const struct iovec *parts, int count,
                   size_t limit) {
  calls++;
  if (trace < 0) return;
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  if (bytes > limit) bytes = limit;
  struct clm_trace_entry entry = {kind, file, offset, name ? (uint32_t)strlen(name) : 0, (uint32_t)bytes};
  syscall(SYS_write, trace, &entry, sizeof entry);
  if (entry.name) syscall(SYS_write, trace, name, (size_t)entry.name);
  for (int i = 0; i < count && bytes; i++) {
    size_t part = parts[i].iov_len < bytes ? parts[i].iov_len : bytes;
    syscall(SYS_write, trace, parts[i].iov_base, part);
    bytes -= part;
  }
}

static void maybe_die(void) {
  if (kill_at && calls + 1 >= kill_at) syscall(SYS_kill, getpid(), SIGKILL);
}

// An open file below the root is known by its inode, also to the next process that adds to the trace; 0 for others.
static uint32_t number(int fd, struct stat *status) {
  char buffer[PATH_MAX], link[64];
  if (!active() || fstat(fd, status) || !S_ISREG(status->st_mode)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, sizeof buffer - 1);
  if (length < 0) return 0;
  buffer[length] = 0;
  return strncmp(buffer, root, root_length) || buffer[root_length] != '/' ? 0 : (uint32_t)status->st_ino;
}

static long used(const char *directory) {
  long sum = 0;
  DIR *handle = opendir(directory);
  if (!handle) return 0;
  struct dirent *entry;
  while ((entry = readdir(handle))) {
    char path[PATH_MAX];
    struct stat status;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path) continue;
    if (lstat(path, &status)) continue;
    if (S_ISDIR(status.st_mode)) sum += used(path);
    else sum += status.st_blocks * 512;
  }
  closedir(handle);
  return sum;
}

// Whether `more` bytes have room. LMDB's lock files are small and counted like the rest.
static int has_room(uint64_t more) {
  long limit = quota;
  if (quota_file[0]) {
    char text[32] = {0};
    int fd = (int)syscall(SYS_openat, AT_FDCWD, quota_file, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
      if (read(fd, text, sizeof text - 1) > 0) limit = atol(text);
      syscall(SYS_close, fd);
    }
  }
  if (limit < 0) return 1;
  busy++;
  long sum = used(root);
  busy--;
  return sum + (long)more <= limit;
}

void clm_record_mark(const void *bytes, size_t count) {
  if (!active()) return;
  pthread_mutex_lock(&lock);
  struct iovec part = {(void *)bytes, count};
  record(CLM_TRACE_MARK, 0, 0, NULL, &part, 1, count);
  pthread_mutex_unlock(&lock);
}

// MARK: - Files

static int opened(int directory, const char *path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  const char *name;
  if (!active() || !(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE ||
      !(name = below(directory, path, buffer)))
    return (int)syscall(SYS_openat, directory, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat status;
  int existed = fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
  maybe_die();
  int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
  int error = errno;
  if (fd >= 0 && fstat(fd, &status) == 0) {
    uint32_t file = (uint32_t)status.st_ino;
    if (!existed) record(CLM_TRACE_CREATE, file, 0, name, NULL, 0, 0);
    else if (flags & O_TRUNC) record(CLM_TRACE_LENGTH, file, 0, NULL, NULL, 0, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

#define MODE                                   \
  mode_t mode = 0;                             \
  if (flags & (O_CREAT | O_TMPFILE)) {         \
    va_list arguments;                         \
    va_start(arguments, flags);                \
    mode = (mode_t)va_arg(arguments, unsigned); \
    va_end(arguments);                         \
  }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int directory, const char *path, int flags, ...) { MODE return opened(directory, path, flags, mode); }
int openat64(int directory, const char *path, int flags, ...) { MODE return opened(directory, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

// `at` < 0: the file's own position.
static ssize_t written(int fd, const struct iovec *parts, int count, off_t at) {
  struct stat status;
  uint32_t file = number(fd, &status);
  if (!file)
    return at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
  pthread_mutex_lock(&lock);
  maybe_die();
  int flags = fcntl(fd, F_GETFL);
  off_t offset = at >= 0 ? at : flags & O_APPEND ? status.st_size : lseek(fd, 0, SEEK_CUR);
  uint64_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  uint64_t end = (uint64_t)offset + bytes, size = (uint64_t)status.st_size;
  ssize_t done;
  if (end > size && !has_room((end - size + 4095) / 4096 * 4096)) {
    errno = ENOSPC;
    done = -1;
  } else {
    done = at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
  }
  int error = errno;
  if (done > 0)
    record(flags & (O_DSYNC | O_SYNC) ? CLM_TRACE_WRITE_DURABLE : CLM_TRACE_WRITE, file, (uint64_t)offset, NULL, parts,
           count, (size_t)done);
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  if (!active()) return syscall(SYS_write, fd, bytes, count);
  struct stat status;
  if (!number(fd, &status)) return syscall(SYS_write, fd, bytes, count);
  struct iovec part = {(void *)bytes, count};
  return written(fd, &part, 1, -1);
}
ssize_t writev(int fd, const struct iovec *parts, int count) { return written(fd, parts, count, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  struct iovec part = {(void *)bytes, count};
  return written(fd, &part, 1, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return pwrite(fd, bytes, count, offset); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return written(fd, parts, count, offset); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
  return written(fd, parts, count, offset);
}

static int flushed(int fd, long call) {
  struct stat status;
  if (!active() || fstat(fd, &status)) return (int)syscall(call, fd);
  uint32_t file = number(fd, &status);
  char buffer[PATH_MAX], link[64];
  const char *name = NULL;
  if (!file) {
    if (!S_ISDIR(status.st_mode)) return (int)syscall(call, fd);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, buffer, sizeof buffer - 1);
    if (length < 0) return (int)syscall(call, fd);
    buffer[length] = 0;
    if (strncmp(buffer, root, root_length) || (buffer[root_length] && buffer[root_length] != '/'))
      return (int)syscall(call, fd);
    name = buffer[root_length] ? buffer + root_length + 1 : "";
  }
  pthread_mutex_lock(&lock);
  maybe_die();
  // With a trace the flush itself is not needed, and the test is faster without.
  int result = trace >= 0 ? 0 : (int)syscall(call, fd);
  int error = errno;
  if (result == 0) record(file ? CLM_TRACE_FLUSH : CLM_TRACE_FLUSH_DIRECTORY, file, 0, name, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int fsync(int fd) { return flushed(fd, SYS_fsync); }
int fdatasync(int fd) { return flushed(fd, SYS_fdatasync); }

static int resized(int fd, int mode, off_t offset, off_t length, int allocate) {
  struct stat status;
  uint32_t file = number(fd, &status);
  if (!file) return (int)(allocate ? syscall(SYS_fallocate, fd, mode, offset, length) : syscall(SYS_ftruncate, fd, length));
  pthread_mutex_lock(&lock);
  maybe_die();
  int result;
  // What is allocated already needs no room.
  long more = (long)(offset + length) - (long)status.st_blocks * 512;
  if (allocate && more > 0 && !has_room((uint64_t)more)) {
    errno = ENOSPC;
    result = -1;
  } else {
    result = (int)(allocate ? syscall(SYS_fallocate, fd, mode, offset, length) : syscall(SYS_ftruncate, fd, length));
  }
  int error = errno;
  if (result == 0 && fstat(fd, &status) == 0)
    record(CLM_TRACE_LENGTH, file, (uint64_t)status.st_size, NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int ftruncate(int fd, off_t length) { return resized(fd, 0, 0, length, 0); }
int ftruncate64(int fd, off_t length) { return resized(fd, 0, 0, length, 0); }
int fallocate(int fd, int mode, off_t offset, off_t length) { return resized(fd, mode, offset, length, 1); }
int fallocate64(int fd, int mode, off_t offset, off_t length) { return resized(fd, mode, offset, length, 1); }
int posix_fallocate(int fd, off_t offset, off_t length) { return resized(fd, 0, offset, length, 1) ? errno : 0; }
int posix_fallocate64(int fd, off_t offset, off_t length) { return resized(fd, 0, offset, length, 1) ? errno : 0; }

// MARK: - Directories

static int changed(uint32_t kind, int directory, const char *path, int to_directory, const char *to, unsigned extra) {
  char buffer[PATH_MAX], to_buffer[PATH_MAX];
  const char *name = active() ? below(directory, path, buffer) : NULL;
  const char *to_name = active() && to ? below(to_directory, to, to_buffer) : NULL;
  int ours = name != NULL;
  if (ours) {
    pthread_mutex_lock(&lock);
    maybe_die();
  }
  long result;
  if (kind == CLM_TRACE_RENAME) result = syscall(SYS_renameat2, directory, path, to_directory, to, extra);
  else if (kind == CLM_TRACE_UNLINK) result = syscall(SYS_unlinkat, directory, path, extra);
  else result = syscall(SYS_mkdirat, directory, path, (mode_t)extra);
  int error = errno;
  if (ours) {
    if (result == 0) {
      struct iovec part = {(void *)(to_name ? to_name : ""), to_name ? strlen(to_name) : 0};
      record(kind, 0, 0, name, &part, 1, part.iov_len);
    }
    pthread_mutex_unlock(&lock);
  }
  errno = error;
  return (int)result;
}

int rename(const char *from, const char *to) { return changed(CLM_TRACE_RENAME, AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return changed(CLM_TRACE_RENAME, a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  return changed(CLM_TRACE_RENAME, a, from, b, to, flags);
}
int unlink(const char *path) { return changed(CLM_TRACE_UNLINK, AT_FDCWD, path, 0, NULL, 0); }
int unlinkat(int directory, const char *path, int flags) {
  return changed(CLM_TRACE_UNLINK, directory, path, 0, NULL, (unsigned)flags);
}
int rmdir(const char *path) { return changed(CLM_TRACE_UNLINK, AT_FDCWD, path, 0, NULL, AT_REMOVEDIR); }
int mkdir(const char *path, mode_t mode) { return changed(CLM_TRACE_MKDIR, AT_FDCWD, path, 0, NULL, mode); }
int mkdirat(int directory, const char *path, mode_t mode) {
  return changed(CLM_TRACE_MKDIR, directory, path, 0, NULL, mode);
}
