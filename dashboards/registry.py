"""Every page, in the order of the navigation. A new one is its module, its row here, and what it takes
to be read in `core/access/pages.py`."""

from __future__ import annotations

from loanbook.dashboards.collections import page as collections
from loanbook.dashboards.collections import performance
from loanbook.dashboards.origination import duplicates
from loanbook.dashboards.origination import page as applications
from loanbook.dashboards.page import Page
from loanbook.dashboards.pages.book import explore, loan, portfolio
from loanbook.dashboards.pages.ledger import (
    alerts,
    data_quality,
    marts,
    metrics,
    restatements,
    system_health,
    what_if,
)
from loanbook.dashboards.pages.people import approvals, audit, users
from loanbook.dashboards.pages.risk import (
    cash_flow,
    cohorts,
    delinquency,
    forecast,
    roll_rates,
    static_pool,
)
from loanbook.dashboards.payments import page as payments

PAGES: tuple[Page, ...] = (
    portfolio.PAGE, explore.PAGE, loan.PAGE,
    cohorts.PAGE, roll_rates.PAGE, delinquency.PAGE, cash_flow.PAGE, static_pool.PAGE, forecast.PAGE,
    applications.PAGE, duplicates.PAGE,
    payments.PAGE, collections.PAGE, performance.PAGE,
    restatements.PAGE, what_if.PAGE, data_quality.PAGE, alerts.PAGE, system_health.PAGE, metrics.PAGE, marts.PAGE,
    approvals.PAGE, audit.PAGE, users.PAGE,
)  # fmt: skip
