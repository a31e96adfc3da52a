"""Persons who are bound by offers: they live in the vault, and stand in offers by token and mask alone.

Who is told by name is put in the vault, a person an offer and place; who is told by token is there already. A name is
part of no id and no hash that the ledger keeps: of who is forgotten none could be tried out against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.documents.paper import Party, masked
from loanbook.core.errors import LedgerConflictError, LoanbookError
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.vault import Vault, open_vault

Told = Sequence[tuple[str, str]]
"""Parties as they are told: role, and name or token."""
_TOLD = pl.Schema({"offer_id": pl.String, "place": pl.Int64, "role": pl.String, "told": pl.String, "is_token": pl.Boolean})  # fmt: skip


def is_token(told: str) -> bool:
    """Whether a party is told by the token of a person."""
    return re.fullmatch("p_[0-9a-f]{32}", told) is not None


@contextmanager
def vault_of(where: Settings) -> Iterator[Vault]:
    """The vault of an instance, open."""
    vault = open_vault(where)
    try:
        yield vault
    finally:
        vault.people.close()


def bound(where: Settings, told: Mapping[str, Told], maker: Actor) -> dict[str, tuple[Party, ...]]:
    """The parties of offers, by the offer's id, those with a name put in the vault. Safe to repeat.

    LoanbookError: a token is of nobody whose name is known. LedgerConflictError: an offer's party has another name.
    """
    rows = pl.DataFrame(
        [(id_, place, role, who.strip(), is_token(who)) for id_, parties in told.items()
         for place, (role, who) in enumerate(parties, start=1)],
        schema=_TOLD, orient="row",
    )  # fmt: skip
    named, known = rows.filter(~pl.col("is_token")), rows.filter("is_token")
    with vault_of(where) as vault:
        both = pl.concat([_put(vault, named, maker), _known(vault, known, maker)])
    found: dict[str, tuple[Party, ...]] = {}
    for id_, role, token, mask in both.sort("offer_id", "place").drop("place").rows():
        found[id_] = (*found.get(id_, ()), Party(role=role, token=token, mask=mask))
    return found


def _put(vault: Vault, named: pl.DataFrame, maker: Actor) -> pl.DataFrame:
    """`offer_id`, `place`, `role`, `token`, `mask` of parties that are told by name."""
    done = vault.put(named.select(ref=pl.format("offer/{}/{}", "offer_id", "place"), kind=pl.lit("individual"), full_name="told"), maker)  # fmt: skip
    both = named.hstack(done.select("person", "outcome", "why"))
    wrong = both.filter(~pl.col("outcome").is_in(["new", "known"]))
    if wrong.height:
        raise LedgerConflictError(
            f"offer {wrong['offer_id'][0]}: {wrong['role'][0]}: {wrong['why'][0]}"
        )
    masks = pl.Series("mask", [masked(name) for name in named["told"]], pl.String)
    return both.select("offer_id", "place", "role", "person", masks).rename({"person": "token"})


def _known(vault: Vault, known: pl.DataFrame, maker: Actor) -> pl.DataFrame:
    """As `_put`, of parties that are told by token."""
    masks = vault.initials(known["told"], maker) if known.height else []
    both = known.with_columns(mask=pl.Series(masks, dtype=pl.String))
    lacking = both.filter(pl.col("mask").is_null())
    if lacking.height:
        raise LoanbookError(
            f"offer {lacking['offer_id'][0]}: {lacking['told'][0]} is nobody whose name is known; see `loanbook vault show`"
        )
    return both.select("offer_id", "place", "role", "told", "mask").rename({"told": "token"})


def must_be_the_same(where: Settings, pairs: Sequence[tuple[str, str, str]], maker: Actor) -> None:
    """LedgerConflictError unless parties who are told again (id of the offer, token, name) have the name that is kept. Of
    who was forgotten nothing is known that could differ."""
    if not pairs:
        return
    ids, tokens, names = zip(*pairs, strict=True)
    with vault_of(where) as vault:
        same = vault.alike(pl.Series(tokens), pl.Series(names), maker, lambda kept, told: int(kept == told.strip()))  # fmt: skip
    other = [id_ for id_, each in zip(ids, same, strict=True) if each == 0]
    if other:
        raise LedgerConflictError(
            f"offer {other[0]} is kept with the same terms and another person; give yours a loan key or an application "
            "of its own"
        )


def keep_address(where: Settings, token: str, address: str, actor: Actor) -> None:
    """Keep from where a party signed; VaultError where the person was forgotten."""
    with vault_of(where) as vault:
        vault.amend(pl.DataFrame({"person": [token], "network_address": [address]}), actor)
