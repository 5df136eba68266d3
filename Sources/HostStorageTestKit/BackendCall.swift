// SPDX-License-Identifier: Apache-2.0

/// The calls of a backend, for naming the one that is to fail or hang.
public enum BackendCall: String, Sendable, Hashable, CaseIterable {
    case diskLocations, diskIdentifiers, partitionDisk, rescanDisks, diskSize, setDiskState, diskState
    case volumes, mountVolume, unmountVolume, isVolumeFormatted, formatVolume, resizeVolume, volumeStats
    case diskOfVolume, volumeMountedAt, volumeClosestTo, flushVolume
    case pathExists, makeDirectory, remove, removeContents, createSymlink, isSymlink
    case mapShare, unmapShare
    case biosSerialNumber, service, startService, stopService
    case addPortal, portals, removePortal, discoverTargets, connectTarget, disconnectTarget, disksOfTarget
    case setMutualCHAPSecret
}
