"""iRedAdmin's `settings.py`, read and never run: names to which literals are assigned, and what is anything else."""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from postreeve.settings import SettingsError

MOST_OCTETS = 1024 * 1024
ANY = "*"


@dataclass(frozen=True)
class Literal:
    """A value and the line on which it stands."""

    value: object
    line: int
    is_last: bool = True
    """Whether no line below it imports names of which nobody knows what they say."""


@dataclass(frozen=True)
class Unread:
    """A line that would have to be run; its text is not kept, since secrets may be in it."""

    line: int
    name: str
    """What it is about; nothing where it assigns to no name, and `ANY` where that may be whatever name."""
    reason: str


@dataclass(frozen=True)
class Written:
    """What a file says."""

    literals: Mapping[str, Literal]
    unread: tuple[Unread, ...]


def read(file: Path) -> Written:
    """Read a settings file, and those beside it from which it imports everything; `SettingsError` where it is none."""
    return _understood(_module(file), file.parent)


def _module(file: Path) -> ast.Module:
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"The file {file} can not be read: {error.strerror}.") from error
    if len(octets) > MOST_OCTETS:
        raise SettingsError(f"The file {file} is too large for settings.")
    return _parsed(octets, file)


def _parsed(octets: bytes, file: Path) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes in texts of the vendor's
            return ast.parse(octets)
    except SyntaxError as error:
        raise SettingsError(f"The file {file} is no Python: line {error.lineno or 1}, {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SettingsError(f"The file {file} is no settings file.") from error


def _understood(module: ast.Module, folder: Path | None) -> Written:
    """Go through the lines in their order: the last word about a name counts, be it a literal or not."""
    literals: dict[str, Literal] = {}
    unread: list[Unread] = []
    for statement in module.body:
        if _is_idle(statement):
            continue
        written = _of_another_file(statement, folder) or _of_a_line(statement)
        for line in written.unread:
            literals.pop(line.name, None)
        if any(line.name == ANY for line in written.unread):
            literals = {name: replace(each, is_last=False) for name, each in literals.items()}
        literals |= written.literals
        unread += written.unread
    return Written(literals, tuple(unread))


def _of_a_line(statement: ast.stmt) -> Written:
    names, value = _assignment(statement)
    if value is not None and (found := _literal(value)):
        return Written(dict.fromkeys(names, Literal(found[0], statement.lineno)), ())
    reason = "its value is computed" if names else _reason(statement)
    return Written({}, tuple(Unread(statement.lineno, name, reason) for name in sorted(_changed(statement)) or [""]))


def _of_another_file(statement: ast.stmt, folder: Path | None) -> Written | None:
    """Read what a line imports from a file beside, as settings of a site's own are; everything is of that line."""
    match statement:
        case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")], level=0 | 1):
            pass
        case ast.Try(body=[ast.ImportFrom(module=str(module), names=[ast.alias(name="*")], level=0 | 1)]):
            pass
        case _:
            return None
    file = folder / f"{module.replace('.', '/')}.py" if folder else None
    if file is None or not file.is_file():
        return None
    found, line = _understood(_module(file), None), statement.lineno
    unread = (Unread(line, each.name, f"{file.name} line {each.line}: {each.reason}") for each in found.unread)
    return Written({name: replace(each, line=line) for name, each in found.literals.items()}, tuple(unread))


def _literal(value: ast.expr) -> tuple[object] | None:
    try:
        return (ast.literal_eval(value),)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _is_idle(statement: ast.stmt) -> bool:
    """Tell whether a line says nothing: a text for people, or the import of the vendor's own defaults."""
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.ImportFrom(module=module, names=[ast.alias(name="*")]):
            return (module or "").rpartition(".")[2] == "default_settings"
    return False


def _assignment(statement: ast.stmt) -> tuple[list[str], ast.expr | None]:
    """Return the names to which a line assigns one value, and that; nothing of any other line."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            return (names, value) if len(names) == len(targets) else ([], None)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return [name], value
    return [], None


def _changed(statement: ast.stmt) -> set[str]:
    """Return the names that a line may change, wherever in it."""
    return {name for node in _outside_functions(statement) for name in _bound(node)}


def _outside_functions(statement: ast.AST) -> Iterator[ast.AST]:
    yield statement
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for node in ast.iter_child_nodes(statement):
            yield from _outside_functions(node)


def _bound(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):  # such as `NAME.append(…)`
            return [name]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases]
    return []


def _reason(statement: ast.stmt) -> str:
    match statement:
        case ast.Import() | ast.ImportFrom():
            return "it imports other code"
        case ast.If() | ast.Try() | ast.For() | ast.While() | ast.With():
            return "it depends on a condition"
        case ast.AugAssign():
            return "it adds to what stands elsewhere"
        case ast.FunctionDef() | ast.ClassDef():
            return "it defines code"
    return "it would have to be run"
