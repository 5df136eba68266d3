// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Mounts the root of a share by the kernel's cifs (mount.cifs(8); with the mount API, Linux 5.11). The password goes to
/// the kernel alone: it stands in no command line and in no table of mounts.
enum ShareMount {
    /// The parameters of a share's mount.
    struct Request: Sendable {
        let share: SMBShare
        /// Nil for a guest.
        let credentials: SMBCredentials?
        /// Whether all that goes over the wire is to be encrypted.
        let isEncrypted: Bool
    }

    /// The root of the share, attached nowhere.
    static func detached(_ request: Request) throws(StorageError) -> Descriptor {
        // MS-SMB2 3.2.5.3.1: the session of a guest has no key to encrypt with.
        guard request.credentials != nil || !request.isEncrypted else {
            throw StorageError(
                .denied, "what a guest sends and receives cannot be encrypted, and this host requires it",
                subject: "\(request.share)")
        }
        let context = try MountContext("cifs", "\(request.share)")
        let address = try ServerAddress.find(request.share.server)
        do throws(StorageError) {
            try set(request, address, on: context)
            // No links: a client that can write to the share could make one that leads anywhere on this host.
            return try context.mount(
                attributes: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW))
        } catch {
            throw explained(error, request)
        }
    }

    private static func set(
        _ request: Request, _ address: String, on context: borrowing MountContext
    ) throws(StorageError) {
        let server = request.share.server
        let host = server.contains(":") && !server.hasPrefix("[") ? "[\(server)]" : server
        try context.set("source", "//\(host)/\(request.share.name)")
        try context.set("ip", address)
        if let credentials = request.credentials {
            try context.set("user", credentials.user)
            if let domain = credentials.domain { try context.set("domain", domain) }
            try context.set("pass", credentials.password.revealed)
        } else {
            try context.set("sec", "none")
        }
        if request.isEncrypted {
            // Encryption came with 3.0; without this, the kernel would take 2.1 and then not know why it fails.
            try context.set("vers", "3")
            try context.set("seal")
        }
        // Names of the share and in it are Unicode on the wire. Without this the kernel converts them to its built-in
        // encoding, for most kernels Latin-1 or ASCII: it reads other names as question marks and sends them garbled.
        try context.set("iocharset", "utf8")
        // The kernel counts files itself. A server's own numbers are not one file's alone where a share spans several
        // of its disks, and then the kernel takes one file's cached content for another's.
        try context.set("noserverino")
        // A connection of its own. Shared ones are shared with sessions whose password is no longer right and with
        // servers that have gone away, and then a correct mount fails too.
        try context.set("nosharesock")
        // The server decides access, by the user of the mount; here, pods run as any user.
        try context.set("file_mode", "0777")
        try context.set("dir_mode", "0777")
    }

    /// The meaning of the kernel's errors in a mount of a share.
    private static func explained(_ error: StorageError, _ request: Request) -> StorageError {
        guard case .systemCall(_, let code, _)? = error.cause else { return error }
        var error = error
        let user = request.credentials.map { "\($0.name) with this password" } ?? "a guest"
        switch code {
        case EACCES, EPERM, EKEYEXPIRED, EKEYREVOKED, EKEYREJECTED, ENOKEY:
            (error.code, error.detail) = (.denied, "the server refuses \(user)")
        case EOPNOTSUPP where request.isEncrypted:
            (error.code, error.detail) = (.denied, "the server does not encrypt, and this host requires it")
        case ELIBACC:
            error.code = .unsupported
            error.detail =
                "this machine's kernel has no table for names in UTF-8 (nls_utf8), neither built in nor as a module"
        case ENOENT, ENXIO:
            (error.code, error.detail) = (.notFound, "the server has no such share")
        case ECONNREFUSED, ECONNRESET, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENOTCONN, ETIMEDOUT, EAGAIN:
            (error.code, error.detail) = (.unavailable, "the server does not answer")
        default: break
        }
        return error
    }
}
