// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import ISCSITargets
import LoopDisks
import Synchronization
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// The host as an iSCSI initiator, with targets of the machine's own kernel.
    @Suite(.timeLimit(.minutes(20))) struct ISCSITests {
        private let targets: ISCSITargets
        private let linked: LinkedHost

        init() throws {
            targets = try ISCSITargets()
            linked = try LinkedHost()
        }

        private var host: LocalHost<LinuxBackend> { linked.host }

        private static func proof(_ name: String, _ secret: String) throws -> CHAP {
            try CHAP(name: name, secret: Secret(secret))
        }

        /// A target that has been discovered at a portal.
        private func discovered(_ name: ISCSIName, at portal: ISCSIPortal = ISCSITargets.ipv4) async throws
            -> ISCSITarget
        {
            try await host.addPortal(portal)
            #expect(try await host.discoverTargets(at: portal).contains(name))
            return ISCSITarget(name, at: portal)
        }

        private func connected(
            _ name: ISCSIName, at portal: ISCSIPortal = ISCSITargets.ipv4
        ) async throws -> ISCSITarget {
            let target = try await discovered(name, at: portal)
            try await host.connectTarget(target, as: .none)
            return target
        }

        private func record(_ target: ISCSITarget) throws -> String {
            let database = NodeDatabase.ofThisHost
            let record = try #require(
                database.records(of: target.name).first {
                    $0.address == PortalAddress(target.portal.address, port: target.portal.port)
                })
            return try String(contentsOfFile: record.path, encoding: .utf8)
        }

        // MARK: - Portals and discovery

        @Test(arguments: [ISCSITargets.ipv4, ISCSITargets.ipv6])
        func aTargetIsUsedAtItsPortal(_ portal: ISCSIPortal) async throws {
            let target = try await connected(try targets.add(disks: 3, at: [portal]), at: portal)
            #expect(try await host.portals() == [portal])
            let disks = try await host.disks(of: target)
            #expect(disks.count == 3 && Set(disks).count == 3)
            for disk in disks { #expect(try await host.diskSize(disk) == 64 << 20) }
            let locations = try await host.diskLocations()
            #expect(disks.map { locations[$0]?.lun } == ["0", "1", "2"])
            try await host.disconnectTarget(target)
            for disk in disks { await expectError(.notFound) { try await host.diskSize(disk) } }
        }

        @Test func oneOfSeveralPortalsIsConnectedAlone() async throws {
            let name = try targets.add(at: [ISCSITargets.ipv4, ISCSITargets.ipv6])
            let first = try await discovered(name)
            let second = try await discovered(name, at: ISCSITargets.ipv6)
            try await host.connectTarget(second, as: .none)
            #expect(try await host.disks(of: first).isEmpty)
            #expect(try await host.disks(of: second).count == 1)
            try await host.disconnectTarget(first)
            #expect(try await host.disks(of: second).count == 1)
            try await host.connectTarget(first, as: .none)
            try await host.disconnectTarget(second)
            #expect(try await host.disks(of: first).count == 1)
            #expect(try await host.disks(of: second).isEmpty)
        }

        @Test func aPortalByNameIsItsAddresses() async throws {
            let hosts = try FileHandle(forWritingTo: URL(filePath: "/etc/hosts"))
            try hosts.seekToEnd()
            try hosts.write(contentsOf: Data("127.0.0.1 storage.test\n".utf8))
            let portal = try ISCSIPortal(address: "storage.test")
            let target = try await connected(try targets.add(at: [ISCSITargets.ipv4]), at: portal)
            #expect(try await host.disks(of: target).count == 1)
            #expect(try await host.disks(of: ISCSITarget(target.name, at: ISCSITargets.ipv4)).count == 1)
            try await host.disconnectTarget(target)
            #expect(try await host.disks(of: target).isEmpty)
        }

        @Test func aPortalIsForgottenWithItsTargetsAndNoOthers() async throws {
            let name = try targets.add(at: [ISCSITargets.ipv4, ISCSITargets.ipv6])
            let first = try await discovered(name)
            let second = try await discovered(name, at: ISCSITargets.ipv6)
            try await host.connectTarget(second, as: .none)
            try await host.removePortal(second.portal)
            // Sessions stay.
            #expect(try await host.disks(of: second).count == 1)
            try await host.disconnectTarget(second)
            await expectError(.notFound, "has not been added") { try await host.connectTarget(second, as: .none) }
            try await host.addPortal(second.portal)
            await expectError(.notFound) { try await host.connectTarget(second, as: .none) }
            try await host.connectTarget(first, as: .none)
            #expect(try await host.disks(of: first).count == 1)
        }

        /// Whichever has asked for the targets last, and whichever is removed first.
        @Test(arguments: [[0, 1], [1, 0]]) func noRecordOutlivesItsPortal(_ order: [Int]) async throws {
            let name = try targets.add(at: [ISCSITargets.ipv4, ISCSITargets.ipv6])
            let found = [try await discovered(name), try await discovered(name, at: ISCSITargets.ipv6)]
            let (first, second) = (found[order[0]], found[order[1]])
            try await host.removePortal(first.portal)
            try await host.addPortal(first.portal)
            await expectError(.notFound) { try await host.connectTarget(first, as: .none) }
            try await host.connectTarget(second, as: .none)
            try await host.disconnectTarget(second)
            for target in [first, second] { try await host.removePortal(target.portal) }
            let database = NodeDatabase.ofThisHost
            #expect(try database.records(of: name).isEmpty)
            #expect(Kernel.names(in: "\(database.directory)/send_targets").isEmpty)
        }

        /// Neither an operator's settings, nor a session of a target that is not named any more.
        @Test func aDiscoveryTouchesNoRecordThatIsThere() async throws {
            let target = try await connected(try targets.add())
            try Command.run(
                "iscsiadm", "-m", "node", "-T", "\(target.name)", "-o", "update", "-n",
                "node.session.timeo.replacement_timeout", "-v", "7")
            let before = try record(target)
            _ = try await discovered(try targets.add(), at: target.portal)
            #expect(try record(target) == before)
            #expect(try await host.disks(of: target).count == 1)
        }

        @Test func anOperatorsRecordsStayWhenTheirPortalIsRemoved() async throws {
            let target = try await discovered(try targets.add())
            let own = try ISCSIName("iqn.2001-04.com.example:operators")
            try Command.run("iscsiadm", "-m", "node", "-o", "new", "-T", "\(own)", "-p", "\(target.portal),1")
            try await host.removePortal(target.portal)
            #expect(try NodeDatabase.ofThisHost.records(of: target.name).isEmpty)
            #expect(try NodeDatabase.ofThisHost.records(of: own).count == 1)
        }

        @Test func addingAPortalAgainKeepsItsRecordAsItIs() async throws {
            let target = try await discovered(try targets.add())
            // By an operator.
            try Command.run(
                "iscsiadm", "-m", "discoverydb", "-t", "sendtargets", "-p", "\(target.portal)", "-o", "update", "-n",
                "discovery.sendtargets.timeo.login_timeout", "-v", "7")
            let directory = "\(NodeDatabase.ofThisHost.directory)/send_targets/127.0.0.1,3260"
            let before = (Kernel.names(in: directory).sorted(), try Kernel.read("\(directory)/st_config"))
            try await host.addPortal(target.portal)
            #expect(Kernel.names(in: directory).sorted() == before.0)
            #expect(try Kernel.read("\(directory)/st_config") == before.1)
            try await host.connectTarget(target, as: .none)
            #expect(try await host.disks(of: target).count == 1)
        }

        @Test func aTargetOfAnotherPortalIsNotFoundAndSaysWhere() async throws {
            let target = try await discovered(try targets.add())
            try await host.addPortal(ISCSITargets.ipv6)
            await expectError(.notFound, "127.0.0.1:3260 alone") {
                try await host.connectTarget(ISCSITarget(target.name, at: ISCSITargets.ipv6), as: .none)
            }
        }

        // MARK: - CHAP

        @Test(arguments: [ISCSITargets.ipv4, ISCSITargets.ipv6])
        func bothSidesProveThemselves(_ portal: ISCSIPortal) async throws {
            let chap = try Self.proof("a host's name", #"a#b = "c" $d;e"#)
            let proof = try Self.proof("a target's name", "secret of the target")
            let target = try await discovered(try targets.add(chap: chap, mutual: proof, at: [portal]), at: portal)
            let wrong = try Self.proof(chap.name, "another-secret")
            let wrongTarget = try Self.proof(proof.name, "another-secret")
            for authentication: ISCSIAuthentication in [
                .none, .oneWay(wrong), .oneWay(try Self.proof("another", chap.secret.revealed)),
                .mutual(wrong, target: proof), .mutual(chap, target: wrongTarget),
                .mutual(chap, target: try Self.proof("another", proof.secret.revealed)),
            ] {
                let error = await expectError(.denied) { try await host.connectTarget(target, as: authentication) }
                #expect(error.map { !"\($0)".contains("another-secret") } == true)
                #expect(try await host.disks(of: target).isEmpty)
            }
            for authentication: ISCSIAuthentication in [.oneWay(chap), .mutual(chap, target: proof)] {
                try await host.connectTarget(target, as: authentication)
                #expect(try await host.disks(of: target).count == 1)
                try await host.disconnectTarget(target)
            }
        }

        @Test func theHostsOwnSecretIsAskedOfTargetsByAnyName() async throws {
            let chap = try Self.proof("host", "secret-of-host")
            let proof = try Self.proof("whatever name", "secret-of-target")
            let target = try await discovered(try targets.add(chap: chap, mutual: proof))
            await expectError(.failedPrecondition, "in memory alone") {
                try await host.connectTarget(target, as: .mutual(chap))
            }
            try await host.setMutualCHAPSecret(try Secret("another-secret"))
            await expectError(.denied, "does not prove") { try await host.connectTarget(target, as: .mutual(chap)) }
            try await host.setMutualCHAPSecret(proof.secret)
            let wrong = try Self.proof("host", "another-secret")
            await expectError(.denied, "does not accept") { try await host.connectTarget(target, as: .mutual(wrong)) }
            try await host.connectTarget(target, as: .mutual(chap))
            #expect(try await host.disks(of: target).count == 1)
        }

        @Test func aTargetThatProvesNothingIsRefused() async throws {
            let chap = try Self.proof("host", "secret-of-host")
            let (open, oneWay) = (try targets.add(), try targets.add(chap: chap))
            try await host.setMutualCHAPSecret(try Secret("secret-of-target"))
            for name in [open, oneWay] {
                let target = try await discovered(name)
                let named = ISCSIAuthentication.mutual(chap, target: try Self.proof("target", "secret-of-target"))
                for authentication in [.mutual(chap), named] {
                    await expectError(.denied) { try await host.connectTarget(target, as: authentication) }
                    #expect(try await host.disks(of: target).isEmpty)
                }
            }
        }

        @Test func aProofForATargetThatTakesNoneIsDenied() async throws {
            let target = try await discovered(try targets.add())
            await expectError(.denied, "with CHAP") {
                try await host.connectTarget(target, as: .oneWay(try Self.proof("host", "secret-of-host")))
            }
            #expect(try await host.disks(of: target).isEmpty)
        }

        /// Another process's discovery has made the record anew between the loan and the login; and this target asks
        /// for no proof.
        @Test func aLoginWithoutTheProofsThatWereAskedForIsNone() async throws {
            let target = try await discovered(try targets.add())
            let records = try #require(NodeDatabase.ofThisHost.records(of: target.name).first)
            let copy = "\(linked.scratch.path)/copy"
            try Command.run("cp", records.path, copy)
            let tool = try StandInProgram(
                "/usr/sbin/iscsiadm",
                #"case " $* " in *" -l "*) rm "\#(records.path)"; cp "\#(copy)" "\#(records.path)";; esac; exec "$program" "$@""#
            )
            tool.goOn()
            let chap = try Self.proof("host", "secret-of-host")
            let proof = try Self.proof("target", "secret-of-target")
            for authentication: ISCSIAuthentication in [.oneWay(chap), .mutual(chap, target: proof)] {
                await expectError(.unavailable, "made anew") {
                    try await host.connectTarget(target, as: authentication)
                }
                #expect(try await host.disks(of: target).isEmpty)
            }
            try await host.connectTarget(target, as: .none)
            #expect(try await host.disks(of: target).count == 1)
        }

        /// open-iscsi reports a session that is still being made as present.
        @Test func anotherLoginThatFailsIsNoSession() async throws {
            let target = try await discovered(try targets.add(at: [ISCSITargets.leaving]), at: ISCSITargets.leaving)
            targets.leaveNetwork()
            let other = try HoldingProcess(
                #"echo; exec iscsiadm -m node -T "$0" -l"#, "\(target.name)")
            // It is at it.
            try await eventually("the other login connects") {
                try !Command.run("ss", "-Htn", "state", "syn-sent").isEmpty
            }
            await expectError(.unavailable) { try await host.connectTarget(target, as: .none) }
            #expect(try await host.disks(of: target).isEmpty)
            withExtendedLifetime(other) {}
        }

        @Test func aLoginLeavesNoProofsForTheNext() async throws {
            let chap = try Self.proof("host", "secret-of-host")
            let target = try await discovered(try targets.add(chap: chap))
            let before = try record(target)
            try await host.connectTarget(target, as: .oneWay(chap))
            #expect(try record(target) == before)
            // Connected already: credentials are not checked.
            try await host.connectTarget(target, as: .none)
            try await host.disconnectTarget(target)
            await expectError(.denied) { try await host.connectTarget(target, as: .none) }
            #expect(try record(target) == before)
        }

        @Test func aRecordThatAKilledLoginHasInstalledIsRestoredAtTheNextStart() async throws {
            let target = try await discovered(try targets.add())
            let before = try record(target)
            let found = try #require(NodeDatabase.ofThisHost.records(of: target.name).first)
            do { _ = try TemporaryNodeRecord(found, timeout: .zero) { $0 } }
            #expect(throws: (any Error).self) { try record(target) }
            await host.backend.recover()
            #expect(try record(target) == before)
            do { _ = try TemporaryNodeRecord(found, timeout: .zero) { $0 } }
            try await host.connectTarget(target, as: .none)
            #expect(try record(target) == before)
            #expect(!FileManager.default.fileExists(atPath: NodeDatabase.ofThisHost.replaced))
        }

        // MARK: - Disks in use

        @Test func aDiskInUseKeepsItsSession() async throws {
            let target = try await connected(try targets.add())
            let disk = try #require(try await host.disks(of: target).first)
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            let device = try #require(Kernel.names(in: "/sys/block").first { $0.hasPrefix("sd") })
            let mount = linked.path("stage")
            try await host.makeDirectory(mount)
            try await host.mountVolume(volume, at: mount)
            await expectError(.busy, mount) { try await host.disconnectTarget(target) }
            try await host.unmountVolume(volume, from: mount)

            try Command.run("dmsetup", "create", "held", "--table", "0 8 linear /dev/\(device) 0")
            let error = await expectError(.busy) { try await host.disconnectTarget(target) }
            #expect(error?.holders.contains { if case .device = $0 { true } else { false } } == true)
            try Command.run("dmsetup", "remove", "held")

            // In another mount namespace.
            let holder = try HoldingProcess(
                #"exec unshare --mount sh -c 'mount "$1" /mnt && echo && exec cat' sh "$0""#, "/dev/\(device)1")
            await expectError(.busy, "process \(holder.id)") { try await host.disconnectTarget(target) }
            holder.end()

            try Command.run("mkswap", "/dev/\(device)1")
            try Command.run("swapon", "/dev/\(device)1")
            // The swap makes it a disk of the running system.
            await expectError(.denied) { try await host.disconnectTarget(target) }
            try Command.run("swapoff", "/dev/\(device)1")
            #expect(try await host.disks(of: target) == [disk])
            try await host.disconnectTarget(target)
            #expect(try await host.disks(of: target).isEmpty)
        }

        /// Between the question whether it is used and the end of its session.
        @Test func aDiskThatIsAboutToGoIsNotMounted() async throws {
            let target = try await connected(try targets.add())
            try await host.formatVolume(try await linked.volume(on: #require(try await host.disks(of: target).first)))
            let device = try #require(Kernel.names(in: "/sys/block").first { $0.hasPrefix("sd") })
            let mount = linked.path("stage")
            try await host.makeDirectory(mount)
            targets.freezeDaemon()
            defer { targets.thawDaemon() }
            let host = host
            let logout = Task { try await host.disconnectTarget(target) }
            try await eventually("the logout is under way") {
                (try? Command.run("pgrep", "--parent", "\(getpid())", "--exact", "iscsiadm")) != nil
            }
            #expect(throws: CommandFailed.self) { try Command.run("mount", "/dev/\(device)1", mount) }
            targets.thawDaemon()
            try await logout.value
        }

        @Test func s9TheSystemsDiskKeepsItsSession() async throws {
            let target = try await connected(try targets.add())
            try await host.formatVolume(try await linked.volume(on: #require(try await host.disks(of: target).first)))
            let device = try #require(Kernel.names(in: "/sys/block").first { $0.hasPrefix("sd") })
            let boot = try SystemMount(of: "/dev/\(device)1", type: "ext4", at: "/boot")
            await expectError(.denied, "running system") { try await host.disconnectTarget(target) }
            #expect(try await host.disks(of: target).count == 1)
            try boot.end()
            try await host.disconnectTarget(target)
        }

        @Test func whatWasWrittenIsOnTheTarget() async throws {
            let name = try targets.add()
            let target = try await connected(name)
            let device = try #require(Kernel.names(in: "/sys/block").first { $0.hasPrefix("sd") })
            try Command.run("sh", "-c", "printf written | dd of=/dev/\(device) bs=512 seek=9 conv=notrunc")
            try await host.disconnectTarget(target)
            try await host.connectTarget(target, as: .none)
            let again = try #require(Kernel.names(in: "/sys/block").first { $0.hasPrefix("sd") })
            #expect(try Command.run("sh", "-c", "dd if=/dev/\(again) bs=512 skip=9 count=1 | head -c 7") == "written")
        }

        // MARK: - Missing portals and targets

        @Test func ofTwoTargetsTheOtherGoesOnWhenOneIsAway() async throws {
            let away = try await connected(try targets.add(at: [ISCSITargets.leaving]), at: ISCSITargets.leaving)
            let other = try await connected(try targets.add())
            targets.leaveNetwork()
            try await host.disconnectTarget(other)
            try await host.connectTarget(other, as: .none)
            #expect(try await host.disks(of: other).count == 1)
            // Its session waits for it.
            #expect(try await host.disks(of: away).count == 1)
            try targets.joinNetwork()
            try await host.disconnectTarget(away)
            #expect(try await host.disks(of: away).isEmpty)
            #expect(try await host.disks(of: other).count == 1)
        }

        /// Waits until the kernel has noticed.
        private func isAway() throws {
            _ = try Kernel.wait(for: "the end of a connection", tries: 1200) {
                let state = try Kernel.read(
                    "/sys/class/iscsi_session/\(Kernel.names(in: "/sys/class/iscsi_session").first ?? "")/state")
                return state == "FAILED" ? true : nil
            }
        }

        @Test func aMountedDiskKeepsItsSessionWhileItsTargetIsAway() async throws {
            let target = try await connected(try targets.add(at: [ISCSITargets.leaving]), at: ISCSITargets.leaving)
            let volume = try await linked.volume(on: try #require(try await host.disks(of: target).first))
            try await host.formatVolume(volume)
            let mount = linked.path("stage")
            try await host.makeDirectory(mount)
            try await host.mountVolume(volume, at: mount)
            targets.leaveNetwork()
            try isAway()
            await expectError(.busy, mount, "its target is away") { try await host.disconnectTarget(target) }
            #expect(try await host.disks(of: target).count == 1)
            // It is connected, and comes back.
            try await host.connectTarget(target, as: .none)
            try targets.joinNetwork()
            try await host.unmountVolume(volume, from: mount)
            try await host.disconnectTarget(target)
        }

        @Test func anUnusedDiskOfATargetThatIsAwayCanGo() async throws {
            let target = try await connected(try targets.add(at: [ISCSITargets.leaving]), at: ISCSITargets.leaving)
            targets.leaveNetwork()
            try isAway()
            try await host.disconnectTarget(target)
            #expect(try await host.disks(of: target).isEmpty)
        }

        @Test func aTargetThatIsAwayIsUnavailableAndDelaysNoOther() async throws {
            let away = try await discovered(try targets.add(at: [ISCSITargets.leaving]), at: ISCSITargets.leaving)
            let other = try await discovered(try targets.add())
            targets.leaveNetwork()
            let host = host
            async let login = expectError(.unavailable) { try await host.connectTarget(away, as: .none) }
            try await linked.running("connect target \(away)")
            async let discovery = expectError(.unavailable) {
                try await host.discoverTargets(at: ISCSITargets.leaving)
            }
            // A step that had to wait would find it ended.
            var stepsMeanwhile = 0
            func step(_ work: () async throws -> Void) async throws {
                try await work()
                let running = host.operations.running.map(\.operation.description)
                if running.contains("connect target \(away)") { stepsMeanwhile += 1 }
            }
            for _ in 0..<3 {
                try await step { try await host.connectTarget(other, as: .none) }
                #expect(try await host.disks(of: other).count == 1)
                try await step { try await host.disconnectTarget(other) }
            }
            #expect(stepsMeanwhile > 0)
            _ = await (login, discovery)
            #expect(try await host.disks(of: away).isEmpty)
        }

        @Test func aPortalWithoutAListenerIsUnavailable() async throws {
            let portal = try ISCSIPortal(address: "127.0.0.1", port: 3999)
            try await host.addPortal(portal)
            await expectError(.unavailable) { try await host.discoverTargets(at: portal) }
        }

        @Test func withoutItsDaemonNothingHangsAndItIsSaid() async throws {
            let target = try await discovered(try targets.add())
            targets.stopDaemon()
            defer { try? targets.startDaemon() }
            await expectError(.failedPrecondition, "iscsid does not run") {
                try await host.connectTarget(target, as: .none)
            }
            await expectError(.failedPrecondition, "iscsid does not run") {
                try await host.discoverTargets(at: target.portal)
            }
            #expect(try await host.portals() == [target.portal])
            try targets.startDaemon()
            try await host.connectTarget(target, as: .none)
        }

        // MARK: - Secrets

        /// S7. The hunt goes on while logins succeed and fail, and then over their remains.
        @Test func noSecretIsWhereOthersCanRead() async throws {
            let secrets = ["hunted-secret-of-host", "hunted-secret-of-target", "hunted-wrong-secret"]
            let chap = try Self.proof("host", secrets[0])
            let proof = try Self.proof("target", secrets[1])
            let wrong = try Secret(secrets[2])
            let target = try await discovered(try targets.add(chap: chap, mutual: proof))
            let hunt = SecretHunt(
                for: secrets,
                in: ["/etc/iscsi", "/var/lib/iscsi", "/run", linked.scratch.path, targets.log])
            let host = host
            let places = try await hunt.places {
                for round in 0..<5 {
                    try await host.setMutualCHAPSecret(round == 0 ? wrong : proof.secret)
                    for authentication: ISCSIAuthentication in [
                        .oneWay(try CHAP(name: chap.name, secret: wrong)), .mutual(chap, target: chap), .oneWay(chap),
                        .mutual(chap), .mutual(chap, target: proof),
                    ] {
                        do throws(StorageError) {
                            try await host.connectTarget(target, as: authentication)
                        } catch {
                            #expect(!secrets.contains { "\(error)".contains($0) }, "\(error)")
                        }
                        try await host.disconnectTarget(target)
                    }
                }
            }
            #expect(places.isEmpty, "\(places)")
            #expect(hunt.timesLooked.processes > 100 && hunt.timesLooked.files > 20, "\(hunt.timesLooked)")
            #expect(try !secrets.contains(where: Command.run("dmesg").contains))
        }

        @Test func theHuntSeesSecretsThatAreThere() async throws {
            let secret = "planted-secret"
            let hunt = SecretHunt(for: [secret], in: ["/etc/iscsi"])
            let planted = "/etc/iscsi/nodes-planted"
            let holders = Mutex<[HoldingProcess]>([])
            let places = try await hunt.places {
                try Data("x \(secret) y".utf8).write(to: URL(filePath: planted))
                let argument = try HoldingProcess("cat", secret)
                let environment = try HoldingProcess("exec env \"WORD=$0\" cat", secret)
                holders.withLock { $0 = [argument, environment] }
                let before = hunt.timesLooked
                try await eventually("the hunt has looked at everything twice") {
                    let looked = hunt.timesLooked
                    return looked.processes >= before.processes + 2 && looked.files >= before.files + 2
                }
            }
            let ids = holders.withLock { $0.map(\.id) }
            try FileManager.default.removeItem(atPath: planted)
            #expect(
                places.isSuperset(of: [planted, "/proc/\(ids[0])/cmdline", "/proc/\(ids[1])/environ"]), "\(places)")
        }
    }
}
