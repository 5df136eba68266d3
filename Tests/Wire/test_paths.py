# SPDX-License-Identifier: Apache-2.0
"""The paths that the methods take and refuse: spelling, roots, and ways out of them.

In the tables `{w}` is a test's directory in Windows spelling, `{p}` in POSIX spelling. Calls that would do harm if
they were not refused are tried without force, or only on the tests' own files.
"""
import pytest
from grpc import StatusCode

from spelling import driveless, each_spelling, posix, windows
from wire import every_version, refused

TAKEN = [
    r"{w}\pv1",
    r"{w}\plugins\csi-plugin\pv1",
    r"{w}\trailing" + "\\",
    r"{w}\kubernetes.io~csi",
    r"{w}\a..b",
    r"{w}\..hidden",
    r"{w}\two words",
    r"{w}\Ünïcode",
    "{p}/pv1",
    "{p}/trailing/",
    "{p}//doubled",
    "{p}/a..b",
    "{p}/two words",
    "{p}/$(touch owned);`id`&|<>'\"*?:",
]

MALFORMED = [
    "",
    "pv1",
    r"pv1\foo",
    "C:",
    "C:foo",
    r".\foo",
    "C:/var/lib/kubelet/x",
    r"\var\lib\kubelet\x",
    r"\\csi-plugin\..\..\..\system32",
    r"\\server\share\x",
    r"\\?\C:\var\lib\kubelet\x",
    r"\\.\pipe\csi-proxy-disk-v1",
    "//server/share",
    r"{w}\pv1:foo",
    r"{w}\pv1/foo",
    r"{w}\pv1*foo",
    r"{w}\pv1?foo",
    r"{w}\csi-plugin|pv1\foo",
    r'{w}\pv1"foo',
    r"{w}\pv1<foo",
    r"{w}\pv1>foo",
    r"{w}\pv1$(calc)",
    r"{w}\pv1;calc",
    r"{w}\pods\pv1\..\..\..\system32",
    r"{w}\.\x",
    r"{w}\..",
    r"{w}\\x",
    r"{w}\x.",
    r"{w}\x. ",
    r"{w}\CON",
    r"{w}\nul.txt",
    "{w}\\x\0y",
    "{w}\\x\ny",
    "{w}\\" + "x" * 260,
    "{p}/../x",
    "{p}/./x",
    "{p}/..",
    "{p}/x\0y",
    "{p}/x\\y",
    "{p}/" + "x" * 256,
    "{p}" + "/x" * 2048,
]

OUTSIDE = [
    "/",
    "/etc",
    "/var/lib",
    "C:\\",
    r"C:\foo\bar",
    r"c:\windows\system32",
    r"D:\x",
    r"D:\var\lib\kubelet\x",
    "{parent}",
    "{parent}-evil",
    "{parent}-evil/x",
]


def spelled_out(text, kubelet):
    # The kubelet's own directory is the parent of a test's.
    return text.replace("{w}", windows(kubelet)).replace("{p}", posix(kubelet)).replace(
        "{parent}-evil", f"{kubelet.parent}-evil").replace("{parent}", str(kubelet.parent.parent))


@every_version("filesystem")
@pytest.mark.parametrize("text", TAKEN)
def test_paths_that_are_taken(files, text, kubelet):
    path = spelled_out(text, kubelet)
    files.Mkdir(path=path)
    assert files.PathExists(path=path).exists
    files.Rmdir(path=path, force=False)
    assert not files.PathExists(path=path).exists


def test_a_path_is_taken_literally(files, kubelet):
    files.Mkdir(path=kubelet / "$(touch owned);`id`")
    assert [path.name for path in kubelet.iterdir()] == ["$(touch owned);`id`"]


@every_version("filesystem")
@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_paths(files, text, kubelet):
    path = spelled_out(text, kubelet)
    for call in (
        lambda: files.Mkdir(path=path),
        lambda: files.Rmdir(path=path, force=False),
        lambda: files.PathExists(path=path),
        lambda: files.CreateSymlink(source_path=kubelet, target_path=path),
        lambda: files.CreateSymlink(source_path=path, target_path=kubelet / "link"),
    ):
        with refused(StatusCode.INVALID_ARGUMENT):
            call()
    assert list(kubelet.iterdir()) == []


@every_version("filesystem")
def test_is_symlink_takes_either_separator_and_a_path_without_a_drive(files, kubelet):
    assert not files.IsSymlink(path=driveless(kubelet)).is_symlink
    # csi-proxy does not look at the path of this method, and Windows takes either separator.
    taken = {
        "C:/var/lib/kubelet/x": StatusCode.PERMISSION_DENIED,
        r"\var\lib\kubelet\x": StatusCode.PERMISSION_DENIED,
        r"{w}\pv1/foo": StatusCode.NOT_FOUND,
    }
    for text in MALFORMED:
        with refused(taken.get(text, StatusCode.INVALID_ARGUMENT)):
            files.IsSymlink(path=spelled_out(text, kubelet))


@every_version("filesystem")
@pytest.mark.parametrize("text", OUTSIDE)
def test_paths_outside_the_roots(files, text, kubelet):
    path = spelled_out(text, kubelet)
    for call in (
        lambda: files.Mkdir(path=path),
        lambda: files.Rmdir(path=path, force=False),
        lambda: files.PathExists(path=path),
        lambda: files.IsSymlink(path=path),
        lambda: files.CreateSymlink(source_path=kubelet, target_path=path),
        lambda: files.CreateSymlink(source_path=path, target_path=kubelet / "link"),
    ):
        with refused(StatusCode.PERMISSION_DENIED):
            call()
    assert list(kubelet.iterdir()) == []


@every_version("filesystem", "RmdirContents")
def test_rmdir_contents_takes_and_refuses_the_same_paths(files, kubelet):
    for table, code in ((MALFORMED, StatusCode.INVALID_ARGUMENT), (OUTSIDE, StatusCode.PERMISSION_DENIED)):
        for text in table:
            if text.startswith("{"):
                with refused(code):
                    files.RmdirContents(path=spelled_out(text, kubelet))


@every_version("filesystem")
def test_a_neighbour_whose_name_begins_like_the_root_is_outside(files, proxy):
    neighbour = proxy.kubelet.with_name(f"{proxy.kubelet.name}-evil")
    (neighbour / "below").mkdir(parents=True, exist_ok=True)
    for path in (neighbour, neighbour / "below", neighbour / "new"):
        for spelled in (posix, windows):
            with refused(StatusCode.PERMISSION_DENIED):
                files.Mkdir(path=spelled(path))
            with refused(StatusCode.PERMISSION_DENIED):
                files.Rmdir(path=spelled(path), force=True)
    assert [path.name for path in neighbour.iterdir()] == ["below"]


@every_version("filesystem")
@each_spelling()
def test_a_root_itself_stays(files, spelled, proxy, kubelet):
    files.Mkdir(path=spelled(proxy.kubelet))
    assert files.PathExists(path=spelled(proxy.kubelet)).exists
    for force in (False, True):
        with refused(StatusCode.PERMISSION_DENIED):
            files.Rmdir(path=spelled(proxy.kubelet), force=force)
    for separators in ("/", "//") if spelled is posix else ("\\",):
        with refused(StatusCode.PERMISSION_DENIED):
            files.Rmdir(path=spelled(proxy.kubelet) + separators, force=True)
    assert kubelet.is_dir()


@every_version("filesystem", "RmdirContents")
def test_a_root_itself_is_not_emptied(files, proxy, kubelet):
    with refused(StatusCode.PERMISSION_DENIED):
        files.RmdirContents(path=proxy.kubelet)
    assert kubelet.is_dir()


@every_version("filesystem")
def test_no_link_on_the_way_is_followed(files, proxy, kubelet, scratch):
    outside = scratch / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "wire-test").write_text("kept")
    (kubelet / "inside").mkdir()
    (kubelet / "inside" / "wire-test").write_text("kept")
    for name, target in (("out", outside), ("in", kubelet / "inside"), ("up", ".."), ("magic", "/proc/self/root")):
        (kubelet / name).symlink_to(target)
        for call in (
            lambda: files.Mkdir(path=kubelet / name / "new"),
            lambda: files.Rmdir(path=kubelet / name / "wire-test", force=True),
            lambda: files.Rmdir(path=kubelet / name / "wire-test", force=False),
            lambda: files.PathExists(path=kubelet / name / "wire-test"),
            lambda: files.CreateSymlink(source_path=kubelet, target_path=kubelet / name / "link"),
        ):
            with refused(StatusCode.FAILED_PRECONDITION):
                call()
    assert [path.name for path in outside.iterdir()] == ["wire-test"]
    assert [path.name for path in (kubelet / "inside").iterdir()] == ["wire-test"]


@every_version("filesystem")
def test_drives_and_working_directories(start_proxy, files, scratch):
    """C: and D: stand for other directories here, and a working directory is named by its drive."""
    c, d = scratch / f"c-{files.version}", scratch / f"d-{files.version}"
    (c / "var" / "lib" / "kubelet").mkdir(parents=True)
    (d / "work").mkdir(parents=True)
    proxy = start_proxy("--drive", f"C={c}", "--drive", f"D={d}", "--working-dir", r"D:\work",
                        kubelet=c / "var" / "lib" / "kubelet")
    mapped = proxy.service("filesystem", files.version)
    mapped.Mkdir(path=r"C:\var\lib\kubelet\x")
    mapped.Mkdir(path=r"c:\var\lib\kubelet\y")
    mapped.Mkdir(path=r"D:\work\x")
    assert (c / "var/lib/kubelet/x").is_dir() and (c / "var/lib/kubelet/y").is_dir() and (d / "work/x").is_dir()
    # IsSymlink takes a path without a drive for one on C:.
    (c / "var/lib/kubelet/link").symlink_to(d / "work")
    assert mapped.IsSymlink(path=r"\var\lib\kubelet\link").is_symlink
    for path in (r"D:\other", r"C:\work", r"E:\work", driveless(c)):
        with refused(StatusCode.INVALID_ARGUMENT if path.startswith("\\") else StatusCode.PERMISSION_DENIED):
            mapped.Mkdir(path=path)
