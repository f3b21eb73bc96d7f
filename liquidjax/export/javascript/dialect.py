r"""From the C of `liquidjax.export.c` to JavaScript: the few forms of C that its cells are said in.

So a cell that is said in C is said in JavaScript too. Arrays become Float64Array, a pointer behind the beginning of one
becomes a view of it, `x + 3` is `x.subarray(3)`, and what counts or computes is the same text in both. A form that is
not known here stays as it is and is no JavaScript: it is found where the module is run, which happens before it is
written, and in the tests for every cell.
"""

import re

_COMMENT = re.compile(r"(/\*.*?\*/)", re.DOTALL)
_FORMS: tuple[tuple[str, str], ...] = (
    (r"\n *\(void\)\w+;", ""),
    (r"(?<!sizeof)\((?:REAL|int)\)", ""),
    (r"\(int (?=\w+ =)", "(let "),
    (r"(?<=[(,])(\s*)([a-z]\w*) \+ (\d+(?: \+ \d+)*)(?=[,)])", r"\1\2.subarray(\3)"),
    (r"memcpy\(([\w.()]+), ([\w.()]+), ([^;]+?) \* sizeof\(REAL\)\)", r"\1.set(\2.subarray(0, \3))"),
    (r"memcpy\(([\w.()]+), ([\w.]+), sizeof \2\)", r"\1.set(\2)"),
    (r"(\w)->", r"\1."),
    (r"(?<![\w.])(exp|expm1|log|log1p|tanh|sqrt)\(", r"Math.\1("),
    (r"\bfabs\(", "Math.abs("),
    (r"\bLARGEST\b", "Number.MAX_VALUE"),
)
_FUNCTION = re.compile(r"^static \w+ (NAME_\w+)\(([^)]*)\)\n\{", re.MULTILINE)
_DECLARED = re.compile(r"^( *)(const )?(?:REAL|int) ([^;]+);", re.MULTILINE)
_ARRAY = re.compile(r"(\w+)\[(.+)\]")
_POINTER = re.compile(r"\*(\w+) = (\w+)(?: \+ (.+))?")


def translated(text: str) -> str:
    r"""Functions of C, with the words of `Program`, as functions of JavaScript.

    Example:
        >>> print(translated('''
        ... static void NAME_twice(const REAL *x, REAL *y)
        ... {
        ...     REAL kept[2];
        ...     memcpy(kept, x, 2 * sizeof(REAL));
        ...     NAME_add(kept, y + 2);
        ...     for (int i = 0; i < 2; i++)
        ...         y[i] = tanh(kept[i]);
        ... }'''))
        <BLANKLINE>
        function NAME_twice(x, y) {
            const kept = new Float64Array(2);
            kept.set(x.subarray(0, 2));
            NAME_add(kept, y.subarray(2));
            for (let i = 0; i < 2; i++)
                y[i] = Math.tanh(kept[i]);
        }
    """
    parts = _COMMENT.split(text)
    return "".join(part if number % 2 else _code(part) for number, part in enumerate(parts))


def _code(text: str) -> str:
    text = _FUNCTION.sub(_function, text)
    text = _DECLARED.sub(_declaration, text)
    for form, becomes in _FORMS:
        text = re.sub(form, becomes, text)
    return text


def _function(found: re.Match[str]) -> str:
    arguments = ", ".join(re.findall(r"(\w+)(?=,|$)", found[2]))
    return f"function {found[1]}({arguments}) {{"


def _declaration(found: re.Match[str]) -> str:
    """`REAL a[2], *b = c + 2;` and the like; what is no array and not constant may change."""
    names = re.split(r", (?=\*?\w+(?:\[[^,]*\])?(?:,| =|$))", found[3])
    fixed = bool(found[2]) or all(_ARRAY.fullmatch(name) or _POINTER.fullmatch(name) for name in names)
    return f"{found[1]}{'const' if fixed else 'let'} {', '.join(map(_declared, names))};"


def _declared(name: str) -> str:
    if array := _ARRAY.fullmatch(name):
        return f"{array[1]} = new Float64Array({array[2]})"
    if pointer := _POINTER.fullmatch(name):
        return f"{pointer[1]} = {pointer[2]}" + (f".subarray({pointer[3]})" if pointer[3] else "")
    return name
