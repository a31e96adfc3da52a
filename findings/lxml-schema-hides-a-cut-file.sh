#!/usr/bin/env bash
# lxml takes a file that was cut short, or is no XML, without a word, if it has a schema and must not resolve entities.
# Versions: lxml 6.1.3 (libxml2 2.14.6).
# Expected: `resolve_entities=False` is what one sets for files of strangers, `schema=` checks them as they are
#   parsed; a file that ends within an element raises XMLSyntaxError, as it does with either of the two alone.
# Seen: with both, XMLPullParser and iterparse end without an error, and the elements before the cut look like the whole
#   file: of a statement that was cut in transfer the last payments are missing, and nothing says so.
# loanbook: refuses a document type before anything else is read, so that there is no entity to resolve, and parses
#   with the schema alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check lxml==6.1.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io

from lxml import etree

schema = etree.XMLSchema(etree.fromstring(
    "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='s'><xs:complexType><xs:sequence>"
    "<xs:element name='e' type='xs:string' maxOccurs='unbounded'/></xs:sequence></xs:complexType></xs:element></xs:schema>"
))
CUT = b"<s><e>1</e><e>2</e><e>3"


def pulled(**options):
    parser = etree.XMLPullParser(("end",), **options)
    try:
        parser.feed(CUT)
        parser.close()
    except etree.XMLSyntaxError:
        return "refused"
    return f"taken, {len(list(parser.read_events()))} elements"


def iterated(**options):
    try:
        found = sum(1 for _ in etree.iterparse(io.BytesIO(CUT), **options))
    except etree.XMLSyntaxError:
        return "refused"
    return f"taken, {found} elements"


for name, options in (
    ("neither", {}),
    ("schema", {"schema": schema}),
    ("resolve_entities=False", {"resolve_entities": False}),
    ("both", {"schema": schema, "resolve_entities": False}),
):
    print(f"{name}: XMLPullParser {pulled(**options)}; iterparse {iterated(**options)}")
    expected = name == "both"
    assert pulled(**options).startswith("taken") == expected, name
    assert iterated(**options).startswith("taken") == expected, name
PYTHON
