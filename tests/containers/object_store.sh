#!/bin/sh
# What `weed mini -dir=/data -s3.port=8333 -bucket=earthgptx` does, by Swift.
set -eu
mkdir -p /data/swift
python -W ignore -m make_bucket 8333 earthgptx &
export SWIFT_ACCESS_KEY="$AWS_ACCESS_KEY_ID" SWIFT_SECRET_KEY="$AWS_SECRET_ACCESS_KEY"
exec python -W ignore -m swift_process /data/swift 8333 0.0.0.0
