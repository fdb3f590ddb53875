from django.db import migrations

from common.trigrams import trigram_index


class Migration(migrations.Migration):
    dependencies = [('customers', '0001_initial')]

    operations = [migrations.RunPython(*trigram_index('customers_customer', 'name'))]
