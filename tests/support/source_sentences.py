"""What modules say, read from their source: so that a sentence that a page has no words for fails a test."""

import ast
from collections.abc import Iterator
from pathlib import Path


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text, with an `X` for each value in it."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in parts and (one := text_of(node)):
            yield one


def text_of(node: ast.AST) -> str:
    """The text that an expression is; empty for every other."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def refusals(file: Path) -> set[str]:
    """What `Refused(code, sentence, hint=...)` says anywhere in a module; also by a variable of the same function."""
    found: set[str] = set()
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Refused":
                    for said in (*call.args[1:], *(one.value for one in call.keywords if one.arg == "hint")):
                        found |= set(_said(said, function))
    return found


def _said(said: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    written = [said]
    if isinstance(said, ast.Name):
        assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
        written = [node.value for node in assigned if any(getattr(one, "id", "") == said.id for one in node.targets)]
    found = [text_of(one) for one in written]
    assert all(found), f"{function.name} says something that is no plain text: {ast.unparse(said)}"
    yield from found
