"""Every byte of a paper is proven: what is damaged, swapped or appended is found and named."""

from __future__ import annotations

import datetime as dt
import io
import random

import polars as pl
import pytest
from asn1crypto import pem

from loanbook.core.documents.matching import differences
from loanbook.core.documents.offers import OfferError
from loanbook.core.store.agreements.documents import documents_of
from loanbook.core.store.agreements.offers import offer
from loanbook.pipelines.agreements.offering import Wanted, accept, make_offers, sign
from loanbook.pipelines.documents.signing import LocalESign, Signed, Signer, signature_fault
from loanbook.pipelines.documents.verifying import verified
from tests.documents.conftest import ANN, SIGNED_AT, Lender, wanted

DAY = dt.date(2018, 1, 4)


def test_any_byte_that_is_flipped_or_appended_is_found_and_named(lender: Lender) -> None:
    ledger, store = lender.ledger, lender.store
    assert set(verified(ledger, store, again=True)["verdict"]) == {"OK"}
    whole = documents_of(ledger, "A").filter(pl.col("kind") == "agreement").row(0, named=True)
    drawn = random.Random(7)
    for name in (whole["sha256"], whole["signed_sha256"]):
        path, data = store.path(name), store.get(name)
        places = [0, len(data) - 1, *drawn.sample(range(len(data)), 60)]
        for damaged in [*(_flipped(data, at) for at in places), data + b"\n", data[:-1], b""]:
            path.write_bytes(damaged)
            assert store.fault(name).startswith("is not what was kept")
        told = verified(ledger, store).filter(pl.col("verdict") == "FAIL")
        assert told.select("kind", "loan_key", "sha256").rows() == [("agreement", "A", name)]
        path.unlink()
        assert verified(ledger, store, "A").filter(pl.col("verdict") == "FAIL")[
            "fault"
        ].to_list() == ["is not there"]
        path.write_bytes(data)
    stranger = store.put(b"%PDF-1.7 of nobody")
    told = verified(ledger, store).filter(pl.col("verdict") != "OK")
    assert told.select("verdict", "sha256").rows() == [("UNKNOWN", stranger)]
    # behind the hash: what is appended to a signed file is not covered, and another certificate is not trusted
    signed, certificate = store.get(whole["signed_sha256"]), whole["certificate"]
    assert signature_fault(signed, certificate) == ""
    assert signature_fault(signed + b"\n% more", certificate) != ""
    assert "0 signatures" in signature_fault(store.get(whole["sha256"]), certificate)
    inside = signed.index(b"/Contents <") // 2
    assert signature_fault(_flipped(signed, inside), certificate) != ""


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_what_a_provider_gives_back_must_be_the_document_that_was_shown(lender: Lender) -> None:
    accept(lender.ledger, "D", DAY, "Ann")
    other = documents_of(lender.ledger, "A").filter(pl.col("kind") == "agreement")["sha256"][0]

    class Swaps(LocalESign):
        def sign(self, document: bytes, signer: Signer, at: dt.datetime) -> Signed:
            return super().sign(lender.store.get(other), signer, at)

    class Damages(LocalESign):
        def sign(self, document: bytes, signer: Signer, at: dt.datetime) -> Signed:
            told = super().sign(document, signer, at)
            return Signed(told.data + b" ", told.certificate, at, "damages", "d-1", 200, 1)

    for provider, said in (
        (Swaps, "is not the document that was shown"),
        (Damages, r"damages gave back \(d-1\)"),
    ):
        with pytest.raises(OfferError, match=said):
            sign(
                lender.ledger,
                "D",
                ("borrower", ""),
                SIGNED_AT.replace(day=4),
                ANN,
                provider(lender.where),
            )
    assert offer(lender.ledger, "D", DAY)["state"] == "accepted"


def test_versions_of_a_document_are_told_apart_by_field(lender: Lender) -> None:
    again = Wanted(
        "instalment-act365",
        wanted("D").fields | {"rate_percent": "11"},
        (("borrower", "Dora Sample"),),
        "app-D",
        "dec-D2",
        "D2",
    )
    make_offers(lender.ledger, lender.policies, [again], DAY, ANN)
    found = documents_of(lender.ledger, "app-D").filter(pl.col("kind") == "agreement")
    assert found["number"].to_list() == [1, 2]
    rows = differences(*found["fields"])
    assert rows.filter(pl.col("field") == "terms.rate_ppb").rows() == [
        ("terms.rate_ppb", "120000000", "110000000")
    ]
    assert "parties.1.mask" not in rows["field"]


def test_a_certificate_is_kept_with_each_signature(lender: Lender) -> None:
    rows = lender.ledger.frame("SELECT * FROM {lake}.signatures")
    assert set(rows["provider"]) == {"local stand-in"}
    assert rows["latency_ms"].min() >= 0  # type: ignore[operator]
    assert pem.detect(rows["certificate"][0].encode())
    assert io.BytesIO(lender.store.get(rows["signed_sha256"][0])).read(5) == b"%PDF-"
