# SPDX-License-Identifier: Apache-2.0
"""Refusals of the smb, system and iscsi groups before the host is asked."""
import pytest
from grpc import StatusCode

from wire import VERSIONS, refused

PORTAL_METHODS = ["AddTargetPortal", "DiscoverTargetPortal", "RemoveTargetPortal"]
TARGET_METHODS = ["ConnectTarget", "DisconnectTarget", "GetTargetDisks"]


@pytest.mark.parametrize("version", VERSIONS["smb"])
@pytest.mark.parametrize("remote", ["", "server", r"\\server", r"\\?\UNC\server\share", "//server/share/../other", "a\0b/c"])
def test_what_is_no_share_is_refused(proxy, version, remote):
    shares = proxy.service("smb", version)
    with refused(StatusCode.INVALID_ARGUMENT, "remote path"):
        shares.NewSmbGlobalMapping(remote_path=remote)
    with refused(StatusCode.INVALID_ARGUMENT, "remote path"):
        shares.RemoveSmbGlobalMapping(remote_path=remote)


def test_a_link_is_made_beneath_a_root_alone(proxy):
    with refused(StatusCode.PERMISSION_DENIED):
        proxy.service("smb").NewSmbGlobalMapping(remote_path=r"\\server\share", local_path="/etc/link")


@pytest.mark.parametrize("name", ["", "a b", "../x", "x.socket", "getty@", "x\n", "x" * 300])
def test_what_is_no_service_is_refused(proxy, name):
    system = proxy.service("system", "v1alpha1")
    for method in (system.GetService, system.StartService, system.StopService):
        with refused(StatusCode.INVALID_ARGUMENT):
            method(name=name)


def test_no_service_is_changed_unless_it_is_named(proxy):
    system = proxy.service("system", "v1alpha1")
    with refused(StatusCode.PERMISSION_DENIED, "kubelet.service"):
        system.StopService(name="kubelet", force=True)
    with refused(StatusCode.PERMISSION_DENIED, "kubelet.service"):
        system.StartService(name="kubelet")


@pytest.mark.parametrize("version", VERSIONS["iscsi"])
@pytest.mark.parametrize("method", [*PORTAL_METHODS, *TARGET_METHODS])
def test_a_missing_portal_is_refused_and_the_proxy_lives(proxy, version, method):
    name = {"iqn": "iqn.2001-04.com.example:x"} if method in TARGET_METHODS else {}
    with refused(StatusCode.INVALID_ARGUMENT, "target_portal"):
        getattr(proxy.service("iscsi", version), method)(**name)
    assert proxy.process.poll() is None
