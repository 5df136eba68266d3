// SPDX-License-Identifier: Apache-2.0

// Contenders of Benchmarks/operations/run that are nothing but system calls or the host's programs, and what it measures
// on: loop disks and mounts.
//
//   raw mount DEVICE DIRECTORY          mount(2), umount(2)
//   raw synced-mount DEVICE DIRECTORY   mount(2), syncfs(2), umount(2)
//   raw statx PATH                      statx(2)
//   raw statfs PATH                     statfs(2)
//   raw cycle DEVICE DIRECTORY          the cycle of a volume by its seven system calls
//   raw tools-mount DEVICE DIRECTORY    mount(8), umount(8)
//   raw tools-stage DEVICE DIRECTORY    blkid(8), fsck(8), mount(8), umount(8)
//   raw tools-format DEVICE             mkfs.ext4(8)
//   raw ping SOCKET BYTES               as many bytes there and back
//
// Each reads numbers, a line each, does its work as many times, and prints the median in microseconds.
//
//   raw pong SOCKET BYTES               what ping talks to
//   raw attach DIRECTORY COUNT MIB      loop disks with partitions, printed a line each; they are gone with it
//   raw binds DIRECTORY COUNT           as many mounts beneath it
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void run_tool(char *const arguments[]) {
    pid_t child;
    int status;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    // Its output is read by its caller; here it is thrown away.
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    extern char **environ;
    if ((errno = posix_spawnp(&child, arguments[0], &files, NULL, arguments, environ))) die(arguments[0]);
    if (waitpid(child, &status, 0) < 0) die("waitpid");
    // fsck answers 1 where it has mended something.
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
        fprintf(stderr, "%s has failed\n", arguments[0]);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&files);
}

static int connected;
static size_t size;
static char *buffer;

static void move_all(int socket, int writes) {
    for (size_t done = 0; done < size;) {
        ssize_t moved = writes ? write(socket, buffer + done, size - done) : read(socket, buffer + done, size - done);
        if (moved <= 0) exit(writes ? 1 : 0);
        done += (size_t)moved;
    }
}

static void work(char **a) {
    const char *name = a[1];
    if (!strcmp(name, "mount") || !strcmp(name, "synced-mount")) {
        if (mount(a[2], a[3], "ext4", 0, NULL)) die("mount");
        if (name[0] == 's') {
            int directory = open(a[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (directory < 0 || syncfs(directory)) die("syncfs");
            close(directory);
        }
        if (umount2(a[3], 0)) die("umount");
    } else if (!strcmp(name, "statx")) {
        struct statx status;
        if (statx(AT_FDCWD, a[2], AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status)) die("statx");
    } else if (!strcmp(name, "statfs")) {
        struct statfs status;
        if (statfs(a[2], &status)) die("statfs");
    } else if (!strcmp(name, "cycle")) {
        char stage[512], link[512];
        snprintf(stage, sizeof stage, "%s/raw-stage", a[3]);
        snprintf(link, sizeof link, "%s/raw-link", a[3]);
        struct stat status;
        if (mkdir(stage, 0755)) die("mkdir");
        if (mount(a[2], stage, "ext4", 0, NULL)) die("mount");
        if (symlink(stage, link)) die("symlink");
        if (lstat(link, &status)) die("lstat");
        if (unlink(link)) die("unlink");
        if (umount2(stage, 0)) die("umount");
        if (rmdir(stage)) die("rmdir");
    } else if (!strcmp(name, "tools-mount") || !strcmp(name, "tools-stage")) {
        if (!strcmp(name, "tools-stage")) {
            run_tool((char *[]){"blkid", "-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", a[2], NULL});
            run_tool((char *[]){"fsck", "-a", a[2], NULL});
        }
        run_tool((char *[]){"mount", "-t", "ext4", "-o", "defaults", a[2], a[3], NULL});
        run_tool((char *[]){"umount", a[3], NULL});
    } else if (!strcmp(name, "tools-format")) {
        run_tool((char *[]){"mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1", a[2], NULL});
    } else if (!strcmp(name, "ping")) {
        move_all(connected, 1);
        move_all(connected, 0);
    } else {
        fprintf(stderr, "%s?\n", name);
        exit(2);
    }
}

static struct sockaddr_un address_of(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static void pong(const char *path) {
    struct sockaddr_un address = address_of(path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1)) die(path);
    int peer = accept(listener, NULL, NULL);
    for (;;) {
        move_all(peer, 0);
        move_all(peer, 1);
    }
}

// The devices are open here alone, and clear themselves when the last one closes them: also when this is killed.
static void attach(const char *directory, int count, long long mib) {
    struct rlimit files = {count + 64, count + 64};
    setrlimit(RLIMIT_NOFILE, &files);
    int *numbers = calloc((size_t)count, sizeof *numbers), *devices = calloc((size_t)count, sizeof *devices);
    enum { most = 1 << 16 };
    char *existed = calloc(most, 1), path[256], node[64], entry[64];
    for (int number = 0; number < most; number++) {
        snprintf(entry, sizeof entry, "/sys/block/loop%d", number);
        existed[number] = !access(entry, F_OK);
    }
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) die("/dev/loop-control");
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/disk%05d", directory, i);
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0 || ftruncate(file, mib << 20)) die(path);
        for (int tries = 0;; tries++) {
            int number = ioctl(control, LOOP_CTL_GET_FREE);
            if (number < 0) die("LOOP_CTL_GET_FREE");
            snprintf(node, sizeof node, "/dev/loop%d", number);
            int device = open(node, O_RDWR | O_CLOEXEC);
            struct loop_config config = {
                .fd = (__u32)file, .block_size = 512, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN}};
            snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%.63s", path);
            if (device >= 0 && !ioctl(device, LOOP_CONFIGURE, &config)) {
                numbers[i] = number;
                // Not for writing: a disk that is being written to is in use.
                devices[i] = open(node, O_RDONLY | O_CLOEXEC);
                if (devices[i] < 0) die(node);
                close(device);
                break;
            }
            if (device >= 0) close(device);
            // Another process has taken it in between, or its node is not there yet.
            if (tries == 1000) die(node);
            usleep(1000);
        }
        close(file);
        puts(node);
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {}
    for (int i = 0; i < count; i++) {
        close(devices[i]);
        // One that is in use again is not removed.
        if (numbers[i] < most && !existed[numbers[i]]) ioctl(control, LOOP_CTL_REMOVE, numbers[i]);
    }
}

static void binds(const char *directory, int count) {
    char path[512];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%06d", directory, i);
        if (mkdir(path, 0755) || mount(directory, path, NULL, MS_BIND, NULL)) die(path);
    }
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    const char *name = arguments[1];
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(name, "attach")) return attach(arguments[2], atoi(arguments[3]), atoll(arguments[4])), 0;
    if (!strcmp(name, "binds")) return binds(arguments[2], atoi(arguments[3])), 0;
    if (!strcmp(name, "ping") || !strcmp(name, "pong")) {
        size = (size_t)atoi(arguments[3]);
        buffer = calloc(1, size);
        if (name[1] == 'o') pong(arguments[2]);
        struct sockaddr_un address = address_of(arguments[2]);
        connected = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(connected, (struct sockaddr *)&address, sizeof address)) die(arguments[2]);
    }
    puts("ready");
    fflush(stdout);
    int times;
    while (scanf("%d", &times) == 1) {
        double *took = calloc((size_t)times, sizeof *took);
        for (int i = 0; i < times; i++) {
            double start = now();
            work(arguments);
            took[i] = now() - start;
        }
        qsort(took, (size_t)times, sizeof *took, compare);
        printf("%f\n", took[times / 2]);
        fflush(stdout);
        free(took);
    }
    return 0;
}
