// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

extension Scenario {
    /// One that takes services.
    private init(
        _ number: Int, system title: String,
        run: @escaping @Sendable (_ host: any StorageHost, _ rig: any SystemRig) async throws -> Void
    ) {
        self.init(number, title) { host, rig in try await run(host, try #require(rig as? any SystemRig)) }
    }

    static let system = [
        Scenario(32, system: "the serial number is the machine's own") { host, rig in
            if let number = try await rig.biosSerialNumber() {
                #expect(try await host.biosSerialNumber() == number)
            } else {
                await expectError(.unsupported) { try await host.biosSerialNumber() }
            }
        },
        Scenario(33, system: "a service is as it was installed") { host, rig in
            for (name, type) in [
                ("automatic", ServiceStartType.automatic), ("manual", .manual), ("disabled", .disabled),
            ] {
                var service = try TestService(name)
                service.displayName = "Service \(name), described"
                service.startType = type
                try await rig.addService(service)
                let found = try await host.service(service.name)
                #expect(found.startType == type && found.state == .stopped)
                // A masked service has no description.
                if type != .disabled { #expect(found.displayName == service.displayName) }
            }
        },
        Scenario(34, system: "a service starts and stops, also where it has already") { host, rig in
            let service = try TestService("plain")
            try await rig.addService(service)
            for _ in 0..<2 {
                for _ in 0..<2 {
                    try await host.startService(service.name)
                    #expect(try await host.service(service.name).state == .running)
                }
                for _ in 0..<2 {
                    try await host.stopService(service.name, force: false)
                    #expect(try await host.service(service.name).state == .stopped)
                }
            }
        },
        Scenario(34, system: "a service that cannot start says so and is stopped") { host, rig in
            var failing = try TestService("failing")
            failing.failsToStart = true
            var disabled = try TestService("never")
            disabled.startType = .disabled
            var dependent = try TestService("dependent")
            dependent.requires = [failing.name]
            dependent.isOrdered = true
            for service in [failing, disabled, dependent] { try await rig.addService(service) }
            await expectError(.internalError) { try await host.startService(failing.name) }
            await expectError(.failedPrecondition) { try await host.startService(disabled.name) }
            await expectError(.failedPrecondition) { try await host.startService(dependent.name) }
            for service in [failing, disabled, dependent] {
                #expect(try await host.service(service.name).state == .stopped)
            }
        },
        Scenario(35, system: "what runs and depends on a service stops first, if it may") { host, rig in
            // C needs B, B and D need A; D does not run.
            var services: [String: TestService] = [:]
            for (name, requires) in [("a", [String]()), ("b", ["a"]), ("c", ["b"]), ("d", ["a"])] {
                var service = try TestService(name)
                service.requires = requires.compactMap { services[$0]?.name }
                services[name] = service
                try await rig.addService(service)
            }
            let (a, b) = (try #require(services["a"]).name, try #require(services["b"]).name)
            let c = try #require(services["c"]).name
            try await host.startService(c)
            // Its requirements start with it, but are not waited for: no unit declares an order.
            try await expectRunning([a, b, c], on: host)
            await expectError(.failedPrecondition, b.unit, c.unit) { try await host.stopService(a, force: false) }
            for service in [a, b, c] { #expect(try await host.service(service).state == .running) }
            try await host.stopService(a, force: true)
            #expect(try await rig.stoppedServices() == [c, b, a])
            for service in [a, b, c] { #expect(try await host.service(service).state == .stopped) }
        },
        Scenario(35, system: "a service that no policy names is not changed") { host, rig in
            let other = try TestService(unchangeable: "x")
            let ours = try TestService("y")
            var dependent = try TestService(unchangeable: "z")
            dependent.requires = [ours.name]
            var link = try TestService("link")
            link.requires = [dependent.name]
            for service in [other, ours, dependent, link] { try await rig.addService(service) }
            await expectError(.denied, other.name.unit) { try await host.startService(other.name) }
            await expectError(.denied, other.name.unit) { try await host.stopService(other.name, force: true) }
            #expect(try await host.service(other.name).state == .stopped)
            // Nor is one stopped on the way; nothing is.
            try await host.startService(link.name)
            try await expectRunning([ours.name, dependent.name, link.name], on: host)
            await expectError(.denied, dependent.name.unit) { try await host.stopService(ours.name, force: true) }
            for service in [ours, dependent, link] {
                #expect(try await host.service(service.name).state == .running)
            }
        },
        Scenario(35, system: "a service that is not there is not found") { host, _ in
            let missing = try TestService("missing").name
            await expectError(.notFound) { try await host.service(missing) }
            await expectError(.notFound) { try await host.startService(missing) }
            await expectError(.notFound) { try await host.stopService(missing, force: true) }
        },
    ]
}

private func expectRunning(_ services: [ServiceName], on host: any StorageHost) async throws {
    for service in services {
        try await eventually("\(service) runs") { try await host.service(service).state == .running }
    }
}
