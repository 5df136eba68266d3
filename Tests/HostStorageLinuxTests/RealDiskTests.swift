// SPDX-License-Identifier: Apache-2.0

import LoopDisks
import Testing

/// All tests that attach disks run one after the other: they would see each other's.
@Suite(.realDisks, .serialized, .inTurn, .timeLimit(.minutes(20))) struct RealDiskTests {}
