// SPDX-License-Identifier: Apache-2.0
//
// Work on mounted filesystems: trim and freeze.
#define _GNU_SOURCE 1
#include "include/CLinuxStorage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int64_t cls_trim(int32_t descriptor) {
    struct fstrim_range range = {.len = UINT64_MAX};
    return ioctl(descriptor, FITRIM, &range) < 0 ? -errno : (int64_t)range.len;
}

// What follows the fork does nothing that a child of a process with several threads may not.
static _Noreturn void guard_frozen(int32_t directory, const int32_t pipe[2], int32_t milliseconds, int32_t ready) {
    setsid();
    // Its own copy would keep the pipe open.
    close(pipe[1]);
    // Neither disks nor sockets of the other process are to stay open for as long as this one lives.
    int32_t kept[] = {directory, pipe[0], ready};
    // In rising order, so that the rest is ranges between them.
    for (int32_t i = 0; i < 3; i++)
        if ((kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, i ? kept[i - 1] + 1 : 3)) < 0) _exit(CLS_FREEZE_FAILED);
    syscall(SYS_close_range, 0, kept[0] - 1, 0);
    for (int32_t i = 1; i < 3; i++)
        if (kept[i] > kept[i - 1] + 1) syscall(SYS_close_range, kept[i - 1] + 1, kept[i] - 1, 0);
    syscall(SYS_close_range, kept[2] + 1, ~0u, 0);
    unsigned char result = ioctl(kept[0], FIFREEZE, 0) < 0 ? errno : 0;
    (void)!write(kept[2], &result, 1);
    close(kept[2]);
    if (result) _exit(CLS_FREEZE_FAILED);
    struct pollfd waiting = {.fd = kept[1], .events = POLLIN};
    int is_released = poll(&waiting, 1, milliseconds) > 0;
    if (ioctl(kept[0], FITHAW, 0) < 0) _exit(CLS_FREEZE_GONE);
    _exit(is_released ? CLS_FREEZE_THAWED : CLS_FREEZE_EXPIRED);
}

int32_t cls_freeze(int32_t descriptor, const int32_t pipe[2], int32_t milliseconds) {
    int32_t ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0) return -errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = fork();
    int error = errno;
    if (process == 0) guard_frozen(descriptor, pipe, milliseconds, ready[1]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ready[1]);
    if (process > 0) {
        unsigned char result = EIO;
        ssize_t count;
        while ((count = read(ready[0], &result, 1)) < 0 && errno == EINTR) {}
        error = count == 1 ? result : EIO;
        if (error) {
            while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {}
            process = -1;
        }
    }
    close(ready[0]);
    return process < 0 ? -error : process;
}

int32_t cls_wait_for_exit(int32_t process) {
    int status = 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR) return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
