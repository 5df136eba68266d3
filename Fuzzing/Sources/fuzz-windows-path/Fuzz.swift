// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// libFuzzer calls this with each input: UTF-16 units, little-endian, of paths with NUL between them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeBufferPointer(start: bytes, count: count)
    var units: [UInt16] = []
    for offset in stride(from: 0, to: count - 1, by: 2) {
        units.append(UInt16(input[offset]) | UInt16(input[offset + 1]) << 8)
    }
    let parts = units.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
    let paths = (parts + [[], []]).prefix(2).map { WindowsPath(units: $0) }
    PathInvariants.check(paths[0])
    PathInvariants.check(WindowsPath(units: units))
    PairInvariants.check(paths[0], paths[1])
    return 0
}
