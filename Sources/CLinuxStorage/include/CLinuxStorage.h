// SPDX-License-Identifier: Apache-2.0
//
// The system calls, ioctls and constants that Swift's Glibc module lacks, one function each and nothing
// clever. Every function returns a value >= 0 or -errno.
//
// This header includes <stdint.h> alone: a system header read here, with _GNU_SOURCE, would clash with
// the same header in the Glibc module.
#ifndef CLINUXSTORAGE_H
#define CLINUXSTORAGE_H
#include <stdint.h>

// openat2(2), Linux 5.6
enum : uint64_t {
    CLS_RESOLVE_NO_XDEV = 0x01,
    CLS_RESOLVE_NO_MAGICLINKS = 0x02,
    CLS_RESOLVE_NO_SYMLINKS = 0x04,
    CLS_RESOLVE_BENEATH = 0x08,
    CLS_RESOLVE_IN_ROOT = 0x10,
    CLS_RESOLVE_CACHED = 0x20,
};
extern const int32_t cls_O_PATH;
/// For open(2): a file without a name.
extern const int32_t cls_O_TMPFILE;
/// For open(2): past the page cache.
extern const int32_t cls_O_DIRECT;
int32_t cls_openat2(int32_t directory, const char *_Nonnull path, uint64_t flags, uint64_t resolve);

// statx(2), Linux 4.11; STATX_ATTR_MOUNT_ROOT and STATX_MNT_ID, Linux 5.8
struct cls_status {
    uint64_t mount_id, inode, size;
    // When it was made, where the filesystem keeps that; distinguishes a file from a later one with its inode number.
    int64_t birth_seconds;
    uint32_t birth_nanoseconds;
    uint32_t mode, device_major, device_minor, special_major, special_minor;
    int32_t is_mount_root, is_immutable, is_append_only;
};
int32_t cls_status_at(int32_t directory, const char *_Nonnull path, struct cls_status *_Nonnull out);
int32_t cls_status_of(int32_t descriptor, struct cls_status *_Nonnull out);

/// name_to_handle_at(2): the ID of the mount that the descriptor was opened in. Fails where the filesystem has no file
/// handles (proc, sysfs). The filesystem's server or device is not asked: a handle is made of what is in memory.
int32_t cls_mount_id(int32_t descriptor);

// makedev(3)
uint32_t cls_device_major(uint64_t device);
uint32_t cls_device_minor(uint64_t device);

int32_t cls_syncfs(int32_t descriptor);
/// flock(2) with LOCK_EX | LOCK_NB.
int32_t cls_try_lock(int32_t descriptor);
/// pipe2(2) with O_CLOEXEC: the reading end, and the writing end.
int32_t cls_pipe(int32_t ends[_Nonnull 2]);
/// memfd_create(2) with MFD_CLOEXEC, for the owner alone.
int32_t cls_memory_file(const char *_Nonnull name);
/// umount2(2) with UMOUNT_NOFOLLOW.
int32_t cls_unmount(const char *_Nonnull path);

/// open_tree(2), Linux 5.2: a copy of the mount that the descriptor is in, from there down, attached nowhere.
int32_t cls_mount_copy(int32_t descriptor, int32_t is_recursive);
/// mount_setattr(2), Linux 5.12. `propagation` is MS_PRIVATE and the like, or 0 for as it is.
int32_t cls_mount_change(int32_t mount, int32_t is_recursive, int32_t is_read_only, uint64_t propagation);
enum : uint64_t { CLS_MS_PRIVATE = 1 << 18, CLS_MS_SLAVE = 1 << 19, CLS_MS_SHARED = 1 << 20 };

/// prctl(2), PR_SET_DUMPABLE: no core dumps of this process, and no tracing by others without CAP_SYS_PTRACE.
int32_t cls_forbid_dumps(void);

/// Gives descriptors 0 to 2, where one is closed, /dev/null: else the next file that is opened, a disk perhaps, becomes
/// standard error.
int32_t cls_keep_standard_files(void);
/// Catches the signals that operators send, and all others that would end a process that does not expect them; for
/// programs that it starts they are what they were. SIGPIPE and SIGXFSZ are ignored.
int32_t cls_signals_catch(void);
/// The next signal caught, or 0 after that time; -1 for ever. For one thread.
int32_t cls_signal_next(int32_t milliseconds);
/// A detached thread.
int32_t cls_thread_start(const char *_Nonnull name, uint64_t stack, void *_Nullable (*_Nonnull work)(void *_Nullable),
                         void *_Nullable context);
/// gettid(2)
int32_t cls_thread_id(void);
/// From now on Swift's tasks run on so many threads of their own, and on none of libdispatch's. Before the first task.
int32_t cls_own_task_threads(int32_t count);

// Block devices: linux/fs.h, linux/blkpg.h, linux/loop.h
int32_t cls_block_size_bytes(int32_t descriptor, uint64_t *_Nonnull bytes);
int32_t cls_block_sector_size(int32_t descriptor);
int32_t cls_block_is_read_only(int32_t descriptor);
int32_t cls_block_set_read_only(int32_t descriptor, int32_t is_read_only);
/// BLKGETDISKSEQ, Linux 5.15
int32_t cls_block_disk_sequence(int32_t descriptor, uint64_t *_Nonnull sequence);
int32_t cls_block_flush_buffers(int32_t descriptor);
int32_t cls_partition_add(int32_t descriptor, int32_t number, int64_t start_bytes, int64_t length_bytes);
int32_t cls_partition_resize(int32_t descriptor, int32_t number, int64_t start_bytes, int64_t length_bytes);
int32_t cls_partition_delete(int32_t descriptor, int32_t number);

struct cls_loop_status {
    uint64_t backing_major, backing_minor, backing_inode, offset, size_limit;
    /// The device that the backing file is, where it is one; else 0:0, or the numbers above once more.
    uint64_t special_major, special_minor;
    char reference[64];
};
int32_t cls_loop_status(int32_t descriptor, struct cls_loop_status *_Nonnull out);
int32_t cls_loop_update_capacity(int32_t descriptor);
/// LOOP_CTL_GET_FREE on /dev/loop-control: the number of a device that has no file.
int32_t cls_loop_find_free(int32_t control);
/// LOOP_CONFIGURE, Linux 5.8, writable. The device loses its file, and the kernel its partitions, when the last
/// process closes it. `reference` is what the device then calls itself.
int32_t cls_loop_attach(int32_t descriptor, int32_t file, const char *_Nonnull reference);
int32_t cls_loop_detach(int32_t descriptor);

// Growing mounted filesystems; the descriptor is of any directory in them.
int32_t cls_ext4_grow(int32_t descriptor, uint64_t blocks);
int32_t cls_xfs_geometry(int32_t descriptor, uint32_t *_Nonnull block_size, uint64_t *_Nonnull data_blocks,
                         uint32_t *_Nonnull inode_percent);
int32_t cls_xfs_grow(int32_t descriptor, uint64_t data_blocks, uint32_t inode_percent);
/// Of one device of a btrfs, by its number in that filesystem.
int32_t cls_btrfs_grow_to_maximum(int32_t descriptor, uint64_t device);
int32_t cls_btrfs_device_size(int32_t descriptor, uint64_t device, uint64_t *_Nonnull bytes);
int32_t cls_btrfs_forget_name(const char *_Nonnull device);
/// The UUID by which the kernel knows the mounted filesystem: its own, or a passing one where it is a copy of another
/// that is mounted (Linux 6.7).
int32_t cls_btrfs_uuid(int32_t descriptor, uint8_t uuid[_Nonnull 16]);

/// A descriptor of a new mount namespace, in which /dev has one block device: the node at the path `node`, as `name`. Of
/// the other mounts it has those of the system's programs, /proc and /sys. It ends with the descriptor and the programs
/// in it. The calling thread itself stays where it is.
int32_t cls_confine(const char *_Nonnull node, const char *_Nonnull name, uint32_t device_major, uint32_t device_minor);

/// FITRIM of a mounted filesystem: the bytes that it has reported free.
int64_t cls_trim(int32_t descriptor);
/// FIFREEZE of a mounted filesystem. A process of its own, whose ID is the result, thaws it when the pipe's other end is
/// closed, as by the end of this process, and after that time at the latest. Its exit status is one of the below.
enum : int32_t {
    CLS_FREEZE_THAWED = 0,
    /// It was not frozen any more.
    CLS_FREEZE_GONE = 1,
    CLS_FREEZE_FAILED = 3,
    /// Its time was over, and it has thawed it.
    CLS_FREEZE_EXPIRED = 4,
};
int32_t cls_freeze(int32_t descriptor, const int32_t pipe[_Nonnull 2], int32_t milliseconds);
/// The exit status of a process of this one's, once it has ended.
int32_t cls_wait_for_exit(int32_t process);
#endif
