// SPDX-License-Identifier: Apache-2.0

extension Host {
    public func biosSerialNumber() async throws(StorageError) -> String {
        try await ask("BIOS serial number", "") { backend throws(StorageError) in try await backend.biosSerialNumber() }
    }

    public func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        try await ask("look up service", "\(name)") { backend throws(StorageError) in try await backend.service(name) }
    }

    public func servicesChanged(
        with name: ServiceName, dependents: Bool
    ) async throws(StorageError) -> [ServiceName] {
        try await ask("look up what changes with service", "\(name)") { [settings] backend throws(StorageError) in
            try settings.requireChangeable(name)
            return try await backend.servicesChanged(with: name, dependents: dependents)
        }
    }

    public func startService(_ name: ServiceName) async throws(StorageError) {
        try await change(service: name, "start service") { backend throws(StorageError) in
            try await backend.startService(name)
        }
    }

    public func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        try await change(service: name, force ? "stop service with force" : "stop service") {
            backend throws(StorageError) in
            try await backend.stopService(name, force: force)
        }
    }

    private func change(
        service: ServiceName, _ name: String,
        _ body: @escaping @Sendable (Backend) async throws(StorageError) -> Void
    ) async throws(StorageError) {
        do throws(StorageError) {
            try settings.requireChangeable(service)
        } catch {
            throw error.during(name, "\(service)")
        }
        try await change(name, "\(service)", keys: [.service(service)], body)
    }
}
