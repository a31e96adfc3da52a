"""Every page of docs/ that is made of the code: `make docs` writes them, a test compares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loanbook.core.access.matrix import roles_page
from loanbook.core.policy.rights.roles import Role
from loanbook.core.risk_events.page import events_page, schema_files
from loanbook.core.servicing.orders.page import orders_page
from loanbook.pipelines.reporting.commands_page import commands_guide
from loanbook.pipelines.reporting.day_page import order_of_the_day
from loanbook.pipelines.reporting.files_page import file_kinds, refusals
from loanbook.pipelines.reporting.policies_page import policy_fields, schemas
from loanbook.pipelines.reporting.products import products
from loanbook.pipelines.reporting.reference import reference
from loanbook.pipelines.resources import POLICIES, ROOT, read_policies

SCHEMAS = POLICIES / "schemas"
PAGES: dict[str, Callable[[], str]] = {
    "reference": reference,
    "products": lambda: products(read_policies(POLICIES)),
    "orders": orders_page,
    "roles": lambda: roles_page(
        each for _, each in read_policies(POLICIES).policies if isinstance(each, Role)
    ),
    "order-of-the-day": order_of_the_day,
    "policy-fields": policy_fields,
    "file-kinds": file_kinds,
    "refusals": refusals,
    "guide/commands": commands_guide,
    "events": events_page,
}
"""What makes the page docs/NAME.md."""


def written() -> dict[Path, str]:
    """Every generated file and what stands in it: the pages, and the schemas of policies and of risk events."""
    pages = {ROOT / "docs" / f"{name}.md": text() for name, text in PAGES.items()}
    events = {ROOT / "docs" / "events" / name: text for name, text in schema_files().items()}
    return pages | {SCHEMAS / f"{kind}.json": text for kind, text in schemas().items()} | events


def main() -> None:
    """Write every one of them."""
    for path, text in written().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
