// SPDX-License-Identifier: Apache-2.0

/// What a name does on the way along a path.
enum Step {
    case stay, climb, name

    init(_ name: ArraySlice<UInt16>) {
        let first = name.startIndex
        switch name.count {
        case 0: self = .stay
        case 1 where name[first] == .dot: self = .stay
        case 2 where name[first] == .dot && name[first + 1] == .dot: self = .climb
        default: self = .name
        }
    }
}
