// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ProxyServer
import StorageAccess
import StorageVersions

/// Prints what a policy file allows, or all its faults.
struct PolicyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Print what a policy file allows each caller, or its faults.",
        discussion: """
            Ends with 1 where the file has a fault. Asked about one call, by --uid or --gid and --method, it ends \
            with 0 where the call is allowed and with 2 where it is refused.
            """)

    @Argument(help: "The policy file.")
    var file: String

    @Option(
        name: .customLong("drive"),
        help: "The host directory that a drive letter stands for, as in csi-proxy serve --drive. Repeatable.")
    var drives: [Drive] = []

    @Option(help: "Ask about one call: by this user, by name or number.")
    var uid: String?

    @Option(help: "Ask about one call: by a member of this group, by name or number. Repeatable.")
    var gid: [String] = []

    @Option(help: "Ask about one call: of this method, such as v1.Disk/PartitionDisk.")
    var method: String?

    @Option(
        help: """
            Ask about one call: about this path in either spelling, or page83=NAME, serial=NAME or service=NAME. Repeatable; all of \
            them must be allowed together.
            """)
    var subject: [String] = []

    func run() throws {
        let policy: AccessPolicy
        do throws(PolicyFaults) {
            policy = try AccessPolicy(file: file, methods: .served, names: .system, drives: driveMap)
        } catch {
            throw FaultyFile(path: file, faults: error.faults)
        }
        guard uid != nil || !gid.isEmpty || method != nil || !subject.isEmpty else {
            print(policy.explanation)
            return
        }
        switch try decision(of: policy) {
        case .allowed(let rule): print("allowed by rule \"\(rule)\"")
        case .refused(let reason):
            print("refused: \(reason)")
            throw ExitCode(2)
        }
    }

    private var driveMap: [Character: String] {
        Dictionary(drives.map { ($0.letter, $0.directory) }) { _, last in last }
    }

    private func decision(of policy: AccessPolicy) throws -> Decision {
        guard uid != nil || !gid.isEmpty, let method else {
            throw ValidationError("a question takes --method, and --uid or --gid")
        }
        guard let method = MethodCatalogue.served.first(where: { $0.description == method }) else {
            throw ValidationError("there is no method \(method); write it like v1.Disk/PartitionDisk")
        }
        // Without a user, one that no rule names: 65534 is in no policy.
        let caller = Caller(
            uid: try uid.map { try Account.uid($0) } ?? 65534, gids: Set(try gid.map { try Account.gid($0) }))
        return policy.decide(caller, method, try subject.map { try RuleSubject($0, drives: driveMap) })
    }
}

/// The faults of a policy file, in the format of compilers. Ends the program with 1.
private struct FaultyFile: Error, CustomStringConvertible {
    var path: String
    var faults: [PolicyFault]

    var description: String {
        let lines = faults.map { "\(path)\($0.line.map { ":\($0)" } ?? ""): \($0.text)" }
        return "this is no policy\n" + lines.joined(separator: "\n")
    }
}
