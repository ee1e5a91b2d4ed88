# A stand-in for valkey/valkey where no registry can be reached: Debian's Redis, the same uid, the same /data.
ARG BASE=python:3.11-slim
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /data && chown 999:1000 /data
