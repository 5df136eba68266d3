// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Foundation
import Glibc
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// The reading of the kernel's table of mounts, by its text.
@Suite struct MountTextTests {
    private static func mount(_ line: String) -> Mount? { MountTable.parse(Array("\(line)\n".utf8)).first }

    @Test func aLineIsReadInFull() throws {
        let mount = try #require(
            Self.mount("36 35 98:3 /part /place rw,noatime shared:1 master:2 - ext4 /dev/root ro,errors=remount-ro"))
        #expect(mount.id == 36 && mount.parent == 35)
        #expect(mount.device == DeviceNumber(major: 98, minor: 3))
        #expect(mount.root == "/part" && mount.target == "/place")
        #expect(mount.type == "ext4" && mount.source == "/dev/root")
        for option in ["rw", "noatime", "ro", "errors=remount-ro"] { #expect(mount.options.contains(option)) }
        #expect(!mount.options.contains("errors"))
        #expect(mount.isReadOnly && mount.isReadOnlyFilesystem)
    }

    /// A mount that is read-only of a filesystem that is not; and an option that ends in "ro".
    @Test func readOnlyIsAnOptionOfItsOwn() throws {
        let bind = try #require(Self.mount("1 2 8:1 / /a ro,relatime - ext4 /dev/sda1 rw"))
        #expect(bind.isReadOnly && !bind.isReadOnlyFilesystem)
        let writable = try #require(Self.mount("1 2 8:1 / /a rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro"))
        #expect(!writable.isReadOnly && !writable.isReadOnlyFilesystem)
    }

    @Test func namesAreUnescaped() throws {
        let mount = try #require(
            Self.mount(#"1 2 0:40 /a\040b /x\134y\011z\012 rw - fuse.sshfs host:/with\040blank rw,subvol=/a\040b"#))
        #expect(mount.root == "/a b" && mount.target == "/x\\y\tz\n")
        #expect(mount.type == "fuse.sshfs" && mount.source == "host:/with blank")
        #expect(mount.isWhole)
    }

    @Test func noTagSeveralTagsAndNoOptions() throws {
        #expect(Self.mount("1 2 0:4 / /proc rw - proc proc rw")?.type == "proc")
        #expect(
            Self.mount("1 2 0:4 / /a rw shared:7 master:8 propagate_from:9 unbindable - tmpfs tmpfs rw")?.source
                == "tmpfs")
        #expect(Self.mount("1 2 0:4 / /a rw - tmpfs ")?.source == "")
        #expect(Self.mount("1 2 0:4 / /a//deleted rw - tmpfs tmpfs rw")?.target == "/a")
    }

    @Test(arguments: [
        "", "1 2", "x 2 0:4 / /a rw - proc proc rw", "1 2 04 / /a rw - proc proc rw", "1 2 0:4 / /a rw proc proc rw rw",
    ])
    func whatIsNoLineIsNoMount(_ text: String) { #expect(Self.mount(text) == nil) }
}

extension RealDiskTests {
    /// The table that is kept, and what the kernel tells of changes of it.
    @Suite(.timeLimit(.minutes(5))) struct KeptMountTableTests {
        private static func isMounted(_ place: String, in table: KeptMountTable) throws -> Bool {
            try table.mounts().contains { $0.target == place }
        }

        @Test func aMountThatComesMovesOrGoesIsSeen() throws {
            let table = KeptMountTable("/proc/self/mountinfo")
            let scratch = try ScratchDirectory()
            let (place, other) = ("\(scratch.path)/a", "\(scratch.path)/b")
            for directory in [place, other] { try Command.run("mkdir", directory) }
            #expect(try !Self.isMounted(place, in: table))
            try Command.run("mount", "-t", "tmpfs", "none", place)
            defer { for place in [place, other] { _ = try? Command.run("umount", place) } }
            let mount = try #require(try table.mounts().first { $0.target == place })
            #expect(try table.mount(mount.id) == mount)
            #expect(try table.mounts(on: [place, "/nowhere"]) == [mount])
            try Command.run("mount", "-o", "remount,ro", place)
            #expect(try #require(try table.mount(mount.id)).isReadOnly)
            try Command.run("mount", "--move", place, other)
            #expect(try !Self.isMounted(place, in: table))
            #expect(try Self.isMounted(other, in: table))
            try Command.run("umount", other)
            #expect(try !Self.isMounted(other, in: table))
            #expect(try table.mount(mount.id) == nil)
        }

        /// The devices of mounts, those whose number the table does not have included.
        @Test func itFindsTheMountsOfADevice() async throws {
            for kind in [FilesystemKind.ext4, .btrfs] {
                let linked = try LinkedHost(kind)
                let disk = try LoopDisk(size: 256 << 20)
                let (volume, place) = (try await linked.formattedVolumes(on: [disk])[0], linked.path("staging"))
                try await linked.host.makeDirectory(place)
                let device = try #require(try Sysfs.device("/sys/class/block/\(disk.name)p1/dev"))
                #expect(try KeptMountTable.own.mounts(of: device).isEmpty)
                try await linked.host.mountVolume(volume, at: place)
                #expect(try KeptMountTable.own.mounts(of: device).map(\.target) == [place])
                #expect(try KeptMountTable.own.mounts(of: device) == MountTable.mounts(of: device))
                try await linked.host.unmountVolume(volume, from: place)
                #expect(try KeptMountTable.own.mounts(of: device).isEmpty)
            }
        }

        /// A renamed directory above a mount is no change of the table, and the text of the place is an old one then.
        @Test func aVolumeIsFoundBelowADirectoryThatWasRenamed() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let (before, after) = (linked.path("before"), linked.path("after"))
            try await linked.host.makeDirectory("\(before)/staging")
            try await linked.host.mountVolume(volume, at: "\(before)/staging")
            #expect(try await linked.host.volume(mountedAt: "\(before)/staging") == volume)
            let stats = try await linked.host.volumeStats(volume)
            try FileManager.default.moveItem(atPath: before, toPath: after)
            #expect(try await linked.host.volume(mountedAt: "\(after)/staging") == volume)
            #expect(try await linked.host.volume(closestTo: "\(after)/staging") == volume)
            #expect(try await linked.host.volumeStats(volume) == stats)
            // Another directory has the old name.
            try await linked.host.makeDirectory("\(before)/staging")
            await #expect(throws: StorageError.self) {
                try await linked.host.volume(mountedAt: "\(before)/staging")
            }
            #expect(try await linked.host.volumeStats(volume) == stats)
            try await linked.host.mountVolume(volume, at: "\(after)/staging")
            #expect(try await linked.host.unmountVolume(volume, from: "\(after)/staging") == .released)
        }
    }
}
