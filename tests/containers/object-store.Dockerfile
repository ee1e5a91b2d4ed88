# A stand-in for chrislusf/seaweedfs where no registry can be reached: Swift's S3 API behind the same entry point, port,
# variables and health check. Its access key has the form account:user.
ARG BASE=python:3.11-slim
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends wget && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/swift && /opt/swift/bin/pip install --no-cache-dir swift==2.38.3 minio==7.2.20
ENV PATH=/opt/swift/bin:$PATH PYTHONPATH=/srv PYTHONUNBUFFERED=1
COPY swift_process.py containers/make_bucket.py /srv/
COPY --chmod=0755 containers/object_store.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
