// SPDX-License-Identifier: Apache-2.0

/// An operation of which another host has placed the paths already, to decide about it: the host that performs it does
/// not place them again.
package struct PlacedOperation<Operation: HostOperation>: HostOperation {
    package typealias Answer = Operation.Answer

    private let operation: Operation
    private let placed: Operation.Resolved

    /// Nil where there are no paths, or resolving is more than placing them: the operation is then performed as it is.
    ///
    /// - Parameters:
    ///   - placed: the operation, resolved with the paths of the host that performs it.
    ///   - subjects: all of its subjects.
    package init?(_ operation: Operation, as placed: Operation.Resolved, subjects: [Subject]) {
        // A host has rules of its own for services.
        guard !subjects.isEmpty, subjects.allSatisfy({ if case .path = $0 { true } else { false } }) else { return nil }
        (self.operation, self.placed) = (operation, placed)
    }

    package static var name: OperationName { Operation.name }
    package var phrase: String { operation.phrase }
    package var description: String { operation.description }

    package func resolved(by resolver: OperationResolver) throws(StorageError) -> Operation.Resolved {
        resolver.confinement == nil ? placed : try operation.resolved(by: resolver)
    }
}
