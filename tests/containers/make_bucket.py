"""Make a bucket in the S3 server on loopback as soon as it answers: `make_bucket PORT BUCKET`."""

from __future__ import annotations

import os
import sys

from minio import Minio
from urllib3 import PoolManager, Retry

ATTEMPTS = 30


def main(port: int, bucket: str) -> None:
    """Makes the bucket unless it is there."""
    patient = PoolManager(retries=Retry(ATTEMPTS, backoff_factor=0.1, backoff_max=1.0))
    client = Minio(
        f"127.0.0.1:{port}",
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region="us-east-1",
        secure=False,
        http_client=patient,
    )
    if not client.bucket_exists(bucket_name=bucket):
        client.make_bucket(bucket_name=bucket)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
