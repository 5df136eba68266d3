// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage
import Subprocess
import SystemPackage

/// A program of the filesystem tools or of open-iscsi, run as a child: an argument vector and never a shell, the C
/// locale, a deadline, and bounded output.
struct ChildProgram: Sendable {
    let path: String
    /// Whether it opens the device that it works on with O_EXCL.
    private let claimsItsDevice: Bool

    private static let directories = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    /// More output than any of the tools writes; beyond it the child is stopped.
    private static let outputLimit = 256 << 10

    /// Finds the program; `package` is the Debian package that has it.
    init(_ name: String, package: String, claimsItsDevice: Bool = true) throws(StorageError) {
        guard let directory = Self.directories.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else {
            throw StorageError(.unsupported, "\(name) is not installed on this host (package \(package))")
        }
        path = "\(directory)/\(name)"
        self.claimsItsDevice = claimsItsDevice
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// How a run ended.
    struct Outcome: Sendable {
        let status: Int32
        /// Its standard output, where that was asked for.
        var output = ""
        /// Its standard error, shortened.
        let errors: String
    }

    /// Runs it to its end and returns its exit status and its standard error.
    ///
    /// - Parameter device: the one that it works on, open meanwhile. The program sees no other device.
    func run(
        _ arguments: [String], on device: VolumeDevice? = nil, deadline: Duration
    ) async throws(StorageError) -> (status: Int32, errors: String) {
        let outcome = try await run(arguments, on: device, deadline: deadline, output: .discarded) { _ in "" }
        return (outcome.status, outcome.errors)
    }

    /// Runs it to its end and returns its standard output as well.
    func ask(_ arguments: [String], deadline: Duration) async throws(StorageError) -> Outcome {
        try await run(arguments, on: nil, deadline: deadline, output: .string(limit: Self.outputLimit)) { $0 }
    }

    private func run<Output: OutputProtocol>(
        _ arguments: [String], on device: VolumeDevice?, deadline: Duration, output: Output,
        _ text: @escaping @Sendable (Output.OutputType) -> String
    ) async throws(StorageError) -> Outcome {
        let name = name
        let confinement: Confinement? =
            if let device { try await Confinement.make(on: device, claiming: !claimsItsDevice) } else { nil }
        // It ends with the program.
        defer { withExtendedLifetime(confinement) {} }
        let (program, words) = confinement?.command(path, arguments) ?? (path, arguments)
        var options = PlatformOptions()
        options.createSession = true
        // fsck(8) runs other programs: they are in the same process group, which the session has made.
        options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
        let platformOptions = options
        let step = CallTrace.current?.begin("the program \(name)")
        defer { if let step { CallTrace.current?.end(step) } }
        let result = await withTaskGroup(of: Result<Outcome, any Error>?.self) { group in
            group.addTask {
                do {
                    let record = try await Subprocess.run(
                        .path(FilePath(program)), arguments: Arguments(words),
                        environment: .custom(["PATH": Self.directories.joined(separator: ":"), "LC_ALL": "C"]),
                        platformOptions: platformOptions, input: .none, output: output,
                        error: .string(limit: Self.outputLimit))
                    let status: Int32 =
                        switch record.terminationStatus {
                        case .exited(let code): code
                        case .signaled(let signal): 128 + signal
                        }
                    return .success(
                        Outcome(
                            status: status, output: text(record.standardOutput),
                            errors: Self.excerpt(of: record.standardError)))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        switch result {
        case .success(let outcome): return outcome
        case .failure(let error): throw StorageError(.internalError, "\(name) could not be run: \(error)")
        case nil: throw StorageError(.deadlineExceeded, "\(name) was stopped after \(deadline)")
        }
    }

    /// The reason for a failure, in one line. Some tools print it first and their usage afterwards, others print it
    /// last: so the usage is left out, and of a text that is still too long the middle.
    static func excerpt(of text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters { $0.isWhitespace } }
            .filter { !$0.isEmpty }
        let reason = lines.prefix { !$0.lowercased().hasPrefix("usage:") }
        let line = (reason.isEmpty ? lines[...] : reason).joined(separator: "; ")
        return line.count <= 1000 ? line : "\(line.prefix(600)) … \(line.suffix(400))"
    }
}

extension Substring {
    fileprivate func trimmingCharacters(_ isOutside: (Character) -> Bool) -> Substring {
        var rest = drop(while: isOutside)
        while let last = rest.last, isOutside(last) { rest.removeLast() }
        return rest
    }
}
