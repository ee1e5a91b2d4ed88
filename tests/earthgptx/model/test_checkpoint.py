import os
from pathlib import Path

from earthgptx.model.checkpoint import build_stage, save_stage
from earthgptx.model.presets import ModelConfig


def test_who_may_read_saved_weights_is_up_to_the_umask(config: ModelConfig, tmp_path: Path) -> None:
    network = build_stage(config, "prompt_encoder")
    modes = {}
    before = os.umask(0)
    try:
        for umask in (0o022, 0o077):
            os.umask(umask)
            save_stage(network, tmp_path, "prompt_encoder")
            modes[umask] = (tmp_path / "prompt_encoder.safetensors").stat().st_mode & 0o777
    finally:
        os.umask(before)
    assert modes == {0o022: 0o644, 0o077: 0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["prompt_encoder.safetensors"]
