// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

extension StorageError {
    /// What a failed system call or library function comes to. `subject` is the path, device or tool.
    init(errno code: Int32, _ call: String, _ subject: String = "") {
        self.init(
            Code(errno: code), Self.text(errno: code), subject: subject,
            cause: .systemCall(call, errno: code, text: String(cString: strerror(code))))
    }

    private static func text(errno code: Int32) -> String {
        switch code {
        case ENOENT: "it does not exist"
        case ELOOP: "a symbolic link is in the way"
        case ENOTDIR: "something that is no directory is in the way"
        case EXDEV: "a mount is in the way"
        case EPERM, EACCES: "the kernel does not permit it"
        default: "it failed"
        }
    }
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
