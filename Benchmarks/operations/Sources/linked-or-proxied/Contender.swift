// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage
import HostStorageClient
import HostStorageLinux
import Logging

/// One contender of `Benchmarks/operations/run`: it reads numbers, a line each, does its work as many times, and prints
/// the median of the times in microseconds.
///
/// Disks are named by their numbers.
///
///     linked-or-proxied linked KUBELET STATE WORK ARGUMENTS…
///     linked-or-proxied proxied SOCKETS      WORK ARGUMENTS…
@main
struct Contender {
    static func main() async {
        do {
            try await run()
        } catch {
            print("\(CommandLine.arguments.joined(separator: " ")): \(error)")
            fflush(nil)
            exit(1)
        }
    }

    private static func run() async throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let kind = arguments.removeFirst()
        let host: any StorageHost
        if kind == "proxied" {
            host = try HostStorageClient(pipeDirectory: arguments.removeFirst())
        } else {
            let settings = HostSettings(paths: try PathPolicy(roots: [arguments.removeFirst()]))
            var logger = Logger(label: "benchmark") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .error
            host = try await LinuxHost.open(settings, stateDirectory: arguments.removeFirst(), logger: logger)
        }
        let work = try await work(arguments, host)
        print("ready")
        fflush(nil)
        while let line = readLine(), let count = Int(line) {
            var times: [Duration] = []
            for _ in 0..<count { times.append(try await work()) }
            times.sort()
            let median = times[times.count / 2].components
            print(Double(median.seconds) * 1e6 + Double(median.attoseconds) / 1e12)
            fflush(nil)
        }
    }

    private typealias Work = () async throws -> Duration

    /// How long each part took that counts.
    private static func work(_ arguments: [String], _ host: any StorageHost) async throws -> Work {
        let clock = ContinuousClock()
        let name = arguments[0]
        let path = arguments[1]
        switch name {
        case "exists": return { try await clock.measure { _ = try await host.pathExists(path) } }
        case "is-mount": return { try await clock.measure { _ = try await host.isSymlink(path) } }
        case "volume-of": return { try await clock.measure { _ = try await host.volume(mountedAt: path) } }
        case "list-disks": return { try await clock.measure { _ = try await host.diskIdentifiers() } }
        case "mount":
            let volume = try await volume(of: arguments[2], host)
            return {
                try await clock.measure {
                    try await host.mountVolume(volume, at: path)
                    _ = try await host.unmountVolume(volume, from: path)
                }
            }
        case "stats":
            let volume = try await volume(of: arguments[2], host)
            try await host.mountVolume(volume, at: path)
            return { try await clock.measure { _ = try await host.volumeStats(volume) } }
        case "hold":
            // Mounts it, and says which volume it is: for others' questions.
            let volume = try await volume(of: arguments[2], host)
            try await host.mountVolume(volume, at: path)
            return { .zero }
        case "cycle":
            let volume = try await volume(of: arguments[2], host)
            let (stage, pod) = ("\(path)/stage", "\(path)/pod")
            try await host.makeDirectory(pod)
            return {
                try await clock.measure {
                    try await host.makeDirectory(stage)
                    try await host.mountVolume(volume, at: stage)
                    try await host.createSymlink(at: "\(pod)/link", to: stage)
                    _ = try await host.isSymlink("\(pod)/link")
                    try await host.remove("\(pod)/link", force: false)
                    _ = try await host.unmountVolume(volume, from: stage)
                    try await host.remove(stage, force: false)
                }
            }
        case "format":
            // A blank disk for each time.
            var disks = arguments.dropFirst(2)
            return {
                guard let disk = disks.popFirst() else { throw NoDisk() }
                let number = try number(disk)
                try await host.partitionDisk(number)
                let volumes = try await host.volumes(on: number, partition: nil)
                guard let volume = volumes.first else { throw NoDisk() }
                return try await clock.measure { try await host.formatVolume(volume) }
            }
        default: throw NoDisk()
        }
    }

    private struct NoDisk: Error {}

    private static func volume(of disk: String, _ host: any StorageHost) async throws -> VolumeID {
        let volumes = try await host.volumes(on: try number(disk), partition: nil)
        guard let volume = volumes.first else { throw NoDisk() }
        return volume
    }

    private static func number(_ text: String) throws -> DiskNumber {
        guard let number = UInt32(text) else { throw NoDisk() }
        return DiskNumber(number)
    }
}
