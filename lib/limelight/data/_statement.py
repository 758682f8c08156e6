"""What a statement would do, known from its text: the guard of queries on a server.

A Dolt server's grants are no wall here: whoever may read may also write files on the server
(``INTO OUTFILE``), read them (``LOAD_FILE``) and set its variables. So a statement is parsed, and
what is run is written anew from what was understood: where the two parsers do not agree on where
a comment or a string ends, nothing comes through unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from limelight.data._query import refused, wrong

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

SQL_MODE = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES"
"""The rules for strings and names by which the statement is written; set it before it runs."""

# They act, wait, or reach outside the tables.
_CLOSED = {
    "benchmark",
    "get_lock",
    "is_free_lock",
    "is_used_lock",
    "load_file",
    "release_all_locks",
    "release_lock",
    "sleep",
}


def only_select(sql: str) -> str:
    """The statement to run for one query that only reads tables of its own database.

    Raises:
        InputError: It is more than that; says what it must not use.

    Example:
        >>> only_select("select count(*) from loans -- all of them")
        'SELECT COUNT(*) FROM loans'
    """
    from sqlglot import TokenType, exp, parse, tokenize
    from sqlglot.errors import SqlglotError

    # MySQL runs what stands in such a comment, and the parser leaves it out.
    if "/*!" in sql:
        raise refused("a comment that the server would run ('/*!')")
    try:
        first = tokenize(sql, read="mysql")[:1]
        if not first or first[0].token_type not in (
            TokenType.SELECT,
            TokenType.WITH,
            TokenType.L_PAREN,
        ):
            raise refused("")
        statements = [found for found in parse(sql, read="mysql") if found]
    except SqlglotError as problem:
        raise wrong(str(problem).splitlines()[0]) from problem
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise refused("")
    for part in statements[0].walk():
        if found := _refused(part):
            raise refused(found)
    return statements[0].sql(dialect="mysql", comments=False)


def _refused(part: Expr) -> str:
    """What is wrong with a part of a statement; nothing, mostly."""
    from sqlglot import exp

    acts = isinstance(part, (exp.DML, exp.DDL, exp.Command)) and not isinstance(part, exp.Query)
    if acts or isinstance(part, (exp.Into, exp.Lock, exp.Hint)):
        return part.sql(dialect="mysql")
    if isinstance(part, (exp.Parameter, exp.SessionParameter)):
        return f"the variable {part.sql(dialect='mysql')}"
    if isinstance(part, exp.Table) and (part.db or part.catalog):
        return f"the table {part.name!r} of another database"
    if isinstance(part, exp.Dot):
        return f"the function {part.sql(dialect='mysql')}"
    if isinstance(part, exp.Func) and _name(part) in _CLOSED:
        return f"the function {_name(part)!r}"
    return ""


def _name(function: Expr) -> str:
    from sqlglot import exp

    if isinstance(function, exp.Anonymous):
        return function.name.lower()
    assert isinstance(function, exp.Func)
    return function.sql_name().lower()
