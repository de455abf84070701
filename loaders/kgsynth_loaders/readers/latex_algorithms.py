r"""Statements of pseudocode of the LaTeX packages `algorithmic`, `algpseudocode` and `algorithm2e`."""

from typing import NamedTuple

ENVIRONMENTS = frozenset({"algorithm", "algorithmic", "algorithm2e", "algorithmicx", "procedure", "function"})


class Statement(NamedTuple):
    """The Markdown of a statement, and how it changes the depth.

    Attributes:
        before: words before its condition or text.
        after: words after its condition.
        level_before: change of depth before its line, for example -1 for "else" and "end if".
        level_after: change of depth after its line, for example 1 for "if" and "else".
    """

    before: str
    after: str = ""
    level_before: int = 0
    level_after: int = 0

    @property
    def has_condition(self) -> bool:
        """Whether a group with a condition follows the macro."""
        return self.before.endswith(" ") and self.level_after != self.level_before


_THEN, _DO = " **then**", " **do**"
STATEMENTS = {
    "state": Statement(""),
    "statex": Statement(""),
    "require": Statement("**Require:** "),
    "ensure": Statement("**Ensure:** "),
    "input": Statement("**Input:** "),
    "output": Statement("**Output:** "),
    "kwin": Statement("**Input:** "),
    "kwout": Statement("**Output:** "),
    "kwdata": Statement("**Data:** "),
    "kwresult": Statement("**Result:** "),
    "return": Statement("**return** "),
    "kwret": Statement("**return** "),
    "print": Statement("**print** "),
    "if": Statement("**if** ", _THEN, 0, 1),
    "eif": Statement("**if** ", _THEN, 0, 1),
    "elsif": Statement("**else if** ", _THEN, -1, 1),
    "elseif": Statement("**else if** ", _THEN, -1, 1),
    "else": Statement("**else**", "", -1, 1),
    "for": Statement("**for** ", _DO, 0, 1),
    "forall": Statement("**for all** ", _DO, 0, 1),
    "foreach": Statement("**for each** ", _DO, 0, 1),
    "while": Statement("**while** ", _DO, 0, 1),
    "loop": Statement("**loop**", "", 0, 1),
    "repeat": Statement("**repeat**", "", 0, 1),
    "until": Statement("**until** ", "", -1, 0),
    "function": Statement("**function** ", "", 0, 1),
    "procedure": Statement("**procedure** ", "", 0, 1),
    "switch": Statement("**switch** ", "", 0, 1),
    "case": Statement("**case** ", "", 0, 1),
    "other": Statement("**otherwise**", "", 0, 1),
    **{
        f"end{name}": Statement(f"**end {name}**", "", -1, 0)
        for name in ("if", "for", "while", "loop", "function", "procedure", "switch", "case")
    },
}
WORDS = {"and": "**and**", "or": "**or**", "not": "**not**", "true": "**true**", "false": "**false**", "to": "**to**"}
COMMENTS = frozenset({"comment", "tcp", "tcc"})
# Macros with two groups, a name and its arguments.
CALLS = frozenset({"call", "function", "procedure"})


def statement(name: str) -> Statement | None:
    r"""Return the statement of a macro in any spelling of the packages: `\IF`, `\If`, `\lIf`; None for other macros."""
    if name[:1] in "lu" and name[1:2].isupper():
        name = name[1:]
    return STATEMENTS.get(name.lower()) if name[:1].isupper() or name == "eIf" else None
