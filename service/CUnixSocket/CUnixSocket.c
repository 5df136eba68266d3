// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "include/CUnixSocket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fill(struct sockaddr_un *address, const char *path) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    return 0;
}

static int32_t fail_closing(int descriptor) {
    int code = errno;
    close(descriptor);
    return -code;
}

int32_t cus_listen(const char *path, uint32_t uid, uint32_t gid, uint32_t mode, int32_t backlog, int32_t *file) {
    struct sockaddr_un address;
    int result = fill(&address, path);
    if (result < 0) return result;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) return fail_closing(descriptor);
    *file = -1;
    // The owner first: the mode must not let the group of the former owner connect.
    if (lchown(path, uid, gid) < 0 || chmod(path, mode) < 0 || listen(descriptor, backlog) < 0 ||
        (*file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC)) < 0) {
        result = fail_closing(descriptor);
        unlink(path);
        return result;
    }
    return descriptor;
}

int32_t cus_is_live(const char *path) {
    struct stat status;
    if (lstat(path, &status) < 0) return -errno;
    if (!S_ISSOCK(status.st_mode)) return -ENOTSOCK;
    struct sockaddr_un address;
    int result = fill(&address, path);
    if (result < 0) return result;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    result = connect(descriptor, (struct sockaddr *)&address, sizeof address);
    int code = errno;
    close(descriptor);
    if (result == 0 || code == EAGAIN) return 1;  // EAGAIN: its backlog is full, so it has one
    return code == ECONNREFUSED ? 0 : -code;
}

int32_t cus_remove(const char *path, int32_t file) {
    struct stat ours, there;
    if (fstat(file, &ours) < 0 || lstat(path, &there) < 0) return -errno;
    if (there.st_dev != ours.st_dev || there.st_ino != ours.st_ino) return -ESTALE;
    return unlink(path) < 0 ? -errno : 0;
}

int32_t cus_lock_directory(const char *path) {
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    return flock(descriptor, LOCK_EX) < 0 ? fail_closing(descriptor) : descriptor;
}

int32_t cus_peer(int32_t descriptor, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int32_t cus_peer_groups(int32_t descriptor, uint32_t *groups, int32_t capacity) {
    socklen_t size = (socklen_t)capacity * sizeof *groups;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        // ERANGE: there are more, and the size says how many.
        if (errno != ERANGE) return -errno;
    }
    return (int32_t)(size / sizeof *groups);
}

int32_t cus_account(const char *name, int32_t is_group, uint32_t *id) {
    // Entries of a directory service can be longer than any customary buffer.
    const size_t size = 1 << 20;
    char *buffer = malloc(size);
    if (!buffer) return -ENOMEM;
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    int code = is_group ? getgrnam_r(name, &group, buffer, size, &found_group)
                        : getpwnam_r(name, &user, buffer, size, &found_user);
    if (found_user) *id = user.pw_uid;
    if (found_group) *id = group.gr_gid;
    free(buffer);
    return found_user || found_group ? 0 : code ? -code : -ENOENT;
}
