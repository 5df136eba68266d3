// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

/// A ``StorageError`` in a call's trailers, so that a client's error equals the one that the host threw.
public enum ErrorDetails {
    /// The trailer, which gRPC's libraries in all languages know: a google.rpc.Status.
    public static let trailerName = "grpc-status-details-bin"

    private static let typeName = "type.googleapis.com/hoststorage.errors.v1.StorageErrorDetail"

    /// The trailer's bytes; nil where even the shortened details take more room than there is.
    ///
    /// - Parameters:
    ///   - status: gRPC's number of the status, and its text: clients compare both with those of the call.
    ///   - room: the most bytes.
    public static func trailer(of error: StorageError, status: Int, text: String, room: Int) -> [UInt8]? {
        [Hoststorage_Errors_V1_StorageErrorDetail(error), .init(shortened: error)].lazy
            .compactMap { detail -> [UInt8]? in
                let any = try? Google_Protobuf_Any.with {
                    $0.typeURL = typeName
                    $0.value = try detail.serializedBytes()
                }
                let status = Hoststorage_Errors_V1_Status.with {
                    $0.code = Int32(status)
                    $0.message = text
                    $0.details = any.map { [$0] } ?? []
                }
                return try? status.serializedBytes()
            }
            .first { $0.count <= room }
    }

    /// The error in a trailer; nil where it has none that this version knows.
    public static func error(in trailer: [UInt8]) -> StorageError? {
        let status = try? Hoststorage_Errors_V1_Status(serializedBytes: trailer)
        guard let any = status?.details.first(where: { $0.typeURL == typeName }) else { return nil }
        let detail = try? Hoststorage_Errors_V1_StorageErrorDetail(serializedBytes: any.value)
        return detail.flatMap { StorageError($0) }
    }
}

extension Hoststorage_Errors_V1_StorageErrorDetail {
    init(_ error: StorageError) {
        self.init()
        code = error.code.rawValue
        operation = error.operation
        subject = error.subject
        detail = error.detail
        switch error.cause {
        case .systemCall(let name, let errno, let text):
            systemCall = .with {
                $0.name = name
                $0.errno = errno
                $0.text = text
            }
        case .program(let name, let status, let output):
            program = .with {
                $0.name = name
                $0.status = status
                $0.output = output
            }
        case nil: break
        }
        holders = error.holders.map { .init($0) }
    }

    /// Enough holders to begin with, and no output.
    init(shortened error: StorageError) {
        self.init(error)
        shortened = true
        holders = Array(holders.prefix(8))
        if case .program = cause { program.output = "" }
    }
}

extension StorageError {
    fileprivate init?(_ detail: Hoststorage_Errors_V1_StorageErrorDetail) {
        guard let code = Code(rawValue: detail.code) else { return nil }
        self.init(code, detail.detail, operation: detail.operation, subject: detail.subject)
        switch detail.cause {
        case .systemCall(let call): cause = .systemCall(call.name, errno: call.errno, text: call.text)
        case .program(let program): cause = .program(program.name, status: program.status, output: program.output)
        case nil: break
        }
        holders = detail.holders.compactMap { Holder($0) }
    }
}

extension Hoststorage_Errors_V1_Holder {
    init(_ holder: HostStorage.Holder) {
        self.init()
        switch holder {
        case .process(let id, let name, let use):
            process = .with {
                $0.id = id
                $0.name = name
                $0.use = use
            }
        case .mount(let target, let process):
            mount = .with {
                $0.target = target
                if let process { $0.seenByProcess = process }
            }
        case .device(let name): device = name
        }
    }
}

extension HostStorage.Holder {
    init?(_ holder: Hoststorage_Errors_V1_Holder) {
        switch holder.kind {
        case .process(let process): self = .process(id: process.id, name: process.name, use: process.use)
        case .mount(let mount):
            self = .mount(target: mount.target, seenByProcess: mount.hasSeenByProcess ? mount.seenByProcess : nil)
        case .device(let name): self = .device(name: name)
        // One of a newer version.
        case nil: return nil
        }
    }
}
