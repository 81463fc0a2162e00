/*
 * Preloaded into a program, makes one of its calls that change files fail, or the last that it makes.
 *   FAULT_PATH  only files whose path contains this
 *   FAULT_AT    which call, 1 for the first; 0 for none
 *   FAULT_KIND  EIO, ENOSPC (a write is cut short first, as on a full disk), KILL (before the call) or
 *               TEAR (in the midst of a write)
 *   FAULT_LOG   the names of the calls, one a line, as they are made
 * Run as a program it starts another one with itself preloaded: faulty_calls.so COMMAND ARGUMENT...
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int calls;
static atomic_int full;

static int matches(const char *path) {
  const char *wanted = getenv("FAULT_PATH");
  return wanted != NULL && strstr(path, wanted) != NULL;
}

static int matches_file(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return matches(path);
}

/* 0 to go on, else the errno to fail with. */
static int meet(const char *name) {
  const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND"), *log = getenv("FAULT_LOG");
  int number = atomic_fetch_add(&calls, 1) + 1;
  if (log != NULL) {
    char line[64];
    int length = snprintf(line, sizeof line, "%s\n", name);
    int file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    syscall(SYS_write, file, line, length);
    syscall(SYS_close, file);
  }
  if (at == NULL || kind == NULL || atoi(at) != number) return 0;
  if (strcmp(kind, "KILL") == 0) kill(getpid(), SIGKILL);
  if (strcmp(kind, "TEAR") == 0) return EINTR;
  return strcmp(kind, "ENOSPC") == 0 ? ENOSPC : EIO;
}

static int fail(int error) {
  errno = error;
  return -1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count) {
  if (matches_file(file)) {
    if (atomic_exchange(&full, 0)) return fail(ENOSPC);
    int error = meet("write");
    if (error == EINTR) {
      syscall(SYS_write, file, bytes, count / 2);
      kill(getpid(), SIGKILL);
    }
    if (error == ENOSPC && count > 1) {
      atomic_store(&full, 1);
      count /= 2;
    } else if (error) return fail(error);
  }
  return NEXT(write)(file, bytes, count);
}

int fsync(int file) {
  int error = matches_file(file) ? meet("fsync") : 0;
  return error ? fail(error) : NEXT(fsync)(file);
}

int fdatasync(int file) {
  int error = matches_file(file) ? meet("fdatasync") : 0;
  return error ? fail(error) : NEXT(fdatasync)(file);
}

int ftruncate64(int file, off64_t size) {
  int error = matches_file(file) ? meet("ftruncate") : 0;
  return error ? fail(error) : NEXT(ftruncate64)(file, size);
}

int rename(const char *from, const char *to) {
  int error = matches(from) ? meet("rename") : 0;
  return error ? fail(error) : NEXT(rename)(from, to);
}

int unlink(const char *path) {
  int error = matches(path) ? meet("unlink") : 0;
  return error ? fail(error) : NEXT(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  int error = matches(path) ? meet("mkdir") : 0;
  return error ? fail(error) : NEXT(mkdir)(path, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  int error = (flags & O_CREAT) && matches(path) ? meet("creat") : 0;
  return error ? fail(error) : NEXT(open64)(path, flags, mode);
}

int main(int count, char **arguments) {
  (void)count;
  setenv("LD_PRELOAD", getenv("FAULT_LIBRARY"), 1);
  execvp(arguments[1], arguments + 1);
  perror(arguments[1]);
  return 127;
}
