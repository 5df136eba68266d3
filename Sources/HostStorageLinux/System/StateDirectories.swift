// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Makes a directory for this layer's own files, with those above it, open to nobody else.
func makeDirectories(_ directory: String) throws(StorageError) {
    var path = ""
    for name in directory.split(separator: "/") {
        path += "/\(name)"
        if mkdir(path, 0o700) < 0 {
            if errno == EEXIST { continue }
            throw StorageError(errno: errno, "mkdir", path)
        }
        // Its own name is to survive a crash as well.
        let parent = try Descriptor(opening: "\(path)/..", O_RDONLY | O_DIRECTORY)
        try checkErrno(fsync(parent.raw), "fsync", path)
    }
}
