"""Goes on with tests of variants: notices that the test was sent, measures, chooses the winner, gives it to the rest.

A task asks for it every half minute. Every step is taken under the test's lock and is there before the next one, so that a
process that dies at any point leaves a state from which the next run goes on.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from messaging import counts, progress
from messaging.models import Batch, BatchStatus, Experiment, Goal, Message, MessageStatus, Variant
from messaging.services import NotAllowed
from messaging.variants import figures, verdict
from messaging.variants.assignment import FAR_AHEAD

RELEASED_AT_ONCE = 20_000  # rows of one transaction


def go_on() -> int:
    """Goes on with all tests that are not over. Returns to how many people a winner was given."""
    released = 0
    open_tests = Experiment.objects.filter(closed_at=None) | Experiment.objects.filter(
        winner__isnull=False, released_at=None
    )
    started = open_tests.exclude(batch__started_at=None)
    for pk in started.order_by("pk").values_list("pk", flat=True):
        _step(pk)
        released += release(pk)
    return released


def _step(experiment_id: int) -> None:
    with transaction.atomic():
        experiment = _locked(experiment_id)
        if experiment is None or experiment.closed_at is not None:
            return
        batch, moment = experiment.batch, now()
        if experiment.tested_at is None and _is_sent(batch):
            experiment.tested_at = moment
        until = measured_until(experiment)
        ended = batch.status == BatchStatus.CANCELLED or (until is not None and moment >= until)
        if ended:
            _close(experiment, moment)
        elif until is not None:
            _look(experiment, moment)
        experiment.save()
    progress.publish({experiment.batch_id}, at_once=bool(experiment.closed_at or experiment.winner_id))


def _locked(experiment_id: int) -> Experiment | None:
    """None where another process has it at this moment."""
    rows = Experiment.objects.select_related("batch").select_for_update(of=("self",), skip_locked=True)
    return rows.filter(pk=experiment_id).first()


def _is_sent(batch: Batch) -> bool:
    """Whether nobody of the test is still to get the message. Who waits for the winner is not of it."""
    numbers = counts.of_batches([batch.pk])[batch.pk]
    if any(numbers.get((status, "")) for status in (MessageStatus.QUEUED, MessageStatus.SENDING)):
        return False
    waiting = Message.objects.filter(batch=batch, stage=MessageStatus.PENDING)
    return not waiting.filter(due_at__lt=FAR_AHEAD).order_by("due_at").exists()


def measured_until(experiment: Experiment) -> datetime | None:
    """None until the test is sent."""
    if experiment.tested_at is None:
        return None
    return experiment.tested_at + timedelta(minutes=experiment.measure_minutes)


def _close(experiment: Experiment, moment: datetime) -> None:
    """Takes down the figures that count, and chooses the winner if nobody has."""
    experiment.result, experiment.closed_at = figures.keep(experiment.batch, experiment)
    if experiment.has_rest and experiment.winner_id is None and experiment.batch.status != BatchStatus.CANCELLED:
        looks = verdict.LOOKS if experiment.decide_early else 1
        _choose(experiment, *verdict.choose(_compared(experiment), looks), moment)


def _look(experiment: Experiment, moment: datetime) -> None:
    """Looks three times before the end, at moments fixed beforehand, each once however often it is asked for."""
    may_choose = experiment.decide_early and experiment.has_rest and experiment.winner_id is None
    if not may_choose or experiment.tested_at is None:
        return
    passed = (moment - experiment.tested_at) / timedelta(minutes=experiment.measure_minutes)
    due = min(verdict.LOOKS - 1, int(passed * verdict.LOOKS))
    if due <= experiment.looks:
        return
    experiment.looks = due
    figures.keep(experiment.batch, experiment)
    variant, how = verdict.choose(_compared(experiment), verdict.LOOKS)
    if how == Experiment.DecidedAs.PROVEN:
        _choose(experiment, variant, how, moment)


def _compared(experiment: Experiment) -> list[verdict.Compared]:
    variants = list(experiment.batch.variants.all())
    return verdict.compare(variants, experiment.figures, experiment.goal)


def _choose(experiment: Experiment, variant: Variant, how: str, moment: datetime) -> None:
    experiment.winner, experiment.decided_as, experiment.decided_at = variant, how, moment


def choose_by_hand(*, batch: Batch, variant: Variant) -> None:
    """The rest gets this one; `go_on` lets them go. Raises `NotAllowed` where nobody waits for a winner, or there is one
    already."""
    with transaction.atomic():
        experiment = Experiment.objects.select_for_update().filter(batch=batch).first()
        if experiment is not None and experiment.winner is not None:
            raise NotAllowed(_("“%(name)s” was chosen already.") % {"name": experiment.winner.name})
        if experiment is None or experiment.goal == Goal.NONE or not experiment.has_rest:
            raise NotAllowed(_("Nobody waits for a winner: everybody got one of the variants."))
        if batch.status not in (BatchStatus.RUNNING, BatchStatus.PAUSED):
            raise NotAllowed(_("Start the campaign first. A winner can be chosen as long as it runs."))
        _choose(experiment, variant, Experiment.DecidedAs.BY_HAND, now())
        experiment.save()
    progress.publish({batch.pk}, at_once=True)


# They keep no variant: what they read is the winner's text, and they are not compared with those of the test.
_RELEASE_SQL = """
WITH next AS MATERIALIZED (
    SELECT id FROM messaging_message WHERE batch_id = %s AND stage = %s AND due_at = %s
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE messaging_message AS message SET due_at = now() FROM next WHERE message.id = next.id
"""


def release(experiment_id: int) -> int:
    """Lets the rest go, portion by portion, once there is a winner. Returns how many people."""
    experiment = Experiment.objects.filter(pk=experiment_id, winner__isnull=False, released_at=None).first()
    released = 0
    while experiment is not None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_RELEASE_SQL, [experiment.batch_id, MessageStatus.PENDING, FAR_AHEAD, RELEASED_AT_ONCE])
            released += cursor.rowcount
            if cursor.rowcount:
                continue
            waiting = Message.objects.filter(batch_id=experiment.batch_id, stage=MessageStatus.PENDING)
            if not waiting.filter(due_at=FAR_AHEAD).exists():  # else somebody holds them: the next run looks again
                Experiment.objects.filter(pk=experiment_id).update(released_at=now())
            break
    return released
