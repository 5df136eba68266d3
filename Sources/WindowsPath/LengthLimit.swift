// SPDX-License-Identifier: Apache-2.0

/// How long a path may be, in UTF-16 units. One character outside the basic plane is two of them.
public enum LengthLimit: Sendable, Hashable, CaseIterable {
    /// 260 with the NUL at the end, so 259 without: the limit of calls without support for long paths.
    ///
    /// Source: Microsoft, "Maximum Path Length Limitation", MAX_PATH.
    case maxPath
    /// 32,767: the limit of verbatim paths, and of programs that declare long paths.
    ///
    /// Sources: Microsoft, "Maximum Path Length Limitation"; [MS-DTYP] 2.3.10, RPC_UNICODE_STRING, whose
    /// length is a 16-bit number of bytes.
    case extended

    /// The most units, the NUL not counted.
    public var units: Int {
        switch self {
        case .maxPath: 259
        case .extended: 32_767
        }
    }
}
