// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
public import HostStorage
import StorageWire

extension StorageError.Code {
    public var status: RPCError.Code {
        RPCError.Code(Status.Code(rawValue: CallStatus(self).rawValue) ?? .unknown) ?? .unknown
    }
}

extension RPCError: StatusError {
    var callStatus: CallStatus { CallStatus(rawValue: code.rawValue) ?? .unknown }
}

extension StorageError {
    /// The trailer that carries the exact code, for clients that do not read the details.
    public static let codeTrailer = "host-storage-code"

    /// The room for the details, which are longer by a third as text. With a status text of 4 KiB they do not fit into
    /// the 8 KiB of headers that gRPC's clients take; it is in them once more.
    private static let roomForDetails = 2400

    var rpcError: RPCError {
        let text = StatusText.bounded("\(self)")
        var trailers: Metadata = [Self.codeTrailer: "\(code.rawValue)"]
        let details = ErrorDetails.trailer(
            of: self, status: code.status.rawValue, text: text, room: Self.roomForDetails)
        if let details { trailers.addBinary(details, forKey: ErrorDetails.trailerName) }
        return RPCError(code: code.status, message: text, metadata: trailers)
    }
}
