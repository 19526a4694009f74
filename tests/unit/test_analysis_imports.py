"""What importing the analysis brings with it: no driver, and nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graph_orch import analysis

PACKAGE = Path(analysis.__file__).parent
HEAVY = {"pandas", "matplotlib", "simpy", "scipy", "numpy", "networkx", "neo4j", "neo4j_viz"}


def modules() -> list[str]:
    """The name of every module of the package, as its files say."""
    root = PACKAGE.parent.parent
    names = [path.relative_to(root).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    return sorted(".".join(parts).removesuffix(".__init__") for parts in names)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def without_driver(code: str) -> str:
    """Run code where importing the driver raises ImportError."""
    return run(f"import sys; sys.modules['neo4j'] = None\n{code}")


def test_every_directory_is_a_package():
    # The import contracts do not see what is in a directory without one.
    directories = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {path for path in directories if not (path / "__init__.py").exists()} == set()
    assert len(modules()) > 50


@pytest.mark.parametrize("module", ["graph_orch.analysis", "graph_orch, graph_orch.analysis"])
def test_importing_it_imports_nothing_heavy(module):
    assert run(f"import sys, {module}; print({HEAVY} & set(sys.modules))") == "set()"


def test_the_services_do_without_networkx_until_there_are_cycles():
    code = "import sys, graph_orch; graph_orch.Orchestrator; print('networkx' in sys.modules)"
    assert run(code) == "False"


def test_every_module_and_public_name_is_there_without_the_driver():
    without_driver(
        f"import importlib; [importlib.import_module(it) for it in {modules()}]\n"
        "from graph_orch import analysis\n"
        "parts = [getattr(analysis, it) for it in analysis.__all__]\n"
        "[getattr(part, it) for part in parts for it in getattr(part, '__all__', ())]"
    )


def test_a_graph_is_analysed_without_the_driver(tmp_path):
    # Not even where a function could ask a store instead.
    without_driver(
        "import networkx as nx\n"
        "from graph_orch import analysis\n"
        "tasks, people = nx.DiGraph([(3, 2), (2, 1)]), nx.karate_club_graph()\n"
        "assert analysis.tasks.critical_path(tasks).path == (1, 2, 3)\n"
        "assert analysis.tasks.levels(tasks) == [[1], [2], [3]]\n"
        "assert analysis.tasks.why_blocked(tasks, 3).roots == [1]\n"
        "assert analysis.tasks.blast_radius(tasks, 1).affected == [2, 3]\n"
        "assert len(analysis.teams.communities(people).members) > 1\n"
        "what_if = analysis.simulation\n"
        "crew = what_if.identical_agents(2)\n"
        "assert what_if.simulate([what_if.SimulatedTask('a', 2.0)], crew).makespan == 2\n"
        f"analysis.pictures.draw_tasks(tasks, {str(tmp_path / 'tasks.png')!r})\n"
    )
