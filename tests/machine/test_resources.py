"""Resources of a machine: made once, unchanged when made again, drift seen and put right, gone when deleted."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from domicile.machine.container_engine import ContainerEngineProvider, service_process
from domicile.machine.files import FileProvider, FolderProvider, GeneratedKeyProvider
from domicile.machine.link import LinkProvider
from domicile.machine.namespace import NetworkNamespaceProvider

pytestmark = pytest.mark.perimeter

FIREWALL = "table inet t { chain input { type filter hook input priority filter; policy drop; iifname lo accept; }; }"


def test_a_folder_has_its_mode_and_is_put_right_when_someone_changes_it(apply, tmp_path):
    folder = apply(FolderProvider(), path=str(tmp_path / "a" / "b"), uid=65530, gid=65500, mode=0o750)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o750
    (tmp_path / "a" / "b").chmod(0o777)
    assert folder.refresh()
    assert folder.differs()
    folder.update()
    assert folder.refresh()
    assert not folder.differs()


def test_a_retained_folder_outlives_its_resource_and_another_does_not(apply, tmp_path):
    for name, retain in (("kept", True), ("gone", False)):
        folder = apply(FolderProvider(), path=str(tmp_path / name), retain=retain)
        (tmp_path / name / "record").write_text("x")
        folder.delete()
    assert (tmp_path / "kept" / "record").exists()
    assert not (tmp_path / "gone").exists()


def test_a_file_changed_by_hand_is_seen_and_put_right(apply, tmp_path):
    file = apply(FileProvider(), path=str(tmp_path / "f"), content="one")
    assert not file.differs()
    (tmp_path / "f").write_text("two")
    assert file.refresh()
    assert file.differs()
    file.update()
    assert (tmp_path / "f").read_text() == "one"
    (tmp_path / "f").unlink()
    assert not file.refresh()


def test_a_generated_key_is_never_made_twice_and_never_in_the_state(apply, tmp_path):
    key = apply(GeneratedKeyProvider(), path=str(tmp_path / "k"))
    value = (tmp_path / "k").read_bytes()
    assert len(value) == 32
    key.update()
    assert (tmp_path / "k").read_bytes() == value
    assert value.hex() not in json.dumps(key.state)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o400


def test_a_namespace_holds_its_address_and_rules_and_shows_rules_changed_by_hand(apply, unique):
    namespace = apply(
        NetworkNamespaceProvider(),
        name=unique,
        addresses=["100.96.0.1/32"],
        firewall=FIREWALL,
        sysctls={"net.ipv6.conf.all.disable_ipv6": "1"},
    )
    namespace.update()
    assert namespace.refresh()
    assert not namespace.differs()
    subprocess.run(["ip", "netns", "exec", unique, "nft", "flush", "ruleset"], check=True)
    assert namespace.refresh()
    assert namespace.differs()
    namespace.update()
    assert namespace.refresh()
    assert not namespace.differs()
    namespace.delete()
    assert not Path("/run/netns", unique).exists()
    assert not namespace.refresh()


def test_a_link_is_made_anew_when_an_end_is_gone(apply, unique):
    for end in ("a", "b"):
        apply(NetworkNamespaceProvider(), name=unique + end)
    link = apply(
        LinkProvider(),
        namespace=unique + "a",
        interface="uplink",
        addresses=["198.18.0.2/30"],
        routes=["default via 198.18.0.1"],
        peer_namespace=unique + "b",
        peer_interface="in",
        peer_addresses=["198.18.0.1/30"],
    )
    link.update()
    assert link.refresh()
    assert not link.differs()
    subprocess.run(["ip", "-n", unique + "b", "link", "del", "in"], check=True)
    assert not link.refresh()
    link.update()
    assert link.refresh()
    route = subprocess.run(["ip", "-n", unique + "a", "route", "get", "203.0.113.10"], capture_output=True, text=True, check=True)
    assert "via 198.18.0.1 dev uplink" in route.stdout


def test_the_container_engine_is_started_once_and_again_after_it_was_killed(apply, tmp_path):
    socket = tmp_path / "podman" / "podman.sock"
    engine = apply(ContainerEngineProvider(), socket=str(socket))
    first = service_process(socket)
    engine.update()
    assert service_process(socket) == first
    os.kill(first, 9)
    os.waitpid(first, 0)
    assert engine.refresh()
    assert engine.differs()
    engine.update()
    assert service_process(socket) != first
    assert engine.refresh()
    assert not engine.differs()
    engine.delete()
    assert not socket.exists()
