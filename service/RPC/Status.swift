// SPDX-License-Identifier: Apache-2.0

/// How a call ends, with what its trailers say.
public struct Status: Error, Sendable, Hashable, CustomStringConvertible {
    public var code: StatusCode
    public var message: String
    /// Further trailers: names in lower case, values of printable ASCII. Values of names that end in `-bin` are any bytes.
    public var trailers: [Trailer]

    public struct Trailer: Sendable, Hashable {
        public var name: String
        public var value: [UInt8]

        public init(_ name: String, _ value: [UInt8]) { (self.name, self.value) = (name, value) }
    }

    public init(_ code: StatusCode, _ message: String, trailers: [Trailer] = []) {
        self.code = code
        self.message = message
        self.trailers = trailers
    }

    /// The value of the first trailer of that name.
    public subscript(trailer name: String) -> [UInt8]? { trailers.first { $0.name == name }?.value }

    public var description: String { "\(code): \(message)" }
}
