"""Tests of `kgsynth_loaders.readers.mail`."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Document, Reject, Remark
from kgsynth_loaders.readers import mail
from tests.unit.loaders.readers.web_readers_cases import read_all


def message(**headers: str) -> EmailMessage:
    mail_message = EmailMessage()
    for name, value in {
        "Subject": "Énergie",
        "From": "Ana Núñez <ana@example.org>",
        "Date": "Mon, 06 May 2024 10:00:00 +0000",
        **headers,
    }.items():
        mail_message[name.replace("_", "-")] = value
    return mail_message


def test_a_mail_is_its_plain_text_with_the_names_of_its_files(tmp_path: Path) -> None:
    mail_message = message(Message_ID="<1@example.org>")
    mail_message.set_content("Dear B,\n\nthe speed is 3 €.\n", charset="utf-8", cte="quoted-printable")
    mail_message.add_alternative("<html><body><p>Dear B in <b>HTML</b></p></body></html>", subtype="html")
    mail_message.add_attachment(b"\x00", maintype="application", subtype="pdf", filename="räport.pdf")
    path = tmp_path / "a.eml"
    path.write_bytes(mail_message.as_bytes())
    (document,) = read_all(mail, path)
    assert document.text == "Dear B,\n\nthe speed is 3 €."
    assert (document.title, document.attribution, document.date) == (
        "Énergie",
        "Ana Núñez",
        "Mon, 06 May 2024 10:00:00 +0000",
    )
    assert document.metadata["attachments"] == "räport.pdf"
    assert document.metadata["message_id"] == "1@example.org"


def test_a_mail_that_is_a_page_alone_and_text_with_soft_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    page_message = message()
    page_message.set_content("<html><body><h1>News</h1><p>One <b>t</b>wo.</p></body></html>", subtype="html")
    path.write_bytes(page_message.as_bytes())
    assert read_all(mail, path)[0].text == "# News\n\nOne two."
    path.write_bytes(
        b"Subject: x\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\n\nA long \nline \xe9.\nNext.\n"
    )
    assert read_all(mail, path)[0].text == "A long line é.\nNext."


def test_an_encrypted_mail_and_one_without_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(
        b'Subject: x\nContent-Type: multipart/encrypted; boundary="b"\n\n--b\nContent-Type: text/plain\n\nx\n--b--\n'
    )
    with pytest.raises(RecordError, match="encrypted"):
        read_all(mail, path)
    path.write_bytes(b"Subject: x\n\n\n")
    with pytest.raises(RecordError, match="no text"):
        read_all(mail, path)


def test_a_mailbox_is_a_document_for_each_message(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    one = b"From a@example.org Mon May  6 10:00:00 2024\nSubject: One\nMessage-ID: <1@x>\n\nFirst.\n>From here on.\n\nFrom me to you.\n\n"
    two = b"From b@example.org Mon May  6 11:00:00 2024\nSubject: Two\nMessage-ID: <1@x>\n\nSecond.\n\n"
    empty = b"From c@example.org Mon May  6 12:00:00 2024\nSubject: Three\n\n\n"
    path.write_bytes(one + two + empty)
    first, second, reject = read_all(mail, path)
    assert (first.id, first.text) == ("1@x", "First.\nFrom here on.\n\nFrom me to you.")
    assert (second.id, second.title) == ("1@x 2", "Two")
    assert isinstance(reject, Reject)
    assert (reject.position.line, reject.reason) == (3, "no text")


def test_a_saved_page_is_its_root(tmp_path: Path) -> None:
    path = tmp_path / "a.mhtml"
    path.write_bytes(
        b'From: <Saved by B>\nSnapshot-Content-Location: https://example.org/e\nSubject: Energy\nMIME-Version: 1.0\nContent-Type: multipart/related; type="text/html"; boundary="B"\n\n'
        b"--B\nContent-Type: text/html\nContent-Location: https://example.org/frame\n\n<p>FRAME</p>\n"
        b"--B\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\nContent-Location: https://example.org/e\n\n"
        b'<html><head><meta charset=3D"utf-8"><title>Energy</title></head><body><h1>Energy</h1><p>caf=C3=A9 \\(E =3D mc^2\\)</p></body></html>\n'
        b"--B\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBO\n--B--\n"
    )
    (document,) = read_all(mail, path)
    assert document.text == "# Energy\n\ncafé $E = mc^2$"
    assert (document.title, document.metadata["url"]) == ("Energy", "https://example.org/e")
    path.write_bytes(
        b'Subject: x\nContent-Type: multipart/related; start="<root@x>"; boundary="B"\n\n'
        b"--B\nContent-Type: text/html\nContent-ID: <other@x>\n\n<p>OTHER</p>\n"
        b"--B\nContent-Type: text/html\nContent-ID: <root@x>\n\n<p>Root.</p>\n--B--\n"
    )
    assert [document.text for document in read_all(mail, path)] == ["Root."]


def parts_of(tmp_path: Path, data: bytes, name: str) -> list[object]:
    path = tmp_path / name
    path.write_bytes(data)
    return read_all(mail, path)


@pytest.mark.parametrize("name", ["a.eml", "a.mhtml"])
def test_a_message_that_breaks_off_is_read_in_part(tmp_path: Path, name: str) -> None:
    cut_message = message()
    cut_message.set_content(f"<html><body><p>{'One of many words. ' * 40}</p></body></html>", subtype="html")
    cut_message.make_related()
    data = cut_message.as_bytes()
    assert [type(record) for record in parts_of(tmp_path, data, name)] == [Document]
    for lost in (6, 300):
        document, remark = parts_of(tmp_path, data[:-lost], name)
        assert "One of many words." in document.text
        assert (remark.text, remark.is_partial) == ("breaks off: the end of one of its parts is missing", True)


def test_a_message_that_breaks_off_in_encoded_text_is_read_in_part(tmp_path: Path) -> None:
    encoded = message()
    encoded.set_content("Many words of a text. " * 20, cte="base64")
    data = encoded.as_bytes().rstrip(b"=\n")
    document, remark = parts_of(tmp_path, data[:-21], "a.eml")
    assert document.text.startswith("Many words")
    assert remark.is_partial


def test_a_cut_message_of_a_mailbox_is_named(tmp_path: Path) -> None:
    whole = message(Message_ID="<1@example.org>")
    whole.set_content("First part.")
    whole.add_attachment("Second part.")
    first = whole.as_bytes()
    cut = first.replace(b"<1@", b"<2@")[:-8]
    line = b"From ana Mon May 06 10:00:00 2024\n"
    found = parts_of(tmp_path, line + cut + b"\n\n" + line + first, "a.mbox")
    assert [type(record) for record in found] == [Document, Remark, Document]
    assert found[1].text == "message 1 breaks off: the end of one of its parts is missing"
