"""What every service needs: errors, settings, serving, telemetry, security, tensors."""
