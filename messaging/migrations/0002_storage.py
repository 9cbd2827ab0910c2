from django.db import migrations

# Percent of a page that is filled at first. The rest is for the next versions of its rows: with it, delivered and read
# receipts write no index.
FILLFACTOR = 50


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE messaging_message SET (fillfactor = {FILLFACTOR})",
            "ALTER TABLE messaging_message RESET (fillfactor)",
        ),
    ]
