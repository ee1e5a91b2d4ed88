"""`python -m services.reasoner`: runs the stage until SIGTERM."""

from services.reasoner.server import open_service
from shared.serving import run_process
from shared.settings import ReasonerSettings

if __name__ == "__main__":
    run_process("reasoner", ReasonerSettings, open_service)
