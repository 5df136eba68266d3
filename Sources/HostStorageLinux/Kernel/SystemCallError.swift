// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

extension StorageError {
    /// The error of a failed system call or library function. `subject` is the path, device or tool.
    init(errno code: Int32, _ call: String, _ subject: String = "") {
        self.init(
            Code(errno: code), Self.text(errno: code, call), subject: subject,
            cause: .systemCall(call, errno: code, text: String(cString: strerror(code))))
    }

    private static func text(errno code: Int32, _ call: String) -> String {
        switch code {
        case ENOENT: "it does not exist"
        case EEXIST: "it exists already"
        case ELOOP: "a symbolic link is in the way"
        case ENOTDIR: "something that is no directory is in the way"
        case EISDIR: "it is a directory"
        case ENOTEMPTY: "the directory is not empty"
        case EXDEV: "a mount is in the way"
        case EPERM where changing.contains(call):
            "the kernel does not permit it: it or its directory is immutable or append-only (lsattr shows which), or this "
                + "process lacks the rights"
        case EPERM, EACCES: "the kernel does not permit it"
        case EROFS: "it is read-only"
        case ETXTBSY: "it is in use as swap or by a program that runs from it"
        case EBUSY: "it is in use"
        case ENOSPC: "there is no space left for it"
        case EDQUOT: "the quota for it is used up"
        case EFBIG: "it would be larger than its filesystem allows"
        case EMFILE: "this process has as many files open as it may (ulimit -n)"
        case ENFILE: "this machine has as many files open as it can"
        case ENOMEM: "there is no memory left for it"
        case EAGAIN: "the kernel cannot do it now"
        case ENAMETOOLONG: "a name in it is too long"
        case ENODEV, ENXIO: "its device has gone, or has no medium"
        case EIO, EREMOTEIO, ENODATA, EBADMSG:
            writing.contains(call) ? "it cannot be written: its device fails" : "it cannot be read: its device fails"
        case EUCLEAN: "its filesystem is damaged"
        case ESTALE: "its server does not know it any more"
        case ENOTCONN: "the program that serves its filesystem has ended"
        case ENOSYS, EOPNOTSUPP, ENOTTY: "this kernel or its filesystem cannot do it"
        case ETIMEDOUT, EHOSTDOWN: "it has not answered in time"
        default: "it failed"
        }
    }

    /// Calls whose failure is one to write.
    private static let writing: Set = [
        "write", "pwrite", "fsync", "syncfs", "ftruncate", "rename", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
        "symlinkat", "fchmod", "BLKZEROOUT", "BLKDISCARD", "fdisk_write_disklabel", "EXT4_IOC_RESIZE_FS",
        "BTRFS_IOC_RESIZE",
        "XFS_IOC_FSGROWFSDATA",
    ]
    /// Calls that change a file or a directory.
    private static let changing: Set = [
        "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "rename", "symlinkat", "fchmod", "ftruncate",
    ]
}

extension StorageError.Code {
    fileprivate init(errno code: Int32) {
        self =
            switch code {
            case ENOENT, ENODEV, ENXIO: .notFound
            case EEXIST: .alreadyExists
            case EPERM, EACCES: .denied
            case EBUSY, ETXTBSY: .busy
            case ELOOP, ENOTDIR, EISDIR, ENOTEMPTY, EROFS, EXDEV: .failedPrecondition
            case ENAMETOOLONG: .invalidArgument
            case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM: .exhausted
            case ENOSYS, EOPNOTSUPP, ENOTTY: .unsupported
            case EIO, EREMOTEIO, ESTALE, ENOTCONN, EHOSTDOWN, ENODATA, EBADMSG, EUCLEAN: .inputOutput
            case ETIMEDOUT: .deadlineExceeded
            default: .internalError
            }
    }
}

/// Passes the result of a ``CLinuxStorage`` function or of a C library that returns -errno on, or throws
/// the error that it stands for.
@discardableResult
func check<Result: SignedInteger>(
    _ result: Result, _ call: String, _ subject: @autoclosure () -> String = ""
) throws(StorageError) -> Result {
    guard result < 0 else { return result }
    throw StorageError(errno: Int32(-result), call, subject())
}

/// The same for the C library's own convention: -1, and the reason in `errno`.
@discardableResult
func checkErrno<Result: SignedInteger>(
    _ result: Result, _ call: String, _ subject: @autoclosure () -> String = ""
) throws(StorageError) -> Result {
    guard result < 0 else { return result }
    throw StorageError(errno: errno, call, subject())
}

extension StorageError {
    func held(by holders: [Holder]) -> StorageError {
        var error = self
        error.holders = holders
        return error
    }
}
