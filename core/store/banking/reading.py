"""Files, entries, suspense and days of bank accounts, as people read them: views of SQL and what asks them.

Every view tells what is known now; dates are those of files.
"""

from __future__ import annotations

from loanbook.core.payments.incoming.outcomes import OUTCOMES

ENTRIES_NOW = """
    SELECT e.* REPLACE (coalesce(d.loan_id, e.loan_id) AS loan_id, coalesce(d.confidence, e.confidence) AS confidence),
           coalesce(d.outcome, e.outcome) AS outcome_now, coalesce(d.rule, e.rule) AS rule_now,
           coalesce(d.said, e.said) AS said_now, d.booking_date AS decided_on, d.maker, d.checker, d.reason, f.name AS file, k.loan_key
    FROM bank_entries e JOIN bank_files f ON f.file_id = e.file_id AND f.business_date = e.business_date
    LEFT JOIN entry_decisions d ON d.entry_id = e.entry_id AND e.outcome = 'suspense'
    LEFT JOIN loan_keys k ON k.loan_id = coalesce(d.loan_id, e.loan_id)
"""
"""Entries with what became of them: at intake (`outcome`), and by people since (`outcome_now`)."""
_FILES = """
    SELECT f.business_date, f.name, f.format, f.entries AS entries_of_the_bank, e.currency,
           count(*) AS entries, {counts}, sum(e.amount)::BIGINT AS amount, {sums}
    FROM bank_files f JOIN bank_entries e ON e.file_id = f.file_id AND e.business_date = f.business_date
    WHERE f.business_date BETWEEN $first AND $last
    GROUP BY f.business_date, f.name, f.format, f.entries, f.file_id, e.currency
    ORDER BY f.business_date, f.name, e.currency
"""
FILES = _FILES.format(
    counts=", ".join(f"count(*) FILTER (WHERE e.outcome = '{n}') AS {n}" for n in OUTCOMES),
    sums=", ".join(
        f"coalesce(sum(e.amount) FILTER (WHERE e.outcome = '{n}'), 0)::BIGINT AS {n}_amount"
        for n in OUTCOMES
    ),
)
"""Files of a range of dates, a row a currency: entries and minor units by outcome; they sum to the file's."""
SUSPENSE = """
    SELECT e.entry_id, e.account, e.value_date, e.business_date, date_diff('day', e.business_date, $on) AS days,
           e.direction, e.amount, e.currency, e.payer, e.remittance, e.reference, e.rule, e.said, e.file, e.line,
           (SELECT max(s.recorded_at) FROM suspense_looks s
            WHERE s.file_id = e.file_id AND s.business_date = e.business_date) AS looked_at
    FROM bank_entries_now e
    WHERE e.outcome = 'suspense' AND e.business_date <= $on
      AND (e.decided_on IS NULL OR e.decided_on > $on)
    ORDER BY e.business_date, e.account, e.entry_id
"""
"""What waits in suspense on a date, the oldest first."""
CANDIDATES = """
    SELECT c.entry_id, c.rank, k.loan_key, c.confidence, c.name_score, c.amount_score, c.date_score, c.rule
    FROM suspense_candidates c LEFT JOIN loan_keys k ON k.loan_id = c.loan_id
    WHERE c.entry_id IN (SELECT unnest($ids))
    QUALIFY c.recorded_at = max(c.recorded_at) OVER (PARTITION BY c.entry_id) ORDER BY c.entry_id, c.rank
"""
"""Loans that entries in suspense may be of, as the last look at each found them."""
ENTRIES = """
    SELECT e.business_date, e.file, e.line, e.account, e.direction, e.amount, e.currency, e.value_date,
           e.outcome_now AS outcome, e.rule_now AS rule, e.said_now AS said, e.loan_key, e.confidence, e.payer, e.remittance, e.reference,
           e.end_to_end_id, e.entry_id, e.maker, e.checker, e.reason
    FROM bank_entries_now e
    WHERE e.business_date BETWEEN $first AND $last
      AND ($outcome IS NULL OR e.outcome_now = $outcome) AND ($loan IS NULL OR e.loan_key = $loan)
      AND ($account IS NULL OR e.account = $account)
    ORDER BY e.business_date, e.file, e.place
"""
DAYS = """
    WITH told AS (
        SELECT account, currency, closing_date AS day, arg_min(opening, statement) AS opening,
               arg_max(closing, statement) AS closing
        FROM bank_statements WHERE NOT interim AND closing IS NOT NULL AND opening IS NOT NULL AND account IS NOT NULL
          AND closing_date <= $last
        GROUP BY account, currency, closing_date, file_id
        QUALIFY row_number() OVER (PARTITION BY account, currency, closing_date ORDER BY file_id) = 1),
    moved AS (
        SELECT account, currency, coalesce(booked_on, value_date) AS day,
               sum(CASE WHEN direction = 'credit' THEN amount ELSE -amount END)::BIGINT AS moved, count(*) AS entries
        FROM bank_entries WHERE outcome NOT IN ('duplicate', 'quarantined') AND rule <> 'not_booked' GROUP BY ALL)
    SELECT t.account, t.day, t.currency, t.opening, coalesce(m.entries, 0) AS entries, coalesce(m.moved, 0) AS moved,
           t.closing, t.opening + coalesce(m.moved, 0) = t.closing AS ties,
           lag(t.closing) OVER (PARTITION BY t.account, t.currency ORDER BY t.day) AS closed_before,
           coalesce(closed_before = t.opening, true) AS follows
    FROM told t LEFT JOIN moved m USING (account, currency, day)
    QUALIFY t.day >= $first ORDER BY t.account, t.day
"""
"""Bank accounts by day: opening balance, entries told apart, closing balance; and whether a day opens as the one
before it closed."""
CLEARING = """
    SELECT b.business_date, r.name AS role, c.name AS currency, sum(b.balance)::BIGINT AS balance
    FROM account_balances b JOIN account_roles r ON r.code = b.account JOIN currency_names c ON c.code = b.currency
    WHERE r.name IN ('payment_clearing', 'payout_clearing', 'unidentified_receipts')
      AND b.version <= $known AND b.business_date = $on
    GROUP BY b.version, b.business_date, r.name, c.name
    QUALIFY b.version = max(b.version) OVER () ORDER BY r.name, c.name
"""
"""What clears: balances of payment and payout clearing and of suspense on a date; zero where all is settled."""
CONSERVED = """
    WITH told AS (
        SELECT file_id, business_date, count(*) AS entries, {counts},
               sum(CASE WHEN outcome = 'quarantined' OR rule = 'not_booked' THEN 0
                        WHEN direction = 'credit' THEN amount ELSE -amount END)::BIGINT AS net,
               bool_or(outcome = 'quarantined') AS unread
        FROM bank_entries GROUP BY file_id, business_date),
    stated AS (SELECT file_id, business_date, sum(credits - debits)::BIGINT AS net FROM bank_statements
               GROUP BY file_id, business_date)
    SELECT f.business_date, f.name, coalesce(t.entries, 0) AS entries, {names},
           coalesce({accepted}, 0) = r.accepted
             AND coalesce(t.duplicate_count, 0) = r.duplicates AND coalesce(t.quarantined_count, 0) <= r.quarantined
             AND (f.format = 'collected' OR s.net IS NULL OR t.unread OR s.net = coalesce(t.net, 0)) AS conserved
    FROM bank_files f JOIN files r ON r.file_id = f.file_id AND r.business_date = f.business_date AND r.name = f.name
    LEFT JOIN told t ON t.file_id = f.file_id AND t.business_date = f.business_date
    LEFT JOIN stated s ON s.file_id = f.file_id AND s.business_date = f.business_date
    WHERE r.state = 'taken'
""".format(
    counts=", ".join(f"count(*) FILTER (WHERE outcome = '{n}') AS {n}_count" for n in OUTCOMES),
    names=", ".join(f"coalesce(t.{n}_count, 0) AS {n}_count" for n in OUTCOMES),
    accepted=" + ".join(f"t.{n}_count" for n in OUTCOMES if n not in ("duplicate", "quarantined")),
)
"""Files with their entries by outcome, and whether these sum to what intake counted and the statements' own sums."""
