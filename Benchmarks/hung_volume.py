# SPDX-License-Identifier: Apache-2.0
"""How much slower other volumes are staged and unstaged while one hangs: rounds beside a hung volume and undisturbed ones
in turn, so that other load of the machine counts for both alike. `hung-volume` starts it."""
import concurrent.futures
import os
import pathlib
import statistics
import sys
import time

root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "Tests" / "FaultyDisk"))

from eventually import eventually  # noqa: E402
from faulty_disk import FaultyDisk  # noqa: E402
from loop_disk import MIB, LoopDisk  # noqa: E402
from proxy import Proxy  # noqa: E402

SCRATCH = pathlib.Path(os.environ["WIRE_TESTS_SCRATCH"])
VOLUMES = 32
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
HANGING = {"stalls": [[0, 1 << 62]], "stallsAttributes": True}


def make_volume(proxy, disk):
    proxy.service("disk").PartitionDisk(disk_number=disk.number)
    volumes = proxy.service("volume")
    (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
    volumes.FormatVolume(volume_id=id)
    return id


def cycle(proxy, disk, id):
    """Stage and unstage, with the queries that a node plugin makes meanwhile."""
    disks, volumes, files = (proxy.service(group) for group in ("disk", "volume", "filesystem"))
    place = proxy.kubelet / f"staging-{disk.name}"
    assert disk.number in disks.ListDiskIDs().disk_ids
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == [id]
    assert volumes.IsVolumeFormatted(volume_id=id).formatted
    files.Mkdir(path=place)
    volumes.MountVolume(volume_id=id, target_path=place)
    volumes.GetVolumeStats(volume_id=id)
    volumes.UnmountVolume(volume_id=id, target_path=place)
    files.Rmdir(path=place, force=True)


def main():
    with Proxy(SCRATCH / "proxy") as proxy, concurrent.futures.ThreadPoolExecutor(VOLUMES) as pool:
        disks = [LoopDisk(SCRATCH / f"disk-{number}", size=64 * MIB) for number in range(VOLUMES)]
        faulty = FaultyDisk(SCRATCH / "hanging", 64 * MIB)
        try:
            volumes = [(disk, make_volume(proxy, disk)) for disk in disks]
            bad = make_volume(proxy, faulty)
            place = proxy.kubelet / "bad"
            place.mkdir()
            proxy.service("volume").MountVolume(volume_id=bad, target_path=place)

            def rate():
                began = time.monotonic()
                for ended in [pool.submit(cycle, proxy, *volume) for volume in volumes]:
                    ended.result()
                return VOLUMES / (time.monotonic() - began)

            rate()
            undisturbed, disturbed = [], []
            with concurrent.futures.ThreadPoolExecutor(1) as apart:
                for number in range(ROUNDS):
                    undisturbed.append(rate())
                    (place / "data").write_text(f"unwritten {number}")
                    faulty.order(**HANGING)
                    stuck = apart.submit(lambda: proxy.service("volume").WriteVolumeCache(volume_id=bad))
                    eventually("the disk hangs", lambda: faulty.order(**HANGING)["waiting"])
                    disturbed.append(rate())
                    faulty.order()
                    stuck.result()
            proxy.service("volume").UnmountVolume(volume_id=bad, target_path=place)
        finally:
            for disk in [faulty, *disks]:
                disk.detach()
    ratio = statistics.median(disturbed) / statistics.median(undisturbed)
    print(f"{VOLUMES} volumes, {ROUNDS} rounds of each kind, volumes staged and unstaged per second (median):")
    print(f"  undisturbed            {statistics.median(undisturbed):8.1f}")
    print(f"  beside a hung volume   {statistics.median(disturbed):8.1f}")
    print(f"  ratio                  {ratio:8.2f}")


if __name__ == "__main__":
    main()
