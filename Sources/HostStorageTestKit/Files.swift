// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A name in a directory. Bytes, because `String` takes canonically equivalent names for one and no
/// filesystem does.
struct FileName: Sendable, Hashable {
    let bytes: [UInt8]

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// An absolute path of the simulated host, taken apart. It names one place: no link is left in it.
typealias Place = [FileName]

extension [FileName] {
    init(_ path: HostPath) {
        self = Place(text: path.root) + path.components.map { FileName($0) }
    }

    /// Takes text apart at its slashes, byte by byte: a combining mark behind one would hide it.
    init(text: String) {
        self = text.utf8.split(separator: UInt8(ascii: "/")).map { FileName(Substring($0)) }
    }

    var text: String { "/" + map(\.text).joined(separator: "/") }
}

/// A file tree.
indirect enum Node: Sendable {
    case directory([FileName: Node])
    case file([UInt8])
    case link(String)

    static let emptyDirectory = Node.directory([:])

    var isDirectory: Bool {
        if case .directory = self { true } else { false }
    }

    var isEmptyDirectory: Bool {
        if case .directory(let children) = self { children.isEmpty } else { false }
    }

    /// The bytes of all files within.
    var contentSize: Int64 {
        switch self {
        case .directory(let children): children.values.reduce(0) { $0 + $1.contentSize }
        case .file(let bytes): Int64(bytes.count)
        case .link: 0
        }
    }

    /// The node at a path below. Setting to nil removes; setting below a file or link does nothing.
    subscript(path: ArraySlice<FileName>) -> Node? {
        get {
            guard let name = path.first else { return self }
            guard case .directory(let children) = self else { return nil }
            return children[name]?[path.dropFirst()]
        }
        set {
            guard let name = path.first else {
                if let newValue { self = newValue }
                return
            }
            guard case .directory(var children) = self else { return }
            if path.count == 1 {
                children[name] = newValue
            } else {
                children[name]?[path.dropFirst()] = newValue
            }
            self = .directory(children)
        }
    }
}
