// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import SystemdContainer
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// Services of a real systemd, beyond the behaviour that all hosts share.
    @Suite struct ServiceTests {
        /// A service that stays up, with these lines besides.
        private static func unit(_ lines: String, section: String = "Service") -> String {
            section == "Unit"
                ? "[Unit]\n\(lines)\n[Service]\nType=exec\nExecStart=/bin/sleep infinity\n"
                : "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n\(lines)\n"
        }

        private static func host(
            _ container: SystemdContainer, jobTimeout: Duration = .seconds(60)
        ) throws -> LocalHost<LinuxBackend> {
            try LinkedHost(systemBus: container.bus, jobTimeout: jobTimeout) { settings throws(StorageError) in
                settings.changeableServices = [try ServicePattern("ours-*")]
                settings.timeout = .milliseconds(200)
            }.host
        }

        /// S8, S10: a caller that gives up leaves at once; its operation goes on, is listed, and delays no other.
        @Test func aSlowStartOutlivesItsCallerAndDelaysNoOther() async throws {
            let container = try SystemdContainer()
            let wait = "ExecStartPre=/bin/sh -c 'until test -e /run/go; do sleep 0.05; done'"
            try container.install("ours-slow.service", Self.unit(wait))
            try container.install("ours-quick.service", Self.unit(""))
            try container.reload()
            let host = try Self.host(container)
            let (slow, quick) = (try ServiceName("ours-slow"), try ServiceName("ours-quick"))
            let caller = Task { try await host.startService(slow) }
            try await eventually("\(slow) is starting") { try await host.service(slow).state == .starting }
            caller.cancel()
            await expectError(.cancelled) { try await caller.value }
            #expect(host.operations.running.map(\.operation.description) == ["start service ours-slow.service"])
            await expectError(.aborted, "start service ours-slow.service has been running") {
                try await host.stopService(slow, force: false)
            }
            try await host.startService(quick)
            #expect(try await host.service(quick).state == .running)
            #expect(try await host.service(slow).state == .starting, "the quick one did not wait for the slow one")
            try "".write(toFile: container.path("/run/go"), atomically: false, encoding: .utf8)
            try await eventually("no operation is under way") { host.operations.running.isEmpty }
            #expect(try await host.service(slow).state == .running)
        }

        /// S8: one that never reports that it is ready. A repeated call waits again.
        @Test func aServiceThatIsNeverReadyHoldsItsCallerForAWhile() async throws {
            let container = try SystemdContainer()
            try container.install(
                "ours-silent.service", "[Service]\nType=notify\nExecStart=/bin/sleep 60\nTimeoutStartSec=infinity\n")
            try container.install("ours-stubborn.service", Self.unit("ExecStop=/bin/sleep 30"))
            try container.reload()
            let host = try Self.host(container)
            let impatient = try Self.host(container, jobTimeout: .milliseconds(500))
            let (silent, stubborn) = (try ServiceName("ours-silent"), try ServiceName("ours-stubborn"))
            for _ in 0..<2 {
                await expectError(.deadlineExceeded, "job", "StartUnit", "0.5 seconds", silent.unit) {
                    try await impatient.startService(silent)
                }
                #expect(impatient.operations.running.isEmpty)
                #expect(try await host.service(silent).state == .starting)
            }
            // A start under way can be called off.
            try await host.stopService(silent, force: false)
            #expect(try await host.service(silent).state == .stopped)
            try await host.startService(stubborn)
            await expectError(.deadlineExceeded, "StopUnit") { try await impatient.stopService(stubborn, force: false) }
            #expect(try await host.service(stubborn).state == .stopping)
        }

        /// S9: an alias that the policy names does not permit its target.
        @Test func anAliasIsJudgedByWhatItStandsFor() async throws {
            let container = try SystemdContainer()
            try container.install("theirs.service", Self.unit(""))
            try container.link("ours-alias.service", to: "theirs.service")
            try container.reload()
            let host = try Self.host(container)
            let alias = try ServiceName("ours-alias")
            await expectError(.denied, "theirs.service") { try await host.startService(alias) }
            #expect(try await host.service(alias).state == .stopped)
            try container.call("StartUnit", "theirs.service", "replace")
            try await eventually("\(alias) runs") { try await host.service(alias).state == .running }
            await expectError(.denied, "theirs.service") { try await host.stopService(alias, force: true) }
            #expect(try await host.service(alias).state == .running)
        }

        /// S9: a unit that no policy can name is not stopped along.
        @Test func aTargetThatDependsOnAServiceKeepsItRunning() async throws {
            let container = try SystemdContainer()
            try container.install("ours-base.service", Self.unit(""))
            try container.install("whole.target", "[Unit]\nRequires=ours-base.service\n")
            try container.reload()
            let host = try Self.host(container)
            let base = try ServiceName("ours-base")
            try container.call("StartUnit", "whole.target", "replace")
            try await eventually("\(base) runs") { try await host.service(base).state == .running }
            try await eventually("the target is reached") {
                let bus = try SystemBus.connection(to: container.bus, receivesJobs: false)
                return try ServiceUnit("whole.target", on: bus).state(on: bus) == .running
            }
            await expectError(.failedPrecondition, "whole.target") {
                try await host.stopService(base, force: false)
            }
            await expectError(.denied, "whole.target") { try await host.stopService(base, force: true) }
            #expect(try await host.service(base).state == .running)
        }

        /// Each of systemd's relations that would stop a unit along.
        @Test(arguments: [
            "Requires=ours-base.service", "Requisite=ours-base.service", "BindsTo=ours-base.service",
            "PartOf=ours-base.service", "StopPropagatedFrom=ours-base.service",
        ])
        func everyUnitThatWouldStopAlongIsADependent(_ relation: String) async throws {
            let container = try SystemdContainer()
            try container.install("ours-base.service", Self.unit(""))
            try container.install(
                "ours-dependent.service", Self.unit("\(relation)\nAfter=ours-base.service", section: "Unit"))
            try container.reload()
            let host = try Self.host(container)
            let (base, dependent) = (try ServiceName("ours-base"), try ServiceName("ours-dependent"))
            try await host.startService(base)
            try await host.startService(dependent)
            await expectError(.failedPrecondition, dependent.unit) {
                try await host.stopService(base, force: false)
            }
            #expect(try await host.service(dependent).state == .running)
            try await host.stopService(base, force: true)
            #expect(try await host.service(dependent).state == .stopped)
            #expect(try await host.service(base).state == .stopped)
        }

        @Test func theResultOfAStartIsReported() async throws {
            let container = try SystemdContainer()
            try container.install(
                "ours-conditional.service", Self.unit("ConditionPathExists=/nowhere", section: "Unit"))
            try container.install("ours-work.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
            try container.install(
                "ours-tidy.service",
                "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStop=/bin/sleep 3\n")
            try container.install("ours-broken.service", "[Service]\nType=exec\n")
            try container.install("ours-absent.service", "[Service]\nType=exec\nExecStart=/no/such/program\n")
            try container.install(
                "ours-late.service", "[Service]\nType=notify\nExecStart=/bin/sleep 60\nTimeoutStartSec=1\n")
            try container.install(
                "ours-hidden.service", Self.unit("RefuseManualStart=yes", section: "Unit"))
            try container.reload()
            let host = try Self.host(container)
            func start(_ name: String) async throws { try await host.startService(ServiceName(name)) }
            await expectError(.failedPrecondition, "conditions") { try await start("ours-conditional") }
            try await start("ours-work")
            #expect(try await host.service(ServiceName("ours-work")).state == .stopped)
            // systemd's job takes as long as all of it.
            try await start("ours-tidy")
            #expect(try await host.service(ServiceName("ours-tidy")).state == .stopped)
            await expectError(.failedPrecondition) { try await start("ours-broken") }
            await expectError(.internalError, "failed") { try await start("ours-absent") }
            await expectError(.internalError, "failed") { try await start("ours-late") }
            await expectError(.failedPrecondition, "with others alone") { try await start("ours-hidden") }
        }

        /// An operator stops a service that is being started.
        @Test func aStartThatIsCalledOffIsAborted() async throws {
            let container = try SystemdContainer()
            try container.install("ours-slow.service", Self.unit("ExecStartPre=/bin/sleep 30"))
            try container.reload()
            let host = try Self.host(container)
            let slow = try ServiceName("ours-slow")
            let start = Task { try await host.startService(slow) }
            try await eventually("\(slow) is starting") { try await host.service(slow).state == .starting }
            try container.call("StopUnit", slow.unit, "replace")
            await expectError(.aborted, "the contrary") { try await start.value }
        }

        @Test func aSystemdThatGoesAwayMeanwhileIsReported() async throws {
            var container: SystemdContainer? = try SystemdContainer()
            try container?.install("ours-slow.service", Self.unit("ExecStartPre=/bin/sleep 30"))
            try container?.reload()
            let host = try Self.host(try #require(container))
            let slow = try ServiceName("ours-slow")
            let start = Task { try await host.startService(slow) }
            try await eventually("\(slow) is starting") { try await host.service(slow).state == .starting }
            container = nil
            await expectError(.unavailable) { try await start.value }
        }

        @Test func withoutSystemdItIsUnsupported() async throws {
            let scratch = try ScratchDirectory()
            let nowhere = try LinkedHost(systemBus: "unix:path=\(scratch.path)/nowhere").host
            await expectError(.unsupported, "no systemd") { try await nowhere.service(ServiceName("x")) }
            // A bus alone is none either.
            let address = "unix:path=\(scratch.path)/bus"
            let daemon = try Command.run("dbus-daemon", "--session", "--fork", "--address=\(address)", "--print-pid=1")
            let process = try #require(pid_t(daemon))
            defer { kill(process, SIGKILL) }
            let alone = try LinkedHost(systemBus: address).host
            await expectError(.unsupported, "no systemd") { try await alone.service(ServiceName("x")) }
        }

        /// S8: a bus that accepts and never answers.
        @Test func aSilentBusHoldsNoCaller() async throws {
            let scratch = try ScratchDirectory()
            let path = "\(scratch.path)/bus"
            let silent = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(silent) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { room in room.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(silent, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(bound == 0 && listen(silent, 8) == 0)
            let linked = try LinkedHost(systemBus: "unix:path=\(path)")
            let host = linked.host
            let caller = Task { try await host.service(ServiceName("x")) }
            try await Task.sleep(for: .milliseconds(100))
            caller.cancel()
            await expectError(.cancelled) { try await caller.value }
            // Other groups go on.
            #expect(try await !host.pathExists(linked.path("x")))
        }
    }
}
