// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageLinux
import HostStorageTestKit
import Logging
import LoopDisks
import SambaServer
import Synchronization
import Testing

/// A host of the kernel's cifs and a Samba server; both in the virtual machine.
final class SambaRig: SMBRig {
    let host: any StorageHost
    let root: String
    private let scratch: ScratchDirectory
    private let server: SambaServer
    private let directories = Mutex<[String: String]>([:])

    init(_ scenario: Scenario) throws {
        scratch = try ScratchDirectory()
        root = "\(scratch.path)/kubelet"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        server = try SambaServer()
        var settings = HostSettings(paths: try PathPolicy(roots: [root]))
        settings.requiresSMBEncryption = scenario.encryptsShares
        let logger = Logger(label: "conformance", factory: { _ in SwiftLogNoOpLogHandler() })
        host = LocalHost(
            backend: try LinuxBackend(settings: settings, stateDirectory: "\(scratch.path)/state", logger: logger),
            settings: settings, logger: logger)
    }

    func tearDown() {
        for mount in shareMounts() { _ = try? Command.run("umount", "--lazy", mount) }
    }

    // MARK: - The server

    func addShare(for account: Account?) throws -> String {
        let user = account.map { String($0.user.split(separator: "\\").last ?? "") }
        if let account, let user { try server.setPassword(account.password, of: user) }
        let name = user.map { "share-of-\($0)" } ?? "share"
        let remote = #"\\\#(server.address)\\#(name)"#
        let directory = try server.addShare(name, for: user)
        directories.withLock { $0[remote] = directory }
        return remote
    }

    func setPassword(_ password: String, of user: String, on remote: String) throws {
        try server.setPassword(password, of: String(user.split(separator: "\\").last ?? ""))
    }

    func setReachable(_ remote: String, _ isReachable: Bool) throws {
        if isReachable { try server.start() } else { server.stop() }
    }

    func writeFile(_ text: String, named name: String, in remote: String) throws {
        try text.write(toFile: try path(name, in: remote), atomically: false, encoding: .utf8)
    }

    func readFile(named name: String, in remote: String) throws -> String? {
        try? String(contentsOfFile: try path(name, in: remote), encoding: .utf8)
    }

    func addDirectory(_ name: String, in remote: String) throws {
        try FileManager.default.createDirectory(
            atPath: try path(name, in: remote), withIntermediateDirectories: false)
    }

    private func path(_ name: String, in remote: String) throws -> String {
        "\(try #require(directories.withLock { $0[remote] }))/\(name)"
    }

    // MARK: - The host

    func mountedShares() throws -> Int { shareMounts().count }

    private func shareMounts() -> [String] {
        MountedPlaces.all().filter { $0.type == "cifs" && $0.target.hasPrefix("\(root)/") }.map(\.target)
    }

    func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    func putLink(to target: String, at path: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    // Its scenarios have no disks.

    func attachDisk(_ content: DiskContent, size: Int64) throws -> DiskNumber { throw CommandFailed("no disks here") }
    func growDisk(_ disk: DiskNumber, to size: Int64) throws { throw CommandFailed("no disks here") }
    func silenceDisk(_ disk: DiskNumber) throws { throw CommandFailed("no disks here") }
    func fingerprint(of disk: DiskNumber) throws -> String { throw CommandFailed("no disks here") }
    func table(of disk: DiskNumber) throws -> TableSummary? { throw CommandFailed("no disks here") }
}
