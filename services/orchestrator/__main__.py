"""`python -m services.orchestrator`: takes steps from the queues until SIGTERM."""

from services.orchestrator.server import open_service
from services.orchestrator.settings import OrchestratorSettings
from shared.serving import run_process

if __name__ == "__main__":
    run_process("orchestrator", OrchestratorSettings, open_service)
