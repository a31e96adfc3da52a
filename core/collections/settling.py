"""What settles a loan for less than its claim: the floor, and who may give up how much."""

from __future__ import annotations

from dataclasses import dataclass

from loanbook.core.access.actor import Actor
from loanbook.core.policy.lending.settlement_rules import SettlementRules


@dataclass(frozen=True)
class Settlement:
    """Figures of a settlement, minor units."""

    owed: int
    """The claim before the money came."""
    paid: int
    days_past_due: int
    floor_percent: int
    floor: int
    """The least that may settle it: the share of the claim, rounded up."""

    @property
    def given_up(self) -> int:
        """What is extinguished without money."""
        return max(self.owed - self.paid, 0)


def settlement(rules: SettlementRules, owed: int, paid: int, days_past_due: int) -> Settlement:
    """The figures of a settlement of a claim of `owed` by `paid`, of a loan that was so late."""
    band = [each for each in rules.bands if each.from_days <= days_past_due][-1]
    floor = -(-owed * band.floor_percent // 100)
    return Settlement(owed, paid, days_past_due, band.floor_percent, floor)


def below_floor(offer: Settlement, rules: SettlementRules) -> str:
    """Why a settlement is below its floor, whoever proposes or approves it; empty: it is not."""
    if offer.paid >= offer.floor:
        return ""
    return (
        f"it is below the floor of settlement_rules/{rules.name}: {offer.floor_percent} % of the claim at "
        f"{offer.days_past_due} days past due"
    )


def why_not(offer: Settlement, rules: SettlementRules, actor: Actor) -> str:
    """Why somebody may not propose a settlement; empty: they may. A demo has every authority, and no lower floor."""
    if why := below_floor(offer, rules):
        return why
    if actor.kind == "demo":
        return ""
    most = max((a.gives_up_percent for a in rules.authority if a.role in actor.roles), default=None)
    if most is None:
        return f"none of the roles of {actor.name} may propose a settlement by settlement_rules/{rules.name}"
    if offer.given_up * 100 > most * offer.owed:
        return f"{actor.name} may give up {most} % of a claim, and this gives up more"
    return ""
