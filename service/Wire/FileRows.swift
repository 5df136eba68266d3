// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import HostStorage
import HostStorageAPI
import SwiftProtobuf

/// The filesystem group's methods from v2 on. Paths without a drive are refused, as csi-proxy does in this group.
enum FileRows {
    static let all = ensured + files

    private static let ensured = [
        WireRow(
            "EnsureDirectory",
            operation: { (request: V2_EnsureDirectoryRequest) in
                EnsureDirectory(
                    path: CallerPath(request.path), mode: request.hasMode ? try FileMode(request.mode) : .directory)
            },
            response: { isNew in V2_EnsureDirectoryResponse.with { $0.created = isNew } },
            request: { operation in
                .with {
                    $0.path = operation.path.text
                    $0.mode = UInt32(operation.mode.bits)
                }
            },
            answer: { $0.created }),
        WireRow(
            "EnsureFile",
            operation: { (request: V2_EnsureFileRequest) in
                EnsureFile(path: CallerPath(request.path), mode: request.hasMode ? try FileMode(request.mode) : .file)
            },
            response: { isNew in V2_EnsureFileResponse.with { $0.created = isNew } },
            request: { operation in
                .with {
                    $0.path = operation.path.text
                    $0.mode = UInt32(operation.mode.bits)
                }
            },
            answer: { $0.created }),
        WireRow(
            "EnsureSymlink",
            operation: { (request: V2_EnsureSymlinkRequest) in
                EnsureSymlink(
                    link: CallerPath(request.targetPath), target: CallerPath(request.sourcePath),
                    requiresMount: request.requireMount)
            },
            response: { isNew in V2_EnsureSymlinkResponse.with { $0.created = isNew } },
            request: { operation in
                .with {
                    $0.sourcePath = operation.target.text
                    $0.targetPath = operation.link.text
                    $0.requireMount = operation.requiresMount
                }
            },
            answer: { $0.created }),
    ]

    private static let files = [
        WireRow(
            "ReadFile",
            operation: { (request: V2_ReadFileRequest) in ReadFile(path: CallerPath(request.path)) },
            response: { bytes in V2_ReadFileResponse.with { $0.content = Data(bytes) } },
            request: { operation in .with { $0.path = operation.path.text } },
            answer: { [UInt8]($0.content) }),
        WireRow(
            "WriteFile",
            operation: { (request: V2_WriteFileRequest) in
                WriteFile(
                    path: CallerPath(request.path), bytes: [UInt8](request.content),
                    mode: request.hasMode ? try FileMode(request.mode) : .file)
            },
            response: V2_WriteFileResponse.self,
            request: { operation in
                .with {
                    $0.path = operation.path.text
                    $0.content = Data(operation.bytes)
                    $0.mode = UInt32(operation.mode.bits)
                }
            }),
        WireRow(
            "GetCanonicalPath",
            operation: { (request: V2_GetCanonicalPathRequest) in CanonicalPath(path: CallerPath(request.path)) },
            response: { path in V2_GetCanonicalPathResponse.with { $0.canonicalPath = path } },
            request: { operation in .with { $0.path = operation.path.text } },
            answer: { $0.canonicalPath }),
    ]
}
