# SPDX-License-Identifier: Apache-2.0
"""iSCSI targets of the virtual machine's own kernel (LIO), and its iscsid."""
import itertools
import pathlib
import signal
import subprocess
import uuid

from eventually import PATIENCE, eventually

counter = itertools.count(1)
KERNEL = pathlib.Path("/sys/kernel/config/target")
PORTAL = {"target_address": "127.0.0.1", "target_port": 3260}


class Daemon:
    """iscsid, until `stop`; the kernel is made ready for targets."""

    def __init__(self, log):
        subprocess.run(["modprobe", "--all", "configfs", "sd_mod", "iscsi_tcp"], check=True)
        # The directory of the kernel's target configuration; the module looks for it once.
        pathlib.Path("/etc/target").mkdir(exist_ok=True)
        subprocess.run(["modprobe", "--all", "target_core_mod", "target_core_file", "iscsi_target_mod"], check=True)
        if not KERNEL.exists():
            subprocess.run(["mount", "-t", "configfs", "configfs", "/sys/kernel/config"], check=True)
        (KERNEL / "iscsi").mkdir(exist_ok=True)
        # Where iscsiadm has its lock; a machine's init makes it.
        pathlib.Path("/run/lock").mkdir(exist_ok=True)
        with log.open("w") as output:
            # With debugging on (-d 8) it writes its secrets into its log itself.
            self.process = subprocess.Popen(
                ["iscsid", "--foreground"], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                # It ends with all of its process group.
                start_new_session=True)
        eventually(
            "iscsid listens", lambda: b"@ISCSIADM_ABSTRACT_NAMESPACE" in pathlib.Path("/proc/net/unix").read_bytes(),
            log.read_text)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        subprocess.run(["iscsiadm", "-m", "session", "-u"], check=False, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)


class Target:
    """A target with blank disks of 64 MiB. The login has to prove `chap`, and the target proves `mutual`: a name
    and a secret each."""

    def __init__(self, directory, disks=1, chap=None, mutual=None):
        number = next(counter)
        self.iqn = f"iqn.2001-04.com.example:wire-{number}"
        group = KERNEL / "iscsi" / self.iqn / "tpgt_1"
        (group / "np" / "127.0.0.1:3260").mkdir(parents=True)
        for disk in range(disks):
            file = directory / f"{number}-{disk}"
            with file.open("wb") as content:
                content.truncate(64 << 20)
            store = KERNEL / "core" / "fileio_0" / f"wire-{number}-{disk}"
            store.mkdir(parents=True)
            (store / "control").write_text(f"fd_dev_name={file},fd_dev_size={64 << 20}")
            # Without one its page 83 has nothing.
            (store / "wwn" / "vpd_unit_serial").write_text(str(uuid.uuid4()))
            (store / "enable").write_text("1")
            (group / "lun" / f"lun_{disk}").mkdir()
            (group / "lun" / f"lun_{disk}" / "disk").symlink_to(store)
        attributes = {
            "generate_node_acls": 1, "cache_dynamic_acls": 1, "demo_mode_write_protect": 0,
            "authentication": int(chap is not None)}
        for name, value in attributes.items():
            (group / "attrib" / name).write_text(str(value))
        for proof, suffix in ((chap, ""), (mutual, "_mutual")):
            if proof:
                (group / "auth" / f"userid{suffix}").write_text(proof[0])
                (group / "auth" / f"password{suffix}").write_text(proof[1])
        (group / "enable").write_text("1")
