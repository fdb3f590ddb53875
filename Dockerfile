# One image for the web server, the worker and the migration: what runs together was built together.
FROM python:3.13-slim AS build

# Nothing here may need a compiler: a missing wheel should stop the build and say so.
RUN python -m venv /venv
COPY requirements.txt /tmp/
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
    --requirement /tmp/requirements.txt

WORKDIR /app
COPY . .
# The static files as production stores them need production's settings; the secrets for
# that are made, used and removed in one layer of a stage that is thrown away.
# The bytecode is made here, because at run time nobody may write beside the code.
RUN export SECRET_KEY_FILE=/tmp/secrets/secret_key OIDC_RSA_PRIVATE_KEY_FILE=/tmp/secrets/oidc.pem \
        STATE_DIR=/tmp/secrets \
    && /venv/bin/python -m config.secret_files /tmp/secrets \
    && /venv/bin/python manage.py collectstatic --noinput \
    && rm -r /tmp/secrets \
    && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .


FROM python:3.13-slim

# Numbers, so that an orchestrator can see without a passwd file that this is not root.
# A fresh named volume takes over the owner of the directory that it is mounted on.
RUN groupadd --gid 10001 klanten \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent klanten \
    && install -d -m 0700 -o 10001 -g 10001 /var/lib/klanten /var/spool/klanten

COPY --from=build /venv /venv
COPY --from=build /app /app

ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATE_DIR=/var/lib/klanten \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /app
USER 10001:10001
EXPOSE 8000

# No HEALTHCHECK: the worker and the migration have no port. Who runs the web command
# checks /healthz.
# The web command of the Procfile, so that there is one; `exec` gives the shell's place, and the
# signals, to the server. A worker is replaced when its memory stays beyond reason, not by the
# clock: now and then a replacement cuts a connection on which a POST is arriving, and nobody
# repeats that.
CMD ["sh", "-c", "eval \"exec $(sed -n 's/^web: //p' Procfile)\""]
