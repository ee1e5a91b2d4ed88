"""Configurations: a preset is a function that returns one."""

from earthgptx.model.presets.config_file import read_config, write_config
from earthgptx.model.presets.configuration import ModelConfig
from earthgptx.model.presets.full_size import base, base_mask2former, earthgpt_x, sat
from earthgptx.model.presets.nano import nano, nano_mask2former

__all__ = ["PRESETS", "ModelConfig", "nano", "read_config", "write_config"]

PRESETS = {
    "nano": nano,
    "nano-mask2former": nano_mask2former,
    "base": base,
    "base-mask2former": base_mask2former,
    "earthgpt-x": earthgpt_x,
    "sat": sat,
}
