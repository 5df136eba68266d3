// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The steps, each printed with the time that it took.
struct Job {
    let host: any StorageHost
    let device: String
    let file: String
    let kubelet: String

    func run() async throws {
        let staging = "\(kubelet)/plugins/kubernetes.io/csi/demo/globalmount"
        let pod = "\(kubelet)/pods/demo/volumes/kubernetes.io~csi/data"
        let target = "\(pod)/mount"
        let began = ContinuousClock.now

        let disk = try await step("list disks and identities") {
            let number = try Self.sequence(of: device)
            let disks = try await host.diskIdentifiers()
            guard let identifiers = disks[number] else { throw Failure("disk \(number) (\(device)) is not listed") }
            return (number, "\(disks.count) disks; \(device) is disk \(number), page 83 \(identifiers.page83)")
        }
        try await step("partition") {
            try await host.partitionDisk(disk)
            return ((), "")
        }
        let volume = try await step("list volumes") {
            let volumes = try await host.volumes(on: disk, partition: nil)
            guard let volume = volumes.first, volumes.count == 1 else {
                throw Failure("\(volumes.count) volumes, not 1")
            }
            return (volume, "\(volume)")
        }
        try await step("is it formatted?") {
            guard try await !host.isVolumeFormatted(volume) else { throw Failure("a blank volume is formatted") }
            return ((), "no")
        }
        try await step("format") {
            try await host.formatVolume(volume)
            guard try await host.isVolumeFormatted(volume) else { throw Failure("it is still not formatted") }
            return ((), "")
        }
        try await step("mount at the staging path") {
            try await host.makeDirectory(staging)
            try await host.mountVolume(volume, at: staging)
            return ((), staging)
        }
        try await step("link the target path to it") {
            try await host.makeDirectory(pod)
            try await host.createSymlink(at: target, to: staging)
            guard try await host.isSymlink(target) else { throw Failure("the target path is no link") }
            return ((), target)
        }
        try await step("write data through the target path") {
            try Self.write("data of the pod\n", to: "\(target)/data")
            return ((), "")
        }
        let before = try await step("statistics") {
            let stats = try await host.volumeStats(try await host.volume(mountedAt: target))
            return (stats, "\(stats.usedBytes >> 20) of \(stats.totalBytes >> 20) MiB used")
        }
        try await step("the disk grows, rescan") {
            guard truncate(file, off_t(try await host.diskSize(disk)) * 2) == 0 else {
                throw Failure("truncate failed")
            }
            try await host.rescanDisks()
            return ((), "\(try await host.diskSize(disk) >> 20) MiB")
        }
        try await step("resize while mounted") {
            try await host.resizeVolume(volume, to: .maximum)
            let stats = try await host.volumeStats(volume)
            guard stats.totalBytes > before.totalBytes else { throw Failure("it has not grown") }
            return ((), "\(before.totalBytes >> 20) to \(stats.totalBytes >> 20) MiB")
        }
        try await step("flush") {
            try await host.flushVolume(volume)
            return ((), "")
        }
        try await step("remove the target path") {
            try await host.remove(target, force: true)
            return ((), "")
        }
        try await step("unmount") {
            try await host.unmountVolume(volume, from: staging)
            try await host.remove(staging, force: true)
            return ((), "")
        }
        try await step("the disk goes offline") {
            let still = try await host.disk(of: volume)
            try await host.setDiskState(still, to: .offline)
            guard try await host.diskState(still) == .offline else { throw Failure("it is still online") }
            return ((), "")
        }
        print("  \(Self.milliseconds(began.duration(to: .now)))  in all")
    }

    private func step<Value>(_ name: String, _ work: () async throws -> (Value, String)) async throws -> Value {
        let began = ContinuousClock.now
        do {
            let (value, remark) = try await work()
            print("  \(Self.milliseconds(began.duration(to: .now)))  \(name)\(remark.isEmpty ? "" : ": \(remark)")")
            return value
        } catch {
            print("  FAILED      \(name)")
            throw error
        }
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let micros = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        let text = "\(micros / 1000).\(String(micros % 1000 + 1000).dropFirst().prefix(1)) ms"
        return String(repeating: " ", count: max(0, 10 - text.count)) + text
    }

    /// The disk's number as an attacher would know it: from the kernel.
    private static func sequence(of device: String) throws -> DiskNumber {
        let name = device.split(separator: "/").last.map(String.init) ?? device
        guard let file = fopen("/sys/block/\(name)/diskseq", "r") else { throw Failure("\(device) is no disk") }
        defer { fclose(file) }
        var number: UInt32 = 0
        while case let byte = fgetc(file), (0x30...0x39).contains(byte) { number = number * 10 + UInt32(byte - 0x30) }
        return DiskNumber(number)
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw Failure("\(path) cannot be written") }
        defer { fclose(file) }
        guard fputs(text, file) >= 0, fflush(file) == 0 else { throw Failure("\(path) cannot be written") }
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
