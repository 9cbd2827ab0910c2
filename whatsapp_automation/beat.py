"""celery beat, which starts what is due."""

from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    """Ends when it is told to."""

    def close(self) -> None:
        """Writes nothing. Celery calls this inside the handler of SIGTERM: in the middle of whatever statement beat was
        waiting for, and for whose lock another one would wait until beat is killed. When tasks ran last is written
        on the way out, by the parent's finalizer.
        """
