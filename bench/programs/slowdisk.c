/* Preloaded into a server, it makes every sync take SYNC_US microseconds more, as on a slower disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static void wait_longer(void) {
  const char *text = getenv("SYNC_US");
  long us = text ? atol(text) : 0;
  struct timespec time = {us / 1000000, us % 1000000 * 1000};
  nanosleep(&time, NULL);
}

int fsync(int file) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_longer();
  return sync(file);
}

int fdatasync(int file) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_longer();
  return sync(file);
}

int msync(void *at, size_t length, int flags) {
  int (*sync)(void *, size_t, int) = (int (*)(void *, size_t, int))dlsym(RTLD_NEXT, "msync");
  if (flags & MS_SYNC) wait_longer();
  return sync(at, length, flags);
}
