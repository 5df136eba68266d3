// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import Glibc
import WindowsPath

// Prints what a call costs, and fails if the hot path is over its limits: 1 µs for a path of 60 units, and
// the result alone is allocated; ten times the path takes ten times as long.

/// Sixty units with all that normalising has to do.
let path: WindowsPath = #"C:\Users/someone\\Documents\.\Projects\..\Reports/2026\x.txt"#
precondition(path.units.count == 60)
let directories = try CurrentDirectories(#"C:\Users\someone"#)
let relative: WindowsPath = #"Documents\.\Projects\..\Reports/2026\\november\summary a.txt"#
precondition(relative.units.count == 60)
let other = WindowsPath(units: path.units.map(UpcaseTable.upcase))

func long(_ count: Int) -> WindowsPath {
    WindowsPath(#"C:\"# + String(repeating: #"name\..\other/.\"#, count: count))
}

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

report("normalized", cost { path.normalized().units.count }, nanoseconds: 1000, allocations: 1)
report("fullPath", try cost { try path.fullPath(in: directories).units.count }, nanoseconds: 1000, allocations: 1)
report(
    "fullPath of a relative path", try cost { try relative.fullPath(in: directories).units.count }, nanoseconds: 1000,
    allocations: 1)
report("splitRoot", cost { path.splitRoot().tail.units.count })
report("==", cost { path == other ? 1 : 2 }, nanoseconds: 1000, allocations: 0)
report("<", cost { path < other ? 1 : 2 }, nanoseconds: 1000, allocations: 0)
report("hash", cost { path.hashValue | 1 }, nanoseconds: 1000, allocations: 0)

for (name, call) in [
    ("normalized", { $0.normalized().units.count }),
    ("fullPath", { try $0.fullPath(in: directories).units.count }),
] as [(String, (WindowsPath) throws -> Int)] {
    let (short, tenfold) = (long(150), long(1500))
    let (few, many) = (try cost(calls: 2000) { try call(short) }, try cost(calls: 200) { try call(tenfold) })
    let ratio = many.nanoseconds / few.nanoseconds
    isOver = isOver || ratio > 15
    print("\(name) of ten times the units takes \(Double(Int(ratio * 10)) / 10) times as long")
}
exit(isOver ? 1 : 0)
