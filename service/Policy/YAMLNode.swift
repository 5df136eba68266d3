// SPDX-License-Identifier: Apache-2.0

import CYamlEvents

/// YAML as a tree whose every node knows its line. Refuses YAML's surprising features: anchors, aliases, tags, keys
/// that occur twice or are no text, further documents, deep nesting.
struct YAMLNode {
    enum Value {
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([(key: String, line: Int, value: YAMLNode)])
    }

    var line: Int
    var value: Value

    /// Deeper than anything that a policy holds.
    private static let maximumDepth = 8

    init(parsing text: [UInt8]) throws(PolicyFaults) {
        guard let reader = cye_open(text, Int64(text.count)) else {
            throw PolicyFaults([PolicyFault(line: nil, "there is no memory to read it with")])
        }
        defer { cye_close(reader) }
        var events = Events(reader: reader)
        guard try events.next() == CYE_DOCUMENT_START else { throw events.fault("the file holds nothing") }
        self = try Self.node(try events.next(), &events, depth: 1)
        guard try events.next() == CYE_END else { throw events.fault("a second document begins here") }
    }

    private init(line: Int, _ value: Value) {
        self.line = line
        self.value = value
    }

    private struct Events {
        let reader: OpaquePointer

        var line: Int { Int(cye_line(reader)) }
        var text: String { String(cString: cye_text(reader)) }

        func fault(_ text: String) -> PolicyFaults { PolicyFaults([PolicyFault(line: line, text)]) }

        func next() throws(PolicyFaults) -> Int {
            let kind = Int(cye_next(reader))
            guard kind != CYE_REFUSED else { throw fault(text) }
            return kind
        }
    }

    private static func node(_ kind: Int, _ events: inout Events, depth: Int) throws(PolicyFaults) -> YAMLNode {
        let line = events.line
        guard depth <= maximumDepth else { throw events.fault("lists within lists go too deep") }
        switch kind {
        case CYE_SCALAR: return YAMLNode(line: line, .scalar(events.text))
        case CYE_SEQUENCE_START:
            var items: [YAMLNode] = []
            var kind = try events.next()
            while kind != CYE_SEQUENCE_END {
                items.append(try node(kind, &events, depth: depth + 1))
                kind = try events.next()
            }
            return YAMLNode(line: line, .sequence(items))
        case CYE_MAPPING_START:
            var entries: [(key: String, line: Int, value: YAMLNode)] = []
            var lines: [String: Int] = [:]
            var kind = try events.next()
            while kind != CYE_MAPPING_END {
                guard kind == CYE_SCALAR else { throw events.fault("a key is a single word") }
                let (key, line) = (events.text, events.line)
                if let first = lines.updateValue(line, forKey: key) {
                    throw events.fault("\(key.quoted) stands on line \(first) already")
                }
                entries.append((key, line, try node(try events.next(), &events, depth: depth + 1)))
                kind = try events.next()
            }
            return YAMLNode(line: line, .mapping(entries))
        default: throw events.fault("the text ends too early")
        }
    }
}
