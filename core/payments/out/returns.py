"""What becomes of money that comes back: which instruction it was, and what its code says.

A return names its instruction by trace or end-to-end id. Each has one outcome: reversal or chargeback (it enters the
ledger), noted (a prenotification: no money), rejected (an instruction of ours to pay out that was not carried
out), refused (a person looks at it, `WHY` says why), duplicate (told before) or unknown (no instruction of ours).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.payments.ach_codes import CONTESTED, DISHONOURED
from loanbook.core.payments.out.presentment import banking_days_after
from loanbook.core.policy.originators import Originator, ReturnCodes

TOLD = {
    "line": pl.Int64, "place": pl.Int64, "code": pl.String, "original": pl.String, "trace": pl.String, "amount": pl.Int64,
    "currency": pl.String, "returned_on": pl.Date,
}  # fmt: skip
"""A return as a bank tells it: where it stands, and the place of the entry that brings it (null: none does), reason code, trace or id of what comes back, its own trace, how much, when. No amount: that of
the instruction."""
OUTCOMES = ("reversal", "chargeback", "noted", "rejected", "refused", "duplicate", "unknown")
WHY = {
    "by_its_code": "what the code says by the policy",
    "before_it_settled": "it came back before the day on which it was to settle",
    "unknown_payment": "no instruction has this trace or end-to-end id",
    "another_amount": "it brings back another amount than was asked for",
    "returned_before": "the payment came back before, by another return",
    "told_before": "the same return was told before",
    "after_its_window": "it comes after the days in which the code may be used: have the bank dishonour it",
    "dishonoured": "the bank refuses a return of ours, or contests a refusal: ask the bank",
    "code_not_known": "the policy of return codes does not name the code",
    "refused_by_policy": "the policy says that a person looks at it",
    "payout_reversed": "money of an agreement's payout came back: the payout is taken back, as if it had never been",
    "payout_came_back": "money that was paid out came back: pay it anew, or take the payout back",
}
"""Why a return has its outcome."""


def decided(
    told: pl.DataFrame,
    sent: pl.DataFrame,
    before: pl.DataFrame,
    by: Originator,
    codes: ReturnCodes,
    calendar: Calendar,
) -> pl.DataFrame:
    """Returns (`TOLD`) of one originator's instructions with `return_key`, `outcome`, `why`, `mandate_becomes` (keep, suspend,
    revoke), `reason`, and what is known of the instruction: `instruction_key`, `payment_key`, `loan_id`, `mandate`.

    `sent`: instructions by which they may be found (`key`, `payment_key`, `loan_id`, `mandate`, `trace`,
    `end_to_end_id`, `purpose`, `direction`, `effective`, `amount`). `before`: `return_key`, `instruction_key` of returns that
    entered before.
    """
    keyed = told.with_columns(return_key=_key()).join(
        _named(sent), on="original", how="left", maintain_order="left"
    )
    entered = before.select("instruction_key", _entered=pl.lit(True)).unique("instruction_key")
    rules = _rules(codes)
    judged = (
        keyed.join(entered, on="instruction_key", how="left", maintain_order="left")
        .join(rules, on="code", how="left", maintain_order="left")
        .with_columns(
            _again=pl.col("return_key").is_in(before["return_key"].implode())
            | (pl.int_range(pl.len()).over("return_key") > 0),
            _second=pl.col("instruction_key").is_not_null()
            & (pl.int_range(pl.len()).over("instruction_key") > 0),
            amount=pl.coalesce("amount", "_amount"),
            _last=_last_day(codes, calendar),
        )
    )
    why = _why()
    outcome = (
        pl.when(why == "unknown_payment").then(pl.lit("unknown"))
        .when(why == "told_before").then(pl.lit("duplicate"))
        .when(why == "payout_came_back").then(pl.lit("rejected"))
        .when(~why.is_in(["by_its_code", "before_it_settled"])).then(pl.lit("refused"))
        .when(pl.col("_purpose") == "prenote").then(pl.lit("noted"))
        .otherwise("_becomes")
    )  # fmt: skip
    known = judged.with_columns(why=why).with_columns(outcome=outcome)
    enters = pl.col("outcome").is_in(["reversal", "chargeback", "noted"])
    return known.select(
        *told.columns, "return_key", "outcome", "why", "instruction_key", "payment_key", "loan_id", "mandate",
        originator=pl.lit(by.name), rail=pl.lit(by.rail),
        mandate_becomes=pl.when(enters & pl.col("mandate").is_not_null()).then("_mandate").otherwise(pl.lit("keep")),
        reason=pl.col("_reason").fill_null(codes.unknown.reason),
    ).with_columns(amount=judged["amount"])  # fmt: skip


def of_nobody(told: pl.DataFrame) -> pl.DataFrame:
    """Returns (`TOLD`) of no instruction of ours, as `decided` has them: nothing hangs on a policy."""
    again = pl.int_range(pl.len()).over("return_key") > 0
    nothing = {name: pl.lit(None, dtype=type_) for name, type_ in _OF_AN_INSTRUCTION.items()}
    return told.with_columns(return_key=_key(), **nothing).with_columns(
        outcome=pl.when(again).then(pl.lit("duplicate")).otherwise(pl.lit("unknown")),
        why=pl.when(again).then(pl.lit("told_before")).otherwise(pl.lit("unknown_payment")),
        mandate_becomes=pl.lit("keep"),
    )


_OF_AN_INSTRUCTION = {
    "instruction_key": pl.String, "payment_key": pl.String, "loan_id": pl.Int64, "mandate": pl.String,
    "originator": pl.String, "rail": pl.String, "reason": pl.String,
}  # fmt: skip


def _key() -> pl.Expr:
    """Under which a return enters once: its own trace, else what comes back and why."""
    own = pl.col("trace").fill_null("").str.strip_chars()
    return pl.concat_str(pl.when(own != "").then(own).otherwise(pl.lit("-")), "original", "code", separator="/")  # fmt: skip


def by_name(sent: pl.DataFrame) -> pl.DataFrame:
    """Instructions by each of their names (`original`: trace, end-to-end id); of several with one trace the last."""
    names = [sent.with_columns(original=pl.col(name)) for name in ("trace", "end_to_end_id")]
    both = pl.concat(names).filter(pl.col("original") != "")
    return both.sort("effective").unique("original", keep="last", maintain_order=True)


def _named(sent: pl.DataFrame) -> pl.DataFrame:
    return by_name(sent).select(
        "original", "payment_key", "loan_id", "mandate", instruction_key="key",
        _purpose="purpose", _direction="direction", _effective="effective", _amount="amount",
    )  # fmt: skip


def _rules(codes: ReturnCodes) -> pl.DataFrame:
    rows = [
        (code, r.becomes, r.mandate, r.reason, r.window_days, r.window_in == "banking")
        for code, r in codes.codes.items()
    ]
    schema = {"code": pl.String, "_becomes": pl.String, "_mandate": pl.String, "_reason": pl.String,
              "_window": pl.Int64, "_banking": pl.Boolean}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _last_day(codes: ReturnCodes, calendar: Calendar) -> pl.Expr:
    """The last day on which a return may reach the lender: its window, then the days on its way."""
    settled, days = pl.col("_effective"), pl.col("_window")
    windows = sorted({r.window_days for r in codes.codes.values() if r.window_in == "banking"})
    banking = pl.coalesce(
        pl.when(days == each).then(banking_days_after(settled, each, calendar)) for each in windows
    ) if windows else settled  # fmt: skip
    plain = settled.dt.offset_by(pl.format("{}d", days))
    last = pl.when("_banking").then(banking).otherwise(plain)
    return banking_days_after(last, codes.grace_days, calendar)


def _why() -> pl.Expr:
    number = pl.col("code").str.extract(r"^R([0-9]{2})$").cast(pl.Int64)
    of_banks = number.is_in([*DISHONOURED, *CONTESTED]).fill_null(False)
    back = pl.col("returned_on")
    return (
        pl.when(pl.col("_again")).then(pl.lit("told_before"))
        .when(pl.col("instruction_key").is_null()).then(pl.lit("unknown_payment"))
        .when(of_banks).then(pl.lit("dishonoured"))
        .when(pl.col("_entered").fill_null(False) | pl.col("_second")).then(pl.lit("returned_before"))
        .when(pl.col("amount") != pl.col("_amount")).then(pl.lit("another_amount"))
        .when(pl.col("_direction") == "credit").then(pl.lit("payout_came_back"))
        .when(pl.col("_becomes").is_null()).then(pl.lit("code_not_known"))
        .when(pl.col("_becomes") == "refused").then(pl.lit("refused_by_policy"))
        .when((back > pl.col("_last")).fill_null(False)).then(pl.lit("after_its_window"))
        .when(back < pl.col("_effective")).then(pl.lit("before_it_settled"))
        .otherwise(pl.lit("by_its_code"))
    )  # fmt: skip
