// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The only version of the system group. Its states and start types are those of Windows services.
enum SystemService {
    static func methods(_ version: APIVersion) -> [any MethodRow] { first }

    private static let first: [any MethodRow] = [
        Method("GetBIOSSerialNumber") { (_: V1alpha1_GetBIOSSerialNumberRequest, host) throws(StorageError) in
            let number = try await host.biosSerialNumber()
            return V1alpha1_GetBIOSSerialNumberResponse.with { $0.serialNumber = number }
        },
        Method("StartService") { (request: V1alpha1_StartServiceRequest, host) throws(StorageError) in
            try await host.startService(ServiceName(request.name))
            return V1alpha1_StartServiceResponse()
        },
        Method("StopService") { (request: V1alpha1_StopServiceRequest, host) throws(StorageError) in
            try await host.stopService(ServiceName(request.name), force: request.force)
            return V1alpha1_StopServiceResponse()
        },
        Method("GetService") { (request: V1alpha1_GetServiceRequest, host) throws(StorageError) in
            let service = try await host.service(ServiceName(request.name))
            return V1alpha1_GetServiceResponse.with {
                $0.displayName = service.displayName
                $0.startType = service.startType.onTheWire
                $0.status = service.state.onTheWire
            }
        },
    ]
}

extension ServiceStartType {
    fileprivate var onTheWire: V1alpha1_StartType {
        switch self {
        case .automatic: .automatic
        case .manual: .manual
        case .disabled: .disabled
        }
    }
}

extension ServiceState {
    fileprivate var onTheWire: V1alpha1_ServiceStatus {
        switch self {
        case .stopped: .stopped
        case .starting: .startPending
        case .stopping: .stopPending
        case .running: .running
        case .unknown: .unknown
        }
    }
}
