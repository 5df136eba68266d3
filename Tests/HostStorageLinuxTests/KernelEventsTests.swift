// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HostStorageLinux

@Suite struct KernelEventsTests {
    @Test(arguments: [
        ("6.15.0", true), ("6.18.2-amd64", true), ("7.0", true), ("6.14.11", false), ("6.1.0-40-amd64", false),
        ("5.15.0-1", false), ("", false), ("next", false),
    ])
    func loopDevicesAreCountedFromOneReleaseOn(_ release: String, _ isCounted: Bool) {
        #expect(KernelEvents.countsLoopDevices(release: release) == isCounted)
    }
}
