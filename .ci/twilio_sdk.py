"""The vendor's Python package against the stand-in for its REST; see .ci/twilio-sdk."""

import os
from urllib.parse import urlsplit, urlunsplit

import twilio
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client


class ToLab(TwilioHttpClient):
    """The package knows one host; what it asks there goes to the stand-in."""

    def request(self, method, url, *args, **kwargs):
        base, asked = urlsplit(os.environ["LAB_BASE"]), urlsplit(url)
        assert asked.hostname == "api.twilio.com", url
        return super().request(method, urlunsplit((base.scheme, base.netloc, *asked[2:])), *args, **kwargs)


def refused(code, ask):
    """Asks for what must be refused with this code."""
    try:
        ask()
    except TwilioRestException as error:
        assert error.code == code, f"{error.code}, expected {code}"
    else:
        raise AssertionError(f"not refused, expected {code}")


sid, token = os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]
client = Client(sid, token, http_client=ToLab())
done = []

account = client.api.v2010.accounts(sid).fetch()
assert account.status == "active"
done.append("account")

# Two on a page: the package follows the pages by itself.
numbers = client.incoming_phone_numbers.list(page_size=2)
assert sorted(number.phone_number for number in numbers) == ["+15550100001", "+15550100002", "+15550100003"]
done.append("numbers, all pages")

(first,) = client.incoming_phone_numbers.list(phone_number="+15550100001")
changed = first.update(voice_url="https://gate.example.com/twilio/voice", voice_method="POST")
assert client.incoming_phone_numbers(first.sid).fetch().voice_url == changed.voice_url
first.update(voice_url="")
done.append("a number changed")

(found,) = client.available_phone_numbers("US").local.list(limit=5)
assert found.phone_number == "+15550100011"
bought = client.incoming_phone_numbers.create(phone_number=found.phone_number)
assert bought.sid.startswith("PN")
refused(21422, lambda: client.incoming_phone_numbers.create(phone_number=found.phone_number))
done.append("a number found and bought, once")

text = client.messages.create(to="+15550100031", from_="+15550100001", body="Hello from the package.")
assert client.messages(text.sid).fetch().body == "Hello from the package."
assert any(message.sid == text.sid for message in client.messages.list(to="+15550100031"))
refused(21660, lambda: client.messages.create(to="+15550100031", from_="+15559999999", body="Not ours."))
done.append("texts")

call = client.calls.create(to="+15550100021", from_="+15550100001", url="https://gate.example.com/voice")
assert call.sid.startswith("CA") and client.calls(call.sid).fetch().sid == call.sid
refused(21212, lambda: client.calls.create(to="+15550100021", from_="+15559999999", url="https://gate.example.com/"))
refused(20404, lambda: client.calls("CA" + "0" * 32).fetch())
done.append("calls")

wrong = Client(sid, "another token", http_client=ToLab())
refused(20003, lambda: wrong.api.v2010.accounts(sid).fetch())
done.append("a wrong key is refused")

print(f"twilio {twilio.__version__}, without a complaint: " + "; ".join(done))
