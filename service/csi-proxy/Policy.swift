// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Commands for policy files.
struct Policy: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain a policy file before it is put to use.", subcommands: [PolicyCheck.self])
}
