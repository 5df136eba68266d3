// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import Glibc
import WindowsPath

// Prints what a call costs, and fails if one is over its limits: 1 µs for 60 units, and nothing is allocated.

let path = WindowsPath(#"C:\var\lib\kubelet\pods\5f0d52d1-6d2c\volumes\example\mounts"#)
precondition(path.units.count == 60)
let other = WindowsPath(units: path.units.map(UpcaseTable.upcase))

struct Cost {
    let nanoseconds: Double
    let allocations: Double
}

/// The best of several rounds, since the machine has other things to do.
func cost(calls: Int = 200_000, of body: () throws -> Int) rethrows -> Cost {
    var best = Cost(nanoseconds: .infinity, allocations: .infinity)
    var sum = 0
    for _ in 0..<7 {
        let (clock, allocations) = (ContinuousClock(), allocation_count())
        let start = clock.now
        for _ in 0..<calls { sum &+= try body() }
        let time = start.duration(to: clock.now) / calls
        let count = Double(allocation_count() - allocations) / Double(calls)
        best = Cost(
            nanoseconds: min(best.nanoseconds, Double(time.components.attoseconds) / 1e9),
            allocations: min(best.allocations, count))
    }
    precondition(sum != 0)
    return best
}

var isOver = false

@MainActor func report(_ name: String, _ cost: Cost, nanoseconds: Double? = nil, allocations: Double? = nil) {
    let fails = cost.nanoseconds > nanoseconds ?? .infinity || cost.allocations > allocations ?? .infinity
    isOver = isOver || fails
    let limit = fails ? " (over the limit)" : ""
    print("\(name): \(Int(cost.nanoseconds)) ns, \(cost.allocations) allocations\(limit)")
}

report("splitRoot", cost { path.splitRoot().tail.count }, nanoseconds: 1000, allocations: 0)
report("==", cost { path == other ? 1 : 2 }, nanoseconds: 1000, allocations: 0)
let name = path.units[3...].prefix { $0 != 0x5C }
report(
    "check",
    try cost {
        try FileName.check(name)
        return 1
    }, nanoseconds: 1000, allocations: 0)
exit(isOver ? 1 : 0)
