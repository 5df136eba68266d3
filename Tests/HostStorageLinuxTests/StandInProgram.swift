// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import LoopDisks
import Testing

/// A shell script in the place of a program, in this process's mount namespace alone, for as long as its owner lives.
/// It signals that it has begun, waits for permission to go on, and then runs its script.
final class StandInProgram: Sendable {
    private let scratch: ScratchDirectory
    private let place: String

    /// - Parameters:
    ///   - path: of the program, or of a link to it.
    ///   - script: the commands after the permission. "$program" is the program itself.
    ///   - prelude: commands before all others.
    init(_ path: String, _ script: String, prelude: String = "") throws {
        try RealDisks.require()
        scratch = try ScratchDirectory()
        place = path
        let file = "\(scratch.path)/stand-in"
        // Some programs go by the name under which they are called.
        let program = "\(scratch.path)/\(URL(filePath: path).lastPathComponent)"
        try Command.run("cp", path, program)
        let text = """
            #!/bin/sh
            program=\(program)
            \(prelude)
            echo $$ >>\(scratch.path)/begun
            while ! test -e \(scratch.path)/leave; do sleep 0.02; done
            \(script)
            """
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        try Command.run("chmod", "755", file)
        try Command.run("mount", "--bind", file, path)
    }

    deinit {
        goOn()
        _ = try? Command.run("umount", place)
    }

    /// The processes that it has run as.
    var processes: [Int32] {
        let text = (try? String(contentsOfFile: "\(scratch.path)/begun", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { Int32($0) }
    }

    func hasBegun() async throws {
        try await eventually("\(place) has been started") { !processes.isEmpty }
    }

    func goOn() { _ = FileManager.default.createFile(atPath: "\(scratch.path)/leave", contents: nil) }
}
