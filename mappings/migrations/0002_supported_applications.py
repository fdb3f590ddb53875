from django.db import migrations

# The applications of Klanten's document.
SUPPORTED = {'amc': 'AMC', 'edx': 'edX'}


def add(apps, editor):
    App = apps.get_model('mappings', 'App')
    for slug, name in SUPPORTED.items():
        App.objects.get_or_create(slug=slug, defaults={'name': name})


class Migration(migrations.Migration):
    dependencies = [('mappings', '0001_initial')]

    # They stay when it is reversed: mappings may refer to them, and the table goes next.
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
