// SPDX-License-Identifier: Apache-2.0

import LoopDisks
import Testing

/// Everything that attaches disks runs one after the other: tests would see each other's.
@Suite(.realDisks, .serialized, .inTurn, .timeLimit(.minutes(20))) struct RealDiskTests {}
