// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
public import HostStorage

/// The one table between the host's error codes and gRPC's.
extension StorageError.Code {
    public var status: RPCError.Code {
        switch self {
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
}

extension StorageError {
    /// The trailer that carries the exact code to clients that know it.
    public static let trailerName = "host-storage-code"

    var rpcError: RPCError {
        RPCError(
            code: code.status, message: StatusText.bounded("\(self)"), metadata: [Self.trailerName: "\(code.rawValue)"])
    }
}
