// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

/// Paths in Windows spelling beyond the table of csi-proxy's own validator (``ValidatorTableTests``).
@Suite struct WindowsPathTests {
    let policy: PathPolicy

    init() throws { policy = try PathPolicy(roots: [#"C:\var\lib\kubelet"#]) }

    @Test(arguments: [
        (#"C:\var\lib\kubelet\pods\pv1"#, "/var/lib/kubelet/pods/pv1"),
        (#"C:\var\lib\kubelet\plugins\pv1"#, "/var/lib/kubelet/plugins/pv1"),
        (#"C:\var\lib\kubelet"#, "/var/lib/kubelet"),
        (#"C:\var\lib\kubelet\"#, "/var/lib/kubelet"),
        (#"C:\var\lib\kubelet\pods\"#, "/var/lib/kubelet/pods"),
        (#"c:\VAR\LIB\KUBELET\x"#, "/var/lib/kubelet/x"),
        (#"C:\var\lib\kubelet\a..b"#, "/var/lib/kubelet/a..b"),
        (#"C:\var\lib\kubelet\..a"#, "/var/lib/kubelet/..a"),
        (#"C:\var\lib\kubelet\.hidden"#, "/var/lib/kubelet/.hidden"),
        (#"C:\var\lib\kubelet\a b"#, "/var/lib/kubelet/a b"),
        (#"C:\var\lib\kubelet\kubernetes.io~csi\pvc-1"#, "/var/lib/kubelet/kubernetes.io~csi/pvc-1"),
        (#"C:\var\lib\kubelet\größe"#, "/var/lib/kubelet/größe"),
        (#"C:\var\lib\kubelet\console"#, "/var/lib/kubelet/console"),
        (#"C:\var\lib\kubelet\com10"#, "/var/lib/kubelet/com10"),
        (#"C:\var\lib\kubelet\LPT"#, "/var/lib/kubelet/LPT"),
        (#"C:\var\lib\kubelet\LPT0"#, "/var/lib/kubelet/LPT0"),
    ])
    func isAccepted(_ text: String, _ hostPath: String) throws {
        #expect(try policy.resolve(text).description == hostPath)
    }

    @Test(arguments: [
        #"C:\foo\bar"#, #"C:\"#, #"C:\var\lib"#, #"D:\x"#, #"D:\var\lib\kubelet\x"#,
        // A root is compared name by name, not as text.
        #"C:\var\lib\kubelet-evil\x"#, #"C:\var\lib\kubelet2"#, #"C:\var\lib\kubele"#,
    ])
    func isOutsideTheRoots(_ text: String) { expectError(.denied) { try policy.resolve(text) } }

    @Test(arguments: [
        #"C:\var\lib\kubelet\plugins\csi-plugin\pv1:foo"#, #"C:\var\lib\kubelet\pods\pv1/foo"#,
        #"C:\var\lib\kubelet\plugins\csi-plugin\pv1*foo"#, #"C:\var\lib\kubelet\pv1?foo"#,
        #"C:\var\lib\kubelet\csi-plugin|pv1\foo"#, #"C:\var\lib\kubelet\a"b"#,
        #"C:\var\lib\kubelet\pods\pv1\..\..\..\system32"#, #"C:\var\lib\kubelet\.."#, #"C:\var\lib\kubelet\."#,
        #"C:\var\lib\kubelet\..."#, #"C:\var\lib\kubelet\.. "#, #"C:\var\lib\kubelet\x\.\y"#,
        #"C:\var\lib\kubelet\a<b>"#, #"C:\var\lib\kubelet\a$(calc)"#, #"C:\var\lib\kubelet\a;b&c"#,
        #"C:\var\lib\kubelet\a`b"#, #"C:\var\lib\kubelet\x."#, #"C:\var\lib\kubelet\x "#,
        #"C:\var\lib\kubelet\\x"#, #"C:\var\lib\kubelet\x\\"#, #"C:\\var\lib\kubelet\x"#,
    ])
    func holdsInvalidCharacters(_ text: String) {
        expectError(.invalidArgument, "path contains invalid characters") { try policy.resolve(text) }
    }

    @Test(arguments: [
        "CON", "con", "PRN", "AUX", "NUL", "nul.txt", "NUL.tar.gz", "COM1", "com9.log", "LPT1", "CONIN$",
        "CONOUT$", "NUL .txt", "COM\u{B9}", "lpt\u{B3}.x",
    ])
    func namesADevice(_ name: String) {
        for text in [#"C:\var\lib\kubelet\\#(name)"#, #"C:\var\lib\kubelet\\#(name)\x"#] {
            // "$" is refused before devices are looked for.
            expectError(.invalidArgument, name.contains("$") ? "invalid characters" : "names the device") {
                try policy.resolve(text)
            }
        }
    }

    @Test(arguments: ["", #"pv1\foo"#, #"CC\x"#, "./x", #".\x"#])
    func isNotAbsolute(_ text: String) {
        expectError(.invalidArgument, "not an absolute path") { try policy.resolve(text) }
    }

    @Test(arguments: ["C:", "C:foo", #"C:/var/lib/kubelet/x"#, #"1:\x"#, #"é:\x"#])
    func isNoDriveWithADirectory(_ text: String) {
        expectError(.invalidArgument, "path contains invalid characters") { try policy.resolve(text) }
    }

    @Test(arguments: [#"\\server\share\x"#, #"\\?\C:\var\lib\kubelet\x"#, #"\\.\pipe\x"#, #"\\"#])
    func isUNCOrADevicePath(_ text: String) {
        expectError(.invalidArgument, #"invalid character \ at beginning of path"#) { try policy.resolve(text) }
        expectError(.invalidArgument, "unsupported UNC path prefix") {
            try policy.resolve(text, driveless: .onDriveC)
        }
    }

    @Test func withoutDriveIsForDriveCAloneWhereItIsAllowed() throws {
        let text = #"\var\lib\kubelet\x"#
        expectError(.invalidArgument, #"invalid character \ at beginning of path"#) { try policy.resolve(text) }
        #expect(try policy.resolve(text, driveless: .onDriveC).description == "/var/lib/kubelet/x")
        expectError(.denied) { try policy.resolve(#"\foo"#, driveless: .onDriveC) }
        expectError(.denied) { try policy.resolve(#"\"#, driveless: .onDriveC) }
        expectError(.invalidArgument) { try policy.resolve(#"\var\lib\kubelet\.."#, driveless: .onDriveC) }
    }

    @Test func has260BytesAtMost() throws {
        let start = #"C:\var\lib\kubelet\"#
        let longest = start + String(repeating: "x", count: 260 - start.utf8.count)
        #expect(try policy.resolve(longest).name?.utf8.count == 260 - start.utf8.count)
        expectError(.invalidArgument, "path length 261 exceeds maximum characters: 260") {
            try policy.resolve(longest + "x")
        }
        // The limit counts bytes: 144 characters can be too long.
        let wide = start + String(repeating: "ä", count: 125)
        #expect(wide.count == 144)
        expectError(.invalidArgument, "path length 269") { try policy.resolve(wide) }
    }
}
