// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@Suite struct PosixPathTests {
    let policy: PathPolicy

    init() throws { policy = try PathPolicy(roots: ["/var/lib/kubelet"]) }

    @Test(arguments: [
        ("/var/lib/kubelet", "/var/lib/kubelet"),
        ("/var/lib/kubelet/", "/var/lib/kubelet"),
        ("/var//lib///kubelet/x", "/var/lib/kubelet/x"),
        ("/var/lib/kubelet/a..b", "/var/lib/kubelet/a..b"),
        ("/var/lib/kubelet/...", "/var/lib/kubelet/..."),
        ("/var/lib/kubelet/..a", "/var/lib/kubelet/..a"),
        // A name that is odd on Windows is like any other here.
        ("/var/lib/kubelet/a:b", "/var/lib/kubelet/a:b"),
        ("/var/lib/kubelet/NUL", "/var/lib/kubelet/NUL"),
        ("/var/lib/kubelet/x. ", "/var/lib/kubelet/x. "),
    ])
    func isAccepted(_ text: String, _ hostPath: String) throws {
        #expect(try policy.resolve(text).description == hostPath)
        #expect(try policy.place(hostPath: text).description == hostPath)
    }

    @Test(arguments: [
        "/", "/var/lib", "/etc/passwd", "/var/lib/kubelet-evil/x", "/var/lib/kubelet2", "/var/lib/kubele",
        // Case is folded in Windows spelling alone.
        "/VAR/lib/kubelet/x", "/var/lib/Kubelet",
    ])
    func isOutsideTheRoots(_ text: String) {
        expectError(.denied, "not within the working directories") { try policy.resolve(text) }
        expectError(.denied) { try policy.place(hostPath: text) }
    }

    @Test(arguments: [
        "/var/lib/kubelet/..", "/var/lib/kubelet/../kubelet-evil", "/var/lib/kubelet/x/../../../../etc",
        "/../var/lib/kubelet", "/var/lib/kubelet/.", "/var/./lib/kubelet/x", #"/var/lib/kubelet/a\b"#,
        #"/var/lib/kubelet/..\..\x"#,
    ])
    func holdsInvalidNames(_ text: String) {
        expectError(.invalidArgument, "path contains invalid characters") { try policy.resolve(text) }
        expectError(.invalidArgument) { try policy.place(hostPath: text) }
    }

    @Test(arguments: ["var/lib/kubelet", "./x", "..", "~/x", "//var/lib/kubelet/x", "//server/share"])
    func isNotAbsolute(_ text: String) {
        expectError(.invalidArgument, "not an absolute path") { try policy.resolve(text) }
    }

    @Test func hasNamesOf255BytesAnd4095BytesAtMost() throws {
        let name = String(repeating: "n", count: 255)
        #expect(try policy.resolve("/var/lib/kubelet/\(name)").name == name)
        expectError(.invalidArgument, "256 bytes exceeds the maximum of 255") {
            try policy.resolve("/var/lib/kubelet/\(name)n")
        }
        expectError(.invalidArgument, "255") { try policy.resolve("/var/lib/kubelet/\(name)ä") }

        let deep = "/var/lib/kubelet" + String(repeating: "/n", count: 2039)
        #expect(deep.utf8.count == 4094)
        #expect(try policy.resolve(deep + "n").components.count == 2039)
        expectError(.invalidArgument, "path length 4096 exceeds maximum characters: 4095") {
            try policy.resolve(deep + "nn")
        }
    }
}

/// Refused in every spelling.
@Suite struct ControlCharacterTests {
    @Test(arguments: Array(0...0x1F) + [0x7F])
    func isRefusedWhereverItStands(_ byte: Int) throws {
        let policy = try PathPolicy(roots: ["/var/lib/kubelet"])
        let control = String(UnicodeScalar(UInt8(byte)))
        for text in [
            "/var/lib/kubelet/a\(control)b", "/var/lib/kubelet/\(control)", "\(control)/var/lib/kubelet",
            #"C:\var\lib\kubelet\a\#(control)b"#, #"C:\var\lib\kubelet\x\#(control)"#,
        ] {
            let error = expectError(.invalidArgument, "control character \(byte)") { try policy.resolve(text) }
            #expect(error.map { !"\($0)".contains(control) } ?? false, "the text is not for a log")
        }
    }
}
