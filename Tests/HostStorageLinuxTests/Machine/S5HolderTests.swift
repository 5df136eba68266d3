// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// S5: a refusal for being busy names the holders. The holders here are devices stacked on a volume.
    @Suite struct S5HolderTests {
        @Test func aVolumeThatIsOpenAsLUKSNamesTheDecryptedDevice() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk.number)
            try Command.run("modprobe", "--all", "dm-crypt", "xts", "algif_skcipher")
            let speed = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
            try Command.run("sh", "-c", "printf secret | cryptsetup luksFormat -q \(speed) \(disk.partition()) -")
            try Command.run("sh", "-c", "printf secret | cryptsetup open \(disk.partition()) open-volume")
            defer { _ = try? Command.run("cryptsetup", "close", "open-volume") }
            let holder = try #require(Kernel.names(in: "\(disk.sysfs)/\(disk.name)1/holders").first)
            let before = try disk.digest()

            let error = await expectError(.busy, "device \(holder)") { try await linked.host.formatVolume(volume) }
            #expect(error?.holders == [.device(name: holder)])
            let luks = try Command.run("blkid", "-p", "-o", "value", "-s", "UUID", disk.partition())
            await expectError(.busy, "device \(holder)") {
                try await linked.host.formatVolume(volume, over: Signature(type: "crypto_LUKS", uuid: luks))
            }
            await expectError(.busy, "device \(holder)") {
                try await linked.host.setDiskState(disk.number, to: .offline)
            }
            #expect(try disk.digest() == before)

            try Command.run("cryptsetup", "close", "open-volume")
            await expectError(.failedPrecondition, "crypto_LUKS") { try await linked.host.formatVolume(volume) }
            try await linked.host.formatVolume(volume, over: Signature(type: "crypto_LUKS", uuid: luks))
        }
    }
}
