# SPDX-License-Identifier: Apache-2.0
"""What the Windows node plugins of azuredisk, gcp-pd, vSphere and SMB ask of csi-proxy, call by call, on Linux.

Paths are spelled as on Windows, and nothing here knows of another spelling. Only `connect` knows that a pipe is a
socket: a plugin of your own has one such place too, where it dials.

    csi-proxy sandbox                               # prints its directory of sockets, then "ready"
    python3 windows_driver.py <directory of sockets>
    SMB_PASSWORD=password python3 windows_driver.py <directory of sockets> '\\\\server\\share' <user>

Needs grpcio, and the modules that grpcio-tools generates from api/ on PYTHONPATH; docs/windows-drivers.md has both
commands.
"""
import os
import pathlib
import sys

import grpc
from disk.v1 import disk_pb2, disk_pb2_grpc
from filesystem.v1 import filesystem_pb2, filesystem_pb2_grpc
from smb.v1 import smb_pb2, smb_pb2_grpc
from volume.v1 import volume_pb2, volume_pb2_grpc

KUBELET = r"C:\var\lib\kubelet"


def connect(pipe, sockets):
    r"""A channel to `\\.\pipe\NAME`, which is the socket NAME here."""
    socket = pathlib.Path(sockets, pipe.rpartition("\\")[2])
    return grpc.insecure_channel(f"unix:{socket}", options=[("grpc.default_authority", "localhost")])


class CSIProxy:
    """The four groups in v1. A method takes its request's fields by name."""

    def __init__(self, sockets):
        self._groups = []
        for group, messages, stub in (
            ("disk", disk_pb2, disk_pb2_grpc.DiskStub),
            ("volume", volume_pb2, volume_pb2_grpc.VolumeStub),
            ("filesystem", filesystem_pb2, filesystem_pb2_grpc.FilesystemStub),
            ("smb", smb_pb2, smb_pb2_grpc.SmbStub),
        ):
            self._groups.append((messages, stub(connect(rf"\\.\pipe\csi-proxy-{group}-v1", sockets))))

    def __getattr__(self, method):
        for messages, stub in self._groups:
            if hasattr(stub, method):
                return lambda **fields: getattr(stub, method)(getattr(messages, f"{method}Request")(**fields), timeout=60)
        raise AttributeError(method)


def without_drive(path):
    r"""As the kubelet hands paths to plugins, and some of them hand them on: \var\lib\kubelet\…"""
    return path.removeprefix("C:")


def parent(path):
    return path.rpartition("\\")[0]


class Driver:
    """The common part of the three. `target_path` and `staging_path` are in full Windows spelling."""

    def __init__(self, proxy):
        self.proxy = proxy

    def format_and_mount(self, disk, staging_path):
        volumes = self.proxy.ListVolumesOnDisk(disk_number=disk).volume_ids
        assert volumes, f"disk {disk} has no volume"
        if not self.proxy.IsVolumeFormatted(volume_id=volumes[0]).formatted:
            self.proxy.FormatVolume(volume_id=volumes[0])
        self.proxy.Mkdir(path=staging_path)
        self.proxy.MountVolume(volume_id=volumes[0], target_path=self.volume_path(staging_path))

    def volume_path(self, path):
        """How this driver spells the paths that it sends to the volume group."""
        return path

    def unpublish(self, target_path):
        self.proxy.Rmdir(path=target_path, force=True)

    def stats(self, path):
        volume = self.proxy.GetVolumeIDFromTargetPath(target_path=self.volume_path(path)).volume_id
        answer = self.proxy.GetVolumeStats(volume_id=volume)
        return answer.total_bytes, answer.used_bytes

    def remove_if_there(self, path):
        if self.proxy.PathExists(path=path).exists:
            self.proxy.Rmdir(path=path, force=True)


class AzureDisk(Driver):
    """Finds its disk by LUN, unmounts by removing, hands volume paths on without a drive."""

    def volume_path(self, path):
        return without_drive(path)

    def stage(self, lun, staging_path):
        self.proxy.Rescan()
        locations = self.proxy.ListDiskLocations().disk_locations
        disk, = [number for number, location in locations.items() if location.LUNID == str(lun)]
        if self.proxy.PathExists(path=staging_path).exists:
            assert not self.proxy.IsSymlink(path=without_drive(staging_path)).is_symlink
        self.proxy.PartitionDisk(disk_number=disk)
        self.format_and_mount(disk, staging_path)

    def publish(self, staging_path, target_path):
        if self.proxy.PathExists(path=target_path).exists:
            if self.proxy.IsSymlink(path=target_path).is_symlink:
                return
            self.proxy.Rmdir(path=target_path, force=True)
        self.proxy.CreateSymlink(source_path=staging_path, target_path=target_path)

    def unpublish(self, target_path):
        self.flush(target_path)
        super().unpublish(target_path)

    def unstage(self, staging_path):
        self.flush(staging_path)
        # Of a mounted directory this is the unmount.
        self.proxy.Rmdir(path=staging_path, force=True)

    def expand(self, path):
        volume = self.proxy.GetVolumeIDFromTargetPath(target_path=self.volume_path(path)).volume_id
        self.proxy.ResizeVolume(volume_id=volume, size_bytes=0)
        return self.proxy.GetVolumeStats(volume_id=volume).total_bytes

    def flush(self, path):
        volume = self.proxy.GetVolumeIDFromTargetPath(target_path=self.volume_path(path)).volume_id
        self.proxy.WriteVolumeCache(volume_id=volume)


class GCPPersistentDisk(Driver):
    """Finds its disk by the last word of its page 83, takes it offline in the end."""

    def volume_path(self, path):
        return without_drive(path)

    def find(self, name):
        disks = self.proxy.ListDiskIDs().diskIDs
        disk, = [number for number, ids in disks.items() if ids.page83.split()[-1:] == [name]]
        return disk

    def stage(self, name, staging_path):
        disk = self.find(name)
        self.proxy.PartitionDisk(disk_number=disk)
        self.proxy.SetDiskState(disk_number=disk, is_online=True)
        self.format_and_mount(disk, staging_path)

    def publish(self, staging_path, target_path):
        # The plugin makes the parent in its own container; here there is only the proxy's host.
        self.proxy.Mkdir(path=parent(target_path))
        self.proxy.CreateSymlink(source_path=staging_path, target_path=target_path)

    def unstage(self, staging_path):
        if not self.proxy.PathExists(path=staging_path).exists:
            return
        volume = self.proxy.GetVolumeIDFromTargetPath(target_path=self.volume_path(staging_path)).volume_id
        self.proxy.UnmountVolume(volume_id=volume, target_path=self.volume_path(staging_path))
        self.proxy.Rmdir(path=staging_path, force=True)
        # The volume is not mounted any more, and its ID still leads to the disk.
        disk = self.proxy.GetDiskNumberFromVolumeID(volume_id=volume).disk_number
        self.proxy.SetDiskState(disk_number=disk, is_online=False)

    def expand(self, path):
        volume = self.proxy.GetVolumeIDFromTargetPath(target_path=self.volume_path(path)).volume_id
        self.proxy.ResizeVolume(volume_id=volume, size_bytes=0)
        return self.proxy.GetVolumeStats(volume_id=volume).total_bytes


class VSphere(GCPPersistentDisk):
    """Finds its disk by its UUID, which is all of page 83, and looks at the disk before it grows a volume."""

    def volume_path(self, path):
        return path

    def find(self, name):
        disks = self.proxy.ListDiskIDs().diskIDs
        disk, = [number for number, ids in disks.items() if ids.page83 == name]
        return disk

    def publish(self, staging_path, target_path):
        self.remove_if_there(target_path)
        self.proxy.Mkdir(path=parent(target_path))
        self.proxy.CreateSymlink(source_path=staging_path, target_path=target_path)

    def expand(self, path):
        volume = self.proxy.GetVolumeIDFromTargetPath(target_path=path).volume_id
        before = self.proxy.GetVolumeStats(volume_id=volume).total_bytes
        self.proxy.Rescan()
        disk = self.proxy.GetDiskNumberFromVolumeID(volume_id=volume).disk_number
        if self.proxy.GetDiskStats(disk_number=disk).total_bytes - before < 1 << 20:
            return before
        self.proxy.SetDiskState(disk_number=disk, is_online=True)
        self.proxy.ResizeVolume(volume_id=volume, size_bytes=0)
        return self.proxy.GetVolumeStats(volume_id=volume).total_bytes


# Each with its name of the disk in a sandbox.
DRIVERS = {
    "azuredisk": (AzureDisk, 0),
    "gcp-pd": (GCPPersistentDisk, "sandbox-disk-1"),
    "vsphere": (VSphere, "sandbox-disk-2"),
}


def run(name, proxy, grow=lambda identity: None, staged=lambda staging_path: None):
    """A volume's whole life with one driver: from a raw disk to a pod, grown, and back, twice.

    `grow` makes the disk larger, `staged` looks at the host while the volume is staged; they are for tests.
    """
    make, identity = DRIVERS[name]
    driver = make(proxy)
    staging_path = rf"{KUBELET}\plugins\kubernetes.io\csi\{name}\globalmount"
    target_path = rf"{KUBELET}\pods\{name}\volumes\kubernetes.io~csi\data\mount"
    # The kubelet makes these itself.
    proxy.Mkdir(path=parent(staging_path))
    proxy.Mkdir(path=parent(target_path))
    for attempt in range(2):
        driver.stage(identity, staging_path)
        assert proxy.IsSymlink(path=without_drive(staging_path)).is_symlink, "a mounted directory is a link to Windows"
        driver.publish(staging_path, target_path)
        assert proxy.IsSymlink(path=without_drive(target_path)).is_symlink
        staged(staging_path)
        total, used = driver.stats(target_path)
        assert 0 < used < total
        if attempt == 0:
            grow(identity)
        assert driver.expand(target_path) >= total
        driver.unpublish(target_path)
        assert not proxy.PathExists(path=target_path).exists
        driver.unstage(staging_path)
        assert not proxy.PathExists(path=staging_path).exists


class SMB:
    """Has no disk: the staging path is a link to a share, and so is the target path."""

    def __init__(self, proxy):
        self.proxy = proxy

    def stage(self, remote, staging_path, user, password):
        if self.proxy.PathExists(path=staging_path).exists:
            if self.proxy.IsSymlink(path=staging_path).is_symlink:
                return
            # The kubelet makes a directory there, and the link takes its place.
            self.proxy.Rmdir(path=staging_path, force=True)
        if not self.proxy.PathExists(path=parent(staging_path)).exists:
            self.proxy.Mkdir(path=parent(staging_path))
        self.proxy.NewSmbGlobalMapping(
            remote_path=remote, local_path=staging_path, username=user, password=password)

    def publish(self, staging_path, target_path):
        if self.proxy.PathExists(path=target_path).exists:
            if self.proxy.IsSymlink(path=target_path).is_symlink:
                return
            self.proxy.Rmdir(path=target_path, force=True)
        self.proxy.CreateSymlink(source_path=staging_path, target_path=target_path)

    def unpublish(self, target_path):
        self.proxy.Rmdir(path=target_path, force=True)

    def unstage(self, remote, staging_path):
        self.proxy.RemoveSmbGlobalMapping(remote_path=remote)
        self.proxy.Rmdir(path=staging_path, force=True)


def run_smb(proxy, remote, user, password, published=lambda staging_path, target_path: None):
    """Two volumes on one share, of which one goes first, twice. `published` looks at the host; it is for tests."""
    driver = SMB(proxy)
    volumes = [
        (rf"{KUBELET}\plugins\kubernetes.io\csi\smb\{name}\globalmount",
         rf"{KUBELET}\pods\smb-{name}\volumes\kubernetes.io~csi\data\mount")
        for name in ("one", "two")
    ]
    for _ in range(2):
        for staging_path, target_path in volumes:
            # The kubelet makes these itself.
            proxy.Mkdir(path=staging_path)
            proxy.Mkdir(path=target_path)
            for _ in range(2):
                driver.stage(remote, staging_path, user, password)
                driver.publish(staging_path, target_path)
        for index, (staging_path, target_path) in enumerate(volumes):
            for other in volumes[index:]:
                published(*other)
            driver.unpublish(target_path)
            driver.unstage(remote, staging_path)
            assert not proxy.PathExists(path=staging_path).exists


if __name__ == "__main__":
    csi_proxy = CSIProxy(sys.argv[1])
    if len(sys.argv) > 2:
        run_smb(csi_proxy, *sys.argv[2:], os.environ["SMB_PASSWORD"])
        print("smb: two volumes staged, published, unpublished and unstaged, twice")
        sys.exit()
    for driver_name in DRIVERS:
        run(driver_name, csi_proxy)
        print(f"{driver_name}: staged, published, grown, unpublished and unstaged, twice")
