// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The proxy's command line.
struct CSIProxy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "csi-proxy",
        abstract: "Offers a Linux host's storage over csi-proxy's API on Unix sockets.",
        version: "0.1.0",
        subcommands: [Serve.self, Sandbox.self, Policy.self])
}
