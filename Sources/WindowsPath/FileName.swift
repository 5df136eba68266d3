// SPDX-License-Identifier: Apache-2.0

/// One name in a path, known to be one that NTFS holds: `a`, or with a stream `a:b`, `a::$DATA`, `a:b:$DATA`.
///
/// Sources: Microsoft, "Naming Files, Paths, and Namespaces" and "File Streams"; [MS-FSCC] 2.1.5.
public struct FileName: Sendable, Hashable {
    /// By whose rules a name is judged.
    public enum Rules: Sendable, Hashable, CaseIterable {
        /// As Win32 takes names in ordinary paths.
        case win32
        /// The same from Windows 11 and Windows Server 2025 on, where in a directory NUL alone is a device, and
        /// `nul.txt` and `con` are files.
        case windows11
        /// As NTFS takes them in verbatim paths: a device's name or a dot at the end are as good as any.
        case verbatim
    }

    /// The most units that a name, and the name of a stream, may have.
    public static let limit = 255

    /// The name of the file itself.
    public let name: WindowsPath
    /// The stream that is named; the empty one is that of the file's own data. Nil if there is no colon.
    public let stream: WindowsPath?
    /// The type of the stream, as it is written or ``StreamType/data``.
    public let streamType: StreamType

    /// - Parameters:
    ///   - component: the name without separators.
    ///   - allowingStream: whether `a:b` may name a stream. Otherwise every colon is refused.
    public init(
        _ component: WindowsPath, rules: Rules = .win32, allowingStream: Bool = false
    ) throws(NameFault) {
        let parts = component.units.split(separator: .colon, maxSplits: 2, omittingEmptySubsequences: false)
        if parts.count > 1, !allowingStream { throw .stream(at: parts[0].endIndex) }
        try Self.check(parts[0], rules: rules)
        name = WindowsPath(units: parts[0])
        if parts.count > 1 {
            guard parts.dropFirst().contains(where: { !$0.isEmpty }) else { throw .emptyStream }
            try Self.checkStream(parts[1])
        }
        stream = parts.count > 1 ? WindowsPath(units: parts[1]) : nil
        if parts.count > 2 {
            guard let type = StreamType(units: parts[2]) else { throw .unknownStreamType }
            streamType = type
        } else {
            streamType = .data
        }
    }

    private static func check(_ name: ArraySlice<UInt16>, rules: Rules) throws(NameFault) {
        guard let last = name.last else { throw .empty }
        guard case .name = Step(name) else { throw .dots }
        for offset in name.indices {
            if ForbiddenUnits.isControl(name[offset]) { throw .control(name[offset], at: offset) }
            if ForbiddenUnits.isPunctuation(name[offset]) { throw .forbidden(name[offset], at: offset) }
        }
        try checkTextAndLength(name)
        if rules != .verbatim {
            if DeviceName.isDevice(name, rules) { throw .device }
            if last == .dot || last == .blank { throw .endsInDotOrBlank }
        }
    }

    /// A stream's name may hold all but NUL, the separators and the colon ([MS-FSCC] 2.1.5.3).
    private static func checkStream(_ name: ArraySlice<UInt16>) throws(NameFault) {
        for offset in name.indices {
            if name[offset] == 0 { throw .control(0, at: offset) }
            if name[offset].isSeparator { throw .forbidden(name[offset], at: offset) }
        }
        try checkTextAndLength(name)
    }

    private static func checkTextAndLength(_ name: ArraySlice<UInt16>) throws(NameFault) {
        if let offset = WindowsPath.unpairedSurrogate(in: name) {
            throw .unpairedSurrogate(name[offset], at: offset)
        }
        guard name.count <= limit else { throw .tooLong(units: name.count) }
    }
}
