// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// libFuzzer calls this with each input: the method, the caller, and the bytes of the request.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard input.count >= 2 else { return -1 }
    let done = DispatchSemaphore(value: 0)
    Task {
        await RequestInvariants.check(method: Int(input[0]), caller: input[1], request: Array(input.dropFirst(2)))
        done.signal()
    }
    done.wait()
    return 0
}
