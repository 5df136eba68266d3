// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import Testing

/// A host in memory; takes no privileges.
struct MemoryRig: SMBRig, SystemRig, ISCSIRig {
    let root = "/var/lib/kubelet"
    let memory: MemoryHost

    init(_ scenario: Scenario? = nil) throws {
        var settings = HostSettings(paths: try PathPolicy(roots: [root]))
        settings.requiresSMBEncryption = scenario?.encryptsShares ?? true
        settings.changeableServices = [try ServicePattern("conformance-*")]
        memory = MemoryHost(settings: settings)
        backend.setBIOSSerialNumber("VMware-42 02 e9 7c")
    }

    var host: any StorageHost { memory }
    private var backend: MemoryBackend { memory.backend }

    func attachDisk(_ content: DiskContent, size: Int64) throws -> DiskNumber {
        try backend.attachDisk(size: size, content: content)
    }

    func growDisk(_ disk: DiskNumber, to size: Int64) { backend.growDisk(disk, to: size) }

    func silenceDisk(_ disk: DiskNumber) { backend.setAnswering(disk, false) }

    func fingerprint(of disk: DiskNumber) throws -> String { "\(try #require(backend.content(of: disk)))" }

    func table(of disk: DiskNumber) throws -> TableSummary? {
        switch try #require(backend.content(of: disk)) {
        case .gpt(let partitions): TableSummary(kind: "gpt", partitions: partitions.count)
        case .mbr(let partitions): TableSummary(kind: "dos", partitions: partitions.count)
        default: nil
        }
    }

    func write(_ text: String, to path: String) throws { try backend.writeFile(Array(text.utf8), at: path) }

    func read(_ path: String) throws -> String { String(decoding: try backend.readFile(at: path), as: UTF8.self) }

    func putLink(to target: String, at path: String) throws { try backend.putLink(to: target, at: path) }

    // MARK: - Shares

    func addShare(for account: Account?) throws -> String {
        let remote = #"\\server\share"# + (account.map { "-\($0.user.utf8.count)" } ?? "-guests")
        try backend.addShare(
            remote, accounts: account.map { [$0.user: $0.password] } ?? [:], admitsGuests: account == nil)
        return remote
    }

    func setPassword(_ password: String, of user: String, on remote: String) throws {
        try backend.setPassword(password, of: user, on: remote)
    }

    func setReachable(_ remote: String, _ isReachable: Bool) throws { try backend.setReachable(remote, isReachable) }

    func writeFile(_ text: String, named name: String, in remote: String) throws {
        try backend.writeFile(Array(text.utf8), named: name, in: remote)
    }

    func readFile(named name: String, in remote: String) throws -> String? {
        try backend.readFile(named: name, in: remote).map { String(decoding: $0, as: UTF8.self) }
    }

    func addDirectory(_ name: String, in remote: String) throws {
        try backend.writeFile(nil, named: name, in: remote)
    }

    func mountedShares() -> Int { backend.mountedShares.count }

    // MARK: - Services

    func biosSerialNumber() -> String? { "VMware-42 02 e9 7c" }

    func addService(_ service: TestService) {
        backend.addService(
            service.name, displayName: service.displayName, startType: service.startType,
            requires: Set(service.requires), failsToStart: service.failsToStart)
    }

    func stoppedServices() -> [ServiceName] { backend.stoppedServices }

    // MARK: - Targets

    func addTarget(chap: CHAP?, mutual: CHAP?) throws -> ISCSITarget {
        let target = ISCSITarget(
            try ISCSIName("iqn.2001-04.com.example:storage"), at: try ISCSIPortal(address: "127.0.0.1"))
        backend.addTarget(target, chap: chap, mutualSecret: mutual?.secret)
        return target
    }

    func tearDown() {}
}
