// SPDX-License-Identifier: Apache-2.0

import LoopDisks
import Testing

/// The scenarios that take what only the virtual machine's kernel has.
@Suite(.inMachine, .serialized, .timeLimit(.minutes(5))) struct ConformanceMachineTests {
    @Suite(.serialized) struct OnRealSamba {
        @Test(arguments: Scenario.shares) func linked(_ scenario: Scenario) async throws {
            try await perform(scenario, on: SambaRig(scenario))
        }

        @Test(arguments: Scenario.shares) func proxied(_ scenario: Scenario) async throws {
            try await performProxied(scenario, on: SambaRig(scenario))
        }
    }
}
