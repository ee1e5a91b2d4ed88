"""`python -m services.gateway`: serves the public API until SIGTERM."""

from services.gateway.server import open_service
from services.gateway.settings import GatewaySettings
from shared.serving import run_process

if __name__ == "__main__":
    run_process("gateway", GatewaySettings, open_service)
