"""Short links: what becomes one, where they lead, who counts as a person, and what nobody can make of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts import services as accounts
from accounts.models import Organization
from contacts import person
from contacts.person import Person
from messaging import clearing, planner, rendering
from messaging.links import bots, clicks, pages, tokens
from messaging.links.texts import links_in, marked, target
from messaging.models import Batch, Click, Link, Message, MessageStatus
from tests.factories import make_batch, make_organization, make_sender

PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A156E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"
WHATSAPP = "WhatsApp/2.24.20.89 A"


class TestTokens:
    @pytest.mark.parametrize(("message_id", "number"), [(1, 1), (12_345_678, 255), (2**40, 7)])
    def test_it_names_what_it_was_made_for(self, message_id, number):
        token = tokens.write(message_id, number)
        assert tokens.read(token) == (message_id, number)
        assert tokens.read(token + "._*") == (message_id, number)  # as phones take signs along
        assert len(tokens.write(12_345_678, 1)) <= 16

    def test_no_other_one_is_ours(self, settings):
        token = tokens.write(1000, 1)
        changed = [
            token[:place] + ("x" if sign != "x" else "y") + token[place + 1 :] for place, sign in enumerate(token)
        ]
        for wrong in [*changed, token[:-1], token + "0", "", "0", "x" * 200, "../admin", "１２３４５６７８９０"]:
            assert tokens.read(wrong) is None
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
        assert tokens.read(token) == (1000, 1)  # the key was changed: what was sent still works
        assert tokens.write(1000, 1) != token
        settings.SECRET_KEY_FALLBACKS = []
        assert tokens.read(token) is None


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "links"),
        [
            ("See https://shop.example/a?b=1&c=2.", ["https://shop.example/a?b=1&c=2"]),
            ("(www.shop.example/sale)!", ["www.shop.example/sale"]),
            ("*HTTPS://Shop.example*", ["HTTPS://Shop.example"]),
            ("{https://a.example|see https://b.example/}", ["https://a.example", "https://b.example/"]),
            ("https://a.example/{{ id | none }}?x={{city}}, ok", ["https://a.example/{{ id | none }}?x={{city}}"]),
            ("https://{{host}}/x", []),
            ("https://a.example@b.example/x", []),
            ("mail me@www.example.com", []),
            ("Hi {{name}}, pay at {{link}}.", ["{{name}}", "{{link}}"]),
            ("{{unsubscribe}}", []),
            ("https://a.example https://a.example", ["https://a.example", "https://a.example"]),
        ],
    )
    def test_what_a_link_is(self, text, links):
        assert links_in(text) == links

    def test_a_text_without_known_links_stays_as_it_is(self):
        for text in ["plain", "{{name}} https://a.example", "x" * 4096]:
            assert marked(text, {}) == text

    @pytest.mark.parametrize(
        ("url", "variables", "leads_to"),
        [
            ("https://a.example/x?y=1#z", {}, "https://a.example/x?y=1#z"),
            ("www.a.example", {}, "https://www.a.example"),
            ("https://a.example/?n={{name}}", {"name": "Budi Ä"}, "https://a.example/?n=Budi%20%C3%84"),
            ("https://a.example/?n={{name}}", {}, ""),
            ("https://a.example/?n={{name|you}}", {}, "https://a.example/?n=you"),
            ("{{link}}", {"link": "https://b.example/9"}, "https://b.example/9"),
            ("{{link}}", {"link": "javascript:alert(1)"}, ""),
            ("{{link}}", {"link": "//b.example"}, ""),
            ("https://a.example/{{x}}", {"x": "\r\nSet-Cookie: a=b"}, ""),
            ("https://[/", {}, ""),
        ],
    )
    def test_where_a_link_leads(self, url, variables, leads_to):
        assert target(url, variables) == leads_to


class TestBots:
    def why(
        self,
        agent: str = PHONE,
        *,
        method: str = "GET",
        seconds: float = 30,
        address: str = "36.68.1.1",
        **headers: Any,
    ) -> str:
        given = {"User-Agent": agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return bots.reason(method=method, headers=given, address=address, after=timedelta(seconds=seconds))

    def test_each_rule(self):
        assert self.why() == ""
        assert self.why(method="HEAD") == "head"
        assert self.why(Sec_Purpose="prefetch;prerender") == "prefetch"
        assert self.why("") == "no_browser"
        for agent in (WHATSAPP, "facebookexternalhit/1.1", "Googlebot/2.1", "curl/8.5.0", "python-requests/2.32"):
            assert self.why(agent, seconds=9999) == "crawler"
        assert self.why(seconds=1.9) == "too_soon"
        assert self.why(seconds=2.1) == ""
        assert self.why(seconds=59, address="157.240.1.1") == "data_centre"
        assert self.why(seconds=59, address="2a03:2880::1") == "data_centre"
        assert self.why(seconds=61, address="157.240.1.1") == ""
        assert self.why(seconds=59, address="nonsense") == ""


# -- In a batch --


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization()


@pytest.fixture
def batch(organization: Organization) -> Batch:
    """Three people, each with a page and a link of their own."""
    text = "Hi {{name}}: https://shop.example/sale?n={{name}} or {{link}}, and https://plain.example."
    batch = make_batch(organization, [make_sender(organization)], 3, text=text, track_links=True)
    for message in batch.messages.all():
        message.variables["link"] = f"https://own.example/{message.variables['name'][-1]}"
        message.save()
    planner.plan_organization(organization)
    return batch


def arrived(batch: Batch, **ago: float) -> list[Message]:
    moment = now() - timedelta(**ago or {"minutes": 5})
    batch.messages.update(status=MessageStatus.DELIVERED, sent_at=moment, delivered_at=moment)
    return list(batch.messages.order_by("id"))


def links_of(message: Message) -> list[str]:
    return [word.rstrip(".,").removeprefix("http://127.0.0.1:8000") for word in message.text.split() if "/l/" in word]


@pytest.fixture(autouse=True)
def base(settings):
    settings.BASE_URL = "http://127.0.0.1:8000"


def follow(address: str, agent: str = PHONE, **options: Any) -> Any:
    return Client(headers={"User-Agent": agent}).get(address, **options)


class TestFollowing:
    def test_each_person_is_led_to_what_the_text_said(self, batch):
        for message in arrived(batch):
            name, who = message.variables["name"], message.variables["link"]
            assert "shop.example" not in message.text
            assert message.text.endswith(".")
            first, own, plain = links_of(message)
            assert follow(first).headers["Location"] == f"https://shop.example/sale?n={name.replace(' ', '%20')}"
            assert follow(own).headers["Location"] == who
            answer = follow(plain)
            assert (answer.status_code, answer.headers["Location"]) == (302, "https://plain.example")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert not answer.cookies
        assert Link.objects.filter(batch=batch).count() == 3  # as many as the text has, whoever it goes to
        assert clicks.of_batches([batch.pk]) == {batch.pk: 3}

    def test_a_person_counts_once_and_bots_apart(self, batch):
        first, second, _third = arrived(batch)
        for _ in range(3):
            follow(links_of(first)[0])
        follow(links_of(first)[2])
        follow(links_of(second)[0], WHATSAPP)
        Client(headers={"User-Agent": PHONE}).head(links_of(second)[2])
        assert clicks.of_batches([batch.pk]) == {batch.pk: 1}
        assert sorted(Click.objects.values_list("message_id", "is_bot", "reason", "number")) == [
            (first.pk, False, "", 1),
            (first.pk, False, "", 3),
            (second.pk, True, "crawler", 1),
            (second.pk, True, "head", 1),
        ]
        follow(links_of(second)[0])  # the person behind the preview
        assert clicks.of_batches([batch.pk]) == {batch.pk: 2}

    def test_what_has_not_arrived_leads_on_and_counts_nothing(self, batch):
        message = batch.messages.order_by("id").first()
        assert message.status == MessageStatus.QUEUED
        assert follow(links_of(message)[2]).status_code == 302
        assert not Click.objects.exists()
        arrived(batch, seconds=0.5)
        follow(links_of(message)[2])
        assert Click.objects.get().reason == "too_soon"

    def test_more_than_the_limit_lead_on_and_are_not_counted(self, batch, monkeypatch):
        monkeypatch.setattr(pages, "COUNTED_CLICKS", replace(pages.COUNTED_CLICKS, tries=2))
        message = arrived(batch)[0]
        answers = {follow(links_of(message)[2]).status_code for _ in range(6)}
        assert answers == {302}
        assert Click.objects.get().number in (2, 3, 4)  # a minute may have ended in between

    def test_made_up_addresses_lead_nowhere_and_are_slowed_down(self, batch, monkeypatch):
        monkeypatch.setattr(pages, "WRONG_LINKS", replace(pages.WRONG_LINKS, tries=3))
        message = arrived(batch)[0]
        token = links_of(message)[0].rsplit("/", 1)[1]
        other = tokens.write(message.pk, 200)
        assert follow(reverse("link", args=[other])).status_code == 410
        assert follow(reverse("link", args=[token[:-1] + ("a" if token[-1] != "a" else "b")])).status_code == 404
        statuses = [follow("/l/wrongwrongwrong").status_code for _ in range(9)]
        assert set(statuses) == {404, 429}
        assert follow(links_of(message)[0]).status_code == 302
        assert Client().post(links_of(message)[0]).status_code == 405

    def test_a_link_survives_the_text_and_one_with_values_does_not(self, batch):
        message = arrived(batch)[0]
        named, own, plain = links_of(message)
        clearing.clear([message.pk])
        assert follow(plain).status_code == 302
        for address in (named, own):
            answer = follow(address)
            assert answer.status_code == 410
            assert "This link has ended" in answer.text

    def test_an_erased_persons_clicks_go_and_none_come_after(self, batch):
        first, second, _third = arrived(batch)
        for message in (first, second):
            follow(links_of(message)[2])
        erased = Person(organization_id=batch.organization_id, phone_numbers=frozenset({first.phone_number}))
        part = next(part for part in person.parts() if part.name == "messages")
        tables = {table.name: list(table.rows) for table in part.tables(erased)}
        assert [row["link__url"] for row in tables["clicks"]] == ["https://plain.example"]
        part.erase(erased)
        assert [click.message_id for click in Click.objects.all()] == [second.pk]
        assert follow(links_of(first)[2]).status_code == 302
        assert Click.objects.count() == 1

    def test_a_text_that_is_changed_later_gets_numbers_of_its_own(self, batch, organization):
        before = dict(Link.objects.filter(batch=batch).values_list("url", "number"))
        batch.messages.update(status=MessageStatus.PENDING)
        batch.text = "Now https://new.example and https://plain.example"
        batch.save()
        text = rendering.renderer_of(batch, organization)(batch.messages.first()).text
        after = dict(Link.objects.filter(batch=batch).values_list("url", "number"))
        assert after == {**before, "https://new.example": 4}
        assert text.count("/l/") == 2


class TestTheirOwnAddress:
    def test_links_begin_with_it(self, organization, settings):
        settings.ALLOWED_HOSTS = ["127.0.0.1", ".example.com"]
        accounts.change_organization(organization=organization, by=None, link_address="https://go.example.com")
        batch = make_batch(organization, [make_sender(organization)], 1, text="https://a.example", track_links=True)
        planner.plan_organization(organization)
        text = batch.messages.get().text
        assert text.startswith("https://go.example.com/l/")
        arrived(batch)
        answer = Client(headers={"User-Agent": PHONE, "Host": "go.example.com"}).get(
            text.removeprefix("https://go.example.com")
        )
        assert answer.headers["Location"] == "https://a.example"

    @pytest.mark.parametrize(
        "address",
        [
            "https://go.example.com/",
            "https://go.example.com/x",
            "ftp://127.0.0.1",
            "https://u@127.0.0.1",
            "https://elsewhere.example",
        ],
    )
    def test_one_that_cannot_work_is_refused(self, organization, address):
        with pytest.raises(ValidationError) as caught:
            accounts.change_organization(organization=organization, by=None, link_address=address)
        assert list(caught.value.message_dict) == ["link_address"]


def test_a_batch_that_counts_no_clicks_keeps_its_links(organization):
    batch = make_batch(organization, [make_sender(organization)], 1, text="https://a.example {{name}}")
    planner.plan_organization(organization)
    assert batch.messages.get().text == "https://a.example Person 0"
    assert not Link.objects.exists()
