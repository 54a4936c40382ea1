"""Athena for tests: runs its SQL, translated for DuckDB, over local files.

A bucket is a folder. The engine reads files as Athena does, because queries depend on it: partitions come only from
partition projection, hidden names are skipped, and the table's SerDe converts JSON to the table's types.
"""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from .sqlplan import Planned

Row = dict[str, Any]


def translate(sql: str) -> str:
    """One statement of Athena's dialect in DuckDB's."""
    return sqlglot.transpile(sql, read="athena", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]


class Engine:
    def __init__(self, planned: Planned, buckets: Path, now: dt.datetime) -> None:
        self._db = duckdb.connect()
        self._buckets, self._now = buckets, now
        for table in planned.tables.values():
            self._load(table)
        for name in ("cloudtrail_s3_events_flattened", "provenance_ledger"):
            self._db.execute(f"CREATE VIEW {name} AS {translate(planned.views[name]['originalSql'])}")

    def ask(self, sql: str) -> list[Row]:
        found = self._db.execute(translate(sql))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def columns(self, relation: str) -> list[tuple[str, str]]:
        """Names and types of the columns, as DuckDB names the types."""
        return [(row[0].lower(), row[1]) for row in self._db.execute(f"DESCRIBE {relation}").fetchall()]

    def _load(self, table: dict[str, Any]) -> None:
        columns = {column["name"]: column["type"] for column in table["storage_descriptor"][0]["columns"]}
        partitions = [key["name"] for key in table["partition_keys"] or []]
        types = {name: exp.DataType.build(kind, dialect="hive") for name, kind in columns.items()}
        types |= {name: exp.DataType.build("varchar") for name in partitions}
        rows = self._buckets.parent / f"{table['name']}.ndjson"
        with rows.open("w") as out:
            for row in self._rows(table):
                conformed = {name: conform(row.get(name), kind) for name, kind in types.items()}
                out.write(json.dumps(conformed) + "\n")
        spec = ", ".join(f"'{name}': '{kind.sql('duckdb')}'" for name, kind in types.items())
        self._db.execute(
            f"CREATE TABLE {table['name']} AS SELECT * FROM "
            f"read_json('{rows}', columns = {{{spec}}}, format = 'newline_delimited')"
        )

    def _rows(self, table: dict[str, Any]) -> Iterator[Row]:
        storage = table["storage_descriptor"][0]
        serde = storage["ser_de_info"][0]
        lenient = (serde["parameters"] or {}).get("ignore.malformed.json") == "true"
        for partition, location in locations(table, self._now):
            for file in self._files(location):
                if storage["input_format"] == "com.amazon.emr.cloudtrail.CloudTrailInputFormat":
                    records = json.loads(gzip.decompress(file.read_bytes()))["Records"]
                else:
                    records = [_line(line, lenient) for line in file.read_text().splitlines()]
                yield from (lowered(record) | partition for record in records)

    def _files(self, location: str) -> list[Path]:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        root = self._buckets / bucket / prefix
        files = [file for file in sorted(root.rglob("*")) if file.is_file()] if root.is_dir() else []
        return [file for file in files if not hidden(str(file.relative_to(root)))]


def hidden(relative: str) -> bool:
    """Whether Athena skips the file: a part of its path below the table's location begins with `_` or `.`."""
    return any(part.startswith(("_", ".")) for part in relative.split("/"))


def locations(table: dict[str, Any], now: dt.datetime) -> Iterator[tuple[Row, str]]:
    """Every possible partition of a table, with its location."""
    settings = table["parameters"]
    keys = [key["name"] for key in table["partition_keys"] or []]
    if not keys:
        yield {}, table["storage_descriptor"][0]["location"]
        return
    assert settings["projection.enabled"] == "true"
    values = [_projected(settings, key, now) for key in keys]
    for chosen in itertools.product(*values):
        partition = dict(zip(keys, chosen, strict=True))
        location = string.Template(settings["storage.location.template"]).substitute(partition)
        yield partition, location


def _projected(settings: dict[str, str], key: str, now: dt.datetime) -> list[str]:
    kind = settings[f"projection.{key}.type"]
    if kind == "enum":
        return settings[f"projection.{key}.values"].split(",")
    assert (kind, settings[f"projection.{key}.format"]) == ("date", "yyyy/MM/dd")
    first, last = (_day(bound, now) for bound in settings[f"projection.{key}.range"].split(","))
    return [f"{first + dt.timedelta(days=n):%Y/%m/%d}" for n in range((last - first).days + 1)]


def _day(bound: str, now: dt.datetime) -> dt.date:
    found = re.fullmatch(r"NOW(?:([+-]\d+)DAYS)?", bound)
    assert found, bound
    return now.date() + dt.timedelta(days=int(found[1] or 0))


def _line(line: str, lenient: bool) -> Row:
    """A malformed line becomes a row of nulls, or fails the query."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    assert lenient, f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object: {line}"
    return {}


def lowered(record: Row) -> Row:
    """Names are case-insensitive in Hive."""
    return {name.lower(): value for name, value in record.items()}


def conform(value: Any, kind: exp.DataType) -> Any:
    """A JSON value as the SerDe converts it: in a text column, other values than text are JSON."""
    if value is None:
        return None
    if kind.is_type("struct"):
        found = lowered(value)
        return {field.name: conform(found.get(field.name), field.args["kind"]) for field in kind.expressions}
    if kind.is_type("array"):
        return [conform(entry, kind.expressions[0]) for entry in value]
    if kind.is_type("bigint"):
        return int(value)
    if kind.is_type("boolean"):
        return bool(value)
    return value if isinstance(value, str) else json.dumps(value)
