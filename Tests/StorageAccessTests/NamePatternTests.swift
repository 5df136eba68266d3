// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess
import Testing

@Suite struct NamePatternTests {
    @Test(arguments: [
        ("a", "a", true), ("a", "b", false), ("a", "aa", false), ("a", "", false), ("", "", true), ("", "a", false),
        ("*", "", true), ("*", "anything", true), ("a*", "a", true), ("a*", "ab", true), ("a*", "ba", false),
        ("*a", "ba", true), ("*a", "ab", false), ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "acb", false),
        ("*b*", "abc", true), ("*b*", "ac", false), ("a**c", "abbc", true), ("*ab", "aab", true),
        ("*aab*b", "aaabab", true), ("loop-*:*", "loop-7:3-12", true), ("A*", "ab", false), ("?", "a", false),
        ("[ab]", "a", false), (".*", "x", false),
        // Canonically equivalent is not equal.
        ("\u{E9}", "e\u{301}", false), ("*\u{301}", "e\u{301}", true),
    ])
    func starsStandForAnyTextAndAllElseForItself(_ pattern: String, _ name: String, _ isMatch: Bool) {
        #expect(NamePattern(pattern).matches(name) == isMatch, "\(pattern) \(name)")
    }

    /// A pattern that makes naive matching take exponential time.
    @Test(.timeLimit(.minutes(20))) func manyStarsTakeLittleTime() {
        let pattern = NamePattern(String(repeating: "*a", count: 2000) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 4000)))
    }

    @Test func aDeviceMatchesInAllThatIsAsked() {
        let disk = DiskIdentifiers(page83: "naa.5000", serialNumber: "S1")
        #expect(DevicePattern(page83: NamePattern("naa.*")).matches(disk))
        #expect(DevicePattern(serial: NamePattern("S1")).matches(disk))
        #expect(!DevicePattern(page83: NamePattern("naa.*"), serial: NamePattern("S2")).matches(disk))
        #expect(!DevicePattern(page83: NamePattern("t10.*"), serial: NamePattern("S1")).matches(disk))
    }

    @Test func aNameThatADiskDoesNotGiveMatchesNothing() {
        let nameless = DiskIdentifiers(page83: "", serialNumber: "S1")
        #expect(!DevicePattern(page83: NamePattern("*")).matches(nameless))
        #expect(!DevicePattern(serial: NamePattern("*")).matches(DiskIdentifiers(page83: "x", serialNumber: "")))
    }
}
