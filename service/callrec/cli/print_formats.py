"""The formats of a command's output: JSON for programs, a table for a terminal, tab-separated lines for a pipe."""

import json
import sys
from collections.abc import Mapping, Sequence

import typer

from callrec.cli.exit_codes import plain

JSON_OPTION = typer.Option(False, "--json", help="Print JSON.")

Row = Mapping[str, object]


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool) -> None:
    """Print a list of rows: in JSON with all fields, otherwise with these columns."""
    if as_json:
        print_json([dict(row) for row in rows])
    elif sys.stdout.isatty():
        _print_table(rows, columns)
    else:
        typer.echo("\t".join(columns))
        for row in rows:
            typer.echo("\t".join(_cell(row.get(column)) for column in columns))


def print_fields(row: Row, *, as_json: bool) -> None:
    """Print one row: each field on its own line."""
    if as_json:
        print_json(dict(row))
        return
    width = max(map(len, row), default=0)
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {_cell(value)}".rstrip())


def print_json(document: object) -> None:
    """Print JSON in ASCII only, so that no text in it can control a terminal."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=True))


def _print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    Console().print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case dict():
            return ", ".join(f"{name} {_cell(one)}" for name, one in value.items())
        case list() | tuple() if any(isinstance(one, dict) for one in value):
            return "; ".join(map(_cell, value))
        case list() | tuple():
            return plain(", ".join(map(str, value)))
        case _:
            return plain(value)
