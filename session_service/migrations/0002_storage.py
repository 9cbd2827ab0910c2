from django.db import migrations


class Migration(migrations.Migration):
    """What is written is encrypted: it does not compress, and changes often."""

    dependencies = [("session_service", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE session_service_authkey ALTER COLUMN data SET STORAGE EXTERNAL;
            ALTER TABLE session_service_authkey SET (fillfactor = 75);
            ALTER TABLE session_service_authcredentials ALTER COLUMN data SET STORAGE EXTERNAL;
            ALTER TABLE session_service_authcredentials SET (fillfactor = 75);
            """,
            migrations.RunSQL.noop,
        ),
    ]
