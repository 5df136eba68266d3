// SPDX-License-Identifier: Apache-2.0

public import HostStorage

// Services are not built yet.
extension LinuxBackend {
    public func biosSerialNumber() async throws(StorageError) -> String { throw Self.servicesAreNotBuilt }
    public func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        throw Self.servicesAreNotBuilt
    }
    public func startService(_ name: ServiceName) async throws(StorageError) { throw Self.servicesAreNotBuilt }
    public func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        throw Self.servicesAreNotBuilt
    }

    private static let servicesAreNotBuilt = StorageError(
        .unsupported, "this version of the library does not work with services on Linux yet")
}
