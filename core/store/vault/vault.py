"""Persons put in, opened with a reason, shown masked and found: all that another room asks of the vault.

Who may is decided by `core/access`, and what is read stands in the audit trail before it is given. Frames have a
row a person and text in each of `NAMES` (core/catalogue/personal.py); a field that a frame lacks is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.catalogue.personal import KINDS, NAMES, TOKENS
from loanbook.core.documents.paper import masked
from loanbook.core.errors import LedgerError
from loanbook.core.store.people.audit import Record, append
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.models import Person
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault import rows, sealing
from loanbook.core.store.vault.keyring import TOKENS as OF_TOKENS
from loanbook.core.store.vault.keyring import WRAPPING, Ring, ring, ring_to_write
from loanbook.core.store.vault.roots import Root, root_of

if TYPE_CHECKING:
    from loanbook.core.access.deciding import Access

PUT = pl.Schema({"ref": pl.String, "person": pl.String, "outcome": pl.String, "why": pl.String})
"""What became of a row: `new`, `known`, `changed`, `conflict`, `erased` or `refused`; `person` is null where none is."""
LISTED = 1_000
"""Persons that an entry of the trail names at most; more take more entries."""
SHORTEST_REASON = 5


class VaultError(LedgerError):
    """The vault can't do what was asked."""


class Vault:
    """The vault of an instance."""

    def __init__(self, people: People, root: Root | None = None) -> None:
        self.people, self.root = people, root or root_of(people)

    def put(
        self, persons: pl.DataFrame, actor: Actor, *, amend: bool = False, correlation: str | None = None
    ) -> pl.DataFrame:  # fmt: skip
        """Store persons, all in one transaction; `PUT`, a row a row of theirs. Safe to repeat.

        `persons`: `ref` (a key of the caller's own that tells nothing of the person, the same each time), `kind`
        (individual or business) and fields. A known `ref` with other content is a conflict and changes nothing; with
        `amend` the fields that are told become a new revision. Takes `personal.write`.
        """
        self.must(actor, "personal.write")
        told = _checked(persons)
        done = []
        with self.people.writing() as session:
            keys = ring_to_write(self.people, session, self.root)
            good = told.filter(pl.col("why").is_null())
            for _, part_of_them in sorted(good.partition_by("repeat", as_dict=True).items()):
                done += [
                    _Put(self.people, session, keys).of(part, amend)
                    for part in part_of_them.iter_slices(rows.AT_ONCE)
                ]
            bad = told.filter(pl.col("why").is_not_null())
            done.append(bad.select("row", pl.lit(None, pl.String).alias("person"),
                                   pl.lit("refused").alias("outcome"), "why"))  # fmt: skip
            found = told.select("row", "ref").join(pl.concat(done), on="row", maintain_order="left")
            self._log_put(session, actor, found, correlation)
        return found.select(list(PUT))

    def _log_put(
        self, session: Session, actor: Actor, done: pl.DataFrame, correlation: str | None
    ) -> None:
        written = done.filter(pl.col("outcome").is_in(["new", "changed"]))
        if not written.is_empty():
            counts = dict(written["outcome"].value_counts().iter_rows())
            self._log(
                session, actor, "person.write", written["person"], correlation=correlation, **counts
            )

    def amend(self, told: pl.DataFrame, actor: Actor) -> None:
        """Let the fields that are told become a new revision of persons (`person`). Takes `personal.write`.

        VaultError where one is unknown or forgotten.
        """
        schema = pl.Schema({"person": pl.String, "ref": pl.String, "kind": pl.String})
        with self.people.reading() as session:
            known = rows.among(session, "SELECT person, ref, kind FROM persons WHERE erased_at IS NULL AND person {among}",
                               told["person"].to_list(), schema)  # fmt: skip
        if gone := sorted({*told["person"]} - {*known["person"]}):
            raise VaultError(f"{gone[0]} is nobody's token, or the person was forgotten")
        self.put(told.join(known, on="person").drop("person"), actor, amend=True)

    def alike(
        self, persons: pl.Series, told: pl.Series, actor: Actor, how: Callable[[str, str], int]
    ) -> list[int | None]:  # fmt: skip
        """How alike, by `how`, the name of each person and the name beside it are; None: no name is known, or not any
        more. No name leaves the vault. Takes `personal.read`."""
        names = self._names(persons, actor, "person.compare")
        pairs = zip(persons, told, strict=True)
        return [how(names[person], name) if person in names else None for person, name in pairs]

    def everyone(self, actor: Actor) -> pl.DataFrame:
        """`person`, `ref`, `revision` of all who are not forgotten. Takes `personal.read`."""
        self.must(actor, "personal.read")
        wanted = select(Person.person, Person.ref, Person.revision).where(
            Person.erased_at.is_(None)
        )
        with self.people.reading() as session:
            known = [tuple(row) for row in session.execute(wanted)]
        schema = {"person": pl.String, "ref": pl.String, "revision": pl.Int64}
        return pl.DataFrame(known, schema=schema, orient="row")

    def compared(
        self, persons: pl.Series, actor: Actor, how: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> pl.DataFrame:
        """What `how` makes of persons, a row a name of theirs: `subject`, `name`, `born` (year). It gives nothing of the
        names. Takes `personal.read`; what is read is logged before."""
        parts = pl.concat_str("given_name", "family_name", separator=" ", ignore_nulls=True)

        def by_name(records: pl.DataFrame) -> pl.DataFrame:
            names = records.select(
                "person", "legal_name", "full_name", both=pl.when(parts != "").then(parts),
                born=pl.col("birth_date").str.head(4).cast(pl.Int64, strict=False),
            )  # fmt: skip
            long = names.unpivot(
                ["legal_name", "full_name", "both"], index=["person", "born"], value_name="name"
            )
            return how(long.drop_nulls("name").select(subject="person", name="name", born="born"))

        return self.within(persons, actor, by_name)

    def within(
        self, persons: pl.Series, actor: Actor, how: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> pl.DataFrame:
        """What `how` makes of the records of persons (`person`, `kind`, `revision` and every field), of those who are not
        forgotten; it must give nothing of them but tokens. Takes `personal.read`; what is read is logged before."""
        self.must(actor, "personal.read")
        with self.people.writing() as session:
            self._log(session, actor, "person.compare", persons)
        return how(self._read(persons).filter(pl.col("state") == "open"))

    def initials(self, persons: pl.Series, actor: Actor) -> list[str | None]:
        """The first letter of each word of persons' names, as papers show them; None: no name is known, or not any
        more. Takes `personal.read`."""
        names = self._names(persons, actor, "person.read")
        return [masked(names[person]) if person in names else None for person in persons]

    def _names(self, persons: pl.Series, actor: Actor, activity: str) -> dict[str, str]:
        """Names of those of whom one is known, by token; what is read is logged before."""
        self.must(actor, "personal.read")
        with self.people.writing() as session:
            self._log(session, actor, activity, persons)
        parts = pl.concat_str("given_name", "family_name", separator=" ", ignore_nulls=True)
        name = pl.coalesce("legal_name", pl.when(parts != "").then(parts), "full_name")
        return dict(self._read(persons).select("person", name).drop_nulls().rows())

    def open(
        self,
        persons: pl.Series,
        actor: Actor,
        reason: str,
        *,
        fields: Sequence[str] = NAMES,
        correlation: str | None = None,
    ) -> pl.DataFrame:
        """Persons as they are: `person`, `kind`, `state` (open, erased, unknown) and `fields`, a row for each distinct
        one in their order. Takes `personal.unmask` of each field, and a reason, which the trail keeps."""
        if len(reason.strip()) < SHORTEST_REASON:
            raise VaultError("say why the data is needed: --reason TEXT, a few words")
        for field in _known(fields):
            self.must(actor, "personal.unmask", field)
        with self.people.writing() as session:
            self._log(session, actor, "person.unmask", persons, reason=reason,
                      correlation=correlation, fields=[*fields])  # fmt: skip
        return self._read(persons).select("person", "kind", "state", *fields)

    def masked(self, persons: pl.Series, actor: Actor) -> pl.DataFrame:
        """Persons as the actor's roles show them: as `open`, with every field. Takes `personal.read`."""
        access = self.must(actor, "personal.read")
        with self.people.writing() as session:
            self._log(session, actor, "person.read", persons)
        ways = access.persons(actor)
        found = self._read(persons)
        with self.people.reading() as session:
            keys = ring(session, self.root)
        return found.with_columns(
            _hidden(found[name], ways[name], keys).alias(name) for name in NAMES
        )

    def find(self, by: str, told: pl.DataFrame, actor: Actor) -> pl.DataFrame:
        """Persons by what is known of them: `row` (number of the row of `told`, from 0) and `person`, in that order.

        `by`: of `TOKENS`; `told`: its fields. However a value is written, it finds the same. Takes `personal.read`.
        """
        self.must(actor, "personal.read")
        if by not in TOKENS:
            raise VaultError(f"nobody is found by {by!r}; use {', '.join(TOKENS)}")
        normal = told.select(_or_null(told, name) for name in TOKENS[by]).select(sealing.normal(by))
        with self.people.reading() as session:
            keys = ring(session, self.root)
            if keys is None:
                return pl.DataFrame(schema={"row": pl.Int64, "person": pl.String})
            wanted = _numbered(normal.to_series(), by, keys)
            schema = pl.Schema({"token": pl.String, "person": pl.String})
            found = rows.among(session, "SELECT token, person FROM person_tokens WHERE token {among}",
                               wanted["token"].unique().to_list(), schema)  # fmt: skip
        joined = wanted.join(found, on="token").select("row", "person")
        return joined.unique().sort("row", "person")

    def tokens(self, persons: pl.Series, actor: Actor) -> pl.DataFrame:
        """By what persons are found: `person`, `field` (of `TOKENS`) and `token`. Who shares a token shares the
        value. Tokens change when their key does; a person's does not. Takes `personal.read`."""
        self.must(actor, "personal.read")
        schema = pl.Schema({"person": pl.String, "field": pl.String, "token": pl.String})
        with self.people.reading() as session:
            return rows.among(
                session, "SELECT person, field, token FROM person_tokens WHERE person {among} ORDER BY 1, 2",
                persons.unique().to_list(), schema,
            )  # fmt: skip

    def _read(self, persons: pl.Series) -> pl.DataFrame:
        wanted = persons.rename("person").cast(pl.String).unique(maintain_order=True).to_frame()
        schema = pl.Schema({"person": pl.String, "kind": pl.String, "erased": pl.Boolean})
        parts = []
        with self.people.reading() as session:
            keys = ring(session, self.root)
            for part in wanted.iter_slices(rows.AT_ONCE):
                named = part["person"].to_list()
                known = rows.among(session, "SELECT person, kind, erased_at IS NOT NULL FROM persons WHERE person "
                                   "{among}", named, schema)  # fmt: skip
                plain = opened_records(rows.sealed_of(session, named), keys)
                parts.append(known.join(plain.drop("kind", "revision"), on="person", how="left"))
        state = pl.when(pl.col("erased")).then(pl.lit("erased")).otherwise(pl.lit("open"))
        found = pl.concat(parts) if parts else pl.DataFrame(schema={**schema, **_TEXTS})
        told = wanted.join(found.with_columns(state=state), on="person", how="left", maintain_order="left")  # fmt: skip
        return told.with_columns(pl.col("state").fill_null("unknown")).select(
            "person", "kind", "state", *NAMES
        )

    def must(self, actor: Actor, action: str, of: str = "*") -> Access:
        """The roles in force, if they let an actor do an action; else AccessError, logged."""
        from loanbook.core.store.people.acting import denied
        from loanbook.core.store.people.in_force import access_of

        access = access_of(self.people.settings, self.people)
        verdict = access.may(actor, action, of)
        if not verdict.allowed:
            denied(self.people, actor, verdict.why, "vault")
            raise AccessError(verdict.why)
        return access

    def _log(
        self, session: Session, actor: Actor, activity: str, persons: pl.Series,
        *, reason: str | None = None, correlation: str | None = None, **told: object,
    ) -> None:  # fmt: skip
        """Let the trail name each of the persons."""
        distinct = persons.drop_nulls().unique(maintain_order=True)
        for at in range(0, len(distinct), LISTED):
            part = distinct[at : at + LISTED].to_list()
            one = len(part) == 1
            after = told if one else {**told, "persons": part}
            entity = ("person", part[0]) if one else ("persons", str(len(part)))
            append(self.people, session, actor,
                   Record(activity, entity, correlation=correlation, detail=reason, after=after))  # fmt: skip


def open_vault(settings: Settings) -> Vault:
    """The vault of an instance; it is made where there is none."""
    return Vault(open_people(settings))


_TEXTS = dict.fromkeys(NAMES, pl.String)


class _Put:
    """Persons of distinct refs as they are written, within a transaction."""

    def __init__(self, people: People, session: Session, keys: Ring) -> None:
        self._session, self._keys, self._now = session, keys, people.clock()
        self._at = rows.instant(session, self._now)

    def of(self, told: pl.DataFrame, amend: bool) -> pl.DataFrame:
        """`row`, `person`, `outcome`, `why` of each row of `told` (`_checked`)."""
        schema = pl.Schema({"ref": pl.String, "person": pl.String, "erased": pl.Boolean})
        known = rows.among(
            self._session, "SELECT ref, person, erased_at IS NOT NULL FROM persons WHERE ref {among}",
            told["ref"].to_list(), schema,
        )  # fmt: skip
        all_ = told.join(known, on="ref", how="left", maintain_order="left")
        fresh = all_.filter(pl.col("person").is_null())
        fresh = fresh.with_columns(
            pl.Series("person", sealing.new_persons(fresh.height, self._now), pl.String)
        )
        self._new(fresh)
        erased = all_.filter(pl.col("erased"))
        others = all_.filter(~pl.col("erased"))
        return pl.concat(
            [
                _outcome(fresh, "new"),
                _outcome(erased, "erased", "the person was forgotten; what is told of them is not kept again"),
                self._again(others, amend) if others.height else _outcome(others, "known"),
            ]
        )  # fmt: skip

    def _new(self, told: pl.DataFrame) -> None:
        persons = told["person"].to_list()
        keys = sealing.random_parts(told.height, sealing.KEY)
        version, by = self._keys.newest(WRAPPING)
        wrapped = sealing.wrapped(keys, by, persons)
        people = zip(persons, told["ref"], told["kind"], strict=True)
        rows.add(self._session, "persons", ("person", "ref", "kind", "revision", "made_at"),
                 [(person, ref, kind, 1, self._at) for person, ref, kind in people])  # fmt: skip
        rows.add(self._session, "person_keys", ("person", "version", "wrapped"),
                 [(person, version, key) for person, key in zip(persons, wrapped, strict=True)])  # fmt: skip
        self._write(told.with_columns(revision=pl.lit(1)), keys)

    def _again(self, told: pl.DataFrame, amend: bool) -> pl.DataFrame:
        """Persons that are known: the same as before, other than before, or amended."""
        stored = rows.sealed_of(self._session, told["person"].to_list())
        before = opened_records(stored, self._keys)
        both = told.join(before, on="person", suffix="_before", maintain_order="left")
        if amend:
            both = both.with_columns(
                pl.coalesce(name, f"{name}_before").alias(name) for name in NAMES
            )
        same = pl.all_horizontal(
            pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in ("kind", *NAMES)
        )
        other = both.filter(~same)
        if not amend:
            why = "the ref is known with other content; amend the person, or give another ref"
            return pl.concat([_outcome(both.filter(same), "known"), _outcome(other, "conflict", why)])  # fmt: skip
        grown = other.with_columns(pl.col("revision") + 1)
        persons = stored.join(grown.select("person"), on="person", how="right")
        keys = dict(zip(persons["person"], person_keys(persons, self._keys), strict=True))
        self._write(grown, [keys[person] for person in grown["person"]])
        rows.change(self._session, "UPDATE persons SET revision = ?, kind = ? WHERE person = ?",
                    grown.select("revision", "kind", "person").rows())  # fmt: skip
        return pl.concat([_outcome(both.filter(same), "known"), _outcome(grown, "changed")])

    def _write(self, told: pl.DataFrame, keys: Sequence[bytes]) -> None:
        """Records, and what their persons are found by from now on."""
        named = list(zip(told["person"], told["revision"], strict=True))
        sealed = sealing.sealed(sealing.texts(told), keys, (sealing.of_record(*each) for each in named))  # fmt: skip
        rows.add(self._session, "person_records", ("person", "revision", "sealed", "made_at"),
                 [(*each, data, self._at) for each, data in zip(named, sealed, strict=True)])  # fmt: skip
        if told["revision"].max() != 1:
            rows.change(self._session, "DELETE FROM person_tokens WHERE person = ?", [(p,) for p, _ in named])  # fmt: skip
        write_tokens(self._session, told, self._keys)


def write_tokens(session: Session, told: pl.DataFrame, keys: Ring) -> None:
    """What persons (`person` and fields) are found by, with the newest key."""
    version, key = keys.newest(OF_TOKENS)
    found = []
    for field in TOKENS:
        made = sealing.tokens(field, told.select(sealing.normal(field)).to_series(), version, key)
        found += [
            (person, field, version, token)
            for person, token in zip(told["person"], made, strict=True)
            if token is not None
        ]
    rows.add(session, "person_tokens", ("person", "field", "version", "token"), found)


def person_keys(stored: pl.DataFrame, keys: Ring) -> list[bytes]:
    """The keys of persons (`rows.SEALED`)."""
    by = [keys.of(WRAPPING, version) for version in stored["version"]]
    return sealing.unwrapped(stored["wrapped"].to_list(), by, stored["person"].to_list())


def opened_records(stored: pl.DataFrame, keys: Ring | None) -> pl.DataFrame:
    """`person`, `kind`, `revision` and fields of what is stored (`rows.SEALED`)."""
    if keys is None or stored.is_empty():
        return pl.DataFrame(schema={"person": pl.String, "kind": pl.String, "revision": pl.Int64, **_TEXTS})  # fmt: skip
    about = (
        sealing.of_record(*each)
        for each in zip(stored["person"], stored["revision"], strict=True)
    )  # fmt: skip
    plain = sealing.opened(stored["sealed"], person_keys(stored, keys), about)
    return stored.select("person", "kind", "revision").hstack(sealing.records(plain))


def _checked(persons: pl.DataFrame) -> pl.DataFrame:
    """`row`, `repeat` (how often the ref came before), `ref`, `kind`, every field, and `why` a row is refused."""
    others = [name for name in persons.columns if name not in ("ref", "kind", *NAMES)]
    if others:
        raise VaultError(
            f"{others[0]!r} is no field of a person; use ref, kind, {', '.join(NAMES)}"
        )
    told = persons.select(_or_null(persons, name) for name in ("ref", "kind", *NAMES))
    birth = pl.col("birth_date")
    why = (
        pl.when(pl.col("ref").is_null()).then(pl.lit("it has no ref"))
        .when(pl.col("ref").str.len_chars() > 200).then(pl.lit("its ref has more than 200 characters"))
        .when(pl.col("kind").is_null() | ~pl.col("kind").is_in(KINDS))
        .then(pl.lit(f"its kind is none of {', '.join(KINDS)}"))
        .when(birth.is_not_null() & birth.str.to_date("%Y-%m-%d", strict=False).is_null())
        .then(pl.lit("its birth_date is no date; write YYYY-MM-DD"))
    )  # fmt: skip
    return told.with_columns(why=why, repeat=pl.int_range(pl.len()).over("ref")).with_row_index(
        "row"
    )


def _or_null(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column's text without space around it; null where it is empty, or not there."""
    if name not in frame.columns:
        return pl.lit(None, pl.String).alias(name)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _outcome(told: pl.DataFrame, outcome: str, why: str | None = None) -> pl.DataFrame:
    return told.select("row", "person", pl.lit(outcome).alias("outcome"), pl.lit(why, pl.String).alias("why"))  # fmt: skip


def _known(fields: Iterable[str]) -> Iterable[str]:
    for field in fields:
        if field not in NAMES:
            raise VaultError(f"{field!r} is no field of a person; use {', '.join(NAMES)}")
        yield field


def _hidden(values: pl.Series, how: str, keys: Ring | None) -> pl.Series:
    """A field as it is shown in a way of masking."""
    if how == "token" and keys is not None:
        version, key = keys.newest(OF_TOKENS)
        return pl.Series(values.name, sealing.tokens(values.name, values, version, key), pl.String)
    if how == "last_four":
        long = values.str.len_chars() > 4
        shown = pl.DataFrame({"v": values, "long": long})
        tail = pl.when("long").then(pl.lit("…") + pl.col("v").str.tail(4)).otherwise(pl.lit("…"))
        return shown.select(pl.when(pl.col("v").is_not_null()).then(tail)).to_series()
    if how == "initial":
        return values.str.head(1) + "…"
    return pl.Series(values.name, [None] * len(values), pl.String)


def _numbered(normal: pl.Series, by: str, keys: Ring) -> pl.DataFrame:
    """`row` and `token`: each value by every key that is read."""
    return pl.concat(
        pl.DataFrame({"row": range(len(normal)), "token": sealing.tokens(by, normal, version, key)},
                     schema={"row": pl.Int64, "token": pl.String}).drop_nulls()
        for version, key in keys.keys[OF_TOKENS].items()
    )  # fmt: skip
