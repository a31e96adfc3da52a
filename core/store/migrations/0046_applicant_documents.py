"""Documents of applicants: what each is, by whom it came, and its bytes, sealed: added, never edited."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_tables, run


def up(connection: Connection) -> None:
    """Make the table."""
    run(
        connection,
        """
        CREATE TABLE {lake}.applicant_documents (document_id VARCHAR, applicant VARCHAR, type VARCHAR, media VARCHAR,
            sha256 VARCHAR, bytes BIGINT, uploader VARCHAR, uploaded_at TIMESTAMP, scan VARCHAR, scanner VARCHAR,
            sealed BLOB, known_on DATE, body_hash VARCHAR, line BIGINT, file_id VARCHAR, recorded_at TIMESTAMP)
        """,
    )


def check(connection: Connection) -> None:
    """The table is there."""
    must_have_tables(connection, "applicant_documents")
