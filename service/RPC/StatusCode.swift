// SPDX-License-Identifier: Apache-2.0

/// gRPC's status codes, by their numbers.
///
/// Source: gRPC, "Status codes and their use in gRPC".
public enum StatusCode: Int, Sendable, Hashable, CaseIterable {
    case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
    case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, internalError, unavailable, dataLoss
    case unauthenticated
}
