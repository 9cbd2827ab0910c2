"""Every model in the admin: it opens, it shows nobody else's rows, it changes nothing that it must not change.

The tests walk the admin's own registry, so a model that is added is covered at once; `tests/admin_rows.py` must then
know how to make a row of it.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection, transaction
from django.db.models import CompositePrimaryKey, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from accounts.admin_base import OrganizationAdmin
from accounts.admin_forms import ServiceAdmin
from accounts.models import Membership, Organization, Role, User
from tests.admin_rows import make_everything
from tests.fixtures_people import make_organization, make_person, signed_in

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
ORGANIZATIONS_OWN = [model for model in MODELS if isinstance(admin.site.get_model_admin(model), OrganizationAdmin)]
INSTALLATIONS = [model for model in MODELS if model not in ORGANIZATIONS_OWN]
CHANGED_BY_SERVICES = [model for model in MODELS if isinstance(admin.site.get_model_admin(model), ServiceAdmin)]
OURS = [config.label for config in apps.get_app_configs() if "site-packages" not in config.path]

Rows = dict[type[Model], Any]

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
each_own = pytest.mark.parametrize("model", ORGANIZATIONS_OWN, ids=lambda model: model._meta.label)
each_of_services = pytest.mark.parametrize("model", CHANGED_BY_SERVICES, ids=lambda model: model._meta.label)


def address(model: type[Model], page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser(email="root@example.com", name="Rina Root")


@pytest.fixture
def root(superuser: User) -> Client:
    return signed_in(superuser)


def staff(person: User) -> User:
    person.is_staff = True
    person.save(update_fields=["is_staff"])
    return person


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Rows]:
    """An organization with a row of everything, which the tests of this file share: what each of them changes is
    undone, and only then."""
    with django_db_blocker.unblock(), transaction.atomic():
        owner = make_person("owner@example.com", "Olivia Owner")
        yield make_everything(make_organization(owner), owner)
        transaction.set_rollback(True)


@pytest.fixture
def owner(made: Rows, db: None) -> User:
    return User.objects.get(email="owner@example.com")


@pytest.fixture
def organization(made: Rows, db: None) -> Organization:
    return Organization.objects.get(pk=made[Organization].pk)


@pytest.fixture
def rows(made: Rows, db: None) -> Rows:
    return made


@pytest.fixture
def owner_staff(organization: Organization, owner: User) -> Client:
    return signed_in(staff(owner))


@pytest.fixture
def viewer_staff(teammate: User) -> Client:
    return signed_in(staff(teammate))


@pytest.fixture
def outsider_staff(other_organization: Organization, outsider: User) -> Client:
    return signed_in(staff(outsider))


def listed(response: Any) -> list[Any]:
    return [row.pk for row in response.context["cl"].result_list]


# -- It opens --


def test_every_model_of_ours_is_in_the_admin() -> None:
    """Django's admin cannot show a model whose key is of several columns."""
    ours = {
        model
        for model in apps.get_models()
        if model._meta.app_label in OURS and not isinstance(model._meta.pk, CompositePrimaryKey)
    }
    assert len(ours) > 10
    assert ours <= set(MODELS)


@each_model
def test_a_superuser_opens_every_page(root: Client, rows: Rows, model: type[Model]) -> None:
    assert model in rows, f"tests/admin_rows.py makes no row of {model._meta.label}"
    row = rows[model]
    changelist = root.get(address(model, "changelist"))
    assert changelist.status_code == 200
    assert row.pk in listed(changelist)
    page = root.get(address(model, "change", row.pk))
    assert page.status_code == 200
    assert f"{model.__name__} object" not in page.content.decode()  # Django's name for what has none
    assert root.get(address(model, "history", row.pk)).status_code == 200
    may_add = admin.site.get_model_admin(model).has_add_permission(changelist.wsgi_request)
    assert root.get(address(model, "add")).status_code == (200 if may_add else 403)


@each_own
def test_an_owner_opens_every_page_of_the_organization(owner_staff: Client, rows: Rows, model: type[Model]) -> None:
    row = rows[model]
    changelist = owner_staff.get(address(model, "changelist"))
    assert changelist.status_code == 200
    assert row.pk in listed(changelist)
    assert owner_staff.get(address(model, "change", row.pk)).status_code == 200
    may_add = admin.site.get_model_admin(model).has_add_permission(changelist.wsgi_request)
    assert owner_staff.get(address(model, "add")).status_code == (200 if may_add else 403)


@each_model
def test_every_search_answers(root: Client, rows: Rows, model: type[Model]) -> None:
    for term in ("+62812", "0812 0000 001", "Toko", "17", "’%_\\"):
        assert root.get(address(model, "changelist"), {"q": term}).status_code == 200


@each_model
def test_every_choice_of_every_filter_answers(root: Client, rows: Rows, model: type[Model]) -> None:
    for spec in root.get(address(model, "changelist")).context["cl"].filter_specs:
        for query in choices_of(spec):
            response = root.get(address(model, "changelist"), query)
            assert response.status_code == 200, query


def choices_of(spec: Any) -> list[dict[str, Any]]:
    if isinstance(spec, SimpleListFilter):
        return [{str(spec.parameter_name): value} for value in (spec.lookup_choices[0][0], "unheard-of")]
    if hasattr(spec, "lookup_choices"):
        return [{spec.lookup_kwarg: value} for value, _name in spec.lookup_choices]
    if getattr(spec.field, "choices", None):
        return [{spec.lookup_kwarg: value} for value, _name in spec.field.flatchoices]
    return [{spec.lookup_kwarg: value} for value in ("1", "0")]


@each_model
def test_a_list_costs_the_same_queries_however_long(
    root: Client, organization: Organization, owner: User, rows: Rows, model: type[Model]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert root.get(address(model, "changelist")).status_code == 200
        return len(captured)

    queries()  # what is remembered for the process is read now
    few = queries()
    make_everything(organization, owner)
    assert queries() == few


# -- It shows only what is one's own --


@each_own
def test_an_outsider_finds_nothing(outsider_staff: Client, rows: Rows, model: type[Model]) -> None:
    row = rows[model]
    assert row.pk not in listed(outsider_staff.get(address(model, "changelist")))
    for page in ("change", "history", "delete"):
        response = outsider_staff.get(address(model, page, row.pk))
        assert response.status_code in (302, 403), page
    assert outsider_staff.post(address(model, "change", row.pk), {"name": "Mine"}).status_code in (302, 403)


@each_own
def test_an_outsider_reads_no_name(
    outsider_staff: Client, other_organization: Organization, outsider: User, rows: Rows, model: type[Model]
) -> None:
    """Not even in filters and choices of forms, beside rows of their own."""
    make_everything(other_organization, outsider)
    for page in ("changelist", "add"):
        response = outsider_staff.get(address(model, page))
        assert "Toko Nusantara" not in response.content.decode()
    foreign = outsider_staff.get(address(model, "changelist"), {"organization": rows[Organization].pk})
    assert "Toko Nusantara" not in foreign.content.decode()


@pytest.mark.parametrize("model", INSTALLATIONS, ids=lambda model: model._meta.label)
def test_what_belongs_to_the_installation_is_for_superusers(
    owner_staff: Client, rows: Rows, model: type[Model]
) -> None:
    for page in (address(model, "changelist"), address(model, "add"), address(model, "change", rows[model].pk)):
        assert owner_staff.get(page).status_code == 403


def test_a_member_of_two_organizations_sees_both_and_may_do_in_each_what_the_role_there_allows(
    owner_staff: Client, owner: User, other_organization: Organization, outsider: User, rows: Rows
) -> None:
    theirs = make_everything(other_organization, outsider)
    Membership.objects.create(user=owner, organization=other_organization, role=Role.VIEWER)
    for model in ORGANIZATIONS_OWN:
        assert {rows[model].pk, theirs[model].pk} <= set(listed(owner_staff.get(address(model, "changelist"))))
        only = owner_staff.get(address(model, "changelist"), {"organization": other_organization.pk})
        if model is not Organization:
            assert rows[model].pk not in listed(only)
            assert theirs[model].pk in listed(only)
    form = owner_staff.get(reverse("admin:senders_sender_add")).context["adminform"].form
    assert list(form.fields["organization"].queryset) == [rows[Organization]]
    sender = next(row for model, row in theirs.items() if model._meta.label == "senders.Sender")
    assert owner_staff.post(address(type(sender), "change", sender.pk), {"name": "Mine"}).status_code == 403


# -- It changes only what it may --


def actions_of(model: type[Model]) -> list[str]:
    return [action.name for action in getattr(admin.site.get_model_admin(model), "row_actions", ())]


def values_of(row: Any) -> dict[str, Any]:
    row.refresh_from_db()
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def try_everything(client: Client, model: type[Model], row: Any) -> list[int]:
    """Posts to every page and action of a row as somebody would who skips the buttons; the answers' statuses."""
    answers = [
        client.post(address(model, "add"), {"name": "Mine"}),
        client.post(address(model, "change", row.pk), {"name": "Mine"}),
        client.post(address(model, "delete", row.pk), {"post": "yes"}),
        client.post(
            address(model, "changelist"),
            {"action": "delete_selected", ACTION_CHECKBOX_NAME: row.pk, "post": "yes", "index": 0},
        ),
    ]
    for name in actions_of(model):
        answers.append(client.post(address(model, f"{name}_one", row.pk)))
        ticked = {"action": f"{name}_selected", ACTION_CHECKBOX_NAME: row.pk, "confirmed": "", "index": 0}
        answers.append(client.post(address(model, "changelist"), ticked))
    return [answer.status_code for answer in answers]


@each_own
def test_a_viewer_changes_nothing(viewer_staff: Client, rows: Rows, model: type[Model]) -> None:
    row = rows[model]
    before, number = values_of(row), model._default_manager.count()
    assert viewer_staff.get(address(model, "change", row.pk)).status_code == 200
    statuses = try_everything(viewer_staff, model, row)
    assert set(statuses) <= {403, 302, 200}
    assert statuses[:3] == [403, 403, 403]
    assert values_of(row) == before
    assert model._default_manager.count() == number


@each_own
def test_an_outsider_changes_nothing(outsider_staff: Client, rows: Rows, model: type[Model]) -> None:
    row = rows[model]
    before, number = values_of(row), model._default_manager.count()
    assert set(try_everything(outsider_staff, model, row)) <= {403, 302, 200}
    assert values_of(row) == before
    assert model._default_manager.count() == number


@each_of_services
def test_nothing_is_deleted_by_djangos_delete(root: Client, rows: Rows, model: type[Model]) -> None:
    row = rows[model]
    assert root.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    root.post(
        address(model, "changelist"),
        {"action": "delete_selected", ACTION_CHECKBOX_NAME: row.pk, "post": "yes", "index": 0},
    )
    assert model._default_manager.filter(pk=row.pk).exists()


READ_ONLY = [
    "accounts.AuditEntry",
    "contacts.ContactListMember",
    "contacts.ImportChange",
    "contacts.ImportedRow",
    "contacts.ListImport",
    "messaging.Batch",
    "messaging.BatchCount",
    "messaging.Message",
    "senders.SenderUsage",
    "session_service.SessionLease",
    "session_service.SessionWorker",
    "accounts.ApiKey",
    "campaigns.Campaign",
]


@pytest.mark.parametrize("label", READ_ONLY)
def test_ledgers_refuse_every_form_even_of_superusers(root: Client, rows: Rows, label: str) -> None:
    model = apps.get_model(label)
    row = rows[model]
    before = values_of(row)
    assert root.post(address(model, "change", row.pk), {"status": 10, "text": "Other"}).status_code == 403
    if label != "accounts.ApiKey":
        assert root.post(address(model, "add"), {"status": 10}).status_code == 403
    assert values_of(row) == before


@each_of_services
def test_a_row_action_asks_before_it_does_anything(root: Client, rows: Rows, model: type[Model]) -> None:
    """A link must not change anything: whoever is made to follow one has not decided."""
    row = rows[model]
    before = values_of(row)
    for name in actions_of(model):
        answer = root.get(address(model, f"{name}_one", row.pk))
        assert answer.status_code == 200
        assert re.search(r"<form[^>]*method=\"post\"", answer.content.decode())
    assert values_of(row) == before


# -- Coming in --


def test_the_way_in_is_the_products_own_sign_in(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain == [("/admin/login/?next=/admin/", 302), ("/accounts/login?next=/admin/", 302)]


def test_the_slash_may_be_left_out(root: Client) -> None:
    assert root.get("/admin", follow=True).request["PATH_INFO"] == "/admin/"


def test_who_is_no_staff_is_told_so(owner_client: Client) -> None:
    response = owner_client.get("/admin/", follow=True)
    assert response.status_code == 403


def test_staff_without_an_organization_read_why_there_is_nothing(outsider: User) -> None:
    page = signed_in(staff(outsider)).get("/admin/").content.decode()
    assert "not a member of any organization" in page
    assert outsider.email in page


def test_the_first_page_leads_to_every_list(root: Client, rows: Rows) -> None:
    page = root.get("/admin/").content.decode()
    for model in MODELS:
        assert f'href="{address(model, "changelist")}"' in page, model._meta.label


def test_the_first_page_names_only_what_one_may_see(viewer_staff: Client, rows: Rows) -> None:
    page = viewer_staff.get("/admin/").content.decode()
    assert address(Organization, "changelist") in page
    for model in INSTALLATIONS:
        assert address(model, "changelist") not in page
