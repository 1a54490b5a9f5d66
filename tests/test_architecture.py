"""Imports point one way: what is read here is the source itself, also the imports inside functions."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import soundloom

PACKAGE = Path(soundloom.__file__).parent

# From top to bottom: a row imports from the rows below it, never from its own or from one above.
ROWS = (
    ("__main__",),
    ("cli", "studio"),
    ("export",),
    ("evaluation",),
    ("training",),
    ("generation",),
    ("checkpoints",),
    ("systems",),
    ("contract",),
    ("metrics",),
    ("data",),
    ("representations",),
    ("layers",),
    ("conditions", "descriptors"),
    ("audio",),
    ("runtime",),
)
ROW_OF = {part: number for number, row in enumerate(ROWS) for part in row}


def modules(root: Path) -> dict[str, Path]:
    """Every module of a package, by its dotted name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        names = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path], *, at_run_time: bool, lazy: bool = True) -> Iterator[str]:
    """The package's own modules that a module imports; `at_run_time` leaves out what only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in walk(tree, at_run_time, lazy):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(name, path, node)
            targets = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names]
        else:
            continue
        yield from (target for target in targets if target in known and target != name)


def walk(node: ast.AST, at_run_time: bool, lazy: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if at_run_time and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if not lazy and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield child
        yield from walk(child, at_run_time, lazy)


def absolute(name: str, path: Path, node: ast.ImportFrom) -> str:
    """What `from .x import y` means, spelt out."""
    if not node.level:
        return node.module or ""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *((node.module,) if node.module else ())])


def upward_imports(root: Path) -> list[str]:
    """Imports at run time, at the top of a file or inside a function, that do not point downwards."""
    known, wrong = modules(root), []
    for name, path in known.items():
        mine = name.split(".")[1:2]
        for target in imports(name, path, known, at_run_time=True) if mine else ():
            theirs = target.split(".")[1:2]
            if theirs and theirs != mine and not ROW_OF[mine[0]] < ROW_OF[theirs[0]]:
                wrong.append(f"{name} imports {target}")
    return wrong


def imports_between_systems(root: Path) -> list[str]:
    known, wrong = modules(root), []
    for name, path in known.items():
        mine = name.split(".")[1:3]
        if len(mine) < 2 or mine[0] != "systems":
            continue
        for target in imports(name, path, known, at_run_time=False):
            theirs = target.split(".")[1:3]
            if theirs[0] == "systems" and theirs != mine:
                wrong.append(f"{name} imports {target}")
    return wrong


def cycle(root: Path) -> list[str]:
    """Modules that import each other in a ring when they are loaded, or none."""
    known = modules(root)
    graph = {name: set(imports(name, path, known, at_run_time=True, lazy=False)) for name, path in known.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture
def small_package(tmp_path: Path) -> Path:
    """A package with every fault that the rules are there to find."""
    sources = {
        "__init__.py": "",
        "runtime.py": "",
        "audio.py": "def read():\n    from soundloom.generation import load\n",
        "generation.py": "import soundloom.audio\nif TYPE_CHECKING:\n    import soundloom.cli.app\n",
        "cli.py": "import soundloom.generation\n",
        "systems/__init__.py": "",
        "systems/one/__init__.py": "from soundloom.systems.one import net\n",
        "systems/one/net.py": "from ..two import net\n",
        "systems/two/__init__.py": "",
        "systems/two/net.py": "from . import other\n",
        "systems/two/other.py": "from soundloom.systems.two.net import width\n",
    }
    for name, source in sources.items():
        path = tmp_path / "soundloom" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path / "soundloom"


def test_every_part_of_the_package_has_its_row():
    parts = {name.split(".")[1] for name in modules(PACKAGE) if "." in name}
    assert parts <= set(ROW_OF), "a new part: say in ROWS what it may import"


def test_imports_point_downwards_also_inside_functions():
    assert upward_imports(PACKAGE) == []


def test_systems_never_import_each_other_not_even_for_types():
    assert imports_between_systems(PACKAGE) == []


def test_no_modules_import_each_other_in_a_ring():
    assert cycle(PACKAGE) == []


def test_an_upward_import_inside_a_function_is_found_and_one_for_types_is_let_be(small_package: Path):
    assert upward_imports(small_package) == ["soundloom.audio imports soundloom.generation"]


def test_a_system_that_imports_another_is_found(small_package: Path):
    assert imports_between_systems(small_package) == ["soundloom.systems.one.net imports soundloom.systems.two.net"]


def test_a_ring_of_imports_is_found(small_package: Path):
    assert set(cycle(small_package)) == {"soundloom.systems.two.net", "soundloom.systems.two.other"}
