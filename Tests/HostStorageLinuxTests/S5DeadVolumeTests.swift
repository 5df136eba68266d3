// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S5: a filesystem that died keeps no place, and is not taken for a working one.
    @Suite(.timeLimit(.minutes(5))) struct S5DeadVolumeTests {
        // MARK: - Unmounting

        /// Shut down with data in memory that will never be written: there is nothing to wait for.
        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aFilesystemThatWasShutDownIsUnmounted(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try mounted.shutDown()
            #expect(try await mounted.unmount() == .released)
            #expect(try !mounted.isMounted)
            try await mounted.mount()
            try "new".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try await mounted.unmount()
        }

        /// Data that cannot be written out are not reported as written.
        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aFlushOfAFilesystemThatWasShutDownFails(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try mounted.shutDown()
            await #expect(throws: StorageError.self) { try await mounted.linked.host.flushVolume(mounted.volume) }
            try await mounted.unmount()
        }

        /// A mount that this process does not see is written out as well.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func aFlushReachesAFilesystemThatIsMountedElsewhereAlone(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            let holder = try HoldingProcess("exec unshare --mount --propagation private cat", "")
            let text = "marker-\(UUID().uuidString)"
            try text.write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try Command.run("umount", mounted.place)
            try await mounted.linked.host.flushVolume(mounted.volume)
            #expect(try Command.run("grep", "--count", "--text", text, mounted.disk.file) >= "1")
            holder.end()
        }

        /// A mount whose options in the kernel's table show nothing, as with Linux before 6.8.
        @Test(arguments: [true, false]) func aDeathIsNoticedWithoutTheKernelsTable(isShutDown: Bool) async throws {
            let mounted = try await MountedVolume()
            let (parent, name) = try mounted.linked.host.backend.resolver.openParent(of: mounted.hostPath)
            let mount = try #require(try MountTable.top(on: name, in: parent.descriptor, ""))
            let silent = Mount(
                id: mount.id, parent: mount.parent, device: mount.device, source: mount.source, type: mount.type,
                target: mount.target, root: mount.root, options: MountOptions(text: "rw"))
            #expect(try MountHealth.death(of: silent, on: name, in: parent.descriptor) == nil)
            #expect(try MountHealth.fault(of: silent, on: name, in: parent.descriptor) == nil)
            if isShutDown { try mounted.shutDown() } else { try mounted.fail() }
            #expect(try MountHealth.death(of: silent, on: name, in: parent.descriptor) != nil)
            #expect(try MountHealth.fault(of: silent, on: name, in: parent.descriptor) != nil)
            try await mounted.unmount()
        }

        @Test func aFilesystemThatAnErrorHasMadeReadOnlyIsUnmounted() async throws {
            let mounted = try await MountedVolume()
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try mounted.fail()
            #expect(try await mounted.unmount() == .released)
        }

        /// A write that fails is reported once, by a failed call. Data that the disk has not taken by then are lost.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func aVolumeThatLostDataIsUnmountedByTheCallAfterTheOneThatFailed(_ filesystem: FilesystemKind) async throws {
            let file = try FaultyFile(size: 384 << 20)
            let mounted = try await MountedVolume(filesystem, on: file.attach())
            var broken = FaultyFile.Faults.none
            broken.writeErrors = [[0, .max]]
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try file.order(broken)
            await expectError(.inputOutput) { try await mounted.unmount() }
            #expect(try mounted.isMounted)
            try await mounted.unmount()
            #expect(try !mounted.isMounted)
            try file.order(.none)
        }

        /// Neither reads nor writes: nothing is left that a failed call could make good.
        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aVolumeWhoseDiskTakesAndGivesNothingIsUnmounted(_ filesystem: FilesystemKind) async throws {
            let file = try FaultyFile(size: 384 << 20)
            let mounted = try await MountedVolume(filesystem, on: file.attach())
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            var dead = FaultyFile.Faults.none
            (dead.readErrors, dead.writeErrors) = ([[0, .max]], [[0, .max]])
            try file.order(dead)
            try await mounted.unmount()
            #expect(try !mounted.isMounted)
            try file.order(.none)
        }

        /// Another proxy than the one that has mounted it, which finds the volume on no disk.
        @Test func aDiskThatCannotBeReadIsUnmountedByItsVolumesID() async throws {
            let file = try FaultyFile(size: 64 << 20)
            let mounted = try await MountedVolume(on: file.attach())
            var dead = FaultyFile.Faults.none
            (dead.readErrors, dead.writeErrors) = ([[0, .max]], [[0, .max]])
            try file.order(dead)
            try Command.run("blockdev", "--flushbufs", mounted.disk.device)
            let later = try LinkedHost(restarting: mounted.linked)
            let other = try VolumeID(guid: UUID().uuidString.lowercased())
            await #expect(throws: StorageError.self) { try await later.host.unmountVolume(other, from: mounted.place) }
            #expect(try mounted.isMounted)
            #expect(try await later.host.volume(mountedAt: mounted.place) == mounted.volume)
            try await later.host.unmountVolume(mounted.volume, from: mounted.place)
            #expect(try !mounted.isMounted)
            try file.order(.none)
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aDeadMountIsRemovedByForce(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try mounted.shutDown()
            await expectError(.busy, "mounted") { try await mounted.linked.host.remove(mounted.place, force: false) }
            try await mounted.linked.host.remove(mounted.place, force: true)
            #expect(!FileManager.default.fileExists(atPath: mounted.place))
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func questionsAboutADeadMountAreAnswered(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            let host = mounted.linked.host
            try mounted.shutDown()
            #expect(try await host.pathExists(mounted.place))
            #expect(try await host.isSymlink(mounted.place))
            #expect(try await host.volume(mountedAt: mounted.place) == mounted.volume)
            #expect(try await host.volume(closestTo: mounted.place) == mounted.volume)
            // Calls on directories beside it work.
            try await host.makeDirectory(mounted.linked.path("other"))
            try await host.removeContents(of: mounted.linked.path("other"))
            await expectError(.denied) { try await host.removeContents(of: mounted.linked.path("")) }
            try await mounted.unmount()
        }

        /// A program that neither ends nor answers.
        @Test func aMountWhoseServerHangsIsRemovedByForce() async throws {
            let linked = try LinkedHost()
            let place = linked.path("served")
            try await linked.host.makeDirectory(place)
            let server = try FuseServer(at: place)
            server.stop()
            try await linked.host.remove(place, force: true)
            #expect(try !MountTable.read().contains { $0.target == place })
            #expect(!FileManager.default.fileExists(atPath: place))
        }

        @Test func aMountWhoseServerHasDiedIsRemovedByForce() async throws {
            let linked = try LinkedHost()
            let place = linked.path("served")
            try await linked.host.makeDirectory(place)
            let server = try FuseServer(at: place)
            server.kill()
            #expect(try await linked.host.pathExists(place))
            #expect(try await linked.host.isSymlink(place))
            try await linked.host.remove(place, force: true)
            #expect(!FileManager.default.fileExists(atPath: place))
        }

        // MARK: - Mounting again

        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aVolumeThatWasShutDownIsMountedAnew(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            try "kept".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try Command.run("sync", "--file-system", mounted.place)
            try mounted.shutDown()
            try await mounted.mount()
            #expect(try String(contentsOfFile: "\(mounted.place)/data", encoding: .utf8) == "kept")
            try "new".write(toFile: "\(mounted.place)/new", atomically: false, encoding: .utf8)
            #expect(try await mounted.unmount() == .released)
        }

        @Test func aVolumeThatAnErrorHasMadeReadOnlyIsCheckedAndMountedAnew() async throws {
            let mounted = try await MountedVolume()
            try mounted.fail()
            try await mounted.mount()
            try "new".write(toFile: "\(mounted.place)/new", atomically: false, encoding: .utf8)
            #expect(try await mounted.unmount() == .released)
            #expect(
                try !Command.run("sh", "-c", "dumpe2fs -h \(mounted.disk.partition()) 2>/dev/null")
                    .contains("clean with errors"))
        }

        @Test func aVolumeThatIsMountedReadOnlyIsMountedAnew() async throws {
            let mounted = try await MountedVolume()
            try Command.run("mount", "-o", "remount,ro", mounted.place)
            try await mounted.mount()
            try "new".write(toFile: "\(mounted.place)/new", atomically: false, encoding: .utf8)
            try await mounted.unmount()
        }

        @Test func aVolumeWhoseDriverHasDiedIsMountedAnew() async throws {
            let mounted = try await MountedVolume(.ntfs)
            try "kept".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try Command.run("sync", "--file-system", mounted.place)
            try mounted.killDriver()
            try await mounted.mount()
            #expect(try String(contentsOfFile: "\(mounted.place)/data", encoding: .utf8) == "kept")
            try mounted.killDriver()
            try await mounted.unmount()
        }

        /// Repairing would take their files from them.
        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aDeadVolumeInUseIsRefusedWithItsHolders(_ filesystem: FilesystemKind) async throws {
            let mounted = try await MountedVolume(filesystem)
            let holder = try HoldingProcess("exec 3>$0/held; echo; cat", mounted.place)
            try mounted.shutDown()
            await expectError(.failedPrecondition, "shut down", "process \(holder.id)") { try await mounted.mount() }
            #expect(try mounted.isMounted)
            holder.end()
            try await mounted.mount()
            try await mounted.unmount()
        }

        @Test func aDeadVolumeThatIsMountedElsewhereIsRefused() async throws {
            let mounted = try await MountedVolume()
            let target = mounted.linked.path("target")
            try await mounted.linked.host.makeDirectory(target)
            try Command.run("mount", "--bind", mounted.place, target)
            try mounted.shutDown()
            await expectError(.failedPrecondition, "shut down", target) { try await mounted.mount() }
            #expect(try mounted.isMounted)
            try await mounted.unmount(from: target)
            try await mounted.mount()
            try await mounted.unmount()
        }

        @Test func aDeadVolumeThatIsMountedTwiceAtItsPlaceIsMountedAnew() async throws {
            let mounted = try await MountedVolume()
            try Command.run("mount", "--bind", mounted.place, mounted.place)
            try mounted.shutDown()
            try await mounted.mount()
            #expect(try MountTable.read().count { $0.target == mounted.place } == 1)
            #expect(try await mounted.unmount() == .released)
        }

        @Test func aDirectoryOfTheVolumeIsNotTheVolume() async throws {
            let mounted = try await MountedVolume()
            let target = mounted.linked.path("target")
            try await mounted.linked.host.makeDirectory(target)
            try Command.run("mkdir", "\(mounted.place)/part")
            try Command.run("mount", "--bind", "\(mounted.place)/part", target)
            await expectError(.failedPrecondition, "directory of the volume") {
                try await mounted.linked.host.mountVolume(mounted.volume, at: target)
            }
            try await mounted.unmount(from: target)
            try await mounted.unmount()
        }

        /// A process detached it and still uses it: no table shows that, and every new mount is the same filesystem.
        @Test func aDeadVolumeThatIsUsedOutOfSightIsRefused() async throws {
            let mounted = try await MountedVolume()
            let holder = try HoldingProcess("exec 3>$0/held; echo; cat", mounted.place)
            try mounted.shutDown()
            try Command.run("umount", "--lazy", mounted.place)
            await expectError(.failedPrecondition, "shut down") { try await mounted.mount() }
            #expect(try !mounted.isMounted)
            holder.end()
            try await eventually("it is unused") { (try? await mounted.mount()) != nil }
            try await mounted.unmount()
        }

        /// No write has shown the fault.
        @Test(arguments: [FilesystemKind.ext4, .xfs])
        func aVolumeWhoseDiskTakesNothingIsNotCalledMounted(_ filesystem: FilesystemKind) async throws {
            let file = try FaultyFile(size: 384 << 20)
            let mounted = try await MountedVolume(filesystem, on: file.attach())
            var broken = FaultyFile.Faults.none
            broken.writeErrors = [[0, .max]]
            try Command.run("mkdir", "\(mounted.place)/lost")
            try file.order(broken)
            await #expect(throws: StorageError.self) { try await mounted.mount() }
            _ = try? await mounted.unmount()
            _ = try? await mounted.unmount()
            try file.order(.none)
        }

        /// The storage has cut its disk off.
        @Test func aVolumeThatIsLargerThanItsDiskIsNotCalledMounted() async throws {
            let disk = try LoopDisk(size: 64 << 20)
            try Command.run("mkfs.ext4", "-q", disk.device)
            let linked = try LinkedHost()
            let volume = try #require(try await linked.host.volumes(on: disk.number, partition: nil).first)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try Command.run("truncate", "--size", "32M", disk.file)
            try Command.run("losetup", "--set-capacity", disk.device)
            await #expect(throws: StorageError.self) { try await linked.host.mountVolume(volume, at: place) }
        }

        // MARK: - Records of mounts

        @Test func aRecordIsOfItsMountInThisBootAlone() async throws {
            let mounted = try await MountedVolume()
            let records = mounted.linked.host.backend.mountRecords
            let mount = try #require(try MountTable.read().first { $0.target == mounted.place })
            func other(_ source: String, _ type: String) -> Mount {
                Mount(
                    id: mount.id, parent: mount.parent, device: mount.device, source: source, type: type,
                    target: mount.target, root: mount.root, options: mount.options)
            }
            #expect(records.volume(of: other(mount.source, mount.type)) == mounted.volume)
            #expect(records.volume(of: other("/dev/other", mount.type)) == nil)
            #expect(records.volume(of: other(mount.source, "xfs")) == nil)
            let directory = "\(mounted.linked.scratch.path)/state/mounts"
            let file = "\(directory)/\(mount.device)"
            var lines = try String(contentsOfFile: file, encoding: .utf8).components(separatedBy: "\n")
            lines[0] = "another boot"
            try lines.joined(separator: "\n").write(toFile: file, atomically: false, encoding: .utf8)
            #expect(records.volume(of: mount) == nil)
            // It ends with the last mount.
            try await mounted.unmount()
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
        }

        /// Another program has unmounted the volume, and mounted a filesystem there whose device has the same number.
        @Test func aRecordOfAnotherDiskDoesNotTakeItsMountAway() async throws {
            let disk = try LoopDisk(size: 64 << 20)
            try Command.run("mkfs.ext4", "-q", disk.device)
            let linked = try LinkedHost()
            let volume = try #require(try await linked.host.volumes(on: disk.number, partition: nil).first)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            let image = "\(linked.scratch.path)/image"
            try Command.run("truncate", "--size", "64M", image)
            try Command.run("mkfs.ext4", "-q", image)
            try Command.run("umount", place)
            try Command.run("losetup", "--detach", disk.device)
            try Command.run("losetup", disk.device, image)
            try Command.run("mount", disk.device, place)
            // The kernel gives the numbers of mounts again.
            let mount = try #require(try MountTable.read().first { $0.target == place })
            let record = "\(linked.scratch.path)/state/mounts/\(mount.device)"
            var lines = try String(contentsOfFile: record, encoding: .utf8).components(separatedBy: "\n")
            lines[3] = "\(mount.id)"
            try lines.joined(separator: "\n").write(toFile: record, atomically: false, encoding: .utf8)
            await #expect(throws: StorageError.self) { try await linked.host.unmountVolume(volume, from: place) }
            #expect(try MountTable.read().contains { $0.target == place })
            #expect(try await linked.host.volume(mountedAt: place) != volume)
        }

        @Test func aVolumeThatServesIsLeftAsItIs() async throws {
            let mounted = try await MountedVolume()
            let before = try MountTable.read().filter { $0.target == mounted.place }
            let holder = try HoldingProcess("exec 3>$0/held; echo; cat", mounted.place)
            try await mounted.mount()
            #expect(try MountTable.read().filter { $0.target == mounted.place } == before)
            holder.end()
            try await mounted.unmount()
        }
    }
}

extension MountedVolume {
    var hostPath: HostPath {
        get throws { try linked.host.settings.paths.place(hostPath: place) }
    }

    var isMounted: Bool {
        get throws { try MountTable.read().contains { $0.target == place } }
    }

    /// Stops the filesystem as its own kernel code does after an error: unwritten data are lost.
    func shutDown() throws {
        // EXT4_IOC_SHUTDOWN, which is XFS_IOC_GOINGDOWN; 2: the log is not written either.
        let script =
            "import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], 0), 0x8004587d, struct.pack('I', 2))"
        try Command.run("/usr/bin/python3", "-c", script, place)
    }

    /// Lets ext4 find an error after which it writes no more.
    func fail() throws {
        try Command.run("mount", "-o", "remount,errors=remount-ro", place)
        let device = URL(filePath: disk.partition()).lastPathComponent
        try "tried".write(toFile: "/sys/fs/ext4/\(device)/trigger_fs_error", atomically: false, encoding: .utf8)
    }

    /// Ends the program that serves the filesystem.
    func killDriver() throws {
        let driver = try #require(
            Holders.ofDevice(VolumeDevice(name: String(disk.partition().dropFirst(5)), device: device, size: 0))
                .compactMap { if case .process(let id, _, _) = $0 { id } else { nil } }.first)
        kill(driver, SIGKILL)
        // The kernel notices when the process is gone.
        for _ in 0..<500 where (try? FileManager.default.contentsOfDirectory(atPath: place)) != nil { usleep(10_000) }
    }

    private var device: DeviceNumber {
        get throws { try Descriptor(opening: disk.partition(), O_RDONLY | O_NONBLOCK).status("").special }
    }
}

/// A filesystem that a program serves.
private final class FuseServer {
    private let process = Process()
    private let orders = Pipe()
    private let scratch: ScratchDirectory
    private let place: String

    init(at place: String) throws {
        self.place = place
        scratch = try ScratchDirectory()
        _ = FileManager.default.createFile(atPath: "\(scratch.path)/backing", contents: nil)
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "FaultyDisk/faulty_file.py").path
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [script, "\(scratch.path)/backing", place]
        process.standardInput = orders
        try process.run()
        for _ in 0..<1000 {
            if try MountTable.read().contains(where: { $0.target == place }) { return }
            guard process.isRunning else { break }
            usleep(10_000)
        }
        throw CommandFailed("faulty_file.py does not serve")
    }

    /// Lets it answer no more, and not end either.
    func stop() { Glibc.kill(process.processIdentifier, SIGSTOP) }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    deinit {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        _ = try? Command.run("umount", "--lazy", place)
    }
}
