// SPDX-License-Identifier: Apache-2.0

/// The methods that one socket offers, and the gate that decides about callers.
public struct Endpoint: Sendable {
    let methods: [[UInt8]: Method]
    let gate: any Gate
    let connectionLimit: Int

    /// - Parameter connectionLimit: How many connections there may be at a time. One user has at most seven eighths of
    ///   them, one process three quarters. Connections of strangers (see ``Gate/isKnown(_:)``) do not count.
    public init(_ methods: [Method], gate: any Gate, connectionLimit: Int = 256) {
        self.methods = Dictionary(methods.map { (Array($0.path.utf8), $0) }) { first, _ in first }
        self.gate = gate
        self.connectionLimit = connectionLimit
    }
}

/// Decides about callers before anything of their requests is kept, and observes their calls. Called on the event loop.
public protocol Gate: Sendable {
    /// Whether a peer may use anything here. Of strangers a few connections are served, to be refused.
    func isKnown(_ peer: Peer) -> Bool
    /// Asked at a call's headers: nil, or the status with which it ends.
    func refusal(of call: Call) -> Status?
    /// A call of a method that is there. Each ends once.
    func began(_ call: Call)
    func ended(_ call: Call, _ code: StatusCode)
    /// A call of a method that is not there has been refused.
    func refusedUnknownMethod(by peer: Peer)
}

extension Gate {
    public func isKnown(_ peer: Peer) -> Bool { true }
    public func refusal(of call: Call) -> Status? { nil }
    public func began(_ call: Call) {}
    public func ended(_ call: Call, _ code: StatusCode) {}
    public func refusedUnknownMethod(by peer: Peer) {}
}

/// Lets all in.
public struct OpenGate: Gate {
    public init() {}
}
