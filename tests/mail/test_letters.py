"""Letters: both parts, no header that a name could begin, nothing unescaped."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.base.folding import is_email_shaped
from gatewright.mail.letters import TEMPLATES, compose
from gatewright.mail.model import Message, Undeliverable

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
SENDER = Address("Gatewright", addr_spec="no-reply@id.example.com")
HEADERS = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
SHOWN = {
    "company": "Alder Works",
    "email": "ada@example.com",
    "new_email": "ada@new.example",
    "link": "https://id.example.com/x/gwl_canary",
    "app": "Crane",
    "developer": "Dev",
    "name": "Ada",
    "at": NOON.isoformat(),
    "ip": None,
}


def sent(to: str, template: str, **shows: object) -> EmailMessage:
    message = Message(to, template, {**SHOWN, **shows})
    letter = compose(message, sender=SENDER, issuer="https://id.example.com", message_id="0" * 32, now=NOON)
    read = message_from_bytes(letter.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("template", sorted(file.stem for file in TEMPLATES.glob("*.txt")))
def test_every_letter_says_the_same_in_text_and_html(template: str) -> None:
    letter = sent("ada@example.com", template)
    assert set(letter.keys()) == HEADERS
    assert letter["from"] == "Gatewright <no-reply@id.example.com>"
    text, html = part(letter, "plain"), part(letter, "html")
    for name in ("company", "app", "developer", "link", "email", "new_email"):
        assert (str(SHOWN[name]) in text) == (str(SHOWN[name]) in html), name
    assert "<" not in text
    assert "http" not in html.replace("https://id.example.com", "")  # nothing is loaded from elsewhere
    assert "{{" not in text + html


def test_a_name_with_a_line_end_stays_on_its_line() -> None:
    """A209: in the subject and in the text."""
    letter = sent("ada@example.com", "invitation", company="Alder\r\nBcc: all@x.example")
    assert letter["subject"] == "Alder  Bcc: all@x.example invites you"
    assert set(letter.keys()) == HEADERS


@given(st.text(), st.text())
def test_no_name_begins_a_header_a_line_or_a_tag(company: str, app: str) -> None:
    """A192, A207, A209: whatever it holds."""
    hostile = f"{company}\r\nBcc: all@x.example\n\n<script>{{{{7*7}}}}{app}\u202e"
    letter = sent("ada@example.com", "app_requested", company=hostile, app=hostile, developer=hostile)
    assert set(letter.keys()) == HEADERS
    assert letter["to"] == "ada@example.com"
    text, html = part(letter, "plain"), part(letter, "html")
    assert "<script>" not in html
    assert "{{7*7}}" in text
    assert len(text.splitlines()) == len(part(sent("ada@example.com", "app_requested"), "plain").splitlines())
    assert "\u202e" not in text + html + letter["subject"]


@given(st.one_of(st.emails(), st.text(max_size=40).map(lambda text: f"{text}@x.example"), st.text(max_size=40)))
def test_an_address_is_one_recipient_or_none(email: str) -> None:
    """S2: nobody else is written to by an odd spelling."""
    try:
        letter = sent(email, "invitation")
    except Undeliverable:
        return
    assert is_email_shaped(email)
    assert set(letter.keys()) == HEADERS
    assert len(letter["to"].addresses) == 1


@pytest.mark.parametrize("email", ["a@x\r\nBcc: b@x.example", "a,b", "a@-x.example", "a@x y", "", "@x", "a@b@c"])
def test_what_mail_cannot_go_to_is_undeliverable(email: str) -> None:
    with pytest.raises(Undeliverable):
        sent(email, "invitation")
