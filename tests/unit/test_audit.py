"""The environment audit, on distributions that the tests write themselves."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from graph_orch.cli.audit import (
    NATIVE,
    PURE,
    SCRIPTS,
    check_files,
    installed,
    normalized,
    requirement_name,
)


def write(
    site: Path,
    name: str,
    files: dict[str, str],
    requires: tuple[str, ...] = (),
    *,
    wheel: str = "Root-Is-Purelib: true",
    scripts: bool = False,
) -> None:
    """Install a distribution as an installer would."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [f"Requires-Dist: {it}" for it in requires]
    (info / "METADATA").write_text("\n".join([f"Name: {name}", "Version: 1.0", *lines, ""]))
    (info / "WHEEL").write_text(wheel)
    if scripts:
        (info / "entry_points.txt").write_text("[console_scripts]\nrun = it:main\n")
    rows = [f"{info.name}/RECORD,,"]
    for path, content in files.items():
        (site / path).write_text(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest())
        rows.append(f"{path},sha256={digest.rstrip(b'=').decode()},{len(content)}")
    (info / "RECORD").write_text("\n".join(rows))


def test_what_is_installed(tmp_path):
    write(tmp_path, "Web.App", {"web.py": "x"}, ("lib_core>=1", "dev; extra == 'dev'", "gone"))
    write(tmp_path, "lib-core", {"core.so": "y"}, ("Web-App",), scripts=True)
    core, app = installed([str(tmp_path)])
    assert (core.name, core.requires, core.skills) == ("lib-core", ("web-app",), (NATIVE, SCRIPTS))
    assert (app.name, app.requires, app.skills) == ("web-app", ("lib-core",), (PURE,))
    assert app.title == "web-app==1.0"
    assert [it.name for it in installed([str(tmp_path)], limit=1)] == ["lib-core"]
    assert installed([str(tmp_path)], limit=1)[0].requires == ()


def test_wheel_says_native(tmp_path):
    write(tmp_path, "it", {"it.py": "x"}, wheel="Root-Is-Purelib: false")
    assert installed([str(tmp_path)])[0].skills == (NATIVE,)


def test_first_of_two_with_one_name_counts(tmp_path):
    for place in ("one", "two"):
        write(tmp_path / place, "it", {f"{place}.py": "x"})
    found = installed([str(tmp_path / "one"), str(tmp_path / "two")])
    assert [file.name for it in found for file in it.files][1:] == ["one.py"]


def test_tampered_missing_and_unhashed_files_are_told_apart(tmp_path):
    write(tmp_path, "it", {"a.py": "a", "b.py": "b", "c.py": "c"})
    (tmp_path / "a.py").write_text("changed")
    (tmp_path / "b.py").unlink()
    found = check_files(installed([str(tmp_path)])[0].files)
    assert (found.checked, found.unhashed) == (2, 1)
    assert (found.tampered, found.missing) == (("a.py",), ("b.py",))


def test_no_record(tmp_path):
    write(tmp_path, "it", {})
    (tmp_path / "it-1.0.dist-info" / "RECORD").unlink()
    found = installed([str(tmp_path)])[0]
    assert not found.has_record
    assert check_files(found.files).checked == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A.b_C>=1,<2", "a-b-c"),
        ("it[fast]~=1.0; python_version > '3'", "it"),
        ("it @ file:///x", "it"),
        ("it; extra == 'dev'", None),
        (">=1", None),
    ],
)
def test_requirement_name(text, name):
    assert requirement_name(text) == name
    assert normalized("A__b.-C") == "a-b-c"
