"""`python -m services.mask_decoder`: runs the stage until SIGTERM."""

from services.mask_decoder.server import open_service
from shared.serving import run_process
from shared.settings import StageSettings

if __name__ == "__main__":
    run_process("mask_decoder", StageSettings, open_service)
