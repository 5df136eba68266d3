// SPDX-License-Identifier: Apache-2.0

import LoopDisks
import Testing

/// Everything that runs in the virtual machine, one after the other: tests would see each other's disks.
@Suite(.inMachine, .serialized, .inTurn, .timeLimit(.minutes(20))) struct MachineTests {}
