"""The generated page of orders, written to docs/: what may be ordered, and what is refused."""

from __future__ import annotations

from pathlib import Path

from loanbook.core.servicing.orders.page import orders_page
from loanbook.pipelines.resources import ROOT


def main() -> None:
    """Write docs/orders.md."""
    path: Path = ROOT / "docs" / "orders.md"
    path.write_text(orders_page(), encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
