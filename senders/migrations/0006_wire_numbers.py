from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("senders", "0005_name_of_the_provider"),
    ]

    operations = [
        migrations.AddField(
            model_name="numbercheck",
            name="wire_number",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The form of the number under which WhatsApp knows it, in countries that have two.",
                max_length=16,
                verbose_name="registered as",
            ),
        ),
    ]
