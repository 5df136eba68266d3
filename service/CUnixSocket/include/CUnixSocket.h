// SPDX-License-Identifier: Apache-2.0
//
// The few calls about sockets and users whose structs Swift could fill only through unsafe pointers. Every function returns
// a value >= 0 or -errno.
#ifndef CUNIXSOCKET_H
#define CUNIXSOCKET_H
#include <stdint.h>

/// socket, bind, lchown, chmod, listen: a listening stream socket at `path`, which must not exist; an owner of
/// UINT32_MAX stays. `file` becomes an O_PATH descriptor of its file, which keeps the file's inode number from
/// being given to another.
int32_t cus_listen(const char *_Nonnull path, uint32_t uid, uint32_t gid, uint32_t mode, int32_t backlog,
                   int32_t *_Nonnull file);
/// 1 where a server listens at `path`, 0 where a socket file is there and nothing listens, -ENOTSOCK where
/// something else is there, -ENOENT where nothing is.
int32_t cus_is_live(const char *_Nonnull path);
/// Removes `path` if it still is the file open as `file`.
int32_t cus_remove(const char *_Nonnull path, int32_t file);
/// Opens a directory and takes its lock, waiting for it. Closing the descriptor releases it.
int32_t cus_lock_directory(const char *_Nonnull path);
/// SO_PEERCRED (unix(7)).
int32_t cus_peer(int32_t descriptor, int32_t *_Nonnull pid, uint32_t *_Nonnull uid, uint32_t *_Nonnull gid);
/// SO_PEERGROUPS: the peer's supplementary groups, and how many there are, which may be more than `capacity`;
/// then none is filled in.
int32_t cus_peer_groups(int32_t descriptor, uint32_t *_Nonnull groups, int32_t capacity);
/// The number of a user, or of a group, by its name (getpwnam_r, getgrnam_r); -ENOENT where there is none.
int32_t cus_account(const char *_Nonnull name, int32_t is_group, uint32_t *_Nonnull id);
#endif
