// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The only version of the system group. Its states and start types are those of Windows services.
enum SystemRows {
    static func of(_ version: APIVersion) -> [WireRow] { ["v1alpha1", "v2"].contains("\(version)") ? first : [] }

    private static let first = [
        WireRow(
            "GetBIOSSerialNumber",
            operation: { (_: V1alpha1_GetBIOSSerialNumberRequest) in BIOSSerialNumber() },
            response: { number in V1alpha1_GetBIOSSerialNumberResponse.with { $0.serialNumber = number } },
            request: { _ in V1alpha1_GetBIOSSerialNumberRequest() },
            answer: { $0.serialNumber }),
        WireRow(
            "StartService",
            operation: { (request: V1alpha1_StartServiceRequest) in
                StartService(service: try ServiceName(request.name))
            },
            response: V1alpha1_StartServiceResponse.self,
            request: { operation in .with { $0.name = "\(operation.service)" } }),
        WireRow(
            "StopService",
            operation: { (request: V1alpha1_StopServiceRequest) in
                StopService(service: try ServiceName(request.name), force: request.force)
            },
            response: V1alpha1_StopServiceResponse.self,
            request: { operation in
                .with {
                    $0.name = "\(operation.service)"
                    $0.force = operation.force
                }
            }),
        WireRow(
            "GetService",
            operation: { (request: V1alpha1_GetServiceRequest) in
                LookUpService(service: try ServiceName(request.name))
            },
            response: { service in
                V1alpha1_GetServiceResponse.with {
                    $0.displayName = service.displayName
                    $0.startType = service.startType.onTheWire
                    $0.status = service.state.onTheWire
                }
            },
            request: { operation in .with { $0.name = "\(operation.service)" } },
            answer: { response in
                HostService(
                    displayName: response.displayName, startType: ServiceStartType(response.startType),
                    state: ServiceState(response.status))
            }),
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
