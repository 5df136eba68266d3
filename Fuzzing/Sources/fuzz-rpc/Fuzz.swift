// SPDX-License-Identifier: Apache-2.0

/// libFuzzer calls this with each input. The first byte says what the others are: a connection's bytes, or header
/// blocks.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let first = input.first else { return -1 }
    if first & 1 == 0 {
        ConnectionInvariants.check(input.dropFirst(), pieces: Int(first >> 1) + 1)
    } else {
        BlockInvariants.check(input.dropFirst())
    }
    return 0
}
