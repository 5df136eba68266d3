// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import Testing

@testable import HostStorageLinux

@Suite struct ChildProgramTests {
    @Test func aProgramThatIsMissingIsNamedWithItsPackage() {
        expectError(.unsupported, "package unheard-of") {
            try ChildProgram("mkfs.unheard-of", package: "unheard-of")
        }
    }

    @Test func failureTellsTheStatusAndWhatWasSaid() async throws {
        let program = try ChildProgram("sh", package: "dash")
        await expectError(.failedPrecondition, "status 3: no good") {
            try await program.run(["-c", "echo no good >&2; exit 3"], deadline: .seconds(120), subject: "x")
        }
    }

    /// One that ignores the polite request too.
    @Test func aProgramThatDoesNotEndIsStopped() async throws {
        let program = try ChildProgram("sh", package: "dash")
        let began = ContinuousClock.now
        await expectError(.deadlineExceeded, "stopped") {
            try await program.run(["-c", "trap '' TERM; sleep 1000"], deadline: .milliseconds(200), subject: "x")
        }
        #expect(began.duration(to: .now) < .seconds(60))
    }

    @Test func argumentsAreNotWordsOfAShellAndTheEnvironmentIsClean() async throws {
        let program = try ChildProgram("env", package: "coreutils")
        let (status, _) = try await program.run(
            ["test", "$(touch /nowhere) ;", "=", "$(touch /nowhere) ;"], deadline: .seconds(120))
        #expect(status == 0)
        setenv("HOST_STORAGE_TEST_SECRET", "x", 1)
        let shell = try ChildProgram("sh", package: "dash")
        let (clean, _) = try await shell.run(
            ["-c", "test -z \"$HOST_STORAGE_TEST_SECRET\" && test \"$LC_ALL\" = C"], deadline: .seconds(120))
        #expect(clean == 0)
    }
}

@Suite struct LanesTests {
    @Test func aLaneThatHangsHoldsUpNoOther() async throws {
        let lanes = Lanes()
        let gate = DispatchSemaphore(value: 0)
        let stuck = Task { try await lanes.run(in: .disk(name: "stuck")) { gate.wait() } }
        for index in 0..<32 {
            #expect(try await lanes.run(in: .disk(name: "\(index)")) { index } == index)
        }
        await expectError(.deadlineExceeded) {
            try await lanes.run(in: .disk(name: "stuck"), timeout: .milliseconds(50)) {}
        }
        gate.signal()
        try await stuck.value
    }

    @Test func aCallerThatIsCancelledLeavesWhileItsWorkGoesOn() async throws {
        let lanes = Lanes()
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let caller = Task {
            try await lanes.run(in: .inventory) {
                gate.wait()
                ended.signal()
            }
        }
        caller.cancel()
        await expectError(.cancelled) { try await caller.value }
        gate.signal()
        #expect(ended.wait(timeout: .now() + 60) == .success)
    }

    @Test func workBeyondTheLimitIsRefusedAtOnce() async throws {
        let lanes = Lanes(limit: 2)
        let gate = DispatchSemaphore(value: 0)
        let waiting = (0..<2).map { index in
            Task { try await lanes.run(in: .disk(name: "\(index)")) { gate.wait() } }
        }
        while true {
            do {
                try await lanes.run(in: .inventory) {}
            } catch {
                #expect(error.code == .exhausted)
                break
            }
        }
        for _ in 0..<2 { gate.signal() }
        for task in waiting { try await task.value }
    }
}
