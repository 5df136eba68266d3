// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage
import Synchronization

/// What is at a place: a name in an open directory, and whether the mount on it works.
enum TargetLook {
    enum Sight {
        case absent, directory, file, special
        case link(String)
        case mounted(Mount)
        case dead(Mount, String)
        case silent(Mount)
    }

    static func sight(of path: HostPath, _ resolver: ConfinedPathResolver) throws(StorageError) -> Sight {
        guard !path.isRoot else {
            let root = try resolver.open(path, cls_O_PATH)
            guard try root.status("\(path)").isMountRoot, let mount = try root.mount() else { return .directory }
            return .mounted(mount)
        }
        do throws(StorageError) {
            let (parent, name) = try resolver.openParent(of: path)
            if let top = try MountTable.top(on: name, in: parent.descriptor, "\(path)") {
                return try health(of: top, on: name, in: parent.descriptor)
            }
            let status = try parent.descriptor.status(of: name, "\(path)")
            if status.isDirectory { return .directory }
            if status.isRegularFile { return .file }
            guard status.isLink else { return .special }
            return .link(try parent.descriptor.linkText(of: name, "\(path)"))
        } catch  where error.code == .notFound || error.isSystemCall(errno: ENOTDIR) {
            // Below a file there is nothing.
            return .absent
        }
    }

    /// Whether the topmost mount on a name works. A server or a program gets a second to answer.
    private static func health(
        of mount: Mount, on name: String, in directory: borrowing Descriptor
    ) throws(StorageError) -> Sight {
        guard mount.isServed else {
            let death = try MountHealth.visibleDeath(of: mount, on: name, in: directory)
            return death.map { .dead(mount, $0) } ?? .mounted(mount)
        }
        switch ServerAnswer.ask(name, in: directory, within: .seconds(1)) {
        case .works: return .mounted(mount)
        case .fails(let code): return .dead(mount, MountHealth.meaning(ofErrno: code) ?? "errno \(code)")
        case .isSilent: return .silent(mount)
        }
    }
}

/// Asks the server or program of a mounted filesystem, which may never answer.
private enum ServerAnswer: Sendable {
    case works
    case fails(errno: Int32)
    case isSilent

    /// The question has a thread of its own, which stays for as long as the kernel waits for the answer.
    static func ask(_ name: String, in directory: borrowing Descriptor, within time: DispatchTimeInterval) -> Self {
        let own = fcntl(directory.raw, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return .fails(errno: errno) }
        let answer = AnswerBox()
        DispatchQueue(label: "host-storage.target").async {
            var status = statvfs()
            let top = openat(own, name, cls_O_PATH | O_NOFOLLOW | O_CLOEXEC)
            let failed = top < 0 || fstatvfs(top, &status) < 0
            answer.give(failed ? .fails(errno: errno) : .works)
            if top >= 0 { close(top) }
            close(own)
        }
        return answer.wait(time) ?? .isSilent
    }
}

/// The place where one thread leaves an answer for another.
private final class AnswerBox: Sendable {
    private let answer = Mutex<ServerAnswer?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ answer: ServerAnswer) {
        self.answer.withLock { $0 = answer }
        given.signal()
    }

    func wait(_ time: DispatchTimeInterval) -> ServerAnswer? {
        _ = given.wait(timeout: .now() + time)
        return answer.withLock { $0 }
    }
}
