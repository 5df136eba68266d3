// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

extension RealDiskTests {
    @Suite struct FilesystemTests {
        @Test(arguments: FilesystemKind.allCases)
        func everyFilesystemIsMadeOnceMountedAndKeepsItsData(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            #expect(try Command.run("blkid", "-p", "-o", "value", "-s", "TYPE", disk.partition()) == kind.rawValue)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            for text in ["first", "second"] {
                try await linked.host.mountVolume(volume, at: place)
                #expect(try await linked.host.volume(mountedAt: place) == volume)
                let stats = try await linked.host.volumeStats(volume)
                #expect(stats.totalBytes > 1000 << 20 && stats.totalBytes <= 1 << 30 && stats.usedBytes > 0)
                try text.write(toFile: "\(place)/\(text)", atomically: false, encoding: .utf8)
                try await linked.host.flushVolume(volume)
                #expect(try String(contentsOfFile: "\(place)/first", encoding: .utf8) == "first")
                try await linked.host.unmountVolume(volume, from: place)
                #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
                await expectError(.failedPrecondition, kind.rawValue) { try await linked.host.formatVolume(volume) }
            }
        }
    }
}
