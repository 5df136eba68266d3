// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Checks of filesystems that are not mounted, by their own tools.
enum FilesystemCheck {
    private static let deadline: Duration = .seconds(600)

    /// Whether the filesystem is without faults. Changes nothing.
    static func isClean(_ volume: OpenVolume, type: String) async throws(StorageError) -> Bool {
        let (tool, arguments): (ChildProgram, [String]) =
            switch type {
            case "ext2", "ext3", "ext4": (try ChildProgram("e2fsck", package: "e2fsprogs"), ["-f", "-n"])
            case "xfs": (try ChildProgram("xfs_repair", package: "xfsprogs"), ["-n"])
            case "btrfs": (try ChildProgram("btrfs", package: "btrfs-progs"), ["check", "--readonly"])
            case "ntfs": (try ChildProgram("ntfsfix", package: "ntfs-3g"), ["-n"])
            case "exfat": (try ChildProgram("fsck.exfat", package: "exfatprogs"), ["-n"])
            default:
                throw StorageError(
                    .unsupported, "a filesystem of type \(type) cannot be checked", subject: volume.device.path)
            }
        return try await tool.run(
            arguments + [Confinement.path(of: volume.device)], on: volume, deadline: deadline
        ).status == 0
    }

    /// Why the filesystem wants to be checked before it is mounted; nil where it does not. A journal that is
    /// to be replayed is no reason: the kernel does that when it mounts.
    static func reason(_ volume: OpenVolume, type: String) throws(StorageError) -> String? {
        guard ["ext2", "ext3", "ext4"].contains(type) else { return nil }
        // Linux: Documentation/filesystems/ext4/super.rst, s_state and s_feature_incompat
        let bytes = try volume.descriptor.bytes(at: 1024, count: 1024, volume.device.path)
        let (state, needsRecovery) = (bytes.little(0x3A, 2), bytes.little(0x60, 4) & 0x4 != 0)
        if state & 0x2 != 0 { return "the kernel found errors in it" }
        if state & 0x1 == 0, !needsRecovery { return "it was not unmounted" }
        return nil
    }

    /// Repairs what can be repaired without a person's decision (e2fsck(8), -p). The device is in nobody's
    /// use and its disk's lock is held.
    static func preen(_ volume: OpenVolume) async throws(StorageError) -> CheckStatus {
        let (status, output) = try await ChildProgram("e2fsck", package: "e2fsprogs")
            .run(["-p", Confinement.path(of: volume.device)], on: volume, deadline: deadline)
        let outcome = CheckStatus(rawValue: status)
        guard outcome.isMountable else {
            throw StorageError(
                .failedPrecondition, "it needs a check by hand: e2fsck says \(outcome)", subject: volume.device.path,
                cause: .program("e2fsck", status: status, output: output))
        }
        return outcome
    }
}

/// The exit status of a filesystem check, a sum of bits (fsck(8), "EXIT STATUS").
struct CheckStatus: OptionSet, Sendable, Hashable, CustomStringConvertible {
    let rawValue: Int32

    static let corrected = CheckStatus(rawValue: 1)
    static let wantsRestart = CheckStatus(rawValue: 2)
    static let leftErrors = CheckStatus(rawValue: 4)
    static let operationalError = CheckStatus(rawValue: 8)
    static let usageError = CheckStatus(rawValue: 16)
    static let cancelled = CheckStatus(rawValue: 32)
    static let libraryError = CheckStatus(rawValue: 128)

    /// Nothing was wrong, or what was is no more. Of a filesystem that is not mounted, nothing in memory is
    /// out of date, so that the machine need not restart.
    var isMountable: Bool { isSubset(of: [.corrected, .wantsRestart]) }

    var description: String {
        let meanings: [(CheckStatus, String)] = [
            (.corrected, "errors were corrected"), (.wantsRestart, "the machine should restart"),
            (.leftErrors, "errors were left uncorrected"), (.operationalError, "it could not do its work"),
            (.usageError, "it was called in a wrong way"), (.cancelled, "it was cancelled"),
            (.libraryError, "a shared library failed"),
        ]
        var texts = meanings.filter { contains($0.0) }.map(\.1)
        let known = meanings.reduce(into: CheckStatus()) { $0.formUnion($1.0) }
        let rest = subtracting(known).rawValue
        if rest != 0 { texts.append("status bits \(rest)") }
        return texts.isEmpty ? "no errors" : texts.joined(separator: ", ")
    }
}
