"""Writes the pages of the API: a page for each group of modules, every public name on one of them."""

from pathlib import Path
from typing import NamedTuple

from making.docstrings import Link, restructured
from making.names import Module, Name, modules
from making.writing import heading, write


class Group(NamedTuple):
    """A page: its file, title, what it says first, and the modules of `liquidjax` on it, all below them included."""

    file: str
    title: str
    text: str
    modules: tuple[str, ...]


GROUPS = (
    Group("cells", "Cells", "One model a file. :doc:`/cells` compares their equations.", ("cells",)),
    Group("wrappers", "Wrappers", "A cell around a cell: readouts, stacks, memories.", ("cells.wrappers",)),
    Group("wirings", "Wirings", "Who connects to whom.", ("wirings",)),
    Group("integrators", "Integrators", "How a state moves through dt.", ("integrators",)),
    Group("sequences", "Sequences", "Running a cell over a sequence or a stream.", ("sequences",)),
    Group("gradients", "Gradients", "What the backward pass keeps; never what is returned.", ("sequences.gradients",)),
    Group("methods", "Methods", "How the steps of a sequence are evaluated.", ("sequences.methods",)),
    Group("layers", "Layers and parameters", "What cells are made of.", ("layers", "reparam")),
    Group("models", "Networks", "Networks made of cells and other layers.", ("models",)),
    Group("training", "Training", "Objectives, batches, a step, `fit`, models on disk.", ("training",)),
    Group("tasks", "Data", "`SequenceDataset`, readers, splits, preparation, data sets.", ("tasks",)),
    Group("analysis", "Analysis", "What can be read off a network.", ("analysis",)),
    Group("plots", "Plots", "Pictures of networks and of training.", ("plots",)),
    Group("interop", "Other packages", "Weights from ncps and Velora, names of Edifice.", ("interop",)),
    Group("export", "Export", "A model as a program for elsewhere.", ("export",)),
    Group("sklearn", "Estimators", "For scikit-learn and aeon.", ("sklearn", "aeon")),
    Group("flax", "Flax", "Cells as modules of NNX and Linen; :doc:`/flax` is the guide.", ("nnx", "linen")),
    Group("rl", "Reinforcement learning", "Soft actor-critic and what it needs.", ("rl",)),
    Group("testing", "Checks for your own", "For cells, wrappers, integrators and wirings of yours.", ("testing",)),
    Group("contracts", "Contracts", "What a cell and an integrator are.", ("_types",)),
    Group("cpu", "Processor", "Settings of XLA.", ("cpu",)),
    Group("experiments", "Experiments", "Each is a command, see :doc:`commands`.", ("experiments",)),
    Group("command_line", "The command line in Python", "What each command calls, see :doc:`commands`.", ("commands",)),
)


def linker(found: list[Module]) -> dict[str, Link]:
    """For each module, what a name in backticks in its docstrings links to."""
    names = [name for module in found for name in module.names]
    exported = {name.name: name.path for name in names if name.path == f"liquidjax.{name.name}"}
    by_name: dict[str, set[str]] = {}
    by_path = {}
    for name in names:
        by_name.setdefault(name.name, set()).add(name.path)
        parts = f"{name.module}.{name.name}".split(".")
        for start in range(len(parts) - 1):
            by_path.setdefault(".".join(parts[start:]), set()).add(name.path)

    def of(module: Module) -> Link:
        own = {name.name: name.path for name in module.names}

        def link(code: str) -> str | None:
            code = code.removeprefix("lj.").removesuffix("()")
            if code in own or code in exported:
                return own.get(code) or exported[code]
            candidates = by_path.get(code, set()) if "." in code else by_name.get(code, set())
            telling = "." in code or code[:1].isupper()  # a word such as `where` means something else in many places
            return next(iter(candidates)) if telling and len(candidates) == 1 else None

        return link

    return {module.path: of(module) for module in found}


def pages(folder: Path) -> None:
    """All pages of the API, below `folder`: an index, a page for each group, and below it one for each of its files."""
    found = modules()
    links = linker(found)
    groups = [*GROUPS, *_unknown(found)]
    written = {folder / "index.rst", folder / "commands.rst"}
    for group in groups:
        parts: dict[str, list[Module]] = {}
        for module in found:
            if _group(module, groups) is group:
                parts.setdefault(_part(module, group), []).append(module)
        alone = len(parts) == 1
        for part, own in parts.items():
            file = folder / (f"{group.file}.rst" if alone else f"{group.file}/{part}.rst")
            text = [heading(group.title if alone else _title(part, own), "="), *([_text(group), ""] if alone else [])]
            write(file, "\n".join([*text, *_contents(own, links)]))
            written.add(file)
        if not alone:
            write(folder / f"{group.file}.rst", _overview(group, parts, links))
            written.add(folder / f"{group.file}.rst")
    write(folder / "index.rst", _index(groups))
    for file in set(folder.rglob("*.rst")) - written:  # of a module that is no more
        file.unlink()


def _index(groups: list[Group]) -> str:
    return "\n".join(
        [
            heading("API", "="),
            "Written from the docstrings. ``import liquidjax as lj`` gives the names that are documented as "
            "``liquidjax.NAME``; the others are imported from the module that defines them.\n",
            *(f"* :doc:`{group.title} <{group.file}>`: {_text(group)}" for group in groups),
            "* :doc:`Commands <commands>`: the command line.\n",
            ".. toctree::\n   :hidden:\n   :maxdepth: 2\n",
            *(f"   {file}" for file in [*(group.file for group in groups), "commands"]),
            "",
        ]
    )


def _overview(group: Group, parts: dict[str, list[Module]], links: dict[str, Link]) -> str:
    """What `import liquidjax` gives of a group, and its files."""
    own = [module for modules in parts.values() for module in modules]
    exported = [name for module in own for name in module.names if name.path == f"liquidjax.{name.name}"]
    lines = [heading(group.title, "="), _text(group), ""]
    if exported:
        rows = [
            (f":py:obj:`{name.name} <{name.path}>`", name.summary, links[name.module])
            for name in sorted(exported, key=lambda name: name.name.lower())
        ]
        lines += [heading("In liquidjax itself", "-"), *_table(rows)]
    rows = [
        (f":doc:`{part} <{group.file}/{part}>`", modules[0].doc.split("\n\n")[0], links[modules[0].path])
        for part, modules in parts.items()
    ]
    lines += [heading("File by file", "-"), *_table(rows), ".. toctree::", "   :hidden:", ""]
    return "\n".join([*lines, *(f"   {_title(part, own)} <{group.file}/{part}>" for part, own in parts.items()), ""])


def _table(rows: list[tuple[str, str, Link]]) -> list[str]:
    """(what, one sentence) in two columns."""
    lines = [".. list-table::", "   :widths: 25 75", "   :class: names", ""]
    for what, sentence, link in rows:
        lines += [f"   * - {what}", f"     - {' '.join(restructured(sentence.splitlines(), link)).strip()}"]
    return [*lines, ""]


def _contents(own: list[Module], links: dict[str, Link]) -> list[str]:
    """Every name of the modules of a page."""
    lines = []
    for module in own:
        if len(own) > 1:
            lines += [heading(".".join(module.path.split(".")[-2:]), "-")]
        if not module.path.endswith("_types"):
            lines += [f"``{module.path}``", ""]
        lines += [*restructured(module.doc.splitlines(), links[module.path]), ""]
        lines += [line for name in _ordered([module]) for line in _directive(name)]
    return lines


def _unknown(found: list[Module]) -> list[Group]:
    """A group of its own for what no group names, so that a new room is not forgotten."""
    known = {part for group in GROUPS for part in group.modules}
    rooms = dict.fromkeys(module.path.split(".")[1] for module in found)
    return [Group(room, room, "", (room,)) for room in rooms if room not in known]


def _group(module: Module, groups: list[Group]) -> Group:
    """The one that names the longest part of its path."""
    inside = module.path.removeprefix("liquidjax.")
    within = [(len(part), group) for group in groups for part in group.modules if f"{inside}.".startswith(f"{part}.")]
    return max(within, key=lambda pair: pair[0])[1]


def _part(module: Module, group: Group) -> str:
    """The file or the folder right below what the group names."""
    inside = module.path.removeprefix("liquidjax.")
    prefix = max((part for part in group.modules if f"{inside}.".startswith(f"{part}.")), key=len)
    below = inside.removeprefix(prefix).lstrip(".").split(".")[0]
    return below if len(group.modules) == 1 and below else inside.split(".")[0] + (f".{below}" if below else "")


def _title(part: str, own: list[Module]) -> str:
    """What `import liquidjax` gives, where it is little, else the file."""
    names = [name.name for name in _ordered(own) if name.path == f"liquidjax.{name.name}"]
    return ", ".join(names) if 0 < len(names) <= 3 else part.replace("_", " ")


def _ordered(own: list[Module]) -> list[Name]:
    """First what `import liquidjax` gives, before all what the file is called after."""
    names = [name for module in own for name in module.names]

    def place(name: Name) -> tuple[bool, bool]:
        return name.path != f"liquidjax.{name.name}", name.name.lower() != name.module.split(".")[-1].replace("_", "")

    return sorted(names, key=place)


def _text(group: Group) -> str:
    return group.text if ":doc:" in group.text else group.text.replace("`", "``")


def _directive(name: Name) -> list[str]:
    options = {"class": ["   :members:"], "function": [], "data": ["   :no-value:"]}[name.kind]
    return [f".. auto{name.kind}:: {name.path}", *options, ""]
