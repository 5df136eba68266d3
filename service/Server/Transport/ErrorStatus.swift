// SPDX-License-Identifier: Apache-2.0

public import HostStorage
package import RPC
import StorageWire

extension StorageError {
    /// The trailer that carries the exact code, for clients that do not read the details.
    public static let codeTrailer = "host-storage-code"

    /// The room for the details, which are longer by a third as text. With a status text of 4 KiB they do not fit into
    /// the 8 KiB of headers that gRPC's clients take; it is in them once more.
    private static let roomForDetails = 2400

    /// With what a call ends that fails with it.
    package var status: Status {
        let text = StatusText.bounded("\(self)")
        let code = StatusCode(self.code)
        var status = Status(code, text, trailers: [.init(Self.codeTrailer, Array("\(self.code.rawValue)".utf8))])
        let details = ErrorDetails.trailer(of: self, status: code.rawValue, text: text, room: Self.roomForDetails)
        if let details { status.trailers.append(.init(ErrorDetails.trailerName, details)) }
        return status
    }
}

extension Status {
    /// With what a call ends that fails with any error.
    init(of error: any Error) {
        self =
            switch error {
            case let error as Status: error
            case let error as StorageError: error.status
            default: Status(.unknown, StatusText.bounded("\(error)"))
            }
    }
}
