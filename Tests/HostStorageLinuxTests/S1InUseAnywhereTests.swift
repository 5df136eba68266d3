// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S1: a device that a process works on is in use, in any namespace, with or without a claim in the kernel.
    @Suite struct S1InUseAnywhereTests {
        /// A mount of a device in a mount namespace of its own. Unmounted when it ends, for a driver in user space would
        /// keep the namespace.
        private func mountElsewhere(_ device: String, _ options: String = "") throws -> HoldingProcess {
            try HoldingProcess(
                #"exec unshare --mount --propagation private sh -c 'mount \#(options) "$0" /mnt && cat; umount /mnt' "$0""#,
                device)
        }

        /// A formatted volume whose disk has become twice as large.
        private func grownVolume(
            _ kind: FilesystemKind
        ) async throws -> (linked: LinkedHost, disk: LoopDisk, volume: VolumeID) {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            try disk.grow(to: 1 << 30)
            try await linked.host.rescanDisks()
            return (linked, disk, volume)
        }

        private func table(_ disk: LoopDisk) throws -> String { try Command.run("sfdisk", "--dump", disk.device) }

        @Test func anNTFSThatIsMountedInAnotherNamespaceIsNotTouched() async throws {
            let (linked, disk, volume) = try await grownVolume(.ntfs)
            let holder = try mountElsewhere(disk.partition(), "-t ntfs-3g")
            let (before, content) = (try table(disk), try Command.run("cksum", disk.partition()))
            await expectError(.failedPrecondition, "mount namespace of process") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            #expect(try table(disk) == before)
            #expect(try Command.run("cksum", disk.partition()) == content)
            holder.end()
            try await linked.host.resizeVolume(volume, to: .maximum)
            #expect(try table(disk) != before)
        }

        @Test(arguments: [FilesystemKind.xfs, .btrfs])
        func aFilesystemThatIsMountedInAnotherNamespaceGrowsThere(_ kind: FilesystemKind) async throws {
            let (linked, disk, volume) = try await grownVolume(kind)
            let holder = try mountElsewhere(disk.partition())
            try await linked.host.resizeVolume(volume, to: .maximum)
            #expect(try await linked.host.volumeStats(volume).totalBytes > 1000 << 20)
            let seen = try Command.run(
                "nsenter", "--mount=/proc/\(holder.id)/ns/mnt", "--", "stat", "--file-system", "--format=%b %S", "/mnt")
            let figures = seen.split(separator: " ").compactMap { Int64($0) }
            #expect(figures[0] * figures[1] > 900 << 20)
            holder.end()
        }

        /// A filesystem that cannot grow mounted is refused, and its table stays; one that can has grown.
        @Test func anExt4ThatIsMountedInAnotherNamespaceIsGrownOrRefusedAsAWhole() async throws {
            let (linked, disk, volume) = try await grownVolume(.ext4)
            let holder = try mountElsewhere(disk.partition())
            let before = try table(disk)
            do {
                try await linked.host.resizeVolume(volume, to: .maximum)
                #expect(try await linked.host.volumeStats(volume).totalBytes > 1000 << 20)
            } catch {
                #expect("\(error)".contains("CAP_SYS_RESOURCE"), "\(error)")
                #expect(try table(disk) == before)
            }
            holder.end()
            try await linked.host.resizeVolume(volume, to: .maximum)
            #expect(try await linked.host.volumeStats(volume).totalBytes > 1000 << 20)
        }

        /// Mounted read-only it cannot grow, and that is known before. Neither queries nor a mount make it writable.
        @Test(arguments: [FilesystemKind.xfs, .ext4, .btrfs])
        func whatIsMountedReadOnlyElsewhereStaysAsItIs(_ kind: FilesystemKind) async throws {
            let (linked, disk, volume) = try await grownVolume(kind)
            let holder = try mountElsewhere(disk.partition(), "-o ro")
            func requireReadOnly() throws {
                let mounts = try MountTable.read("/proc/\(holder.id)/mountinfo")
                #expect(try #require(mounts.first { $0.target == "/mnt" }).isReadOnlyFilesystem)
            }
            let before = try table(disk)
            try requireReadOnly()
            await expectError(.failedPrecondition) { try await linked.host.resizeVolume(volume, to: .maximum) }
            try requireReadOnly()
            #expect(try table(disk) == before)
            #expect(try await linked.host.volumeStats(volume).totalBytes < 520 << 20)
            try requireReadOnly()
            try await linked.host.makeDirectory(linked.path("staging"))
            await expectError(.busy) { try await linked.host.mountVolume(volume, at: linked.path("staging")) }
            try requireReadOnly()
            holder.end()
            try await linked.host.mountVolume(volume, at: linked.path("staging"))
            try await linked.host.unmountVolume(volume, from: linked.path("staging"))
        }

        /// Ways to work on a device that O_EXCL does not detect.
        enum Use: CaseIterable, Sendable {
            case writer
            case writerThroughAnotherNode
            /// A filesystem in user space, whose device the kernel does not know.
            case userSpace
            case loop
            case loopOnItsDisk
            case loopOnItsFile
            case writerOfTheDisk
            /// The descriptor that it was mapped through is closed.
            case map
        }

        @Test(arguments: Use.allCases)
        func aDeviceInUseWithoutAClaimIsNeitherFormattedNorGrownNorTakenOffline(_ use: Use) async throws {
            let (linked, disk, volume) = try await grownVolume(.ntfs)
            let blank = try LoopDisk(size: 64 << 20)
            let blankVolume = try await linked.volume(on: blank)
            var holders: [HoldingProcess] = []
            var loops: [String] = []
            defer { for loop in loops { _ = try? Command.run("losetup", "--detach", loop) } }
            for (number, whole) in [disk, blank].enumerated() {
                let device = whole.partition()
                switch use {
                case .writer: holders.append(try HoldingProcess(#"exec 3<>"$0"; exec cat"#, device))
                case .writerThroughAnotherNode:
                    let node = "\(linked.scratch.path)/node\(number)"
                    let numbers = try Command.run("stat", "--format=%Hr %Lr", device).split(separator: " ")
                    try Command.run("mknod", node, "b", "\(numbers[0])", "\(numbers[1])")
                    holders.append(try HoldingProcess(#"exec 3<>"$0"; rm "$0"; exec cat"#, node))
                case .userSpace: holders.append(try HoldingProcess(#"exec 3<"$0" 4<>/dev/fuse; exec cat"#, device))
                case .loop: loops.append(try Command.run("losetup", "--find", "--show", device))
                case .loopOnItsDisk: loops.append(try Command.run("losetup", "--find", "--show", whole.device))
                case .loopOnItsFile:
                    loops.append(try Command.run("losetup", "--find", "--show", "--offset", "\(1 << 20)", whole.file))
                case .writerOfTheDisk: holders.append(try HoldingProcess(#"exec 3<>"$0"; exec cat"#, whole.device))
                case .map:
                    let script = """
                        import mmap,os,sys
                        f=os.open(sys.argv[1],os.O_RDWR); m=mmap.mmap(f,4096); os.close(f)
                        print(sys.stdin.readline(),flush=True); sys.stdin.read()
                        """
                    holders.append(try HoldingProcess("exec python3 -c '\(script)' \"$0\"", device))
                }
            }
            let before = try table(disk)
            await expectError(.failedPrecondition) { try await linked.host.resizeVolume(volume, to: .maximum) }
            #expect(try table(disk) == before)
            await expectError(.busy) { try await linked.host.formatVolume(blankVolume) }
            #expect(try await !linked.host.isVolumeFormatted(blankVolume))
            await expectError(.busy) { try await linked.host.setDiskState(try blank.number, to: .offline) }

            for holder in holders { holder.end() }
            for loop in loops { try Command.run("losetup", "--detach", loop) }
            loops = []
            try await linked.host.resizeVolume(volume, to: .maximum)
            try await linked.host.formatVolume(blankVolume)
        }

        /// No tool that repairs looks at it, and it is not mounted.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func aVolumeThatIsBeingWrittenIsNeitherCheckedNorGrown(_ kind: FilesystemKind) async throws {
            let (linked, disk, volume) = try await grownVolume(kind)
            let writer = try HoldingProcess(#"exec 3<>"$0"; exec cat"#, disk.partition())
            func head() throws -> [UInt8] {
                try Descriptor(opening: disk.device, O_RDONLY).bytes(at: 0, count: 2 << 20, disk.device)
            }
            try Command.run("blockdev", "--flushbufs", disk.device)
            let before = try head()
            await expectError(.failedPrecondition, "another program works on it") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            try Command.run("blockdev", "--flushbufs", disk.partition())
            try Command.run("blockdev", "--flushbufs", disk.device)
            #expect(try head() == before)
            writer.end()
            try await linked.host.resizeVolume(volume, to: .maximum)
        }

        /// While a tool checks it, another process has mounted it.
        @Test func anExt4ThatIsMountedMeanwhileIsNotGrownAsIfItWereNot() async throws {
            let (linked, disk, volume) = try await grownVolume(.ext4)
            let place = "\(linked.scratch.path)/elsewhere"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let tool = try StandInProgram("/usr/sbin/e2fsck", "exit 0")
            let before = try table(disk)
            let growth = Task { try await linked.host.resizeVolume(volume, to: .maximum) }
            try await tool.hasBegun()
            try Command.run("mount", disk.partition(), place)
            tool.goOn()
            await expectError(.failedPrecondition, "unmount it first") { try await growth.value }
            #expect(try table(disk) == before)
            try Command.run("umount", place)
        }

        /// Readers block no operation.
        @Test func aReaderDoesNotKeepAVolumeFromGrowing() async throws {
            let (linked, disk, volume) = try await grownVolume(.ntfs)
            let reader = try HoldingProcess(#"exec 3<"$0"; exec cat"#, disk.partition())
            try await linked.host.resizeVolume(volume, to: .maximum)
            reader.end()
        }
    }
}
