// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

extension HostStorageClient {
    public func biosSerialNumber() async throws(StorageError) -> String {
        let response: V1alpha1_GetBIOSSerialNumberResponse = try await system.call(
            "GetBIOSSerialNumber", V1alpha1_GetBIOSSerialNumberRequest())
        return response.serialNumber
    }

    public func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        let response: V1alpha1_GetServiceResponse = try await system.call(
            "GetService", V1alpha1_GetServiceRequest.with { $0.name = "\(name)" })
        return HostService(
            displayName: response.displayName, startType: ServiceStartType(response.startType),
            state: ServiceState(response.status))
    }

    /// No version tells it; the proxy judges the call by itself.
    public func servicesChanged(
        with name: ServiceName, dependents: Bool
    ) async throws(StorageError) -> [ServiceName] {
        throw StorageError(.unsupported, "the proxy does not tell what changes with a service", subject: "\(name)")
    }

    public func startService(_ name: ServiceName) async throws(StorageError) {
        let _: V1alpha1_StartServiceResponse = try await system.call(
            "StartService", V1alpha1_StartServiceRequest.with { $0.name = "\(name)" })
    }

    public func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        let _: V1alpha1_StopServiceResponse = try await system.call(
            "StopService",
            V1alpha1_StopServiceRequest.with {
                $0.name = "\(name)"
                $0.force = force
            })
    }
}

extension ServiceStartType {
    fileprivate init(_ type: V1alpha1_StartType) {
        self =
            switch type {
            // Windows drivers start so, with the machine.
            case .boot, .system, .automatic: .automatic
            case .disabled: .disabled
            case .manual, .UNRECOGNIZED: .manual
            }
    }
}

extension ServiceState {
    fileprivate init(_ status: V1alpha1_ServiceStatus) {
        self =
            switch status {
            case .stopped: .stopped
            case .startPending: .starting
            case .stopPending: .stopping
            case .running: .running
            case .unknown, .continuePending, .pausePending, .paused, .UNRECOGNIZED: .unknown
            }
    }
}
