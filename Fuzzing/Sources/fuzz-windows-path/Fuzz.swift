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
    for path in paths { check(path) }
    check(WindowsPath(units: units))
    precondition((paths[0] == paths[1]) == (paths[1] == paths[0]))
    return 0
}

/// Invariants of every path.
private func check(_ path: WindowsPath) {
    let parts = path.splitRoot()
    precondition(parts.drive + parts.root + parts.tail == path.units[...])
    precondition(parts.root.count <= 1)
    precondition(path.kind == path.kind)
    precondition(WindowsPath(units: path.units.map(UpcaseTable.upcase)) == path)
    for name in path.units.split(separator: 0x5C, omittingEmptySubsequences: false) {
        let (isName, isNewerName) = (
            (try? FileName.check(name, rules: .win32)) != nil, (try? FileName.check(name, rules: .windows11)) != nil
        )
        precondition(!isName || isNewerName, "Windows 11 takes what Windows 10 takes")
    }
}
