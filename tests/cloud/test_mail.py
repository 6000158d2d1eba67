"""Mail sent over SMTP is in the Maildir, as it was sent."""

import mailbox
import smtplib
from email.message import EmailMessage
from pathlib import Path

from local_cloud.mail.mailbox import HOST, MailServer


def test_a_mail_is_a_file_in_the_maildir(tmp_path: Path) -> None:
    server = MailServer(tmp_path / "mail")
    server.start()
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "a@example.com", "b@example.com", "Grüße"
    letter.set_content("Straße\n")
    with smtplib.SMTP(HOST, server.port) as client:
        client.send_message(letter)
    server.stop()

    received = list(mailbox.Maildir(tmp_path / "mail", create=False))
    assert len(received) == 1
    assert received[0].get_payload(decode=True) == "Straße\n".encode()
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 1


def test_stopping_with_a_client_still_connected_works(tmp_path: Path) -> None:
    server = MailServer(tmp_path / "mail")
    server.start()
    client = smtplib.SMTP(HOST, server.port)
    server.stop()
    client.close()
