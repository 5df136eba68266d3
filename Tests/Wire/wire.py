# SPDX-License-Identifier: Apache-2.0
"""The groups in all their versions, called by the names that v1 gives things.

    volumes = Service(channel, "volume", "v1beta1")
    volumes.UnmountVolume(volume_id=id, target_path=path)    # calls DismountVolume(volume_id, path)
    volumes.GetVolumeStats(volume_id=id).total_bytes         # calls VolumeStats, reads volumeSize

The methods and fields that a version has come from its own descriptor; the two tables below only have other
names. Disk numbers are numbers here, also where a version spells them as text.
"""
import collections
import contextlib
import importlib

import grpc
import pytest
from google.protobuf import message_factory

from eventually import PATIENCE

VERSIONS = {
    "disk": ["v1alpha1", "v1beta1", "v1beta2", "v1beta3", "v1", "v2"],
    "volume": ["v1alpha1", "v1beta1", "v1beta2", "v1beta3", "v1", "v2alpha1", "v2"],
    "filesystem": ["v1alpha1", "v1beta1", "v1beta2", "v1", "v2alpha1", "v2"],
    "smb": ["v1alpha1", "v1beta1", "v1beta2", "v1"],
    "system": ["v1alpha1", "v2"],
    "iscsi": ["v1alpha1", "v1alpha2"],
}

OLDER_METHODS = {
    "GetDiskStats": "DiskStats",
    "SetDiskState": "SetAttachState",
    "GetDiskState": "GetAttachState",
    "UnmountVolume": "DismountVolume",
    "GetVolumeStats": "VolumeStats",
    "GetDiskNumberFromVolumeID": "GetVolumeDiskNumber",
    "GetVolumeIDFromTargetPath": "GetVolumeIDFromMount",
    "CreateSymlink": "LinkPath",
    "IsSymlink": "IsMountPoint",
}

OLDER_FIELDS = {
    "disk_number": ["diskID", "disk_id", "diskNumber"],
    "is_online": ["isOnline"],
    "target_path": ["path", "mount"],
    "size_bytes": ["size"],
    "total_bytes": ["diskSize", "volumeSize"],
    "used_bytes": ["volumeUsedSize"],
    "is_symlink": ["is_mount_point"],
}


class Service:
    """One group in one version. Every method takes v1's fields by name, and seconds until its deadline, and returns
    an Answer."""

    def __init__(self, channel, group, version):
        stubs = importlib.import_module(f"{group}.{version}.{group}_pb2_grpc")
        self.version = version
        self.channel = channel
        self._methods = methods(group, version)
        self._stub = getattr(stubs, f"{group.capitalize()}Stub")(channel)

    def __getattr__(self, method):
        descriptor = self._methods[method_name(self._methods, method)]
        request_type = message_factory.GetMessageClass(descriptor.input_type)
        call = getattr(self._stub, descriptor.name)

        def call_with(timeout=PATIENCE, **fields):
            values = {}
            for name, value in fields.items():
                field = field_of(descriptor.input_type, name)
                values[field.name] = str(value) if field.type == field.TYPE_STRING else value
            return Answer(call(request_type(**values), timeout=timeout))

        return call_with


class Answer:
    """A response, read by v1's names; `message` is the response as it came."""

    def __init__(self, message):
        self.message = message

    def __getattr__(self, name):
        field = field_of(self.message.DESCRIPTOR, name)
        value = getattr(self.message, field.name)
        return int(value) if name == "disk_number" else value

    @property
    def disk_locations(self):
        return {int(number): location for number, location in self.message.disk_locations.items()}

    @property
    def disk_ids(self):
        return {int(number): DiskIDs.read(ids) for number, ids in self.message.diskIDs.items()}


class DiskIDs(collections.namedtuple("DiskIDs", "page83 serial_number")):
    @classmethod
    def read(cls, message):
        if "identifiers" not in message.DESCRIPTOR.fields_by_name:
            return cls(message.page83, message.serial_number)
        assert message.identifiers.keys() == {"page83", "serialNumber"}
        return cls(message.identifiers["page83"], message.identifiers["serialNumber"])


def methods(group, version):
    messages = importlib.import_module(f"{group}.{version}.{group}_pb2")
    return messages.DESCRIPTOR.services_by_name[group.capitalize()].methods_by_name


def method_name(methods, name):
    return name if name in methods else OLDER_METHODS.get(name, name)


def field_of(message_type, name):
    for candidate in [name, *OLDER_FIELDS.get(name, [])]:
        if candidate in message_type.fields_by_name:
            return message_type.fields_by_name[candidate]
    raise AttributeError(f"{message_type.full_name} has no {name}")


def versions_with(group, *names):
    """The versions of a group that have these methods, by any name."""
    return [
        version for version in VERSIONS[group]
        if all(method_name(methods(group, version), name) in methods(group, version) for name in names)
    ]


def every_version(group, *names):
    """Runs a test with the fixture of the group's services in each version that has the methods."""
    fixture = {"disk": "disks", "volume": "volumes", "filesystem": "files"}[group]
    return pytest.mark.parametrize(fixture, versions_with(group, *names), indirect=True)


@contextlib.contextmanager
def refused(code, text=""):
    """The call in the block ends with exactly this status, and `text` is in its message. Gives the error of the block,
    once it has ended."""
    with pytest.raises(grpc.RpcError) as caught:
        yield caught
    answer = f"{caught.value.code().name}: {caught.value.details()}"
    assert caught.value.code() == code, f"wanted {code.name}, got {answer}"
    assert text in caught.value.details(), f"wanted the text {text!r}, got {answer}"
