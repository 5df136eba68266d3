// SPDX-License-Identifier: Apache-2.0

/// Descriptions of .proto files (`FileDescriptorProto`), by their names and by what they define.
struct FileDescriptors: Sendable {
    private struct File {
        var name = ""
        var package = ""
        var imports: [String] = []
        let bytes: [UInt8]
    }

    private var files: [String: File] = [:]
    /// The names of the files that define packages' messages, enumerations, services and methods.
    private var symbols: [String: String] = [:]

    init(_ descriptors: [[UInt8]]) throws(MessageFields.Malformed) {
        for bytes in descriptors {
            var file = File(bytes: bytes)
            var definitions: [(field: Int, ArraySlice<UInt8>)] = []
            var fields = MessageFields(bytes[...])
            while let (number, value) = try fields.next() {
                switch (number, value) {
                case (1, _): file.name = value.text ?? ""
                case (2, _): file.package = value.text ?? ""
                case (3, _): file.imports.append(value.text ?? "")
                case (4...6, .bytes(let definition)): definitions.append((number, definition))
                default: break
                }
            }
            for (field, definition) in definitions {
                try add(definition, in: file.package, of: file.name, nested: Self.nested[field] ?? [:])
            }
            files[file.name] = file
        }
    }

    /// The fields with definitions in those of messages (4), of enumerations (5) and of services (6) of a file: the first
    /// are of messages again.
    private static let nested: [Int: [Int: Bool]] = [4: [3: true, 4: false], 5: [:], 6: [2: false]]

    private mutating func add(
        _ definition: ArraySlice<UInt8>, in scope: String, of file: String, nested: [Int: Bool]
    ) throws(MessageFields.Malformed) {
        var name = ""
        var inner: [(isMessage: Bool, ArraySlice<UInt8>)] = []
        var fields = MessageFields(definition)
        while let (number, value) = try fields.next() {
            guard case .bytes(let bytes) = value else { continue }
            if number == 1 { name = value.text ?? "" }
            if let isMessage = nested[number] { inner.append((isMessage, bytes)) }
        }
        let full = scope.isEmpty ? name : "\(scope).\(name)"
        symbols[full] = file
        for (isMessage, bytes) in inner {
            try add(bytes, in: full, of: file, nested: isMessage ? nested : [:])
        }
    }

    /// The file of that name and all that it imports, itself first; nil where there is none.
    func file(named name: String) -> [[UInt8]]? {
        guard files[name] != nil else { return nil }
        var found: [[UInt8]] = []
        var seen: Set<String> = []
        var waiting = [name]
        while let next = waiting.popLast() {
            guard seen.insert(next).inserted, let file = files[next] else { continue }
            found.append(file.bytes)
            waiting += file.imports
        }
        return found
    }

    func file(defining symbol: String) -> [[UInt8]]? { symbols[symbol].flatMap(file(named:)) }

    /// Whether there is a message or another definition of that name.
    func hasSymbol(_ symbol: String) -> Bool { symbols[symbol] != nil }
}
