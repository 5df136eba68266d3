// SPDX-License-Identifier: Apache-2.0

/// The upper case of each UTF-16 unit as NTFS has it: one unit for one unit, independent of Unicode, and the same for
/// ever on one volume. Letters that Unicode has since given an upper case, those whose upper case is longer (`ß`) and
/// those that share theirs with another (`ı`, `ſ`, `µ`, `ς`) are their own.
///
/// Source: the 65,536 units of `$UpCase` on a volume made by mkfs.ntfs (ntfs-3g 2022.10.3), which follows the
/// table of Windows Vista and later; a test reads it from a volume and compares. A volume that another Windows
/// made may differ in letters that were new to Unicode then.
package enum UpcaseTable {
    /// Lower-case letters at even distances whose upper case is equally far from each.
    struct Run {
        let letters: StrideThrough<UInt16>
        let shift: Int32

        /// The letters of `range`, each or every other one; their upper case lies `shift` units on.
        init(_ range: ClosedRange<UInt16>, every step: UInt16.Stride = 1, shift: Int32) {
            letters = stride(from: range.lowerBound, through: range.upperBound, by: step)
            self.shift = shift
        }
    }

    private static let table: [UInt16] = {
        var table = Array(UInt16.min...UInt16.max)
        for run in runs {
            for letter in run.letters { table[Int(letter)] = UInt16(Int32(letter) + run.shift) }
        }
        return table
    }()

    package static func upcase(_ unit: UInt16) -> UInt16 {
        unit < 0x80 ? unit.asciiUppercase : table[Int(unit)]
    }
}
