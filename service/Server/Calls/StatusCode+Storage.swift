// SPDX-License-Identifier: Apache-2.0

package import HostStorage
package import RPC

extension StatusCode {
    /// The one table between the host's error codes and gRPC's.
    package init(_ code: StorageError.Code) {
        self =
            switch code {
            case .invalidArgument: .invalidArgument
            case .notFound: .notFound
            case .alreadyExists: .alreadyExists
            case .denied: .permissionDenied
            case .failedPrecondition, .busy: .failedPrecondition
            case .aborted: .aborted
            case .outOfRange: .outOfRange
            case .exhausted: .resourceExhausted
            case .unsupported: .unimplemented
            case .unavailable: .unavailable
            case .deadlineExceeded: .deadlineExceeded
            case .cancelled: .cancelled
            case .inputOutput, .internalError: .internalError
            }
    }

    /// As Go spells it, whose names dashboards and alerts have.
    ///
    /// Source: grpc-go, codes.Code.String.
    package var nameInMetrics: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internalError: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        }
    }
}
