#!/usr/bin/env bash
# pycamt takes the first amount anywhere below a camt.053 detail: a bank's charge stands for the payment.
# Version: pycamt 1.1.1.
# Expected: of a booked credit of 100.00 EUR that tells a charge of 0.35 EUR, one row of +100.00 EUR; of one that was
#   sent as 108.00 USD and booked as 100.00 EUR, a row of 100.00 EUR.
# Seen: the first is Amount 0.35, CreditDebitIndicator DBIT: a debit of 35 cents, since both are looked for at any
#   depth of TxDtls and the charge has the only ones. The second is Amount 108.00 with Currency EUR: the amount of the
#   order with the currency of the booking. In camt.053.001.02 a detail has no amount of its own beside these.
# loanbook: does not read camt files and does not use pycamt. Who turns its rows into a payments file checks, entry by
#   entry, that they sum to Ntry/Amt with the sign of Ntry/CdtDbtInd, and takes the entry's where they do not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pycamt==1.1.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata

from pycamt.parser import Camt053Parser

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"


def read(detail: str) -> tuple[str, str, str]:
    entry = f"""<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>
    <GrpHdr><MsgId>M</MsgId><CreDtTm>2026-01-05T08:00:00</CreDtTm></GrpHdr>
    <Stmt><Id>S</Id><CreDtTm>2026-01-05T08:00:00</CreDtTm><Acct><Id><Othr><Id>1</Id></Othr></Id></Acct>
    <Ntry><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
    <BookgDt><Dt>2026-01-05</Dt></BookgDt><ValDt><Dt>2026-01-05</Dt></ValDt>
    <BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>
    <NtryDtls><TxDtls><Refs><EndToEndId>LOAN-1</EndToEndId></Refs>{detail}</TxDtls></NtryDtls></Ntry>
    </Stmt></BkToCstmrStmt></Document>"""
    (row,) = Camt053Parser(entry.encode()).get_transactions()
    return row["Amount"], row["Currency"], row["CreditDebitIndicator"]


plain = read("")
charged = read('<Chrgs><Amt Ccy="EUR">0.35</Amt><CdtDbtInd>DBIT</CdtDbtInd></Chrgs>')
abroad = read('<AmtDtls><InstdAmt><Amt Ccy="USD">108.00</Amt></InstdAmt></AmtDtls>')
print(f"pycamt {importlib.metadata.version('pycamt')}: {plain}; with a charge {charged}; from abroad {abroad}")
assert plain == ("100.00", "EUR", "CRDT")
assert charged == ("0.35", "EUR", "DBIT"), "this has changed: look at it anew"
assert abroad == ("108.00", "EUR", "CRDT"), "this has changed: look at it anew"
PYTHON
