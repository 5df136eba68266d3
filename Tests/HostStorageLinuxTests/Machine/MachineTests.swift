// SPDX-License-Identifier: Apache-2.0

import LoopDisks
import Testing

/// All tests in the virtual machine run one after the other: they would see each other's disks.
@Suite(.inMachine, .serialized, .inTurn, .timeLimit(.minutes(20))) struct MachineTests {}
