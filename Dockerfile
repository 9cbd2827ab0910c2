# One image for every process of the product; docker-compose.yml says which command runs where.

FROM node:24-slim AS assets
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:24-slim AS bridge
WORKDIR /app
COPY session_service/baileys_bridge/package.json session_service/baileys_bridge/package-lock.json \
    session_service/baileys_bridge/.npmrc ./
RUN npm ci

FROM python:3.11-slim AS packages
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

# MinIO's own image has no folder that an ordinary user may write to.
FROM busybox:1.37 AS folder
RUN mkdir /data && chown 10001:10001 /data

FROM quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z AS storage
COPY --from=folder --chown=10001:10001 /data /data
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["mc", "ready", "local"]
CMD ["server", "/data"]

FROM python:3.11-slim AS product
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data
RUN apt-get update && apt-get install --yes --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 product && useradd --uid 10001 --gid product --no-create-home --home-dir /data product
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=assets /app/static/dist static/dist
COPY --from=bridge /app/node_modules session_service/baileys_bridge/node_modules
COPY --from=folder --chown=10001:10001 /data /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s CMD ["python", "manage.py", "alive", "web"]
CMD ["uvicorn", "whatsapp_automation.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "3"]
