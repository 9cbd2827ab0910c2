from django.db import migrations, models

RENAME = "UPDATE contacts_importedrow SET problem = %s WHERE problem = %s"


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0006_opt_outs"),
    ]

    operations = [
        migrations.AlterField(
            model_name="importedrow",
            name="problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("no_number", "No number in the phone’s cell"),
                    ("impossible", "Not a possible phone number"),
                    ("fixed_line", "A land line or a service number, not a mobile number"),
                    (
                        "shortened",
                        "Excel shortened it. Format the column as Text (Format Cells > Text) and enter the number again.",
                    ),
                    ("unknown_country", "Its country is not known. Write the country’s name, or +62 and the like"),
                ],
                max_length=20,
                verbose_name="problem",
            ),
        ),
        migrations.RunSQL(
            sql=[(RENAME, ["impossible", "invalid_number"])],
            reverse_sql=[(RENAME, ["invalid_number", "impossible"])],
        ),
    ]
