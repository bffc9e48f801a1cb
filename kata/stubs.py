"""Derives a stub from its solution: the same module, with every body the learner must write replaced by its steps.

A step comment in the solution, `# 1. Project the input.`, becomes `# TODO 1: Project the input.` in the stub; the
code, and every other comment of the body, goes. Comment lines right below a step that are indented like its text
(`#    like this`) belong to it.
"""

import re
from collections.abc import Sequence

import libcst as cst

from kata import KataError

STEP = re.compile(r"^# (\d+)\. (\S.*)$")
CONTINUATION = re.compile(r"^#    (\S.*)$")


class StubError(KataError):
    """A solution from which no stub can be derived; the message says why."""


def derive(solution: str, given: Sequence[str] = ()) -> str:
    """The stub of a solution's source text. `given` names functions whose bodies stay, such as `Class.__init__`."""
    stubber = _Stubber(given)
    stub = cst.parse_module(solution).visit(stubber)
    for name in given:
        if name not in stubber.seen:
            raise StubError(f"given names {name!r}, but the solution defines no such function.")
    return stub.code


class _Stubber(cst.CSTTransformer):
    def __init__(self, given: Sequence[str]) -> None:
        self.given = given
        self.seen: set[str] = set()
        self._names: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._names.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._names.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self._names.append(node.name.value)
        return False  # functions inside a body go with the body

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        name = ".".join(self._names)
        self._names.pop()
        self.seen.add(name)
        if name in self.given:
            return updated_node
        first = updated_node.body.body[0]
        kept = [cst.ensure_type(first, cst.SimpleStatementLine)] if updated_node.get_docstring() is not None else []
        todo = cst.parse_statement("raise NotImplementedError").with_changes(
            leading_lines=[cst.EmptyLine(comment=cst.Comment(line)) for line in _todo(updated_node)]
        )
        # A fresh block, not the solution's changed: that one may end in comments of its own.
        return updated_node.with_changes(body=cst.IndentedBlock(body=[*kept, todo]))


def _todo(function: cst.FunctionDef) -> list[str]:
    """The step comments of a function, as the learner sees them."""
    lines: list[str] = []
    in_step = False
    for line in cst.Module([]).code_for_node(function.body).splitlines():
        text = line.strip()
        if step := STEP.match(text):
            lines.append(f"# TODO {step[1]}: {step[2]}")
            in_step = True
        elif in_step and (more := CONTINUATION.match(text)):
            lines.append(f"#         {more[1]}")
        else:
            in_step = False
    return lines or ["# TODO: write this."]
