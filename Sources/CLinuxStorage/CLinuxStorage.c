// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "include/CLinuxStorage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int32_t outcome(long result) { return result < 0 ? -errno : (int32_t)result; }

const int32_t cls_O_PATH = O_PATH;
const int32_t cls_O_TMPFILE = O_TMPFILE;
const int32_t cls_O_DIRECT = O_DIRECT;

int32_t cls_openat2(int32_t directory, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    return outcome(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

static int32_t status(int32_t directory, const char *path, int32_t flags, struct cls_status *out) {
    struct statx s;
    // Not asking the server of a network or FUSE filesystem: the question may be about a mount that is dead.
    flags |= AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    if (statx(directory, path, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &s) < 0) return -errno;
    *out = (struct cls_status){
        .mount_id = s.stx_mnt_id,
        .inode = s.stx_ino,
        .size = s.stx_size,
        .mode = s.stx_mode,
        .device_major = s.stx_dev_major,
        .device_minor = s.stx_dev_minor,
        .special_major = s.stx_rdev_major,
        .special_minor = s.stx_rdev_minor,
        .birth_seconds = s.stx_mask & STATX_BTIME ? s.stx_btime.tv_sec : 0,
        .birth_nanoseconds = s.stx_mask & STATX_BTIME ? s.stx_btime.tv_nsec : 0,
        .is_mount_root = (s.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
        .is_immutable = (s.stx_attributes & STATX_ATTR_IMMUTABLE) != 0,
        .is_append_only = (s.stx_attributes & STATX_ATTR_APPEND) != 0,
    };
    return 0;
}
int32_t cls_mount_id(int32_t descriptor) {
    // Without room for the handle itself: the ID alone is wanted.
    struct file_handle handle = {.handle_bytes = 0};
    int id = 0;
    int result = name_to_handle_at(descriptor, "", &handle, &id, AT_EMPTY_PATH);
    return result >= 0 || errno == EOVERFLOW ? id : -errno;
}

int32_t cls_status_at(int32_t directory, const char *path, struct cls_status *out) {
    return status(directory, path, AT_SYMLINK_NOFOLLOW, out);
}
int32_t cls_status_of(int32_t descriptor, struct cls_status *out) {
    return status(descriptor, "", AT_EMPTY_PATH, out);
}

uint32_t cls_device_major(uint64_t device) { return major(device); }
uint32_t cls_device_minor(uint64_t device) { return minor(device); }

int32_t cls_syncfs(int32_t descriptor) { return outcome(syncfs(descriptor)); }
int32_t cls_try_lock(int32_t descriptor) { return outcome(flock(descriptor, LOCK_EX | LOCK_NB)); }
int32_t cls_pipe(int32_t ends[2]) { return outcome(pipe2(ends, O_CLOEXEC)); }
int32_t cls_memory_file(const char *name) {
    int file = memfd_create(name, MFD_CLOEXEC);
    if (file >= 0 && fchmod(file, S_IRUSR | S_IWUSR) < 0) {
        int error = errno;
        close(file);
        return -error;
    }
    return outcome(file);
}
int32_t cls_mount_copy(int32_t descriptor, int32_t is_recursive) {
    return outcome(open_tree(descriptor, "",
                             AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (is_recursive ? AT_RECURSIVE : 0)));
}

int32_t cls_mount_change(int32_t mount, int32_t is_recursive, int32_t is_read_only, uint64_t propagation) {
    struct mount_attr attributes = {.attr_set = is_read_only ? MOUNT_ATTR_RDONLY : 0, .propagation = propagation};
    return outcome(mount_setattr(mount, "", AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0), &attributes,
                                 sizeof attributes));
}

int32_t cls_unmount(const char *path) { return outcome(umount2(path, UMOUNT_NOFOLLOW)); }

int32_t cls_forbid_dumps(void) { return outcome(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }

int32_t cls_block_size_bytes(int32_t descriptor, uint64_t *bytes) { return outcome(ioctl(descriptor, BLKGETSIZE64, bytes)); }
int32_t cls_block_sector_size(int32_t descriptor) {
    int size = 0;
    return ioctl(descriptor, BLKSSZGET, &size) < 0 ? -errno : size;
}
int32_t cls_block_is_read_only(int32_t descriptor) {
    int read_only = 0;
    return ioctl(descriptor, BLKROGET, &read_only) < 0 ? -errno : read_only != 0;
}
int32_t cls_block_set_read_only(int32_t descriptor, int32_t is_read_only) {
    return outcome(ioctl(descriptor, BLKROSET, &is_read_only));
}
#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64)
#endif
int32_t cls_block_disk_sequence(int32_t descriptor, uint64_t *sequence) {
    return outcome(ioctl(descriptor, BLKGETDISKSEQ, sequence));
}
int32_t cls_block_flush_buffers(int32_t descriptor) { return outcome(ioctl(descriptor, BLKFLSBUF, 0)); }

static int32_t change_partition(int32_t descriptor, int operation, int32_t number, int64_t start, int64_t length) {
    struct blkpg_partition partition = {.start = start, .length = length, .pno = number};
    struct blkpg_ioctl_arg argument = {.op = operation, .datalen = sizeof partition, .data = &partition};
    return outcome(ioctl(descriptor, BLKPG, &argument));
}
int32_t cls_partition_add(int32_t descriptor, int32_t number, int64_t start_bytes, int64_t length_bytes) {
    return change_partition(descriptor, BLKPG_ADD_PARTITION, number, start_bytes, length_bytes);
}
int32_t cls_partition_resize(int32_t descriptor, int32_t number, int64_t start_bytes, int64_t length_bytes) {
    return change_partition(descriptor, BLKPG_RESIZE_PARTITION, number, start_bytes, length_bytes);
}
int32_t cls_partition_delete(int32_t descriptor, int32_t number) {
    return change_partition(descriptor, BLKPG_DEL_PARTITION, number, 0, 0);
}

int32_t cls_loop_status(int32_t descriptor, struct cls_loop_status *out) {
    struct loop_info64 info;
    if (ioctl(descriptor, LOOP_GET_STATUS64, &info) < 0) return -errno;
    *out = (struct cls_loop_status){
        .backing_major = major(info.lo_device),
        .backing_minor = minor(info.lo_device),
        .backing_inode = info.lo_inode,
        .offset = info.lo_offset,
        .size_limit = info.lo_sizelimit,
        .special_major = major(info.lo_rdevice),
        .special_minor = minor(info.lo_rdevice),
    };
    memcpy(out->reference, info.lo_file_name, sizeof out->reference);
    out->reference[sizeof out->reference - 1] = 0;
    return 0;
}
int32_t cls_loop_update_capacity(int32_t descriptor) { return outcome(ioctl(descriptor, LOOP_SET_CAPACITY, 0)); }
int32_t cls_loop_find_free(int32_t control) { return outcome(ioctl(control, LOOP_CTL_GET_FREE)); }
int32_t cls_loop_attach(int32_t descriptor, int32_t file, const char *reference) {
    struct loop_config config = {.fd = file, .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN};
    strncpy((char *)config.info.lo_file_name, reference, sizeof config.info.lo_file_name - 1);
    if (ioctl(descriptor, LOOP_CONFIGURE, &config) < 0) return -errno;
    // The device may have been made read-only for an earlier file.
    int read_only = 0;
    return outcome(ioctl(descriptor, BLKROSET, &read_only));
}
int32_t cls_loop_detach(int32_t descriptor) { return outcome(ioctl(descriptor, LOOP_CLR_FD, 0)); }

// The filesystems' own headers are not among the kernel's exported ones: fs/ext4/ext4.h and
// fs/xfs/libxfs/xfs_fs.h have these.
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
struct xfs_geometry_v1 {
    uint32_t block_size, rt_extent_size, group_blocks, group_count, log_blocks, sector_size, inode_size, inode_percent;
    uint64_t data_blocks, rt_blocks, rt_extents, log_start;
    uint8_t uuid[16];
    uint32_t stripe_unit, stripe_width;
    int32_t version;
    uint32_t flags, log_sector_size, rt_sector_size, directory_block_size;
};
struct xfs_growth {
    uint64_t data_blocks;
    uint32_t inode_percent;
};
#define XFS_IOC_FSGEOMETRY_V1 _IOR('X', 100, struct xfs_geometry_v1)
#define XFS_IOC_FSGROWFSDATA _IOW('X', 110, struct xfs_growth)

int32_t cls_ext4_grow(int32_t descriptor, uint64_t blocks) { return outcome(ioctl(descriptor, EXT4_IOC_RESIZE_FS, &blocks)); }
int32_t cls_xfs_geometry(int32_t descriptor, uint32_t *block_size, uint64_t *data_blocks, uint32_t *inode_percent) {
    struct xfs_geometry_v1 geometry;
    if (ioctl(descriptor, XFS_IOC_FSGEOMETRY_V1, &geometry) < 0) return -errno;
    *block_size = geometry.block_size;
    *data_blocks = geometry.data_blocks;
    *inode_percent = geometry.inode_percent;
    return 0;
}
int32_t cls_xfs_grow(int32_t descriptor, uint64_t data_blocks, uint32_t inode_percent) {
    struct xfs_growth growth = {.data_blocks = data_blocks, .inode_percent = inode_percent};
    return outcome(ioctl(descriptor, XFS_IOC_FSGROWFSDATA, &growth));
}
int32_t cls_btrfs_grow_to_maximum(int32_t descriptor, uint64_t device) {
    struct btrfs_ioctl_vol_args arguments = {0};
    snprintf(arguments.name, sizeof arguments.name, "%llu:max", (unsigned long long)device);
    return outcome(ioctl(descriptor, BTRFS_IOC_RESIZE, &arguments));
}
int32_t cls_btrfs_device_size(int32_t descriptor, uint64_t device, uint64_t *bytes) {
    struct btrfs_ioctl_dev_info_args arguments = {.devid = device};
    if (ioctl(descriptor, BTRFS_IOC_DEV_INFO, &arguments) < 0) return -errno;
    *bytes = arguments.total_bytes;
    return 0;
}
int32_t cls_btrfs_uuid(int32_t descriptor, uint8_t uuid[16]) {
    struct btrfs_ioctl_fs_info_args info = {0};
    if (ioctl(descriptor, BTRFS_IOC_FS_INFO, &info) < 0) return -errno;
    memcpy(uuid, info.fsid, 16);
    return 0;
}
int32_t cls_btrfs_forget_name(const char *device) {
    struct btrfs_ioctl_vol_args arguments = {0};
    if (strlen(device) > BTRFS_PATH_NAME_MAX) return -ENAMETOOLONG;
    strcpy(arguments.name, device);
    int32_t control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return -errno;
    int32_t result = outcome(ioctl(control, BTRFS_IOC_FORGET_DEV, &arguments));
    close(control);
    return result;
}

// A mount namespace of a device alone.

struct confinement {
    const char *node, *name;
    uint64_t device;
    int32_t result;
};

enum { mounts_limit = 24 };

// What a program needs to run: with all that is mounted beneath, or the one mount alone.
static const struct {
    const char *path;
    int is_whole;
} system_places[] = {{"/usr", 1},  {"/bin", 1}, {"/sbin", 1}, {"/lib", 1},  {"/lib32", 1}, {"/lib64", 1}, {"/libx32", 1},
                     {"/etc", 1},  {"/nix", 1}, {"/gnu", 1},  {"/proc", 0}, {"/sys", 0},   {"/tmp", 0}};
static const char *const common_nodes[] = {"null", "zero", "random", "urandom", "btrfs-control"};

static int clone_of(const char *path, int is_whole) {
    return open_tree(AT_FDCWD, path,
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | (is_whole ? AT_RECURSIVE : 0));
}

static int attach(int mount, int directory, const char *name) {
    return move_mount(mount, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH);
}

static int empty_filesystem(void) {
    int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (context < 0) return -1;
    int mount = -1;
    if (fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0) == 0 &&
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID);
    int error = errno;
    close(context);
    errno = error;
    return mount;
}

static int attach_node(int node, int directory, const char *name) {
    int file = openat(directory, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    close(file);
    return attach(node, directory, name);
}

// The namespace is this process's own already, with copies of all mounts. It shares its memory and descriptors with the
// thread that waits for it, so whatever is opened here is closed here.
static int confine(void *argument) {
    struct confinement *c = argument;
    int opened[mounts_limit], count = 0, places[mounts_limit], root, devices, state;
    const size_t place_count = sizeof system_places / sizeof *system_places;
    struct stat s;
    c->result = -1;
#define KEEP(descriptor) ((opened[count] = (descriptor)) < 0 ? -1 : opened[count++])

    // What is unmounted on the host goes here too, until these copies are gone a moment later; and nothing goes back.
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) goto failed;
    if ((root = KEEP(clone_of("/", 0))) < 0) goto failed;
    for (size_t i = 0; i < place_count; i++) {
        places[i] = -1;
        if (lstat(system_places[i].path, &s) < 0 || !S_ISDIR(s.st_mode)) continue;
        if ((places[i] = KEEP(clone_of(system_places[i].path, system_places[i].is_whole))) < 0) goto failed;
    }
    int node = KEEP(clone_of(c->node, 0));
    if (node < 0 || fstat(node, &s) < 0) goto failed;
    if (!S_ISBLK(s.st_mode) || s.st_rdev != c->device) {
        errno = ENODEV;
        goto failed;
    }
    int common[sizeof common_nodes / sizeof *common_nodes];
    for (size_t i = 0; i < sizeof common_nodes / sizeof *common_nodes; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/%s", common_nodes[i]);
        // A host without btrfs has no such node.
        common[i] = access(path, F_OK) < 0 ? -1 : KEEP(clone_of(path, 0));
    }
    if ((devices = KEEP(empty_filesystem())) < 0 || (state = KEEP(empty_filesystem())) < 0) goto failed;

    if (attach(root, AT_FDCWD, "/") < 0 || fchdir(root) < 0) goto failed;
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0) goto failed;
    for (size_t i = 0; i < place_count; i++)
        if (places[i] >= 0 && attach(places[i], root, system_places[i].path + 1) < 0) goto failed;
    if (attach(devices, root, "dev") < 0) goto failed;
    if (faccessat(root, "run", F_OK, 0) == 0 && attach(state, root, "run") < 0) goto failed;
    if (attach_node(node, devices, c->name) < 0) goto failed;
    for (size_t i = 0; i < sizeof common_nodes / sizeof *common_nodes; i++)
        if (common[i] >= 0 && attach_node(common[i], devices, common_nodes[i]) < 0) goto failed;
    c->result = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
failed:
    if (c->result < 0) c->result = -errno;
    while (count > 0) close(opened[--count]);
    return 0;
#undef KEEP
}

int32_t cls_confine(const char *node, const char *name, uint32_t device_major, uint32_t device_minor) {
    struct confinement c = {.node = node, .name = name, .device = makedev(device_major, device_minor), .result = -EIO};
    const size_t size = 64 << 10;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    // A handler of a signal would run in both processes.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // Its end raises no signal, so that no other thread waits for it.
    int process = clone(confine, stack + size, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS, &c);
    int error = errno;
    if (process >= 0)
        while (waitpid(process, NULL, __WCLONE) < 0 && errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, size);
    return process < 0 ? -error : c.result;
}
int32_t cls_keep_standard_files(void) {
    for (int32_t descriptor = 0; descriptor <= 2; descriptor++) {
        if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free descriptor, which is this one.
        int32_t file = open("/dev/null", O_RDWR);
        if (file < 0) return -errno;
    }
    return 0;
}

static int signal_pipe[2] = {-1, -1};

static void on_signal(int number) {
    int error = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe has signals enough.
    (void)!write(signal_pipe[1], &byte, 1);
    errno = error;
}

int32_t cls_signals_catch(void) {
    if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR,
                                 SIGSTKFLT};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    for (size_t index = 0; index < sizeof caught / sizeof *caught; index++)
        if (sigaction(caught[index], &action, NULL) < 0) return -errno;
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        if (sigaction(number, &action, NULL) < 0) return -errno;
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    // Their calls fail instead: EPIPE, EFBIG.
    if (sigaction(SIGPIPE, &ignored, NULL) < 0 || sigaction(SIGXFSZ, &ignored, NULL) < 0) return -errno;
    // Whatever the starter of this process has blocked.
    sigset_t none;
    sigemptyset(&none);
    return outcome(sigprocmask(SIG_SETMASK, &none, NULL));
}

int32_t cls_signal_next(int32_t milliseconds) {
    unsigned char number = 0;
    struct pollfd waiting = {.fd = signal_pipe[0], .events = POLLIN};
    if (read(signal_pipe[0], &number, 1) == 1) return number;
    // A signal interrupts it, and is looked for next time.
    poll(&waiting, 1, milliseconds);
    return read(signal_pipe[0], &number, 1) == 1 ? number : 0;
}

int32_t cls_thread_start(const char *name, uint64_t stack, void *(*work)(void *), void *context) {
    pthread_attr_t attributes;
    int code = pthread_attr_init(&attributes);
    if (code != 0) return -code;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack);
    pthread_t thread;
    code = pthread_create(&thread, &attributes, work, context);
    pthread_attr_destroy(&attributes);
    if (code != 0) return -code;
    pthread_setname_np(thread, name);
    return 0;
}

// The Swift runtime's own hook for where tasks run (swift/Runtime/Concurrency.h); its functions have Swift's calling
// convention.
#define SWIFT_CALL __attribute__((swiftcall))
struct executor {
    void *identity;
    uintptr_t implementation;
};
extern SWIFT_CALL void swift_job_run(void *job, struct executor executor);
extern void *swift_task_enqueueGlobal_hook;

struct queued_job {
    struct queued_job *next;
    void *job;
};
static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t jobs_come = PTHREAD_COND_INITIALIZER;
static struct queued_job *first_job, **last_job = &first_job;

static SWIFT_CALL void enqueue_job(void *job, void *original) {
    (void)original;
    struct queued_job *queued = malloc(sizeof *queued);
    // There is no way to say so: a task that never runs would hang instead.
    if (queued == NULL) abort();
    *queued = (struct queued_job){.job = job};
    pthread_mutex_lock(&jobs_lock);
    *last_job = queued;
    last_job = &queued->next;
    pthread_cond_signal(&jobs_come);
    pthread_mutex_unlock(&jobs_lock);
}

static void *run_jobs(void *context) {
    (void)context;
    for (;;) {
        pthread_mutex_lock(&jobs_lock);
        while (first_job == NULL) pthread_cond_wait(&jobs_come, &jobs_lock);
        struct queued_job *queued = first_job;
        first_job = queued->next;
        if (first_job == NULL) last_job = &first_job;
        pthread_mutex_unlock(&jobs_lock);
        void *job = queued->job;
        free(queued);
        swift_job_run(job, (struct executor){0});
    }
    return NULL;
}

int32_t cls_own_task_threads(int32_t count) {
    for (int32_t index = 0; index < count; index++) {
        int32_t result = cls_thread_start("tasks", 1 << 20, run_jobs, NULL);
        if (result < 0) return result;
    }
    swift_task_enqueueGlobal_hook = (void *)enqueue_job;
    return 0;
}

int32_t cls_thread_id(void) { return gettid(); }
