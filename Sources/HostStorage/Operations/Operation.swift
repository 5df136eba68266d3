// SPDX-License-Identifier: Apache-2.0

/// One call that changes the host: what it does and what no other call may touch meanwhile.
public struct Operation: Sendable, Hashable, CustomStringConvertible {
    /// A verb phrase: "format volume".
    public let name: String
    /// What it is done to and with, complete: two operations of equal name and subject are the same call.
    public let subject: String
    public let keys: Set<LockKey>
    /// Whether a second call may take the outcome of one that began before it. Not so where the call
    /// promises something of what its caller did just before: written data, an attached disk.
    public let isShared: Bool
    /// What its caller may reach. What one may do, another may not take for done.
    let confinement: CallConfinement?

    public init(
        _ name: String, _ subject: String, keys: Set<LockKey>, isShared: Bool = true,
        within confinement: CallConfinement? = nil
    ) {
        self.isShared = isShared
        self.confinement = confinement
        self.name = name
        self.subject = subject
        self.keys = keys
    }

    public static func == (a: Operation, b: Operation) -> Bool {
        a.name.isIdentical(to: b.name) && a.subject.isIdentical(to: b.subject) && a.keys == b.keys
            && a.isShared == b.isShared && a.confinement == b.confinement
    }

    public var description: String { subject.isEmpty ? name : "\(name) \(subject)" }
}

/// What an operation holds while it runs.
public enum LockKey: Sendable, Hashable {
    case disk(DiskNumber)
    case path(HostPath)
    /// The set of disks as a whole.
    case inventory
    case share(SMBShare)
    case service(ServiceName)
    case portal(ISCSIPortal)
    case target(ISCSITarget)
    /// What holds for all sessions of the host as an iSCSI initiator.
    case initiator
}
