// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import Logging
import ProxyServer
import RPC
import StorageAccess

/// Invariants of every request, with any bytes (S11): it is answered, or refused with a status that is not `UNKNOWN`,
/// and a caller touches nothing but what its rule allows.
enum RequestInvariants {
    private static let root = "/var/lib/kubelet"
    private static let anyUID: UInt32 = 1
    private static let confined: UInt32 = 2

    static func check(method: Int, caller: UInt8, request: [UInt8]) async {
        do {
            try await tryAnswer(method: method, uid: UInt32(caller % 3 + 1), request)
        } catch {
            fatalError("the host in memory cannot be made: \(error)")
        }
    }

    private static func tryAnswer(method: Int, uid: UInt32, _ request: [UInt8]) async throws {
        let ours = try PathPolicy(roots: ["\(root)/ours"])
        // Nothing waits for anything here.
        var settings = HostSettings(paths: try PathPolicy(roots: [root]))
        settings.timeout = .seconds(1)
        let silent = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        let host = MemoryHost(backend: MemoryBackend(settings: settings), settings: settings, logger: silent)
        _ = try attach("mine", to: host)
        let theirs = Theirs(host: host, disk: try attach("theirs", to: host), file: "\(root)/theirs/file")
        for directory in ["ours", "theirs"] { try await host.makeDirectory("\(root)/\(directory)") }
        try host.backend.writeFile([1], at: theirs.file)
        let before = await theirs.state
        let policy = AccessPolicy(rules: [
            AccessRule(name: "all", uids: [anyUID]),
            AccessRule(
                name: "confined", uids: [confined], roots: ours,
                devices: [DevicePattern(page83: NamePattern("mine"))]),
        ])
        let access = AccessControl(policy: policy, paths: settings.paths, audit: silent)
        let row = method % RequestReplay.methodCount
        var status: StatusCode?
        do {
            _ = try await RequestReplay(access: access).answer(request, to: row, by: uid, host: host)
        } catch {
            guard let error = (error as? StorageError)?.status else {
                fatalError("\(type(of: error)) instead of a status")
            }
            precondition(error.code != .unknown && error.code != .internalError, "\(error)")
            precondition(!error.message.isEmpty && error.message.utf8.count < 4096, "\(error.message.utf8.count)")
            status = error.code
        }
        if uid == anyUID { return }
        let after = await theirs.state
        precondition(after == before, "what is another's has changed")
        if uid != confined { precondition(status == .permissionDenied, "\(String(describing: status))") }
    }

    /// The paths outside of the confined caller's rule.
    private struct Theirs {
        let host: MemoryHost
        let disk: DiskNumber
        let file: String

        var state: [String] {
            get async {
                let content = host.backend.content(of: disk).map { "\($0)" } ?? "no disk"
                let isOnline = (try? await host.diskState(disk)) == .online
                let bytes = (try? host.backend.readFile(at: file)).map { "\($0)" } ?? "no file"
                let mounts = host.backend.mounts.filter { !"\($0.key)/".utf8.starts(with: "\(root)/ours/".utf8) }
                return [content, "\(isOnline)", bytes] + mounts.map { "\($0.key): \($0.value)" }.sorted()
            }
        }
    }

    private static func attach(_ name: String, to host: MemoryHost) throws -> DiskNumber {
        try host.backend.attachDisk(
            size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]),
            identifiers: DiskIdentifiers(page83: name, serialNumber: name),
            location: DiskLocation(adapter: "0", bus: "0", target: "0", lun: "1"))
    }
}
