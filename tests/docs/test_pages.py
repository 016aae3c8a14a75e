"""README, CONTRIBUTING and the pages in docs/ agree with the code."""

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from job import __version__
from job.errors import EXIT_STATUSES

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"
DOCS = sorted((REPOSITORY / "docs").glob("*.md"))
PAGES = [README, REPOSITORY / "CONTRIBUTING.md", *DOCS]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")

FOREIGN_OPTIONS = {
    "curl": {"--data-binary", "--fail-with-body", "--form", "--json"},
    "docker": {
        *("--build-arg", "--cap-drop", "--cpus", "--format", "--gpus", "--memory", "--memory-swap", "--network"),
        *("--cpuset-cpus", "--pids-limit", "--read-only", "--rm", "--security-opt", "--tmpfs", "--user"),
    },
    "make bench": {"--only", "--rounds"},
    "bench.coverage": {"--samples", "--sizes"},
    "bench.comparison_coverage": {"--repetitions"},
    "bench.sweep": {"--seconds"},
    "sha256sum": {"--check"},
    "uvx": {"--from"},
}
"""Options of other programs that the pages name."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def read_prose(page: Path) -> str:
    """The text of a page without its code."""
    return INLINE_CODE.sub("", FENCE.sub("", read(page)))


def read_code(page: Path) -> str:
    """The code of a page: fenced blocks and inline code, each on lines of its own."""
    text = read(page)
    blocks = [match[2] for match in FENCE.finditer(text)]
    return "\n".join(blocks + INLINE_CODE.findall(FENCE.sub("", text)))


def find_options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def help_of(*command: str) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "job", *command, "--help"), cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return done.stdout


def list_anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub builds them."""
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def list_tree(text: str) -> set[str]:
    """The paths of the modules in the tree of architecture.md, relative to the repository."""
    paths: set[str] = set()
    folders: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders = [*folders[:depth], name]
        if name.endswith(".py"):
            paths.add("".join(folders))
    return paths


def test_readme_is_short() -> None:
    """README has at most 200 lines and 1,600 words."""
    text = read(README)
    assert len(text.splitlines()) <= 200
    assert len(text.split()) <= 1600


def test_readme_links_to_every_page() -> None:
    """A reader of README finds every page in docs/."""
    links = LINK.findall(read(README))
    assert [page.name for page in DOCS if f"docs/{page.name}" not in links] == []


@every_page
def test_every_link_resolves(page: Path) -> None:
    """Every relative link names a file, and its anchor a heading of that file."""
    broken = []
    for link in LINK.findall(read_prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in list_anchors(target)):
            broken.append(link)
    assert broken == []


@every_page
def test_every_make_target_exists(page: Path) -> None:
    """Every `make` command on a page names a target that `make help` lists."""
    targets = set(re.findall(r"^([a-z-]+):.*##", read(REPOSITORY / "Makefile"), re.MULTILINE))
    assert targets
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", read_code(page))) - targets == set()


def test_every_option_exists() -> None:
    """Every option on a page is an option of the job, or of another program that the pages use."""
    named = set().union(*(find_options(read(page)) for page in PAGES))
    foreign = set().union(*FOREIGN_OPTIONS.values())
    assert (
        named - foreign - find_options(help_of() + "".join(map(help_of, ("render", "report", "serve", "sweep"))))
        == set()
    )
    assert foreign - named == set()


def test_the_exit_statuses_are_those_of_the_code() -> None:
    """docs/files.md and `--help` list the same exit statuses with the same meanings."""
    section = read(REPOSITORY / "docs" / "files.md").split("## Exit statuses\n", 1)[1]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert {int(status): meaning for status, meaning in rows} == EXIT_STATUSES
    text = " ".join(help_of().split())
    assert [meaning for status, meaning in EXIT_STATUSES.items() if f"{status} {meaning}" not in text] == []


def test_the_tree_is_that_of_the_code() -> None:
    """docs/architecture.md lists every module of job/, and no other."""
    (tree,) = (
        match[2] for match in FENCE.finditer(read(REPOSITORY / "docs" / "architecture.md")) if "job/" in match[2]
    )
    modules = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "job").rglob("*.py")
        if path.name != "__init__.py"
    }
    documented = list_tree(tree)
    assert sorted(modules - documented) == []
    assert sorted(documented - modules) == []


@every_page
def test_python_snippets_are_valid(page: Path) -> None:
    """Every Python snippet compiles, and every name that it imports from the job exists."""
    for language, code in (match.groups() for match in FENCE.finditer(read(page))):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "job":
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("pyproject.toml", r'^version = "(.+)"$'),
        ("CHANGELOG.md", r"^## \[(\d.+?)\]"),
        ("docs/ci/kubernetes-job.yaml", r"image: .*/fashion-job:(.+)$"),
        ("docs/cluster/indexed-job.yaml", r"image: .*/fashion-job:(.+)$"),
        ("docs/cluster/ray-job.yaml", r"image: .*/fashion-job:(.+)$"),
        ("docs/serve/kubernetes.yaml", r"image: .*/fashion-job-serve:(.+)$"),
        ("docs/serve/kserve.yaml", r"image: .*/fashion-job-serve:(.+)$"),
    ],
)
def test_the_version_is_that_of_the_package(name: str, pattern: str) -> None:
    """The first version in each file is the version of the package."""
    found = re.search(pattern, read(REPOSITORY / name), re.MULTILINE)
    assert found
    assert found[1] == __version__
