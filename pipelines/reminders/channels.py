"""Services that send reminders, behind one adapter (Apprise): one address for each channel, told by the environment alone.

`LOANBOOK_REMINDERS_EMAIL`, `…_SMS` and `…_CHAT` hold addresses as Apprise has them, with `{to}` where the borrower's stands:
`mailtos://user:password@example.org?to={to}`. A demo sends nothing: what would go out stands in a file, addresses masked.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from loanbook.core.errors import LoanbookError
from loanbook.core.policy.lending.reminder_rules import SENT_BY
from loanbook.core.store.people.acting import is_demo
from loanbook.core.store.settings import Settings

VARIABLE = "LOANBOOK_REMINDERS_"
FIELDS = {"email": "email", "sms": "phone", "chat": "phone"}
"""The field of the vault that is a borrower's address for each channel."""
_SOMEBODY = {"email": "somebody@example.org", "phone": "+12025550123"}
"""Addresses of nobody (RFC 2606; numbers kept for fiction), by which it is seen whether a service is one."""
SINK = "loanbooksink"
"""Scheme of the addresses that lead to the file of a demo."""
_writing = threading.Lock()

if TYPE_CHECKING:
    from apprise import Apprise


def sink_of(where: Settings) -> Path:
    """The file that reminders of a demo stand in, a line of JSON each."""
    return where.home / "reminders" / "sink.jsonl"


class Services:
    """The services of an instance, by channel."""

    def __init__(self, where: Settings) -> None:
        self._addresses = {name: os.environ.get(VARIABLE + name.upper(), "") for name in SENT_BY}
        if is_demo(where):
            file = quote(str(sink_of(where).resolve()), safe="")
            self._addresses = {name: f"{SINK}://{name}?file={file}&to={{to}}" for name in SENT_BY}
        for name, address in self._addresses.items():
            if address and "{to}" not in address:
                raise LoanbookError(
                    f"{VARIABLE}{name.upper()} does not say where the borrower's address stands: write {{to}} there"
                )

    @property
    def channels(self) -> list[str]:
        """Channels that have a service."""
        return [name for name, address in self._addresses.items() if address]

    def must_be_services(self, channels: Iterable[str]) -> None:
        """LoanbookError where the address of one of the channels is no service's, whoever is written to."""
        for channel in channels:
            if self._service(channel, _SOMEBODY[FIELDS[channel]]) is None:
                raise LoanbookError(
                    f"{VARIABLE}{channel.upper()} is no address of a service; see https://appriseit.com/services"
                )

    def send(self, channel: str, to: str, subject: str, text: str) -> bool:
        """Whether the service of a channel took a message. None is asked where nobody is written to: it might take the lender's
        own address for theirs."""
        from apprise import NotifyFormat

        service = self._service(channel, to) if to else None
        if service is None:
            return False
        taken = service.notify(body=text, title=subject, body_format=NotifyFormat.TEXT, interpret_escapes=False)  # fmt: skip
        return bool(taken)

    def _service(self, channel: str, to: str) -> Apprise | None:
        """The service that writes to an address; None: it takes none such."""
        from apprise import Apprise, AppriseAsset, PersistentStoreMode

        _prepare()
        asset = AppriseAsset(app_id="loanbook", plugin_paths=[], storage_mode=PersistentStoreMode.MEMORY)  # fmt: skip
        service = Apprise(asset=asset)
        return service if service.add(self._addresses[channel].replace("{to}", quote(to, safe=""))) else None  # fmt: skip


_ready: list[bool] = []


def _prepare() -> None:
    """Let the library log no address, and know the file of a demo."""
    with _writing:
        if _ready:
            return
        from apprise.decorators import notify

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        notify(on=SINK, name="loanbook demo")(_into_file)  # type: ignore[no-untyped-call]
        _ready.append(True)


def _into_file(body: str, title: str, notify_type: Any, meta: dict[str, Any], **_: Any) -> bool:
    """A message as a line of the demo's file."""
    file = Path(meta["qsd"]["file"])
    told = {"channel": meta["host"], "to": f"…{meta['qsd']['to'][-4:]}", "subject": title, "text": body}  # fmt: skip
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with _writing, file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(told, ensure_ascii=False) + "\n")
    return True
