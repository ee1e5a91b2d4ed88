"""`python -m services.image_encoder`: runs the stage until SIGTERM."""

from services.image_encoder.server import open_service
from shared.serving import run_process
from shared.settings import StageSettings

if __name__ == "__main__":
    run_process("image_encoder", StageSettings, open_service)
