// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import RPC

/// grpc.reflection, by a description made here; Tests/Wire has a client of its own for the real ones.
@Suite struct ReflectionTests {
    /// A message of fields with texts or messages.
    private static func message(_ fields: (Int, [UInt8])...) -> [UInt8] {
        fields.reduce(into: []) { $0.append(field: $1.0, $1.1) }
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Defines the messages p.M and p.M.Inner, the enumerations p.M.E and p.Top, and the method p.S.Call.
    private static let file = message(
        (1, text("p.proto")), (2, text("p")), (3, text("other.proto")), (3, text("missing.proto")),
        (4, message((1, text("M")), (3, message((1, text("Inner")))), (4, message((1, text("E")))))),
        (5, message((1, text("Top")))), (6, message((1, text("S")), (2, message((1, text("Call")))))))
    /// Imports the first again.
    private static let other = message(
        (1, text("other.proto")), (3, text("p.proto")), (4, message((1, text("Plain")))))

    private static func answer(to request: [UInt8]) throws -> [UInt8] {
        let service = try ReflectionService(
            of: ["p.S"],
            describedBy: [file, other].map { String(decoding: Base64.encode($0), as: UTF8.self) })
        guard case .each(let answer) = try #require(service.methods.first).work else { throw NoAnswer() }
        return try answer(Call(peer: RunningServer.usual, path: "", deadline: nil, began: .now()), request)
    }

    private struct NoAnswer: Error {}

    /// Fields of a response, or within one of them.
    private static func fields(of message: some Sequence<UInt8>, _ number: Int) throws -> [[UInt8]] {
        var fields = MessageFields(Array(message)[...])
        var found: [[UInt8]] = []
        while let (field, value) = try fields.next() {
            if field == number, case .bytes(let bytes) = value { found.append(Array(bytes)) }
        }
        return found
    }

    @Test(arguments: [
        (4, "p.M", ["p", "o"]), (4, "p.M.Inner", ["p", "o"]), (4, "p.M.E", ["p", "o"]), (4, "p.Top", ["p", "o"]),
        (4, "p.S", ["p", "o"]), (4, "p.S.Call", ["p", "o"]), (4, "Plain", ["o", "p"]), (3, "p.proto", ["p", "o"]),
        (3, "other.proto", ["o", "p"]), (4, "p", []), (4, "p.N", []), (4, "", []), (3, "missing.proto", []),
        (4, "p.M.S", []),
    ])
    func filesAreFoundWithWhatTheyImport(_ field: Int, _ name: String, _ expected: [String]) throws {
        let request = Self.message((1, Self.text("host")), (field, Self.text(name)))
        let response = try Self.answer(to: request)
        #expect(try Self.fields(of: response, 1) == [Self.text("host")])
        #expect(try Self.fields(of: response, 2) == [request])
        let files = try Self.fields(of: response, 4).flatMap { try Self.fields(of: $0, 1) }
        #expect(files == expected.map { $0 == "p" ? Self.file : Self.other })
        #expect(try Self.fields(of: response, 7).isEmpty == !expected.isEmpty)
    }

    @Test func servicesAreListed() throws {
        let response = try Self.answer(to: Self.message((7, [])))
        let services = try Self.fields(of: response, 6).flatMap { try Self.fields(of: $0, 1) }
        #expect(try services.map { try Self.fields(of: $0, 1) } == [[Self.text("p.S")]])
    }

    @Test func thereAreNoExtensions() throws {
        let numbers = try Self.answer(to: Self.message((6, Self.text("p.M"))))
        #expect(try Self.fields(of: numbers, 5) == [Self.message((1, Self.text("p.M")))])
        for request in [Self.message((6, Self.text("p.None"))), Self.message((5, Self.message((1, Self.text("p.M")))))]
        {
            #expect(try !Self.fields(of: try Self.answer(to: request), 7).isEmpty)
        }
    }

    @Test(arguments: [[], [0x0a], [0x52, 0], [0xff]] as [[UInt8]])
    func whatIsNoRequestIsInvalid(_ request: [UInt8]) throws {
        let error = #expect(throws: Status.self) { try Self.answer(to: request) }
        #expect(error?.code == .invalidArgument)
    }

    @Test(arguments: ["/w", "!", "IgI"])
    func whatIsNoDescriptorIsRefused(_ text: String) {
        #expect(throws: ReflectionService.MalformedDescriptor.self) {
            try ReflectionService(of: [], describedBy: [text])
        }
    }
}
