// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a program, ends it with SIGKILL at a chosen one of its calls that change something on a disk or in a
// file, or after a time. A write at which it ends is done by half.
//
// The file that KILL_SWITCH names is the control, four 64-bit numbers: the calls made so far; the microseconds that the
// program took, where it came to its end; the call to end at, and the microseconds to end after, counted from its start,
// where 0 is never. With KILL_SWITCH_LEASH set the program ends with its parent as well.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    int64_t calls, took, end_at, end_after;
} *control;
static struct timespec began;

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Whether this call is the one to end at.
static int is_last(void) {
    if (control == NULL) return 0;
    int64_t call = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    return call == __atomic_load_n(&control->end_at, __ATOMIC_SEQ_CST);
}

static void *follow_parent(void *parent) {
    while (getppid() == (pid_t)(intptr_t)parent) usleep(200000);
    end();
    return NULL;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("KILL_SWITCH");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *room = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (room == MAP_FAILED) abort();
    control = room;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (control->end_after > 0) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
        struct itimerspec time = {
            .it_value = {control->end_after / 1000000, control->end_after % 1000000 * 1000}};
        timer_t timer;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &time, NULL) != 0) abort();
    }
    if (getenv("KILL_SWITCH_LEASH") != NULL) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, follow_parent, (void *)(intptr_t)getppid()) != 0) abort();
    }
}

__attribute__((destructor)) static void finish(void) {
    if (control == NULL) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    control->took = (now.tv_sec - began.tv_sec) * 1000000 + (now.tv_nsec - began.tv_nsec) / 1000;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// What is written to sockets and pipes changes no disk.
static int keeps(int file) {
    struct stat status;
    return fstat(file, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

// Half of a write, in whole sectors.
static size_t half(size_t count) { return count / 2 / 512 * 512; }

ssize_t write(int file, const void *bytes, size_t count) {
    if (keeps(file) && is_last()) {
        REAL(write)(file, bytes, half(count));
        end();
    }
    return REAL(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    if (is_last()) {
        REAL(pwrite)(file, bytes, half(count), offset);
        end();
    }
    return REAL(pwrite)(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    if (is_last()) {
        REAL(pwrite64)(file, bytes, half(count), offset);
        end();
    }
    return REAL(pwrite64)(file, bytes, count, offset);
}

int ioctl(int file, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (is_last()) end();
    return REAL(ioctl)(file, request, argument);
}

#define ENDS(type, name, parameters, arguments) \
    type name parameters { \
        if (is_last()) end(); \
        return REAL(name) arguments; \
    }

ENDS(int, fsync, (int file), (file))
ENDS(int, fdatasync, (int file), (file))
ENDS(int, fallocate, (int file, int mode, off_t offset, off_t length), (file, mode, offset, length))
ENDS(int, fallocate64, (int file, int mode, off64_t offset, off64_t length), (file, mode, offset, length))
ENDS(int, rename, (const char *from, const char *to), (from, to))
ENDS(int, unlink, (const char *path), (path))
ENDS(int, mkdir, (const char *path, mode_t mode), (path, mode))
